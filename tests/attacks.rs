//! Attacks: the identities that prove them, budgets kept, options that all change something, and what Foolbox finds.

mod common;

use common::attacks::{
    affine, affine_request, fashion_units, fgsm, losses, next_classes, origin, rate, request, run,
    run_on,
};
use common::shipped::{fashion, labels, pictures};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::lab::attack::{
    Attack, Bounds, Cw, DeepFool, Distribution, Goal, HopSkipJump, Jsma, Loss, Method, MiFgsm,
    Noise, Norm, Patch, Pgd, Plain, Request, Search, SinglePixel, Square, Units, Universal,
    Victim as _,
};
use convscope::net::Overrides;
use convscope::tensor::{Shape, Tensor};

#[test]
fn a_budget_is_used_up_and_never_exceeded_also_after_the_way_back() {
    let net = fashion(Engine::Cpu);
    let epsilon = 8.0 / 255.0;
    let origin = origin(6);
    let attacks = [
        (fgsm(epsilon), Norm::Linf),
        (
            Attack::Pgd(Pgd {
                random_start: true,
                ..Pgd::default()
            }),
            Norm::Linf,
        ),
        (
            Attack::Pgd(Pgd {
                norm: Norm::L2,
                epsilon: 0.4,
                ..Pgd::default()
            }),
            Norm::L2,
        ),
        (Attack::MiFgsm(MiFgsm::default()), Norm::Linf),
        (Attack::Noise(Noise::default()), Norm::Linf),
        (
            Attack::Noise(Noise {
                epsilon: 0.4,
                distribution: Distribution::Sphere,
                samples: 3,
            }),
            Norm::L2,
        ),
    ];
    for (attack, norm) in attacks {
        let name = attack.method().name();
        let outcome = run(&net, &request(6, attack));
        // The engine's own pictures, through model space and back.
        let model = origin.back(&outcome.pictures).unwrap();
        let back = fashion_units().from_model(&model).unwrap();
        for picture in 0..6 {
            let range = picture * 784..(picture + 1) * 784;
            let start = &origin.start().data()[range.clone()];
            for pixels in [
                &outcome.pictures.data()[range.clone()],
                &back.data()[range.clone()],
            ] {
                assert!(
                    pixels
                        .iter()
                        .all(|value| (-1e-6..=1.0 + 1e-6).contains(value))
                );
                let changes = pixels.iter().zip(start).map(|(a, b)| f64::from(a - b));
                let size = match norm {
                    Norm::Linf => changes.fold(0f64, |most, change| most.max(change.abs())),
                    Norm::L2 => changes.map(|change| change * change).sum::<f64>().sqrt(),
                };
                let budget = if norm == Norm::Linf {
                    f64::from(epsilon)
                } else {
                    f64::from(0.4_f32)
                };
                assert!(size <= budget + 1e-6, "{name}: {size}");
                // Clipping at black and white takes some of it.
                assert!(size >= 0.6 * budget, "{name}: {size}");
            }
            let distance = outcome.distances[picture];
            let reported = if norm == Norm::Linf {
                distance.linf
            } else {
                distance.l2
            };
            assert!(reported <= f64::from(0.4_f32) + 1e-6);
        }
    }
}

#[test]
fn without_a_budget_nothing_changes() {
    let net = fashion(Engine::Cpu);
    let origin = origin(4);
    let noise = Noise {
        epsilon: 0.0,
        ..Noise::default()
    };
    let none = Pgd {
        epsilon: 0.0,
        random_start: true,
        restarts: 2,
        ..Pgd::default()
    };
    let slow = MiFgsm {
        epsilon: 0.0,
        ..MiFgsm::default()
    };
    for attack in [
        fgsm(0.0),
        Attack::Pgd(none),
        Attack::MiFgsm(slow),
        Attack::Noise(noise),
    ] {
        let outcome = run(&net, &request(4, attack));
        assert_eq!(&outcome.pictures, origin.start());
        assert_eq!(origin.back(&outcome.pictures).unwrap(), pictures(4));
        assert!(outcome.distances.iter().all(|distance| distance.l0 == 0));
    }
}

#[test]
fn one_step_of_pgd_is_fgsm_and_of_mi_fgsm_too() {
    let net = fashion(Engine::Cpu);
    let epsilon = 12.0 / 255.0;
    let one = run(&net, &request(8, fgsm(epsilon))).pictures;
    let step = Pgd {
        epsilon,
        steps: 1,
        step_size: Some(epsilon),
        ..Pgd::default()
    };
    assert_eq!(run(&net, &request(8, Attack::Pgd(step))).pictures, one);
    let step = MiFgsm {
        epsilon,
        steps: 1,
        ..MiFgsm::default()
    };
    assert_eq!(run(&net, &request(8, Attack::MiFgsm(step))).pictures, one);
}

/// Dong et al. 2018: g ← μ g + ∇L / ‖∇L‖₁, X ← X + α sign(g), on a network whose gradients differ in size from step to step.
#[test]
fn mi_fgsm_sums_gradients_of_length_one() {
    let net = fashion(Engine::Cpu);
    let (epsilon, size, momentum) = (24.0 / 255.0, 8.0 / 255.0, 0.7);
    let settings = MiFgsm {
        epsilon,
        steps: 3,
        step_size: Some(size),
        momentum,
    };
    let outcome = run(&net, &request(8, Attack::MiFgsm(settings)));
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(&net, fashion_units(), &overrides, &control).unwrap();
    let mut pictures = origin(8).start().clone();
    let mut sums = vec![0f64; pictures.data().len()];
    for _ in 0..3 {
        let loss = Loss::CrossEntropy(labels(8));
        let slope = pollster::block_on(victim.slope(&pictures, &loss)).unwrap();
        let rows = slope.gradient.data().chunks_exact(784);
        for (row, sums) in rows.zip(sums.chunks_exact_mut(784)) {
            let length: f64 = row.iter().map(|&g| f64::from(g).abs()).sum();
            for (sum, &g) in sums.iter_mut().zip(row) {
                *sum = f64::from(momentum) * *sum + f64::from(g) / length;
            }
        }
        for (value, sum) in pictures.data_mut().iter_mut().zip(&sums) {
            let step = if *sum == 0.0 {
                0.0
            } else {
                size * sum.signum() as f32
            };
            *value = (*value + step).clamp(0.0, 1.0);
        }
    }
    let apart = (outcome.pictures.data().iter().zip(pictures.data()))
        .filter(|(ours, expected)| (*ours - *expected).abs() > 1e-5)
        .count();
    // Rounding decides where a sum all but vanishes.
    assert!(
        apart * 2000 < pictures.data().len(),
        "{apart} values differ"
    );
}

#[test]
fn fgsm_raises_the_loss_as_its_first_order_says() {
    let net = fashion(Engine::Cpu);
    let (overrides, control) = (Overrides::new(), Control::new());
    // Without bounds, so that nothing is clipped; over pictures whose loss an f32 can tell apart.
    let epsilon = 1e-4;
    let wanted = Request {
        bounds: Bounds::none(1),
        ..request(60, fgsm(epsilon))
    };
    let outcome = run(&net, &wanted);
    let victim = Plain::new(&net, fashion_units(), &overrides, &control).unwrap();
    let loss = Loss::CrossEntropy(labels(60));
    let slope = pollster::block_on(victim.slope(&wanted.pictures, &loss)).unwrap();
    let before = losses(&net, &wanted.pictures, &labels(60));
    let after = losses(&net, &outcome.pictures, &labels(60));
    let mut ratios = Vec::new();
    for picture in 0..60 {
        let gradient = &slope.gradient.data()[picture * 784..(picture + 1) * 784];
        let norm: f64 = gradient.iter().map(|&g| f64::from(g.abs())).sum();
        if norm > 5.0 {
            ratios.push((after[picture] - before[picture]) / (f64::from(epsilon) * norm));
        }
    }
    assert!(ratios.len() >= 10, "{}", ratios.len());
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    assert!((median - 1.0).abs() < 0.01, "{median}");
}

#[test]
fn pgd_beats_fgsm_which_beats_noise_and_a_target_is_reached() {
    let net = fashion(Engine::Cpu);
    let (count, epsilon) = (40, 8.0 / 255.0);
    let step = run(&net, &request(count, fgsm(epsilon)));
    let pgd = Pgd {
        steps: 20,
        step_size: Some(epsilon / 8.0),
        ..Pgd::default()
    };
    let steps = run(&net, &request(count, Attack::Pgd(pgd)));
    let [weak, strong] =
        [&step, &steps].map(|outcome| losses(&net, &outcome.pictures, &labels(count)));
    let higher = strong
        .iter()
        .zip(&weak)
        .filter(|(strong, weak)| strong >= weak)
        .count();
    assert!(higher * 100 >= count * 95, "{higher} of {count}");
    let noise = Noise {
        distribution: Distribution::Sign,
        samples: 5,
        ..Noise::default()
    };
    let noise = run(&net, &request(count, Attack::Noise(noise)));
    assert!(rate(&noise) + 0.1 < rate(&step) && rate(&step) <= rate(&steps));
    let targeted = Request {
        targets: Some(next_classes(12)),
        ..request(
            12,
            Attack::Pgd(Pgd {
                epsilon: 0.2,
                steps: 40,
                ..Pgd::default()
            }),
        )
    };
    let outcome = run(&net, &targeted);
    assert!(rate(&outcome) > 0.9, "{}", rate(&outcome));
    let Goal::Targeted(targets) = &outcome.goal else {
        panic!("it has a target")
    };
    for (row, target) in outcome.after.data().chunks_exact(10).zip(targets).take(5) {
        assert!(row.iter().all(|z| *z <= row[*target]));
    }
}

#[test]
fn success_rises_with_the_budget_and_becomes_certain() {
    let net = fashion(Engine::Cpu);
    let mut last = 0.0;
    for epsilon in [0.0, 2.0 / 255.0, 4.0 / 255.0, 8.0 / 255.0, 0.1, 0.3, 1.0] {
        let attack = Attack::Pgd(Pgd {
            epsilon,
            steps: 20,
            step_size: Some((epsilon / 8.0).max(1e-6)),
            ..Pgd::default()
        });
        let now = rate(&run(&net, &request(12, attack)));
        assert!(now >= last - 0.01, "{now} after {last} at {epsilon}");
        last = now;
    }
    assert_eq!(last, 1.0);
}

#[test]
fn a_run_that_stops_early_stops_at_its_first_success() {
    let net = fashion(Engine::Cpu);
    let all = request(
        12,
        Attack::Pgd(Pgd {
            steps: 12,
            step_size: Some(0.01),
            restarts: 3,
            ..Pgd::default()
        }),
    );
    let (whole, early) = (
        run(&net, &all),
        run(
            &net,
            &Request {
                early_stop: true,
                ..all.clone()
            },
        ),
    );
    assert_eq!(whole.success, early.success);
    for picture in 0..12 {
        if early.success[picture] {
            assert!(early.steps[picture] <= whole.steps[picture]);
            assert!(early.queries[picture] <= whole.queries[picture]);
        }
    }
    assert!(early.steps.iter().sum::<usize>() < whole.steps.iter().sum::<usize>());
}

#[test]
fn a_picture_fares_alike_alone_and_among_others_and_by_the_same_seed() {
    let net = fashion(Engine::Cpu);
    let random = Attack::Pgd(Pgd {
        random_start: true,
        restarts: 2,
        steps: 5,
        ..Pgd::default()
    });
    for attack in [
        random,
        Attack::Noise(Noise {
            samples: 3,
            ..Noise::default()
        }),
    ] {
        let many = request(70, attack.clone());
        let outcome = run(&net, &many);
        assert_eq!(outcome, run(&net, &many));
        let alone = run(&net, &request(1, attack));
        assert_eq!(alone.pictures.data(), &outcome.pictures.data()[..784]);
        assert_ne!(
            outcome.pictures,
            run(&net, &Request { seed: 6, ..many }).pictures
        );
    }
}

#[test]
fn a_tensor_has_units_of_its_own_and_no_bounds_unless_given() {
    let (net, ..) = affine(3);
    let wanted = affine_request(1, fgsm(2.5));
    let free = run_on(&net, Units::own(1), &wanted).unwrap();
    assert!((free.distances[0].linf - 2.5).abs() < 1e-6);
    assert_eq!(free.distances[0].l0, 9);
    let bounds = Bounds::new(&[-1.0], &[1.0], 1).unwrap();
    let bound = run_on(
        &net,
        Units::own(1),
        &Request {
            bounds,
            ..wanted.clone()
        },
    )
    .unwrap();
    assert!(bound.pictures.data().iter().all(|value| value.abs() == 1.0));
    let narrow = Bounds::new(&[-0.1], &[0.1], 1).unwrap();
    let error = run_on(
        &net,
        Units::own(1),
        &Request {
            bounds: narrow,
            ..wanted
        },
    )
    .unwrap_err();
    assert!(error.message.contains("outside"), "{error}");
}

/// An attack, and others that differ from it in one option each.
type Varied = (Attack, Vec<(&'static str, Attack)>);

macro_rules! vary {
    ($list:ident, $variant:ident, $base:expr, $($name:literal => $field:ident: $value:expr),* $(,)?) => {
        let base = $base;
        let others = vec![$(($name, {
            let mut other = base.clone();
            other.$field = $value;
            Attack::$variant(other)
        })),*];
        $list.push((Attack::$variant(base), others));
    };
}

fn varied() -> Vec<Varied> {
    let epsilon = 0.1;
    let mut list: Vec<Varied> = vec![(fgsm(0.1), vec![("epsilon", fgsm(0.11))])];
    vary!(list, Pgd, Pgd { epsilon, steps: 6, ..Pgd::default() },
        "epsilon" => epsilon: 0.11,
        "norm" => norm: Norm::L2,
        "steps" => steps: 7,
        "stepSize" => step_size: Some(0.01),
        "restarts" => restarts: 2,
        "randomStart" => random_start: true);
    vary!(list, MiFgsm, MiFgsm { epsilon, ..MiFgsm::default() },
        "epsilon" => epsilon: 0.11,
        "steps" => steps: 11,
        "stepSize" => step_size: Some(0.05),
        "momentum" => momentum: 0.5);
    vary!(list, DeepFool, DeepFool::default(),
        "norm" => norm: Norm::Linf,
        "overshoot" => overshoot: 0.1,
        "candidates" => candidates: 2,
        "steps" => steps: 1);
    vary!(list, Cw, Cw { initial_const: 1.0, binary_search_steps: 2, steps: 20, step_size: 0.1, ..Cw::default() },
        "confidence" => confidence: 3.0,
        "initialConst" => initial_const: 0.3,
        "binarySearchSteps" => binary_search_steps: 3,
        "stepSize" => step_size: 0.15,
        "steps" => steps: 30);
    vary!(list, Jsma, Jsma { theta: 0.5, max_pixels: Some(12) },
        "theta" => theta: 1.0,
        "maxPixels" => max_pixels: Some(4));
    let search = Some(Search::Evolution);
    vary!(list, SinglePixel, SinglePixel { search, population: 10, generations: 3, ..SinglePixel::default() },
        "pixels" => pixels: 2,
        "search" => search: Some(Search::Exhaustive),
        "population" => population: 12,
        "generations" => generations: 6);
    vary!(list, Square, Square { epsilon, steps: 30, ..Square::default() },
        "epsilon" => epsilon: 0.11,
        "steps" => steps: 40,
        "pInit" => p_init: 0.3);
    let start =
        Some(Tensor::new(origin(8).start().data()[7 * 784..].to_vec(), [1, 1, 28, 28]).unwrap());
    vary!(list, HopSkipJump, HopSkipJump { steps: 2, initial_queries: 20, max_queries: 25, ..HopSkipJump::default() },
        "norm" => norm: Norm::Linf,
        "steps" => steps: 3,
        "initialQueries" => initial_queries: 15,
        "maxQueries" => max_queries: 21,
        "start" => start: start);
    vary!(list, Universal, Universal { epsilon, steps: 4, ..Universal::default() },
        "epsilon" => epsilon: 0.11,
        "norm" => norm: Norm::L2,
        "steps" => steps: 5,
        "stepSize" => step_size: Some(0.02));
    vary!(list, Patch, Patch { steps: 4, ..Patch::default() },
        "size" => size: Some([4, 6]),
        "position" => position: Some([0, 3]),
        "anywhere" => anywhere: true,
        "steps" => steps: 5,
        "stepSize" => step_size: 0.07,
        "patch" => patch: Some(Tensor::zeros(Shape::new(1, 1, 5, 5))));
    vary!(list, Noise, Noise { epsilon, ..Noise::default() },
        "epsilon" => epsilon: 0.11,
        "distribution" => distribution: Distribution::Sign,
        "samples" => samples: 9);
    list
}

#[test]
fn every_option_of_every_attack_changes_what_comes_of_it() {
    let net = fashion(Engine::Cpu);
    let varied = varied();
    for method in Method::ALL {
        assert!(
            varied.iter().any(|(attack, _)| attack.method() == *method),
            "{method:?}"
        );
    }
    for (attack, others) in varied {
        let method = attack.method();
        // Which classes are candidates matters for few pictures.
        let count = if method == Method::DeepFool { 4 } else { 2 };
        let base = run(&net, &request(count, attack));
        let named: Vec<&str> = others.iter().map(|(name, _)| *name).collect();
        assert_eq!(named, method.options(), "{method:?}");
        for (name, other) in others {
            let outcome = run(&net, &request(count, other));
            assert!(
                outcome.pictures != base.pictures,
                "{method:?}: {name} changes nothing"
            );
        }
    }
}

#[test]
fn both_engines_find_the_same() {
    let Some(engine) = common::gpu_engine() else {
        return;
    };
    let nets = [fashion(Engine::Cpu), fashion(engine)];
    let pgd = Pgd {
        steps: 5,
        step_size: Some(0.01),
        ..Pgd::default()
    };
    for attack in [Attack::Pgd(pgd), Attack::DeepFool(DeepFool::default())] {
        let name = attack.method().name();
        let [cpu, gpu] = nets
            .each_ref()
            .map(|net| run(net, &request(8, attack.clone())));
        assert_eq!(cpu.success, gpu.success, "{name}");
        let pairs = cpu.pictures.data().iter().zip(gpu.pictures.data());
        // Where a gradient is all but 0 its sign is that of rounding.
        let apart = pairs.filter(|(a, b)| (*a - *b).abs() > 1e-3).count();
        assert!(apart <= 8 * 784 / 200, "{name}: {apart}");
    }
}

#[test]
fn what_is_out_of_range_is_refused_with_its_name() {
    let net = fashion(Engine::Cpu);
    let pgd = Pgd::default();
    let cases = [
        ("epsilon", fgsm(-0.1)),
        ("epsilon", fgsm(f32::NAN)),
        (
            "steps",
            Attack::Pgd(Pgd {
                steps: 0,
                ..pgd.clone()
            }),
        ),
        (
            "stepSize",
            Attack::Pgd(Pgd {
                step_size: Some(0.0),
                ..pgd.clone()
            }),
        ),
        ("restarts", Attack::Pgd(Pgd { restarts: 0, ..pgd })),
        (
            "momentum",
            Attack::MiFgsm(MiFgsm {
                momentum: -1.0,
                ..MiFgsm::default()
            }),
        ),
        (
            "samples",
            Attack::Noise(Noise {
                samples: 0,
                ..Noise::default()
            }),
        ),
    ];
    for (name, attack) in cases {
        let error = run_on(&net, fashion_units(), &request(1, attack)).unwrap_err();
        assert!(error.message.contains(name), "{name}: {error}");
    }
    for (name, wrong) in [
        (
            "label",
            Request {
                labels: Some(vec![10]),
                ..request(1, fgsm(0.1))
            },
        ),
        (
            "target",
            Request {
                targets: Some(vec![10]),
                ..request(1, fgsm(0.1))
            },
        ),
        (
            "label",
            Request {
                labels: Some(vec![1, 2]),
                ..request(1, fgsm(0.1))
            },
        ),
    ] {
        let error = run_on(&net, fashion_units(), &wrong).unwrap_err();
        assert!(error.message.contains(name), "{name}: {error}");
    }
    for (word, attack) in [
        ("target", Attack::DeepFool(DeepFool::default())),
        ("start", Attack::HopSkipJump(HopSkipJump::default())),
    ] {
        let aimed = Request {
            targets: Some(next_classes(1)),
            ..request(1, attack)
        };
        let error = run_on(&net, fashion_units(), &aimed).unwrap_err();
        assert!(error.message.contains(word), "{word}: {error}");
    }
    for attack in [
        Attack::Patch(Patch::default()),
        Attack::SinglePixel(SinglePixel::default()),
    ] {
        let error = run_on(
            &net,
            fashion_units(),
            &Request {
                bounds: Bounds::none(1),
                ..request(1, attack)
            },
        )
        .unwrap_err();
        assert!(error.message.contains("min and max"), "{error}");
    }
    let (net, ..) = affine(1);
    let lone = Request {
        pictures: Tensor::new(vec![0.0; 9], [1, 1, 3, 3]).unwrap(),
        ..request(1, fgsm(0.1))
    };
    let error = run_on(&net, Units::own(1), &lone).unwrap_err();
    assert!(error.message.contains("one class"), "{error}");
}
