//! Attributions: the identities that prove each method, on both engines.

mod common;

use std::path::PathBuf;

use common::{gpu_engine, relative_error};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::lens::attribution::{Baseline, Method, Settings, attribute};
use convscope::load::{data, safetensors};
use convscope::net::objective::{Objective, Term};
use convscope::net::{Net, Overrides};
use convscope::tensor::Tensor;
use pollster::block_on;

fn file(path: &str) -> Vec<u8> {
    std::fs::read(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("www")
            .join(path),
    )
    .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn fashion(engine: Engine) -> Net {
    let weights = safetensors::load(&file("models/fashion/weights.safetensors")).unwrap();
    let graph = String::from_utf8(file("models/fashion/graph.json")).unwrap();
    Net::new(data::load(&graph, &weights).unwrap(), weights, engine)
}

/// The first `count` pictures of the shipped test pack in model space.
fn pictures(count: usize) -> Tensor {
    let pack = safetensors::load(&file("data/fashion-test-2000.safetensors")).unwrap();
    let values: Vec<f32> = pack["images"].data()[..count * 784]
        .iter()
        .map(|pixel| (pixel / 255.0 - 0.286) / 0.353)
        .collect();
    Tensor::new(values, [count, 1, 28, 28]).unwrap()
}

fn map(net: &Net, images: &Tensor, method: Method, settings: &Settings) -> Tensor {
    let (overrides, control) = (Overrides::new(), Control::new());
    block_on(attribute(
        net, images, method, settings, &overrides, &control,
    ))
    .unwrap()
}

fn values(net: &Net, images: &Tensor, objective: &Objective) -> Vec<f32> {
    block_on(net.values(images, objective, &Overrides::new(), &Control::new())).unwrap()
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum()
}

fn target(class: usize) -> Objective {
    vec![(Term::Logit(class), 1.0)]
}

#[test]
fn values_of_a_batch_are_those_of_its_pictures() {
    let net = fashion(Engine::Cpu);
    let images = pictures(3);
    let layer = "pool1".to_owned();
    let activation = |image: &Tensor| {
        let names = [layer.as_str()];
        block_on(net.activations(image, &names, &Overrides::new(), &Control::new()))
            .unwrap()
            .remove(0)
    };
    let one = images.pictures(&[1], 3, 784).unwrap();
    let goal = activation(&one);
    let terms: [Term; 9] = [
        Term::Logit(3),
        Term::Probability(2),
        Term::Loss(1),
        Term::Channel {
            layer: layer.clone(),
            channel: 4,
        },
        Term::Unit {
            layer: layer.clone(),
            channel: 4,
            y: 3,
            x: 5,
        },
        Term::MeanSquare {
            layer: layer.clone(),
        },
        Term::Content {
            layer: layer.clone(),
            target: goal,
            mean: true,
        },
        Term::TotalVariation {
            factor: 0.5,
            mean: false,
        },
        Term::L2 {
            factor: 0.5,
            mean: true,
        },
    ];
    for term in terms {
        let objective = vec![(term, 2.0), (Term::Logit(0), -1.0)];
        let together = values(&net, &images, &objective);
        assert_eq!(together.len(), 3);
        for (picture, value) in together.iter().enumerate() {
            let alone = images.pictures(&[picture], 3, 784).unwrap();
            let expected = values(&net, &alone, &objective);
            assert!(
                relative_error(&[*value], &expected) < 1e-5,
                "{objective:?}, picture {picture}: {value} and {expected:?}"
            );
        }
        let total = block_on(net.value(&images, &objective, &Overrides::new(), &Control::new()));
        assert!(relative_error(&[total.unwrap()], &[together.iter().sum()]) < 1e-5);
    }
}

fn check_completeness(engine: Engine) {
    let net = fashion(engine);
    let images = pictures(2);
    for (baseline, tolerance) in [
        (Baseline::Zero, 0.01),
        (Baseline::Mean, 0.01),
        (Baseline::Colour(vec![-0.8]), 0.01),
    ] {
        let settings = Settings {
            target: Some(target(4)),
            steps: 300,
            baseline: baseline.clone(),
            ..Settings::default()
        };
        let map = map(&net, &images, Method::IntegratedGradients, &settings);
        let from = baseline.pictures(&images, 0).unwrap();
        let (after, before) = (
            values(&net, &images, &target(4)),
            values(&net, &from, &target(4)),
        );
        for picture in 0..2 {
            let difference = f64::from(after[picture] - before[picture]);
            let error = (sum(&map.data()[picture * 784..][..784]) - difference) / difference;
            assert!(
                error.abs() < tolerance,
                "{baseline:?}, picture {picture}: {error}"
            );
        }
    }
}

#[test]
fn integrated_gradients_are_complete_on_the_cpu_engine() {
    check_completeness(Engine::Cpu);
}

#[test]
fn integrated_gradients_are_complete_on_the_gpu_engine() {
    if let Some(engine) = gpu_engine() {
        check_completeness(engine);
    }
}

#[test]
fn a_batch_is_explained_as_each_of_its_pictures_alone() {
    let net = fashion(Engine::Cpu);
    let images = pictures(3);
    for &method in Method::ALL {
        let settings = Settings {
            steps: 7,
            samples: 7,
            ..Settings::default()
        };
        let together = map(&net, &images, method, &settings);
        let length = together.data().len() / 3;
        for picture in 0..3 {
            let alone = images.pictures(&[picture], 3, 784).unwrap();
            let expected = map(&net, &alone, method, &settings);
            let got = &together.data()[picture * length..][..length];
            let error = relative_error(got, expected.data());
            assert!(
                error < 1e-5,
                "{}, picture {picture}: {error}",
                method.name()
            );
        }
    }
}

#[test]
fn smooth_grad_without_noise_is_the_gradient_and_its_variance_nothing() {
    let net = fashion(Engine::Cpu);
    let images = pictures(1);
    let settings = Settings {
        sigma: 0.0,
        samples: 3,
        ..Settings::default()
    };
    let gradient = map(&net, &images, Method::Gradient, &settings);
    let smooth = map(&net, &images, Method::SmoothGrad, &settings);
    assert!(relative_error(smooth.data(), gradient.data()) < 1e-6);
    let squares: Vec<f32> = gradient.data().iter().map(|g| g * g).collect();
    let square = map(&net, &images, Method::SmoothGradSq, &settings);
    assert!(relative_error(square.data(), &squares) < 1e-6);
    let variance = map(&net, &images, Method::VarGrad, &settings);
    let most = squares.iter().copied().fold(0.0, f32::max);
    assert!(variance.data().iter().all(|&v| v < 1e-6 * most));
}

#[test]
fn the_same_seed_draws_the_same_noise_and_another_one_other() {
    let net = fashion(Engine::Cpu);
    let images = pictures(1);
    let with = |seed: u64| {
        let settings = Settings {
            seed,
            samples: 4,
            ..Settings::default()
        };
        map(&net, &images, Method::SmoothGrad, &settings)
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

#[test]
fn settings_out_of_range_are_refused_with_a_sentence() {
    let net = fashion(Engine::Cpu);
    let images = pictures(1);
    let wrong = |method: Method, settings: Settings| {
        let (overrides, control) = (Overrides::new(), Control::new());
        let result = block_on(attribute(
            &net, &images, method, &settings, &overrides, &control,
        ));
        result.expect_err("it is out of range").message
    };
    let base = Settings::default;
    let message = wrong(Method::IntegratedGradients, Settings { steps: 0, ..base() });
    assert!(message.contains("steps"), "{message}");
    let message = wrong(
        Method::SmoothGrad,
        Settings {
            samples: 0,
            ..base()
        },
    );
    assert!(message.contains("samples"), "{message}");
    let message = wrong(
        Method::VarGrad,
        Settings {
            samples: 1,
            ..base()
        },
    );
    assert!(message.contains("samples"), "{message}");
    let message = wrong(
        Method::SmoothGrad,
        Settings {
            sigma: f32::NAN,
            ..base()
        },
    );
    assert!(message.contains("sigma"), "{message}");
    let noise = Some(Tensor::new(vec![0.0; 8], [2, 1, 2, 2]).unwrap());
    let message = wrong(Method::SmoothGrad, Settings { noise, ..base() });
    assert!(message.contains("noise"), "{message}");
    let message = wrong(
        Method::Occlusion,
        Settings {
            window: Some([40, 2]),
            ..base()
        },
    );
    assert!(message.contains("window"), "{message}");
    assert!(
        "gradcam"
            .parse::<Method>()
            .unwrap_err()
            .message
            .contains("gradcam")
    );
}
