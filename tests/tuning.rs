//! Which way a layer is computed is measured, kept, and can be chosen; the answers do not depend on it.

mod common;

use common::shipped::{fashion, pictures};
use common::{gpu_engine, relative_error};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::engine::gpu::{Choices, Gpu, Layer};
use convscope::net::objective::Term;
use convscope::net::{Net, Overrides};
use convscope::ops::Operator as _;
use convscope::ops::conv2d::{Conv2d, Geometry};
use convscope::tensor::{Shape, Tensor};
use pollster::block_on;

/// Far more than is needed: it must not run out on a busy machine.
const LONG: f64 = 1e6;

fn device(net: &Net) -> &Gpu {
    match net.engine() {
        Engine::Gpu(gpu, _) => gpu,
        Engine::Cpu => panic!("the network runs on the CPU"),
    }
}

/// Logits of pictures and a logit's gradient to them.
fn answers(net: &Net, images: &Tensor) -> [Vec<f32>; 2] {
    let (overrides, control) = (Overrides::new(), Control::new());
    let logits = block_on(net.logits(images, &overrides, &control)).unwrap();
    let objective = vec![(Term::Logit(3), 1.0)];
    let asked = net.gradient(images, &objective, &["input"], &overrides, &control);
    let (_, gradients) = block_on(asked).unwrap();
    [logits.data().to_vec(), gradients[0].data().to_vec()]
}

fn layer() -> Layer {
    Layer {
        op: Conv2d::plain(Geometry {
            padding: [1; 4].into(),
            ..Geometry::default()
        })
        .into(),
        inputs: vec![Shape::new(1, 16, 12, 12), Shape::new(16, 16, 3, 3)],
        output: Shape::new(1, 16, 12, 12),
    }
}

#[test]
fn what_is_measured_is_chosen_and_not_measured_again() {
    let Some(engine) = gpu_engine() else { return };
    let net = fashion(engine);
    let gpu = device(&net);
    let tune = |milliseconds| block_on(net.tune(milliseconds, &Control::new())).unwrap();
    tune(-1.0);
    assert_eq!(gpu.choices(), Choices::new(), "there was no time");
    tune(LONG);
    let chosen = gpu.choices();
    // Three convolutions forward, and back to the input.
    assert_eq!(chosen.len(), 6, "{chosen:?}");
    let compiled = gpu.memory().pipelines;
    tune(LONG);
    assert_eq!(gpu.choices(), chosen);
    assert_eq!(gpu.memory().pipelines, compiled);
}

#[test]
fn a_choice_is_what_is_computed() {
    let Some(engine) = gpu_engine() else { return };
    let net = fashion(engine);
    let gpu = device(&net);
    let layer = layer();
    let name = layer.name().unwrap();
    let ways = layer.op.gpu_ways(&layer.inputs, layer.output).unwrap();
    assert!(ways.len() > 3);
    for way in ways {
        gpu.choose(Choices::from([(name.clone(), way.name.to_owned())]));
        assert_eq!(gpu.kernels(&layer).unwrap(), way.kernels);
    }
    gpu.choose(Choices::from([(name, "by magic".to_owned())]));
    let preferred = layer.op.gpu(&layer.inputs, layer.output).unwrap();
    assert_eq!(gpu.kernels(&layer).unwrap(), preferred);
}

#[test]
fn answers_are_the_same_whatever_is_chosen() {
    let images = pictures(3);
    let expected = answers(&fashion(Engine::Cpu), &images);
    let mut choices = Choices::new();
    for way in [
        "rows_small",
        "taps",
        "winograd",
        "winograd_small",
        "winograd_shared",
    ] {
        let Some(engine) = gpu_engine() else { return };
        let net = fashion(engine);
        if choices.is_empty() {
            block_on(net.tune(LONG, &Control::new())).unwrap();
            choices = device(&net).choices();
        }
        choices
            .values_mut()
            .for_each(|chosen| way.clone_into(chosen));
        device(&net).choose(choices.clone());
        for (found, expected) in answers(&net, &images).iter().zip(&expected) {
            let error = relative_error(found, expected);
            assert!(error < 1e-4, "{way}: {error}");
        }
    }
}
