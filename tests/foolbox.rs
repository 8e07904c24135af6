//! The same attacks by Foolbox (`fixtures/make_attacks.py`): the same pictures, and over many as many fooled as far away.

mod common;

use common::attacks::{origin, request, run};
use common::shipped::fashion;
use common::{arrays, cases};
use convscope::engine::Engine;
use convscope::lab::attack::{Attack, Cw, DeepFool, Fgsm, Norm, Outcome, Pgd};
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

#[test]
fn the_same_pictures_come_out() {
    let net = fashion(Engine::Cpu);
    let expected = arrays("attacks.safetensors");
    for Case { name, .. } in cases::<Case>("attacks.json") {
        // The ways of Carlini and Wagner's Adam part where rounding does; what they find is compared over many pictures.
        if name == "cw" {
            continue;
        }
        let count = KEPT;
        let outcome = run(&net, &request(count, settings(&name)));
        let start = origin(count);
        let (mut furthest, mut equal) = (0f64, 0);
        for picture in 0..count {
            let range = picture * 784..(picture + 1) * 784;
            let ours = &outcome.pictures.data()[range.clone()];
            let theirs = &expected[&name].data[range.clone()];
            let fooled = expected[&format!("{name}.success")].data[picture] > 0.0;
            assert_eq!(
                outcome.success[picture], fooled,
                "{name}: picture {picture}"
            );
            let change = theirs.iter().zip(&start.start().data()[range]);
            let size: f64 = change.map(|(a, b)| f64::from(a - b).powi(2)).sum();
            let apart: f64 = (ours.iter().zip(theirs))
                .map(|(a, b)| f64::from(a - b).powi(2))
                .sum();
            furthest = furthest.max((apart / size.max(1e-12)).sqrt());
            equal += ours
                .iter()
                .zip(theirs)
                .filter(|(a, b)| (*a - *b).abs() < 1e-5)
                .count();
        }
        let equal = equal as f64 / (count * 784) as f64;
        println!(
            "{name}: {:.3} % of the values equal, changes apart by at most {furthest:.1e}",
            100.0 * equal
        );
        // A step along signs is the same or another altogether: where a gradient is all but 0, its sign is that of rounding,
        // and 40 steps go on from there.
        let [least, most] = match name.as_str() {
            "fgsm" => [0.999, 0.15],
            "pgd" => [0.97, 0.2],
            "deepfool" => [0.9, 0.1],
            _ => [0.0, 0.05],
        };
        assert!(
            equal >= least && furthest <= most,
            "{name}: {equal}, {furthest}"
        );
    }
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
