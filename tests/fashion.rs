//! The shipped `fashion` network: accuracy, candle's independent forward pass, and FullGrad's sum.

mod common;

use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use common::shipped::{self, file, labels, pictures};
use common::{arrays, gpu_engine, relative_error};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::load::arch::fashion;
use convscope::net::objective::{Objective, Term};
use convscope::net::{Net, Overrides};
use convscope::tensor::Tensor;

fn logits(net: &Net, x: &Tensor) -> Tensor {
    pollster::block_on(net.logits(x, &Overrides::new(), &Control::new())).unwrap()
}

fn gradient(net: &Net, x: &Tensor, class: usize, wrt: &[&str]) -> (f32, Vec<Tensor>) {
    let objective: Objective = vec![(Term::Logit(class), 1.0)];
    pollster::block_on(net.gradient(x, &objective, wrt, &Overrides::new(), &Control::new()))
        .unwrap()
}

#[test]
fn the_shipped_graph_is_the_architecture_that_was_trained() {
    let graph: serde_json::Value =
        serde_json::from_slice(&file("models/fashion/graph.json")).unwrap();
    assert_eq!(graph, fashion::graph("fashion"));
}

#[test]
fn nine_of_ten_test_pictures_are_classified_right() {
    let (x, labels) = (pictures(2000), labels(2000));
    let logits = logits(&shipped::fashion(Engine::Cpu), &x);
    let right = logits
        .data()
        .chunks_exact(10)
        .zip(&labels)
        .filter(|(row, label)| row.iter().all(|&z| z <= row[**label]))
        .count();
    assert!(right >= 1800, "{right} of 2000");
}

#[test]
fn candles_own_forward_pass_gives_the_same_logits() {
    let x = pictures(20);
    let weights = candle_core::safetensors::load_buffer(
        &file("models/fashion/weights.safetensors"),
        &Device::Cpu,
    )
    .unwrap();
    let module =
        fashion::Fashion::new(&VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu))
            .unwrap();
    let pictures = candle_core::Tensor::from_slice(x.data(), x.shape(), &Device::Cpu).unwrap();
    let expected: Vec<f32> = module
        .forward(&pictures)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    let error = relative_error(logits(&shipped::fashion(Engine::Cpu), &x).data(), &expected);
    assert!(error < 1e-5, "{error}");
}

/// Relative to the largest value; a gradient passes kinks, where one rounding shows.
fn check_against_pytorch(engine: Engine) {
    let net = shipped::fashion(engine);
    let stored = arrays("fashion.safetensors");
    let pictures = stored["pictures"].data.chunks_exact(784);
    let rows = stored["logits"].data.chunks_exact(10);
    let gradients = stored["gradient"].data.chunks_exact(784);
    for (((picture, row), expected), &label) in pictures
        .zip(rows)
        .zip(gradients)
        .zip(&stored["labels"].data)
    {
        let x = Tensor::new(picture.to_vec(), [1, 1, 28, 28]).unwrap();
        let error = relative_error(logits(&net, &x).data(), row);
        assert!(error < 1e-5, "logits: {error}");
        let error = relative_error(
            gradient(&net, &x, label as usize, &["input"]).1[0].data(),
            expected,
        );
        assert!(error < 1e-3, "input gradient: {error}");
    }
}

#[test]
fn logits_and_input_gradients_agree_with_pytorch_on_the_cpu_engine() {
    check_against_pytorch(Engine::Cpu);
}

#[test]
fn logits_and_input_gradients_agree_with_pytorch_on_the_gpu_engine() {
    if let Some(engine) = gpu_engine() {
        check_against_pytorch(engine);
    }
}

/// f(x) = Σ x · g_x + Σ b · g_b over every bias of the network as it runs, batch norm folded: b = β − γ μ / √(σ² + ε).
#[test]
fn the_full_gradient_sums_to_the_logit() {
    let net = shipped::fashion(Engine::Cpu);
    let (x, labels) = (pictures(1), labels(1));
    let wrt = ["input", "norm1.bias", "norm2.bias", "norm3.bias", "fc.bias"];
    let (logit, gradients) = gradient(&net, &x, labels[0], &wrt);
    let mut sum: f64 = dot(x.data(), gradients[0].data())
        + dot(net.weights("fc.bias").unwrap().data(), gradients[4].data());
    for (stage, gradient) in (1..).zip(&gradients[1..=3]) {
        let vector = |name: &str| {
            net.weights(&format!("norm{stage}.{name}"))
                .unwrap()
                .into_data()
        };
        let (gamma, beta, mean, variance) = (
            vector("weight"),
            vector("bias"),
            vector("running_mean"),
            vector("running_var"),
        );
        let bias: Vec<f32> = (0..beta.len())
            .map(|c| beta[c] - gamma[c] * mean[c] / (variance[c] + 1e-5).sqrt())
            .collect();
        sum += dot(&bias, gradient.data());
    }
    let error = (sum - f64::from(logit)).abs() / f64::from(logit).abs();
    assert!(error < 1e-3, "the parts sum to {sum}, the logit is {logit}");
}

#[test]
fn both_engines_agree_on_logits_and_gradients() {
    let Some(engine) = gpu_engine() else { return };
    let (cpu, gpu) = (shipped::fashion(Engine::Cpu), shipped::fashion(engine));
    let (x, labels) = (pictures(3), labels(3));
    let error = relative_error(logits(&gpu, &x).data(), logits(&cpu, &x).data());
    assert!(error < 1e-4, "logits: {error}");
    let wrt = [
        "input",
        "conv1.weight",
        "conv2.weight",
        "norm2.weight",
        "norm3.bias",
        "fc.weight",
        "fc.bias",
    ];
    let (expected, got) = (
        gradient(&cpu, &x, labels[0], &wrt).1,
        gradient(&gpu, &x, labels[0], &wrt).1,
    );
    for ((name, expected), got) in wrt.iter().zip(&expected).zip(&got) {
        let error = relative_error(got.data(), expected.data());
        assert!(error < 1e-4, "{name}: {error}");
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum()
}
