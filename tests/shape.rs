//! Shape against texture on the networks that ship: what the stimuli leave of an answer, and the shape bias of a set.

mod common;

use common::shipped::{chelsea, fashion, labels, lite0, pictures};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::lab::attack::Units;
use convscope::lab::shape::edges::Rule;
use convscope::lab::shape::stimulus::{Piece, Tones};
use convscope::lab::shape::{Cue, Decision, Stimulus, Which, decide, foreground, make, summarize};
use convscope::lens::prediction;
use convscope::net::{Net, Overrides};
use convscope::tensor::Tensor;

const WHITE_ON_BLACK: Tones = Tones {
    ink: 1.0,
    paper: 0.0,
};
const BLACK_ON_WHITE: Tones = Tones {
    ink: 0.0,
    paper: 1.0,
};

/// The cat's place among the sixteen categories.
const CAT: usize = 7;

fn stimulus(units: &Units, picture: &Tensor, stimulus: &Stimulus, seed: u64) -> Tensor {
    let pixels = units.from_model(picture).unwrap();
    let made = pollster::block_on(make(&pixels, stimulus, false, seed, &Control::new()));
    units.to_model(&made.unwrap()).unwrap()
}

fn decisions(net: &Net, pictures: &Tensor, which: &Which, labels: &[String]) -> Vec<Decision> {
    let logits = pollster::block_on(net.logits(pictures, &Overrides::new(), &Control::new()));
    let probabilities = prediction::probabilities(&logits.unwrap()).unwrap();
    decide(&probabilities, &which.of(labels).unwrap())
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|class| class.to_string()).collect()
}

/// A cat's face keeps its answer without colour, in two tones, in shaded edges and in 16 squares, and loses it in thin lines and in 256 squares: the network goes by
/// patches.
#[test]
fn what_stimuli_leave_of_a_cat() {
    let Some(net) = lite0(Engine::Cpu) else {
        return;
    };
    let units = Units {
        mean: vec![127.0 / 255.0; 3],
        std: vec![128.0 / 255.0; 3],
    };

    let labels = names(1000);
    let cat = |kind: &Stimulus, seed: u64| {
        let picture = stimulus(&units, &chelsea(), kind, seed);
        let decision = &decisions(&net, &picture, &Which::Sixteen, &labels)[0];
        (decision.sums[CAT], decision.category)
    };
    let (photo, category) = cat(&Stimulus::Original, 0);
    assert_eq!(category, CAT);
    assert!(photo > 0.85, "{photo}");
    let side = 224.0;
    let kinds = [
        ("grey", Stimulus::Grey),
        ("blur", Stimulus::Blur { sigma: side / 40.0 }),
        (
            "two tones",
            Stimulus::TwoTones {
                sigma: 0.0,
                threshold: None,
            },
        ),
        (
            "edges",
            Stimulus::Edges {
                rule: Rule::default(),
                tones: BLACK_ON_WHITE,
            },
        ),
        (
            "slopes",
            Stimulus::Slopes {
                sigma: 1.0,
                full: 0.97,
                tones: BLACK_ON_WHITE,
            },
        ),
        (
            "silhouette",
            Stimulus::Silhouette {
                mask: None,
                tones: BLACK_ON_WHITE,
            },
        ),
    ];
    for (name, kind) in &kinds {
        println!("{name}: {:?}", cat(kind, 0));
    }
    let shuffled = |grid: usize| {
        let runs: Vec<f32> = (1..=5)
            .map(|seed| cat(&Stimulus::Shuffle { grid }, seed).0)
            .collect();
        println!("shuffled {grid} × {grid}: {runs:.3?}");
        runs.iter().sum::<f32>() / 5.0
    };
    let (coarse, fine) = (shuffled(4), shuffled(16));
    shuffled(2);
    shuffled(8);
    assert!(coarse > 0.5 && fine < 0.1, "{coarse}, {fine}");
    assert!(cat(&kinds[0].1, 0).0 > 0.5, "grey");
    assert!(cat(&kinds[2].1, 0).0 > 0.5, "two tones");
    // Shaded edges are enough of a cat, lines and the outline are not.
    assert!(cat(&kinds[3].1, 0).0 < 0.1, "edges");
    assert!(cat(&kinds[4].1, 0).0 > 0.3, "slopes");
    assert!(cat(&kinds[5].1, 0).0 < 0.1, "a silhouette");
}

/// Filled silhouettes of clothes: every picture is counted once, and by each class's own shape.
#[test]
fn the_shape_bias_of_clothes_filled_with_each_other() {
    let net = fashion(Engine::Cpu);
    let units = Units {
        mean: vec![0.286],
        std: vec![0.353],
    };
    let (all, classes) = (pictures(200), labels(200));
    let first = |class: usize| classes.iter().position(|&label| label == class).unwrap();
    let picture = |index: usize| {
        let values = all.data()[index * 784..(index + 1) * 784].to_vec();
        Tensor::new(values, [1, 1, 28, 28]).unwrap()
    };
    let mut cues = Vec::new();
    let mut values = Vec::new();
    for shape in 0..10 {
        for texture in (0..10).filter(|&texture| texture != shape) {
            let fill = Stimulus::Fill {
                texture: units.from_model(&picture(first(texture))).unwrap(),
                piece: Piece {
                    crop: None,
                    size: 10,
                    block: 5,
                },
                mask: None,
                paper: 0.0,
                strength: 1.0,
            };
            values.extend(stimulus(&units, &picture(first(shape)), &fill, 1).into_data());
            cues.push(Cue { shape, texture });
        }
    }
    let batch = Tensor::new(values, [90, 1, 28, 28]).unwrap();
    let decisions = decisions(&net, &batch, &Which::Default, &names(10));
    let answers: Vec<usize> = decisions.iter().map(|each| each.category).collect();
    let summary = summarize(&cues, &answers, 10).unwrap();
    println!(
        "{:?} {:?} {:?}",
        summary.all,
        summary.all.bias(),
        summary.all.interval()
    );
    let by_hand = cues
        .iter()
        .zip(&answers)
        .filter(|(cue, answer)| cue.shape == **answer)
        .count();
    assert_eq!(summary.all.shape, by_hand);
    assert_eq!(
        summary.all.shape + summary.all.texture + summary.all.other,
        90
    );
    assert!(
        summary
            .by_shape
            .iter()
            .all(|tally| tally.shape + tally.texture + tally.other == 9)
    );
    // Each class is its own category, so that mean and sum are the probability.
    assert!(decisions.iter().all(|each| each.means == each.sums));
}

/// Fashion-MNIST's clothes lie on black: the object is what is not.
#[test]
fn clothes_are_found_on_their_ground() {
    let units = Units {
        mean: vec![0.286],
        std: vec![0.353],
    };
    let clothes = units.from_model(&pictures(60)).unwrap();
    let mask = pollster::block_on(foreground(&clothes, &Control::new())).unwrap();
    let overlap = |picture: usize| {
        let at = picture * 784..(picture + 1) * 784;
        let pairs = mask.data()[at.clone()].iter().zip(&clothes.data()[at]);
        let (mut both, mut either) = (0.0, 0.0);
        for (&inside, &value) in pairs {
            let (found, object) = (inside > 0.5, value > 0.08);
            both += f32::from(u8::from(found && object));
            either += f32::from(u8::from(found || object));
        }
        both / either
    };
    let mut shares: Vec<f32> = (0..60).map(overlap).collect();
    shares.sort_by(f32::total_cmp);
    println!(
        "overlap with what is not black: least {}, median {}",
        shares[0], shares[30]
    );
    assert!(shares[30] > 0.9, "median {}", shares[30]);
    let silhouette = Stimulus::Silhouette {
        mask: Some(mask),
        tones: WHITE_ON_BLACK,
    };
    let made = pollster::block_on(make(&clothes, &silhouette, false, 0, &Control::new())).unwrap();
    assert!(
        made.data()
            .iter()
            .all(|value| *value == 0.0 || *value == 1.0)
    );
}
