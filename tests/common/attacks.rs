//! Attacks on the networks that ship, and on one small enough to know what must come of it.

use std::collections::HashMap;

use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::error::Result;
use convscope::lab::attack::{
    Attack, Bounds, Fgsm, Origin, Outcome, Plain, Request, Units, Victim as _, attack,
};
use convscope::load::data;
use convscope::net::{Net, Overrides};
use convscope::tensor::Tensor;

use super::shipped::{labels, pictures};

/// The rule for pixels of `fashion`.
pub fn fashion_units() -> Units {
    Units {
        mean: vec![0.286],
        std: vec![0.353],
    }
}

/// The first `count` test pictures as pixels from 0 to 1.
pub fn origin(count: usize) -> Origin {
    Origin::new(pictures(count), fashion_units(), Bounds::pixels(1)).unwrap()
}

/// An attack on them.
pub fn request(count: usize, attack: Attack) -> Request {
    Request {
        pictures: origin(count).start().clone(),
        labels: Some(labels(count)),
        targets: None,
        bounds: Bounds::pixels(1),
        attack,
        early_stop: false,
        seed: 5,
        every: 0,
    }
}

/// The class after each label.
pub fn next_classes(count: usize) -> Vec<usize> {
    labels(count).iter().map(|class| (class + 1) % 10).collect()
}

pub fn run_on(net: &Net, units: Units, request: &Request) -> Result<Outcome> {
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(net, units, &overrides, &control)?;
    pollster::block_on(attack(&victim, request, &control, async |_| Ok(true)))
}

/// On `fashion`.
pub fn run(net: &Net, request: &Request) -> Outcome {
    run_on(net, fashion_units(), request).unwrap()
}

/// The share of pictures that are fooled.
pub fn rate(outcome: &Outcome) -> f64 {
    let fooled = outcome.success.iter().filter(|&&fooled| fooled).count();
    fooled as f64 / outcome.success.len() as f64
}

pub fn fgsm(epsilon: f32) -> Attack {
    Attack::Fgsm(Fgsm { epsilon })
}

/// The logits of pictures in attack units.
pub fn logits(net: &Net, units: Units, pictures: &Tensor) -> Tensor {
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(net, units, &overrides, &control).unwrap();
    pollster::block_on(victim.logits(pictures)).unwrap()
}

/// Cross-entropies of pixels on `fashion`, in f64.
pub fn losses(net: &Net, pictures: &Tensor, classes: &[usize]) -> Vec<f64> {
    let row = |(row, &class): (&[f32], &usize)| {
        let sum: f64 = row.iter().map(|&z| f64::from(z - row[class]).exp()).sum();
        sum.ln()
    };
    let logits = logits(net, fashion_units(), pictures);
    logits
        .data()
        .chunks_exact(10)
        .zip(classes)
        .map(row)
        .collect()
}

/// z = W x + b over 3 × 3 pixels and `classes` classes, with W and b.
pub fn affine(classes: usize) -> (Net, Vec<f32>, Vec<f32>) {
    let graph = r#"{"name": "affine", "input": {"name": "x", "shape": [1, 3, 3]}, "output": "logits", "nodes": [
        {"name": "flat", "op": "flatten", "inputs": ["x"]},
        {"name": "logits", "op": "linear", "inputs": ["flat"], "weight": "w", "bias": "b"}]}"#;
    let w = super::lattice(3, 0, classes * 9);
    let b = super::lattice(3, 1, classes);
    let tensors = [
        ("w", Tensor::new(w.clone(), [classes, 9]).unwrap()),
        ("b", Tensor::new(b.clone(), [classes]).unwrap()),
    ];
    let weights: HashMap<String, Tensor> = tensors
        .into_iter()
        .map(|(name, tensor)| (name.to_owned(), tensor))
        .collect();
    let net = Net::new(data::load(graph, &weights).unwrap(), weights, Engine::Cpu);
    (net, w, b)
}

/// One picture for that network, in its own units without bounds.
pub fn affine_request(label: usize, attack: Attack) -> Request {
    Request {
        pictures: Tensor::new(super::lattice(9, 0, 9), [1, 1, 3, 3]).unwrap(),
        labels: Some(vec![label]),
        targets: None,
        bounds: Bounds::none(1),
        attack,
        early_stop: false,
        seed: 0,
        every: 0,
    }
}
