//! EfficientNet-Lite0 as the build converts it, against PyTorch on four photographs.
//!
//! The network comes from `.cache/models`, where `./build.sh build` puts it; where the build had to leave it out, these
//! tests say so and check nothing.

mod common;

use common::shipped::lite0;
use common::{arrays, gpu_engine, relative_error};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::net::objective::{Objective, Term};
use convscope::net::{Net, Overrides};
use convscope::ops::Op;
use convscope::ops::activation::Function;
use convscope::picture::{Preprocess, preprocess};
use convscope::tensor::Tensor;

const PHOTOGRAPHS: [(&str, usize); 4] = [
    ("chelsea", 282),
    ("coffee", 967),
    ("rocket", 657),
    ("flower", 985),
];

/// The photograph's stored crop as the page would hand it over.
fn photograph(crop: &[f32]) -> Tensor {
    let manifest = include_str!("../www/models/efficientnet-lite0/model.json");
    let manifest: serde_json::Value = serde_json::from_str(manifest).expect("the manifest is JSON");
    let mut rule = manifest["input"]["preprocess"].clone();
    // The fixture is cropped and resized already.
    rule["crop"] = serde_json::Value::Null;
    let rule = Preprocess::new(Some(&rule.to_string()), [3, 224, 224]).expect("the rule fits");
    let rgba: Vec<u8> = crop
        .chunks_exact(3)
        .flat_map(|pixel| [pixel[0] as u8, pixel[1] as u8, pixel[2] as u8, 255])
        .collect();
    preprocess(&rgba, 224, 224, &rule).expect("a picture")
}

fn gradient(net: &Net, x: &Tensor, class: usize, wrt: &[&str]) -> (f32, Vec<Tensor>) {
    let objective: Objective = vec![(Term::Logit(class), 1.0)];
    pollster::block_on(net.gradient(x, &objective, wrt, &Overrides::new(), &Control::new()))
        .expect("a gradient")
}

fn relative_l2(got: &[f32], expected: &[f64]) -> f64 {
    let difference: f64 = got
        .iter()
        .zip(expected)
        .map(|(a, b)| (f64::from(*a) - b).powi(2))
        .sum();
    (difference / expected.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

fn check(engine: Engine) {
    let Some(net) = lite0(engine) else { return };
    let stored = arrays("lite0.safetensors");
    for (name, class) in PHOTOGRAPHS {
        let x = photograph(&stored[&format!("{name}.crop")].data);
        let logits =
            pollster::block_on(net.logits(&x, &Overrides::new(), &Control::new())).expect("logits");
        let top = (0..1000).max_by(|&a, &b| logits.data()[a].total_cmp(&logits.data()[b]));
        assert_eq!(top, Some(class), "the class of {name}");
        let error = relative_error(logits.data(), &stored[&format!("{name}.logits")].data);
        assert!(error < 1e-3, "logits of {name}: {error}");

        let (value, gradients) = gradient(&net, &x, class, &["input"]);
        assert!(
            (value - logits.data()[class]).abs() < 1e-4,
            "the value is the logit"
        );
        let scale = f64::from(stored[&format!("{name}.scale")].data[0]);
        let expected: Vec<f64> = stored[&format!("{name}.gradient")]
            .data
            .iter()
            .map(|g| f64::from(*g) / scale)
            .collect();
        let distance = relative_l2(gradients[0].data(), &expected);
        assert!(distance < 3e-2, "input gradient of {name}: {distance}");
        println!("{name}: logits {error:.1e}, gradient {distance:.1e}");
    }
}

#[test]
fn logits_and_input_gradients_agree_with_pytorch_on_the_cpu_engine() {
    check(Engine::Cpu);
}

#[test]
fn logits_and_input_gradients_agree_with_pytorch_on_the_gpu_engine() {
    if let Some(engine) = gpu_engine() {
        check(engine);
    }
}

/// The network is linear between its kinks: a logit is what the picture, the biases and the saturated ReLU6 put in.
#[test]
fn the_full_gradient_sums_to_the_logit() {
    let Some(net) = lite0(Engine::Cpu) else {
        return;
    };
    let stored = arrays("lite0.safetensors");
    let x = photograph(&stored["chelsea.crop"].data);
    let nodes = net.graph().nodes();
    let biases: Vec<&str> = nodes
        .iter()
        .filter(|node| matches!(node.op, Op::Parameter(_)) && node.name.ends_with(".bias"))
        .map(|node| node.name.as_str())
        .collect();
    let rectifiers: Vec<&str> = nodes
        .iter()
        .filter(|node| matches!(&node.op, Op::Activation(a) if a.function == Function::Relu6))
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!((biases.len(), rectifiers.len()), (50, 33));
    let wrt: Vec<&str> = ["input"]
        .iter()
        .chain(&biases)
        .chain(&rectifiers)
        .copied()
        .collect();
    let (logit, gradients) = gradient(&net, &x, 282, &wrt);
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    let mut sum = dot(x.data(), gradients[0].data());
    for (name, gradient) in biases.iter().zip(&gradients[1..]) {
        sum += dot(net.weights(name).expect("a bias").data(), gradient.data());
    }
    let outputs =
        pollster::block_on(net.activations(&x, &rectifiers, &Overrides::new(), &Control::new()))
            .expect("activations");
    for (output, gradient) in outputs.iter().zip(&gradients[1 + biases.len()..]) {
        let saturated: Vec<f32> = output
            .data()
            .iter()
            .map(|&y| if y >= 6.0 { 6.0 } else { 0.0 })
            .collect();
        sum += dot(&saturated, gradient.data());
    }
    let error = (sum - f64::from(logit)).abs() / f64::from(logit).abs();
    assert!(error < 1e-3, "the parts sum to {sum}, the logit is {logit}");
    println!("the parts sum to {sum:.6}, the logit is {logit:.6}");
}
