//! Attacks that search: the nearest boundary, the fewest pixels, one change for all, the smallest budget. Where the network is affine, what must be found is known.

mod common;

use common::attacks::{
    affine, affine_request, fashion_units, fgsm, logits, losses, next_classes, origin, rate,
    request, run, run_on,
};
use common::shipped::{fashion, labels};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::lab::attack::{
    Attack, Bounds, Cw, DeepFool, Distribution, HopSkipJump, Jsma, Noise, Norm, Patch, Pgd, Plain,
    Request, Search, SinglePixel, Units, Universal, attack, loss_surface, smallest_epsilon,
};
use convscope::net::{Net, Overrides};
use convscope::tensor::{Shape, Tensor};

/// The logits of the affine network's picture, and the class it is taken for.
fn affine_answer(net: &Net, label: usize) -> (Vec<f32>, usize) {
    let start = affine_request(label, fgsm(0.0)).pictures;
    let z = logits(net, Units::own(1), &start).into_data();
    let best = (0..z.len()).max_by(|&a, &b| z[a].total_cmp(&z[b])).unwrap();
    (z, best)
}

/// w_k − w_label and z_k − z_label.
fn boundary(w: &[f32], z: &[f32], k: usize, label: usize) -> (Vec<f64>, f64) {
    let row = |class: usize, at: usize| f64::from(w[class * 9 + at]);
    let normal = (0..9).map(|at| row(k, at) - row(label, at)).collect();
    (normal, f64::from(z[k]) - f64::from(z[label]))
}

fn l2(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// How far the nearest boundary of the affine network is.
fn nearest(w: &[f32], z: &[f32], label: usize) -> f64 {
    (0..z.len())
        .filter(|&k| k != label)
        .map(|k| {
            let (normal, gap) = boundary(w, z, k, label);
            gap.abs() / l2(&normal)
        })
        .fold(f64::INFINITY, f64::min)
}

#[test]
fn deepfool_crosses_an_affine_boundary_in_one_step() {
    let (net, w, _) = affine(2);
    let (z, label) = affine_answer(&net, 0);
    let (normal, gap) = boundary(&w, &z, 1 - label, label);
    for norm in [Norm::L2, Norm::Linf] {
        let settings = DeepFool {
            norm,
            ..DeepFool::default()
        };
        let wanted = affine_request(label, Attack::DeepFool(settings));
        let outcome = run_on(&net, Units::own(1), &wanted).unwrap();
        assert!(outcome.success[0] && outcome.steps[0] == 1);
        let sum: f64 = normal.iter().map(|v| v.abs()).sum();
        for (at, normal_at) in normal.iter().enumerate() {
            let change = f64::from(outcome.pictures.data()[at] - wanted.pictures.data()[at]);
            let expected = match norm {
                Norm::L2 => -gap / l2(&normal).powi(2) * normal_at,
                Norm::Linf => -gap / sum * normal_at.signum(),
            };
            assert!(
                (change - 1.02 * expected).abs() < 1e-5,
                "{norm:?}: {change} is not {expected}"
            );
        }
    }
}

#[test]
fn minimising_attacks_find_the_nearest_affine_boundary() {
    let (net, w, _) = affine(5);
    let (z, label) = affine_answer(&net, 0);
    let exact = nearest(&w, &z, label);
    let cw = Cw {
        initial_const: 1.0,
        steps: 300,
        binary_search_steps: 6,
        ..Cw::default()
    };
    let jump = HopSkipJump {
        steps: 20,
        ..HopSkipJump::default()
    };
    for (attack, slack) in [
        (Attack::DeepFool(DeepFool::default()), 1.021),
        (Attack::Cw(cw), 1.03),
        (Attack::HopSkipJump(jump), 1.03),
    ] {
        let name = attack.method().name();
        let outcome = run_on(&net, Units::own(1), &affine_request(label, attack)).unwrap();
        let found = outcome.distances[0].l2;
        assert!(
            outcome.success[0] && found >= exact * 0.9999,
            "{name}: {found} below {exact}"
        );
        assert!(
            found <= exact * slack,
            "{name}: {found}, the nearest is {exact}"
        );
    }
}

#[test]
fn carlini_wagner_keeps_its_confidence_and_reaches_targets() {
    let net = fashion(Engine::Cpu);
    let settings = Cw {
        initial_const: 1.0,
        binary_search_steps: 3,
        steps: 60,
        step_size: 0.1,
        ..Cw::default()
    };
    let plain = run(&net, &request(4, Attack::Cw(settings.clone())));
    let sure = run(
        &net,
        &request(
            4,
            Attack::Cw(Cw {
                confidence: 2.0,
                ..settings.clone()
            }),
        ),
    );
    for picture in 0..4 {
        assert!(plain.success[picture] && sure.success[picture]);
        let z = &sure.after.data()[picture * 10..(picture + 1) * 10];
        let label = labels(4)[picture];
        let rival = (0..10)
            .filter(|&k| k != label)
            .map(|k| z[k])
            .fold(f32::MIN, f32::max);
        assert!(rival - z[label] >= 2.0 - 1e-4, "{}", rival - z[label]);
        assert!(plain.distances[picture].l2 <= sure.distances[picture].l2);
    }
    let aimed = Request {
        targets: Some(next_classes(4)),
        ..request(4, Attack::Cw(settings))
    };
    assert_eq!(rate(&run(&net, &aimed)), 1.0);
}

/// Mean L2 distances of C&W, DeepFool and FGSM at its own smallest budget, over the pictures that were right.
fn norm_order(count: usize) -> [f64; 3] {
    let net = fashion(Engine::Cpu);
    let settings = Cw {
        initial_const: 1.0,
        binary_search_steps: 4,
        steps: 100,
        step_size: 0.1,
        ..Cw::default()
    };
    let cw = run(&net, &request(count, Attack::Cw(settings)));
    let fool = run(&net, &request(count, Attack::DeepFool(DeepFool::default())));
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(&net, fashion_units(), &overrides, &control).unwrap();
    let wanted = request(count, fgsm(0.0));
    let found =
        pollster::block_on(smallest_epsilon(&victim, &wanted, 1.0, 1e-3, &control)).unwrap();
    let mut sums = [0.0; 3];
    let mut counted = 0.0;
    for picture in 0..count {
        if fool.distances[picture].l0 == 0
            || !cw.success[picture]
            || found.epsilon[picture].is_none()
        {
            continue;
        }
        let range = picture * 784..(picture + 1) * 784;
        let changes: Vec<f64> = (found.pictures.data()[range.clone()].iter())
            .zip(&wanted.pictures.data()[range])
            .map(|(a, b)| f64::from(a - b))
            .collect();
        sums[0] += cw.distances[picture].l2;
        sums[1] += fool.distances[picture].l2;
        sums[2] += l2(&changes);
        counted += 1.0;
    }
    sums.map(|sum| sum / counted)
}

#[test]
#[ignore = "half a minute; ./build.sh test --all runs it"]
fn carlini_wagner_is_nearer_than_deepfool_which_is_nearer_than_fgsm() {
    let [cw, fool, step] = norm_order(110);
    println!("mean L2: C&W {cw:.4}, DeepFool {fool:.4}, FGSM at its smallest budget {step:.4}");
    assert!(cw <= fool && fool < step, "{cw}, {fool}, {step}");
}

#[test]
fn jsma_keeps_to_its_pixels_and_moves_them_by_theta() {
    let net = fashion(Engine::Cpu);
    let start = origin(4);
    for (most, theta) in [(1, 1.0), (2, 1.0), (9, 0.4), (30, 1.0), (30, -1.0)] {
        let settings = Jsma {
            theta,
            max_pixels: Some(most),
        };
        let aimed = Request {
            targets: Some(next_classes(4)),
            ..request(4, Attack::Jsma(settings.clone()))
        };
        for outcome in [
            run(&net, &request(4, Attack::Jsma(settings))),
            run(&net, &aimed),
        ] {
            assert!(
                outcome.distances.iter().all(|distance| distance.l0 <= most),
                "{most}"
            );
            let changes = outcome.pictures.data().iter().zip(start.start().data());
            assert!(
                changes
                    .map(|(a, b)| (a - b) * theta)
                    .all(|change| change >= 0.0)
            );
            assert!(outcome.distances.iter().any(|distance| distance.l0 > 0));
        }
    }
    let many = Jsma {
        max_pixels: Some(100),
        ..Jsma::default()
    };
    assert!(rate(&run(&net, &request(10, Attack::Jsma(many)))) > 0.8);
}

#[test]
fn jsma_takes_the_pair_whose_product_is_greatest() {
    let (net, w, _) = affine(4);
    let (_, label) = affine_answer(&net, 0);
    let row = |class: usize, at: usize| f64::from(w[class * 9 + at]);
    let mut checked = 0;
    for target in (0..4).filter(|&target| target != label) {
        let others = |at: usize| {
            let others = (0..4).filter(|&k| k != target);
            others.map(|k| row(k, at)).sum::<f64>()
        };
        let mut best = (0.0, vec![]);
        for p in 0..9 {
            for q in p + 1..9 {
                let rise = row(target, p) + row(target, q);
                let fall = -others(p) - others(q);
                if rise > 0.0 && fall > 0.0 && rise * fall > best.0 {
                    best = (rise * fall, vec![p, q]);
                }
            }
        }
        if best.1.is_empty() {
            continue;
        }
        checked += 1;
        let settings = Jsma {
            theta: 0.01,
            max_pixels: Some(2),
        };
        let wanted = Request {
            targets: Some(vec![target]),
            ..affine_request(label, Attack::Jsma(settings))
        };
        let outcome = run_on(&net, Units::own(1), &wanted).unwrap();
        let changed: Vec<usize> = (0..9)
            .filter(|&at| outcome.pictures.data()[at] != wanted.pictures.data()[at])
            .collect();
        assert_eq!(changed, best.1, "towards {target}");
    }
    assert!(checked > 0, "no class has such a pair");
}

#[test]
fn one_pixel_is_the_worst_of_all_and_its_map_says_so() {
    let net = fashion(Engine::Cpu);
    let settings = SinglePixel {
        search: Some(Search::Exhaustive),
        ..SinglePixel::default()
    };
    for targets in [None, Some(next_classes(2))] {
        let wanted = Request {
            targets: targets.clone(),
            ..request(2, Attack::SinglePixel(settings.clone()))
        };
        let outcome = run(&net, &wanted);
        let damage = outcome.extra.damage.as_ref().unwrap();
        assert_eq!(damage.shape(), [2, 1, 28, 28]);
        for picture in 0..2 {
            let start = &wanted.pictures.data()[picture * 784..(picture + 1) * 784];
            let class = targets
                .as_ref()
                .map_or(labels(2)[picture], |targets| targets[picture]);
            let mut tried = vec![start.to_vec()];
            for pixel in 0..784 {
                for colour in [0.0, 1.0] {
                    let mut candidate = start.to_vec();
                    candidate[pixel] = colour;
                    tried.push(candidate);
                }
            }
            let batch = Tensor::new(tried.concat(), [tried.len(), 1, 28, 28]).unwrap();
            let chances: Vec<f64> = losses(&net, &batch, &vec![class; tried.len()])
                .into_iter()
                .map(|loss| (-loss).exp())
                .collect();
            let sign = if targets.is_some() { -1.0 } else { 1.0 };
            let map = &damage.data()[picture * 784..(picture + 1) * 784];
            for (pixel, seen) in map.iter().enumerate() {
                let worst = (1..3)
                    .map(|at| sign * (chances[0] - chances[2 * pixel + at]))
                    .fold(f64::MIN, f64::max);
                assert!(
                    (worst - f64::from(*seen)).abs() < 1e-5,
                    "{pixel}: {worst} is not {seen}"
                );
            }
            assert!(outcome.distances[picture].l0 <= 1);
            assert_eq!(outcome.queries[picture], 2 * 784);
        }
    }
}

#[test]
fn an_evolution_keeps_to_its_pixels_and_comes_near_the_worst_of_all() {
    let (net, ..) = affine(3);
    let (_, label) = affine_answer(&net, 0);
    let within = |settings: SinglePixel| Request {
        bounds: Bounds::new(&[-1.0], &[1.0], 1).unwrap(),
        ..affine_request(label, Attack::SinglePixel(settings))
    };
    let run_affine =
        |settings: SinglePixel| run_on(&net, Units::own(1), &within(settings)).unwrap();
    let margin = |z: &Tensor| {
        let z = z.data();
        (0..3)
            .filter(|&k| k != label)
            .map(|k| z[k])
            .fold(f32::MIN, f32::max)
            - z[label]
    };
    let evolution = |pixels: usize| SinglePixel {
        pixels,
        search: Some(Search::Evolution),
        population: 60,
        generations: 40,
    };
    // An affine network is worst off at a corner of the colours, so that evolution cannot beat a search of all.
    let all = run_affine(SinglePixel::default());
    let one = run_affine(evolution(1));
    assert!(margin(&one.after) <= margin(&all.after) + 1e-5);
    assert!(margin(&one.after) >= margin(&all.after) - 0.05);
    let mut last = margin(&one.after);
    for pixels in [3, 5] {
        let outcome = run_affine(evolution(pixels));
        assert!(outcome.distances[0].l0 <= pixels);
        assert!(
            margin(&outcome.after) > last,
            "{pixels} pixels do no more than fewer"
        );
        last = margin(&outcome.after);
    }
}

#[test]
fn a_universal_change_is_one_for_all_and_fools_more_than_noise() {
    let net = fashion(Engine::Cpu);
    let epsilon = 0.1;
    let universal = Universal {
        epsilon,
        steps: 20,
        ..Universal::default()
    };
    let outcome = run(&net, &request(40, Attack::Universal(universal)));
    let change = outcome.extra.perturbation.as_ref().unwrap();
    assert!(
        change
            .data()
            .iter()
            .all(|value| value.abs() <= epsilon + 1e-6)
    );
    let start = origin(40);
    for (at, value) in outcome.pictures.data().iter().enumerate() {
        let moved = start.start().data()[at] + change.data()[at % 784];
        assert_eq!(*value, moved.clamp(0.0, 1.0));
    }
    let noise = Noise {
        epsilon,
        distribution: Distribution::Sign,
        samples: 1,
    };
    let noise = run(&net, &request(40, Attack::Noise(noise)));
    assert!(
        rate(&outcome) > rate(&noise) + 0.1,
        "{} {}",
        rate(&outcome),
        rate(&noise)
    );
}

#[test]
fn a_patch_stays_in_its_place_and_can_be_laid_elsewhere() {
    let net = fashion(Engine::Cpu);
    let settings = Patch {
        size: Some([7, 6]),
        position: Some([20, 1]),
        steps: 30,
        ..Patch::default()
    };
    let outcome = run(&net, &request(12, Attack::Patch(settings.clone())));
    let start = origin(12);
    let inside = |at: usize, [top, left]: [usize; 2]| {
        let (y, x) = (at % 784 / 28, at % 28);
        (top..top + 7).contains(&y) && (left..left + 6).contains(&x)
    };
    for (at, (now, was)) in outcome
        .pictures
        .data()
        .iter()
        .zip(start.start().data())
        .enumerate()
    {
        assert!(now == was || inside(at, [20, 1]));
    }
    let clean = run(&net, &request(12, fgsm(0.0)));
    assert!(
        rate(&outcome) > rate(&clean),
        "{} {}",
        rate(&outcome),
        rate(&clean)
    );
    let patch = outcome.extra.patch.clone().unwrap();
    assert_eq!(patch.shape(), [1, 1, 7, 6]);
    let laid = Patch {
        patch: Some(patch.clone()),
        size: None,
        position: Some([0, 22]),
        steps: 0,
        ..settings.clone()
    };
    let laid = run(&net, &request(1, Attack::Patch(laid)));
    for (at, now) in laid.pictures.data().iter().enumerate() {
        let part = |_: usize| patch.data()[at / 28 * 6 + at % 28 - 22];
        let expected = if inside(at, [0, 22]) {
            part(at)
        } else {
            start.start().data()[at]
        };
        assert_eq!(*now, expected);
    }
    assert_eq!(laid.queries, [0]);
    let anywhere = Patch {
        anywhere: true,
        ..settings
    };
    let anywhere = run(&net, &request(12, Attack::Patch(anywhere)));
    assert_ne!(anywhere.extra.patch, outcome.extra.patch);
}

#[test]
fn the_smallest_budget_of_an_affine_network_is_found() {
    let (net, w, _) = affine(2);
    let (z, label) = affine_answer(&net, 0);
    let (normal, gap) = boundary(&w, &z, 1 - label, label);
    let exact = gap.abs() / normal.iter().map(|v| v.abs()).sum::<f64>();
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(&net, Units::own(1), &overrides, &control).unwrap();
    let pgd = Pgd {
        steps: 5,
        step_size: None,
        ..Pgd::default()
    };
    for attack in [
        fgsm(0.5),
        Attack::Pgd(Pgd {
            step_size: Some(1.0),
            ..pgd
        }),
    ] {
        let wanted = affine_request(label, attack);
        let found =
            pollster::block_on(smallest_epsilon(&victim, &wanted, 4.0, 1e-3, &control)).unwrap();
        let epsilon = f64::from(found.epsilon[0].unwrap());
        assert!(
            epsilon >= exact - 1e-6 && epsilon <= exact + 1e-3,
            "{epsilon}, not {exact}"
        );
        let tried = &found.tried[0];
        assert!(
            tried
                .iter()
                .all(|&(budget, done)| done == (f64::from(budget) >= exact))
        );
        let none = pollster::block_on(smallest_epsilon(
            &victim,
            &wanted,
            exact as f32 / 2.0,
            1e-3,
            &control,
        ))
        .unwrap();
        assert_eq!(none.epsilon, [None]);
    }
    let wrong = affine_request(1 - label, fgsm(0.5));
    let found = pollster::block_on(smallest_epsilon(&victim, &wrong, 4.0, 1e-3, &control)).unwrap();
    assert_eq!(found.epsilon, [Some(0.0)]);
    let other = affine_request(label, Attack::DeepFool(DeepFool::default()));
    let error =
        pollster::block_on(smallest_epsilon(&victim, &other, 4.0, 1e-3, &control)).unwrap_err();
    assert!(error.message.contains("deepfool"), "{error}");
}

#[test]
fn the_loss_surface_is_the_loss_and_rises_along_the_gradient() {
    let net = fashion(Engine::Cpu);
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(&net, fashion_units(), &overrides, &control).unwrap();
    let wanted = request(1, fgsm(0.0));
    let surface = pollster::block_on(loss_surface(&victim, &wanted, 9, 0.02, &control)).unwrap();
    let z = surface.losses.data();
    assert_eq!(surface.losses.shape(), [9, 9]);
    let here = losses(&net, &wanted.pictures, &labels(1))[0];
    assert!((f64::from(z[4 * 9 + 4]) - here).abs() < 1e-4 * here.max(1e-3));
    assert!(
        z[4 * 9 + 3] < z[4 * 9 + 4] && z[4 * 9 + 4] < z[4 * 9 + 5] && z[4 * 9 + 5] < z[4 * 9 + 8]
    );
    // The end of the middle row is what FGSM makes.
    let step = run(&net, &request(1, fgsm(0.02)));
    let there = losses(&net, &step.pictures, &labels(1))[0];
    assert!((f64::from(z[4 * 9 + 8]) - there).abs() < 1e-4 * there.max(1e-2));
    assert_eq!(surface.classes[4 * 9 + 4], labels(1)[0]);
    let two = request(2, fgsm(0.0));
    assert!(pollster::block_on(loss_surface(&victim, &two, 9, 0.02, &control)).is_err());
}

#[test]
fn a_run_can_be_watched_and_ended() {
    let net = fashion(Engine::Cpu);
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(&net, fashion_units(), &overrides, &control).unwrap();
    let settings = SinglePixel {
        search: Some(Search::Evolution),
        population: 20,
        generations: 30,
        ..SinglePixel::default()
    };
    let wanted = Request {
        every: 2,
        ..request(2, Attack::SinglePixel(settings))
    };
    let mut seen = Vec::new();
    let outcome = pollster::block_on(attack(&victim, &wanted, &control, async |look| {
        let population = look.population.expect("an evolution has one");
        assert_eq!(
            population.members.activation_shape(),
            Shape::new(2, 20, 1, 3)
        );
        let best = |picture: usize| {
            let values = &population.values[picture * 20..(picture + 1) * 20];
            values.iter().copied().fold(f32::MIN, f32::max)
        };
        assert_eq!(look.values, [best(0), best(1)]);
        seen.push(look.step);
        Ok(look.step < 6)
    }))
    .unwrap();
    assert_eq!(seen, [0, 2, 4, 6]);
    assert_eq!(outcome.steps, [6, 6]);
}
