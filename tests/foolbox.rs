//! The same attacks by Foolbox (`fixtures/make_attacks.py`): the same pictures, and over many as many fooled as far away.

mod common;

use common::attacks::{fashion_units, origin, request, run};
use common::shipped::{fashion, labels};
use common::{arrays, cases};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::lab::attack::{
    Attack, Cw, DeepFool, Fgsm, Loss, Norm, Outcome, Pgd, Plain, Victim as _,
};
use convscope::net::Overrides;
use convscope::tensor::Tensor;
use serde::Deserialize;

/// Adversarials that are kept of each attack.
const KEPT: usize = 16;

/// What Foolbox found over `count` pictures.
#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    count: usize,
    success: f64,
    l2: f64,
    linf: f64,
    /// How far apart Foolbox's own adversarials come out from pictures that rounding tells apart, for each that is kept.
    spread: Vec<f64>,
}

/// With the settings of the script.
fn settings(name: &str) -> Attack {
    match name {
        "fgsm" => Attack::Fgsm(Fgsm::default()),
        "pgd" => Attack::Pgd(Pgd::default()),
        "pgd_l2" => Attack::Pgd(Pgd {
            norm: Norm::L2,
            epsilon: 0.5,
            ..Pgd::default()
        }),
        "deepfool" => Attack::DeepFool(DeepFool::default()),
        "cw" => Attack::Cw(Cw {
            initial_const: 1.0,
            binary_search_steps: 4,
            step_size: 0.1,
            steps: 60,
            ..Cw::default()
        }),
        "cw_few" => Attack::Cw(Cw {
            initial_const: 1.0,
            binary_search_steps: 3,
            step_size: 0.1,
            steps: 16,
            ..Cw::default()
        }),
        other => panic!("no settings for {other}"),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}

fn norms(outcome: &Outcome) -> [f64; 2] {
    let fooled = || (outcome.distances.iter().zip(&outcome.success)).filter(|(_, fooled)| **fooled);
    [
        median(fooled().map(|(distance, _)| distance.l2).collect()),
        median(fooled().map(|(distance, _)| distance.linf).collect()),
    ]
}

/// How far our adversarials are from Foolbox's, as shares of the change.
fn apart(outcome: &Outcome, theirs: &[f32]) -> Vec<f64> {
    let start = origin(KEPT);
    let norm = |a: &[f32], b: &[f32]| -> f64 {
        let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let rows = outcome.pictures.data().chunks_exact(784);
    (rows.zip(theirs.chunks_exact(784)))
        .zip(start.start().data().chunks_exact(784))
        .map(|((ours, theirs), start)| norm(ours, theirs) / norm(theirs, start).max(1e-6))
        .collect()
}

/// What rounding leaves of a comparison of f32 pictures whose changes are as small as these.
const ROUNDING: f64 = 2e-4;

/// An iterated attack turns rounding into other pictures: Foolbox's own come out as far apart as `spread` when they start half
/// a rounding step apart. Ours must not be further from Foolbox's than twice that, in the median and at most; what rounding
/// has no time to change must be the same.
#[test]
fn the_same_pictures_come_out_as_far_as_rounding_leaves_them() {
    let net = fashion(Engine::Cpu);
    let expected = arrays("attacks.safetensors");
    for Case { name, spread, .. } in cases::<Case>("attacks.json") {
        let outcome = run(&net, &request(KEPT, settings(&name)));
        let theirs = &expected[&name].data;
        let fooled = &expected[&format!("{name}.success")].data;
        for (picture, (ours, theirs)) in outcome.success.iter().zip(fooled).enumerate() {
            assert_eq!(*ours, *theirs > 0.0, "{name}: picture {picture}");
        }
        let apart = apart(&outcome, theirs);
        let most = |list: &[f64]| list.iter().copied().fold(0.0, f64::max);
        println!(
            "{name}: apart {:.1e} in the median, {:.1e} at most; Foolbox from itself {:.1e}, {:.1e}",
            median(apart.clone()),
            most(&apart),
            median(spread.clone()),
            most(&spread)
        );
        // One step along signs is another test's.
        if name != "fgsm" {
            assert!(most(&apart) <= 2.0 * most(&spread) + ROUNDING, "{name}");
            assert!(median(apart) <= 2.0 * median(spread) + ROUNDING, "{name}");
        }
    }
}

/// A step along signs is the same or another altogether: it differs only where the gradient of the cross-entropy, Σ (p − y) ∂z, is
/// what rounding p to an f32 leaves of it, which is much where the network is sure and p − 1 all but 0.
#[test]
fn fgsm_differs_only_where_the_gradient_is_rounding() {
    let net = fashion(Engine::Cpu);
    let wanted = request(KEPT, settings("fgsm"));
    let outcome = run(&net, &wanted);
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(&net, fashion_units(), &overrides, &control).unwrap();
    let slope = |loss| pollster::block_on(victim.slope(&wanted.pictures, &loss)).unwrap();
    let gradients = slope(Loss::CrossEntropy(labels(KEPT))).gradient;
    let mut chosen = vec![0.0; KEPT * 10];
    for (row, label) in chosen.chunks_exact_mut(10).zip(labels(KEPT)) {
        row[label] = 1.0;
    }
    let logit = slope(Loss::Logits(Tensor::new(chosen, [KEPT, 10]).unwrap())).gradient;
    let theirs = &arrays("attacks.safetensors")["fgsm"].data;
    let mut differing = 0;
    for (at, (gradient, logit)) in gradients.data().iter().zip(logit.data()).enumerate() {
        if (outcome.pictures.data()[at] - theirs[at]).abs() > 1e-5 {
            differing += 1;
            println!("value {at}: ∂L is {gradient:.1e}, ∂z of the label {logit:.1e}");
            assert!(gradient.abs() <= f32::EPSILON * logit.abs(), "{at}");
        }
    }
    assert!(differing <= KEPT, "{differing}");
}

#[test]
#[ignore = "some minutes; ./build.sh test --all runs it"]
fn over_many_pictures_as_many_are_fooled_as_far_away() {
    let net = fashion(Engine::Cpu);
    for case in cases::<Case>("attacks.json") {
        let outcome = run(&net, &request(case.count, settings(&case.name)));
        let fooled = outcome.success.iter().filter(|&&fooled| fooled).count();
        let success = fooled as f64 / case.count as f64;
        let [l2, linf] = norms(&outcome);
        println!(
            "{}: fooled {:.1} % (Foolbox {:.1} %), median L2 {l2:.4} ({:.4}), L∞ {linf:.4} ({:.4})",
            case.name,
            100.0 * success,
            100.0 * case.success,
            case.l2,
            case.linf
        );
        assert!((success - case.success).abs() <= 0.02, "{}", case.name);
        assert!((l2 / case.l2 - 1.0).abs() <= 0.05 && (linf / case.linf - 1.0).abs() <= 0.05);
    }
}
