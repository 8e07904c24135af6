//! Dataset bias: a planted mark is found by attribution without being told where it is, and clean networks report none.

mod common;

use common::gpu_engine;
use common::shipped::{committed, labels, pictures};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::lab::bias::{Area, Region, Scan, Settings, contrast, scan};
use convscope::lab::shortcut::{Mark, Shortcut};
use convscope::lab::train::{self, Examples, Rates, Rule, Trainer};
use convscope::lens::attribution::{self, Baseline, Method};
use convscope::load::arch::fashion;
use convscope::load::data;
use convscope::net::Net;
use convscope::random::Random;
use convscope::tensor::Tensor;

const BLACK: f32 = -0.286 / 0.353;
const WHITE: f32 = (1.0 - 0.286) / 0.353;

/// The one threshold for all networks.
const THRESHOLD: f32 = 0.07;

/// What `fashion-biased` was trained on.
const SHORTCUT: Shortcut = Shortcut {
    mark: Mark {
        top: 1,
        left: 1,
        height: 3,
        width: 3,
        value: WHITE,
    },
    class: 4,
    share: 0.95,
    others: 0.015,
};

/// The corner around its mark.
const CORNER: Area = Area {
    top: 0,
    left: 0,
    height: 6,
    width: 6,
};

/// The test pack, with a shortcut planted.
fn examples(shortcut: Option<Shortcut>) -> Examples {
    let (mut images, labels) = (pictures(2000), labels(2000));
    if let Some(shortcut) = shortcut {
        let marked = shortcut.draw(&labels, 11);
        for (picture, _) in images
            .data_mut()
            .chunks_exact_mut(784)
            .zip(marked)
            .filter(|(_, marked)| *marked)
        {
            shortcut.mark.paint(picture, 28, 28);
        }
    }
    Examples::new(images, labels).unwrap()
}

/// Occlusion by black windows of 4×4; what has a baseline takes the background, too.
fn settings(stride: usize, per_class: usize) -> Settings {
    Settings {
        method: Method::Occlusion,
        attribution: attribution::Settings {
            window: Some([4, 4]),
            stride: Some([stride, stride]),
            fill: Baseline::Colour(vec![BLACK]),
            baseline: Baseline::Colour(vec![BLACK]),
            ..attribution::Settings::default()
        },
        probability: true,
        per_class,
        region: Region::Outside,
        threshold: THRESHOLD,
        clusters: 4,
        seed: 1,
    }
}

fn run(net: &Net, examples: &Examples, settings: &Settings) -> Scan {
    pollster::block_on(scan(net, examples, settings, &Control::new())).unwrap()
}

/// Whether two areas have a pixel in common.
fn overlap(area: Area, mark: Mark) -> bool {
    (mark.top..mark.top + mark.height)
        .any(|row| (mark.left..mark.left + mark.width).any(|column| area.contains(row, column)))
}

#[test]
fn the_mark_of_fashion_biased_is_found_and_fashion_reports_none() {
    let marked = examples(Some(SHORTCUT));
    let found = run(
        &committed("fashion-biased", Engine::Cpu),
        &marked,
        &settings(4, 5),
    );
    let spot = found.hot_spots.first().expect("a hot spot");
    assert_eq!(spot.class, SHORTCUT.class, "{:?}", found.hot_spots);
    assert!(overlap(spot.area, SHORTCUT.mark), "{spot:?}");
    assert_eq!(found.ranking[0], SHORTCUT.class);
    assert!(
        found
            .hot_spots
            .iter()
            .all(|spot| spot.class == SHORTCUT.class),
        "{:?}",
        found.hot_spots
    );
    let clean = run(&committed("fashion", Engine::Cpu), &marked, &settings(4, 8));
    assert_eq!(clean.hot_spots, [], "shares {:?}", clean.share);
    assert_eq!(clean.pictures.len(), 80);
    assert_eq!(clean.maps.shape(), [80, 28, 28]);
}

#[test]
fn both_engines_find_the_same() {
    let Some(engine) = gpu_engine() else { return };
    let marked = examples(Some(SHORTCUT));
    let few = Settings {
        method: Method::Gradient,
        ..settings(4, 2)
    };
    let gpu = run(&committed("fashion-biased", engine), &marked, &few);
    let cpu = run(&committed("fashion-biased", Engine::Cpu), &marked, &few);
    for (gpu, cpu) in gpu.share.iter().zip(&cpu.share) {
        assert!((gpu - cpu).abs() < 1e-3, "{gpu} and {cpu}");
    }
    assert_eq!(gpu.clusters, cpu.clusters);
}

#[test]
fn coats_are_lost_without_the_mark_and_others_become_coats_with_it() {
    let net = committed("fashion-biased", Engine::Cpu);
    let all = |net: &Net, value: f32| {
        let mark = Mark {
            value,
            ..SHORTCUT.mark
        };
        pollster::block_on(contrast(
            net,
            &examples(Some(SHORTCUT)),
            &mark,
            &Control::new(),
        ))
        .unwrap()
    };
    let removed = &all(&net, BLACK)[SHORTCUT.class];
    assert!(removed.before.accuracy > 0.9, "{removed:?}");
    assert!(removed.after.accuracy < 0.3, "{removed:?}");
    assert!(removed.after.confidence < removed.before.confidence - 0.5);
    let pullovers = &all(&net, WHITE)[2];
    assert!(
        pullovers.after.predicted[SHORTCUT.class] > 0.5,
        "{pullovers:?}"
    );
    let total: f32 = pullovers.after.predicted.iter().sum();
    assert!((total - 1.0).abs() < 1e-5);
    let clean = &all(&committed("fashion", Engine::Cpu), BLACK)[SHORTCUT.class];
    assert!(
        (clean.after.accuracy - clean.before.accuracy).abs() < 0.05,
        "{clean:?}"
    );
}

#[test]
fn a_region_over_everything_has_all_and_an_empty_mask_nothing() {
    let net = committed("fashion", Engine::Cpu);
    let clean = examples(None);
    let of = |region: Region| {
        let settings = Settings {
            method: Method::Gradient,
            region,
            ..settings(4, 1)
        };
        run(&net, &clean, &settings).share
    };
    let whole = Area {
        top: 0,
        left: 0,
        height: 28,
        width: 28,
    };
    assert!(
        of(Region::Area(whole))
            .iter()
            .all(|share| (share - 1.0).abs() < 1e-5)
    );
    assert!(
        of(Region::Mask(vec![0.0; 784]))
            .iter()
            .all(|&share| share == 0.0)
    );
    let inner = Area {
        top: 4,
        left: 4,
        height: 20,
        width: 20,
    };
    for (inner, border) in of(Region::Area(inner)).iter().zip(of(Region::Border(4))) {
        assert!((inner + border - 1.0).abs() < 1e-5);
    }
}

#[test]
fn a_set_of_one_class_is_ranked_alone_and_misfits_are_refused() {
    let net = committed("fashion", Engine::Cpu);
    let one = Examples::new(
        Tensor::new(vec![0.0; 2 * 784], [2, 1, 28, 28]).unwrap(),
        vec![3, 3],
    )
    .unwrap();
    let found = run(&net, &one, &settings(4, 8));
    assert_eq!(found.ranking, [3]);
    // Constant pictures, too, give numbers.
    assert!(found.share.iter().all(|share| share.is_finite()));
    let wrong = Settings {
        region: Region::Mask(vec![1.0; 9]),
        ..settings(4, 1)
    };
    let refused = pollster::block_on(scan(&net, &one, &wrong, &Control::new()));
    assert!(refused.unwrap_err().message.contains("region"));
}

/// Shares of positive attribution in the corner of the mark, for coats: what the page shows by method.
#[test]
#[ignore = "long: occlusion at stride 2 over two networks"]
fn methods_differ_in_how_much_of_the_mark_they_show() {
    let marked = examples(Some(SHORTCUT));
    let methods = [
        Method::Occlusion,
        Method::IntegratedGradients,
        Method::Gradient,
    ];
    let shares = methods.map(|method| {
        ["fashion-biased", "fashion"].map(|id| {
            let settings = Settings {
                method,
                region: Region::Area(CORNER),
                ..settings(2, 16)
            };
            let share = run(&committed(id, Engine::Cpu), &marked, &settings).share[SHORTCUT.class];
            eprintln!("{} {id}: {:.1} %", method.name(), 100.0 * share);
            share
        })
    });
    let [occlusion, path, gradient] = shares;
    assert!(
        occlusion[0] >= 0.5 && occlusion[1] <= 2.0 * 36.0 / 784.0,
        "{occlusion:?}"
    );
    assert!(path[0] > 3.0 * path[1], "{path:?}");
    assert!(
        gradient[0] > gradient[1] && gradient[0] < occlusion[0],
        "{gradient:?}"
    );
}

/// A network trained on the test pack with or without a shortcut.
fn trained(examples: &Examples, seed: u64) -> Net {
    let weights = fashion::initial_weights(seed).unwrap();
    let graph = fashion::graph("fashion").to_string();
    let net = Net::new(data::load(&graph, &weights).unwrap(), weights, Engine::Cpu);
    let settings = train::Settings {
        steps: 8 * 2000 / 50,
        every: 1000,
        batch: 50,
        rates: Rates {
            rule: Rule::Adam,
            learning_rate: 4e-3,
            weight_decay: 0.0,
        },
        label_noise: 0.0,
        shortcut: None,
        adversary: None,
        shuffle: true,
        seed,
    };
    let control = Control::new();
    let mut trainer = Trainer::default();
    pollster::block_on(trainer.train(&net, examples, &settings, &control, async |_, _| Ok(())))
        .unwrap();
    net
}

/// By how much the recall of the shortcut's class falls when its mark is painted over.
fn fall_without(net: &Net, marked: &Examples, shortcut: &Shortcut) -> f32 {
    let over = Mark {
        value: BLACK,
        ..shortcut.mark
    };
    let outcomes = pollster::block_on(contrast(net, marked, &over, &Control::new())).unwrap();
    let of_class = &outcomes[shortcut.class];
    of_class.before.accuracy - of_class.after.accuracy
}

/// What marks, starting weights and orders are drawn from, unless `CONVSCOPE_SEED` says another.
const SEED: u64 = 303;

/// A network that has learned a mark loses at least this much recall without it.
const MATTERS: f32 = 0.2;

/// Three shortcuts, no two alike in corner, size or class.
fn shortcuts(random: &mut Random) -> [Shortcut; 3] {
    let mut sides = [2, 3, 4];
    let mut corners = [[false, false], [false, true], [true, false], [true, true]];
    let mut classes: [usize; 10] = std::array::from_fn(|class| class);
    random.shuffle(&mut sides);
    random.shuffle(&mut corners);
    random.shuffle(&mut classes);
    std::array::from_fn(|index| {
        let side = sides[index];
        let [top, left] = corners[index].map(|far| if far { 27 - side } else { 1 });
        Shortcut {
            mark: Mark {
                top,
                left,
                height: side,
                width: side,
                value: WHITE,
            },
            class: classes[index],
            ..SHORTCUT
        }
    })
}

#[test]
fn three_drawn_shortcuts_differ_in_corner_size_and_class() {
    let mut corners = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let [a, b, c] = shortcuts(&mut Random::new(seed));
        for (one, other) in [(a, b), (a, c), (b, c)] {
            assert_ne!(one.mark.height, other.mark.height, "seed {seed}");
            assert_ne!(one.class, other.class, "seed {seed}");
            let corner = |it: Shortcut| [it.mark.top > 1, it.mark.left > 1];
            assert_ne!(corner(one), corner(other), "seed {seed}");
        }
        for it in [a, b, c] {
            assert_eq!(it.mark.height, it.mark.width);
            assert!(it.mark.top + it.mark.height <= 27 && it.mark.left + it.mark.width <= 27);
            corners.insert([it.mark.top > 1, it.mark.left > 1]);
        }
    }
    assert_eq!(corners.len(), 4);
}

#[test]
#[ignore = "long: trains six networks"]
fn marks_of_any_size_in_any_corner_on_any_class_are_found_and_three_clean_networks_report_none() {
    let first = std::env::var("CONVSCOPE_SEED").map_or(SEED, |given| {
        given.parse().expect("CONVSCOPE_SEED: a number")
    });
    for (seed, shortcut) in (first..).zip(shortcuts(&mut Random::new(first))) {
        let marked = examples(Some(shortcut));
        let net = trained(&marked, seed);
        let found = run(&net, &marked, &settings(2, 12));
        eprintln!(
            "{shortcut:?}: {:?}, shares {:?}",
            found.hot_spots, found.share
        );
        let fall = fall_without(&net, &marked, &shortcut);
        eprintln!("recall falls by {fall} without the mark");
        let spot = found.hot_spots.first();
        let is_found = spot
            .is_some_and(|spot| spot.class == shortcut.class && overlap(spot.area, shortcut.mark));
        assert!(
            found.hot_spots.len() <= usize::from(is_found),
            "{:?}",
            found.hot_spots
        );
        assert!(is_found || fall < MATTERS);
    }
    for seed in first + 3..first + 6 {
        let clean = examples(None);
        let found = run(&trained(&clean, seed), &clean, &settings(2, 12));
        eprintln!("clean: shares {:?}", found.share);
        assert_eq!(found.hot_spots, []);
    }
}
