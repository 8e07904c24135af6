//! Whether maps tell the truth: curves, likeness of maps, randomised weights.

mod common;

use std::collections::HashMap;

use common::lattice;
use common::shipped::{fashion, pictures};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::lens::attribution::{self, Method, attribute};
use convscope::lens::faithfulness::{Faithfulness, Settings, faithfulness};
use convscope::lens::similarity::similarity;
use convscope::load::data;
use convscope::net::objective::Term;
use convscope::net::{Net, Overrides};
use convscope::tensor::Tensor;
use pollster::block_on;
use serde_json::json;

/// One linear layer over (2, 5, 4).
fn linear() -> Net {
    let graph = json!({
        "name": "linear",
        "input": { "name": "x", "shape": [2, 5, 4] },
        "output": "logits",
        "nodes": [
            { "name": "flat", "op": "flatten", "inputs": ["x"] },
            { "name": "logits", "op": "linear", "inputs": ["flat"], "weight": "w", "bias": "b" },
        ],
    });
    let weights = HashMap::from([
        (
            "w".to_owned(),
            Tensor::new(lattice(1, 0, 120), [3, 40]).unwrap(),
        ),
        (
            "b".to_owned(),
            Tensor::new(vec![0.5, -0.5, 0.25], [3]).unwrap(),
        ),
    ]);
    let loaded = data::load(&graph.to_string(), &weights).unwrap();
    Net::new(loaded, weights, Engine::Cpu)
}

fn curves(net: &Net, image: &Tensor, map: &Tensor, settings: &Settings) -> Faithfulness {
    let (overrides, control) = (Overrides::new(), Control::new());
    block_on(faithfulness(
        net, image, map, settings, &overrides, &control,
    ))
    .unwrap()
}

fn map(net: &Net, images: &Tensor, method: Method) -> Tensor {
    let (settings, overrides) = (attribution::Settings::default(), Overrides::new());
    block_on(attribute(
        net,
        images,
        method,
        &settings,
        &overrides,
        &Control::new(),
    ))
    .unwrap()
}

#[test]
fn on_a_linear_network_the_areas_of_both_curves_sum_to_both_answers() {
    let net = linear();
    let image = Tensor::new(lattice(2, 0, 40), [1, 2, 5, 4]).unwrap();
    let importance = Tensor::new(lattice(3, 0, 20), [1, 1, 5, 4]).unwrap();
    let settings = Settings {
        target: Some(vec![(Term::Logit(1), 1.0)]),
        steps: 20,
        ..Settings::default()
    };
    let got = curves(&net, &image, &importance, &settings);
    let answer = |x: &Tensor| {
        let values = block_on(net.values(
            x,
            settings.target.as_ref().unwrap(),
            &Overrides::new(),
            &Control::new(),
        ));
        f64::from(values.unwrap()[0])
    };
    let ends = answer(&image) + answer(&Tensor::new(vec![0.0; 40], [1, 2, 5, 4]).unwrap());
    for curves in [&got.map, &got.random, &got.reversed] {
        assert_eq!(curves.deletion.values.len(), 21);
        let sum = curves.deletion.area + curves.insertion.area;
        assert!((sum - ends).abs() < 1e-5, "{sum} and {ends}");
    }
    // What is deleted first in one order is deleted last in the other.
    for (step, value) in got.map.deletion.values.iter().enumerate() {
        let other = got.reversed.insertion.values[20 - step];
        assert!((value - other).abs() < 1e-5, "{step}: {value} and {other}");
    }
}

#[test]
fn deletion_by_a_true_map_falls_faster_than_at_random_and_that_faster_than_reversed() {
    let net = fashion(Engine::Cpu);
    let images = pictures(20);
    let (mut deletion, mut insertion) = ([0.0; 3], [0.0; 3]);
    for picture in 0..20 {
        let image = images.pictures(&[picture], 20, 784).unwrap();
        let importance = map(&net, &image, Method::Occlusion);
        let got = curves(&net, &image, &importance, &Settings::default());
        for (index, curves) in [&got.map, &got.random, &got.reversed]
            .into_iter()
            .enumerate()
        {
            deletion[index] += curves.deletion.area / 20.0;
            insertion[index] += curves.insertion.area / 20.0;
        }
    }
    println!("mean areas of map, random, reversed: deletion {deletion:?}, insertion {insertion:?}");
    assert!(
        deletion[0] < deletion[1] && deletion[1] < deletion[2],
        "{deletion:?}"
    );
    assert!(
        insertion[0] > insertion[1] && insertion[1] > insertion[2],
        "{insertion:?}"
    );
}

#[test]
fn maps_of_another_size_are_resized_and_others_refused() {
    let net = fashion(Engine::Cpu);
    let image = pictures(1);
    let small = map(&net, &image, Method::GradCam);
    assert_eq!(small.shape(), [1, 1, 7, 7]);
    curves(&net, &image, &small, &Settings::default());
    let refused = |map: Tensor, settings: Settings| {
        let (overrides, control) = (Overrides::new(), Control::new());
        block_on(faithfulness(
            &net, &image, &map, &settings, &overrides, &control,
        ))
        .unwrap_err()
        .message
    };
    let many = Tensor::new(vec![0.0; 98], [2, 1, 7, 7]).unwrap();
    assert!(refused(many, Settings::default()).contains("map"));
    let broken = Tensor::new(vec![f32::NAN; 49], [1, 1, 7, 7]).unwrap();
    assert!(refused(broken, Settings::default()).contains("finite"));
    let settings = Settings {
        steps: 0,
        ..Settings::default()
    };
    assert!(refused(small, settings).contains("steps"));
}

#[test]
fn randomised_weights_keep_mean_and_deviation_and_restore_brings_them_back() {
    let net = fashion(Engine::Cpu);
    let before = net.weights("conv2.weight").unwrap();
    let statistics = net.weights("norm2.running_var").unwrap();
    net.randomize(&["conv2", "norm2", "pool2"], 7).unwrap();
    let after = net.weights("conv2.weight").unwrap();
    assert!(net.is_modified() && before != after);
    assert_eq!(net.weights("norm2.running_var").unwrap(), statistics);
    let moments = |values: &[f32]| {
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>();
        (mean, (squares / values.len() as f32).sqrt())
    };
    let (loaded, drawn) = (moments(before.data()), moments(after.data()));
    assert!(
        (loaded.0 - drawn.0).abs() < 0.05 * loaded.1,
        "{loaded:?} {drawn:?}"
    );
    assert!(
        (loaded.1 / drawn.1 - 1.0).abs() < 0.05,
        "{loaded:?} {drawn:?}"
    );
    // The same seed draws the same, whatever else is drawn; another one does not.
    net.randomize(&["conv2"], 7).unwrap();
    assert_eq!(net.weights("conv2.weight").unwrap(), after);
    net.randomize(&["conv1", "conv2", "logits"], 8).unwrap();
    assert_ne!(net.weights("conv2.weight").unwrap(), after);
    net.restore();
    assert!(!net.is_modified());
    assert_eq!(net.weights("conv2.weight").unwrap(), before);
    assert!(net.randomize(&["nowhere"], 0).is_err());
}

#[test]
fn maps_that_follow_the_network_change_when_its_weights_go() {
    let net = fashion(Engine::Cpu);
    let image = pictures(1);
    let layers: Vec<String> = net.layers().into_iter().map(|layer| layer.name).collect();
    let names: Vec<&str> = layers.iter().map(String::as_str).collect();
    for method in [
        Method::Gradient,
        Method::IntegratedGradients,
        Method::GradCam,
    ] {
        let before = map(&net, &image, method);
        let mut sum = 0.0;
        for seed in 0..5 {
            net.randomize(&names, seed).unwrap();
            sum += similarity(&before, &map(&net, &image, method))
                .unwrap()
                .spearman;
            net.restore();
        }
        let mean: f64 = sum / 5.0;
        println!("{}: {mean}", method.name());
        assert!(mean.abs() < 0.4, "{}: {mean}", method.name());
        let again = similarity(&before, &map(&net, &image, method)).unwrap();
        assert!((again.spearman - 1.0).abs() < 1e-9 && (again.ssim - 1.0).abs() < 1e-9);
    }
}
