//! Attributions: the identities that prove each method, on both engines.

mod common;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use common::shipped::{chelsea, fashion, lite0, pictures};
use common::{Array, arrays, cases, gpu_engine, relative_error};
use convscope::engine::Engine;
use convscope::engine::control::{Control, Progress};
use convscope::error::Code;
use convscope::lens::attribution::{
    Baseline, Identity, Method, Rule, Settings, attribute, identities, resized,
};
use convscope::load::data;
use convscope::net::objective::{Objective, Term};
use convscope::net::{Net, Override, Overrides};
use convscope::tensor::Tensor;
use pollster::block_on;
use serde::Deserialize;

/// Relative L2 distance that agreement allows.
const AGREEMENT: f64 = 1e-3;

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

/// Methods that take many passes a picture.
const LONG: [(Method, &str); 8] = [
    (Method::IntegratedGradients, "steps"),
    (Method::SmoothGrad, "samples"),
    (Method::SmoothGradSq, "samples"),
    (Method::VarGrad, "samples"),
    (Method::Occlusion, "windows"),
    (Method::Rise, "masks"),
    (Method::ScoreCam, "channels"),
    (Method::AblationCam, "channels"),
];

#[test]
fn long_methods_sharpen_until_the_last_estimate_is_the_map_and_a_stop_keeps_what_there_is() {
    let net = fashion(Engine::Cpu);
    let images = pictures(8);
    for (method, what) in LONG {
        let settings = Settings {
            masks: 50,
            stride: Some([4, 4]),
            resize: true,
            ..Settings::default()
        };
        // Collects estimates, and stops after so many.
        let seen = |most: usize| {
            let steps: Rc<RefCell<Vec<Progress>>> = Rc::default();
            let stop: Rc<OnceCell<Control>> = Rc::default();
            let (mine, stopped) = (steps.clone(), stop.clone());
            let control = Control::reporting(move |progress| {
                mine.borrow_mut().push(progress);
                if let Some(control) = stopped.get().filter(|_| mine.borrow().len() >= most) {
                    control.abort();
                }
            });
            assert!(stop.set(control.clone()).is_ok());
            let none = Overrides::new();
            let map = block_on(attribute(&net, &images, method, &settings, &none, &control));
            (map, steps.take())
        };
        let (map, steps) = seen(usize::MAX);
        let (map, name) = (map.unwrap(), method.name());
        assert!(
            steps.len() >= 3,
            "{name}: {} batches of {what}",
            steps.len()
        );
        let estimates: Vec<Tensor> = (steps.into_iter())
            .map(|step| {
                step.partial
                    .unwrap_or_else(|| panic!("{name} shows nothing"))
            })
            .collect();
        assert!(
            estimates.last() == Some(&map),
            "{name}: the last estimate is another map"
        );
        for estimate in &estimates {
            assert_eq!(estimate.shape(), map.shape(), "{name}");
            assert!(estimate.data().iter().all(|v| v.is_finite()), "{name}");
        }
        let far = |estimate: &Tensor| relative_error(estimate.data(), map.data());
        let late = &estimates[estimates.len() - 2];
        assert!(far(&estimates[0]) > far(late), "{name}");
        assert!(far(late) > 0.0, "{name}: the estimate stands still");

        let (stopped, kept) = seen(2);
        assert_eq!(stopped.unwrap_err().code, Code::Aborted, "{name}");
        let kept: Vec<_> = kept.into_iter().filter_map(|step| step.partial).collect();
        assert!(
            kept == estimates[..2],
            "{name}: other estimates before a stop"
        );
    }
}

#[test]
fn a_picture_of_one_colour_has_no_noise_to_vary_by() {
    let flat = Tensor::new(vec![0.3; 784], [1, 1, 28, 28]).unwrap();
    for engine in [Some(Engine::Cpu), gpu_engine()].into_iter().flatten() {
        let net = fashion(engine);
        let settings = Settings::default();
        let gradient = map(&net, &flat, Method::Gradient, &settings);
        let mean = map(&net, &flat, Method::SmoothGrad, &settings);
        let variance = map(&net, &flat, Method::VarGrad, &settings);
        assert!(variance.data().iter().all(|&v| v == 0.0), "{variance:?}");
        assert!(relative_error(mean.data(), gradient.data()) < 1e-6);
    }
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
            masks: 20,
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

/// A layer replaced for each picture apart follows its picture through every batch.
#[test]
fn overrides_follow_their_pictures() {
    let sample = &Sample::all()[2];
    let net = sample.network(Engine::Cpu);
    let images = sample.tensor("given/x");
    let length = images.activation_shape().picture();
    let names = ["act1"];
    let swapped = images.pictures(&[1, 0], 2, length).unwrap();
    let replaced = block_on(net.activations(&swapped, &names, &Overrides::new(), &Control::new()))
        .unwrap()
        .remove(0);
    let overrides = Overrides::from([("act1".to_owned(), Override::Replace(replaced))]);
    let settings = Settings {
        layer: Some("act2".to_owned()),
        ..sample.settings()
    };
    for method in [Method::GradCam, Method::AblationCam, Method::EigenCam] {
        let got = block_on(attribute(
            &net,
            &images,
            method,
            &settings,
            &overrides,
            &Control::new(),
        ));
        let expected = map(&net, &swapped, method, &settings);
        let error = relative_l2(got.unwrap().data(), expected.data());
        assert!(error < 1e-6, "{}: {error}", method.name());
    }
    let blind = block_on(attribute(
        &net,
        &images,
        Method::Occlusion,
        &settings,
        &overrides,
        &Control::new(),
    ));
    assert!(
        blind.unwrap().data().iter().all(|&v| v == 0.0),
        "nothing of the picture is seen"
    );
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

/// What is done to a map and its pictures before it is compared.
type Prepare = fn(&Tensor, &Tensor) -> Vec<f32>;

/// A stored map's name, the method and the settings that make it, and what is done before.
type Expected = (String, Method, Settings, Prepare);

#[derive(Deserialize)]
struct Case {
    name: String,
    target: usize,
    steps: usize,
    layers: Vec<String>,
    graph: serde_json::Value,
}

/// A network of the fixture with what was given to PyTorch and what it answered.
struct Sample {
    case: Case,
    arrays: HashMap<String, Array>,
}

impl Sample {
    fn all() -> Vec<Self> {
        let stored = arrays("attributions.safetensors");
        let of = |case: Case| {
            let start = format!("{}/", case.name);
            let named = stored.iter().filter_map(|(name, array)| {
                name.strip_prefix(&start)
                    .map(|name| (name.to_owned(), array.clone()))
            });
            Self {
                arrays: named.collect(),
                case,
            }
        };
        cases("attributions.json").into_iter().map(of).collect()
    }

    fn tensor(&self, name: &str) -> Tensor {
        let array = &self.arrays[name];
        Tensor::new(array.data.clone(), array.shape.clone()).unwrap()
    }

    fn network(&self, engine: Engine) -> Net {
        let weights: HashMap<String, Tensor> = self
            .arrays
            .keys()
            .filter_map(|name| Some((name.strip_prefix("weights/")?.to_owned(), self.tensor(name))))
            .collect();
        let graph = self.case.graph.to_string();
        Net::new(data::load(&graph, &weights).unwrap(), weights, engine)
    }

    fn settings(&self) -> Settings {
        Settings {
            target: Some(target(self.case.target)),
            steps: self.case.steps,
            ..Settings::default()
        }
    }

    /// Every map of the fixture.
    fn expected(&self) -> Vec<Expected> {
        let as_it_is = |map: &Tensor, _: &Tensor| map.data().to_vec();
        let base = || self.settings();
        let noisy = || Settings {
            noise: Some(self.tensor("given/noise")),
            ..base()
        };
        let mut list: Vec<Expected> = vec![
            ("gradient".into(), Method::Gradient, base(), as_it_is),
            (
                "input_x_gradient".into(),
                Method::InputXGradient,
                base(),
                as_it_is,
            ),
            ("smooth_grad".into(), Method::SmoothGrad, noisy(), as_it_is),
            (
                "smooth_grad_sq".into(),
                Method::SmoothGradSq,
                noisy(),
                as_it_is,
            ),
            ("var_grad".into(), Method::VarGrad, noisy(), as_it_is),
            ("full_grad".into(), Method::FullGrad, base(), scaled),
        ];
        for (name, rule) in Rule::ALL {
            let settings = Settings { rule, ..base() };
            let name = format!("integrated_gradients.{name}");
            list.push((name, Method::IntegratedGradients, settings, as_it_is));
        }
        let from = Settings {
            baseline: Baseline::Picture(self.tensor("given/baseline")),
            ..base()
        };
        list.push((
            "integrated_gradients.baseline".into(),
            Method::IntegratedGradients,
            from,
            as_it_is,
        ));
        let channels = self.arrays["given/x"].shape[1];
        let windows = Settings {
            window: Some([5, 4]),
            stride: Some([3, 2]),
            fill: Baseline::Colour(vec![0.25; channels]),
            ..base()
        };
        list.push(("occlusion".into(), Method::Occlusion, windows, as_it_is));
        let masks = Settings {
            given_masks: Some(self.tensor("given/masks")),
            ..base()
        };
        list.push(("rise".into(), Method::Rise, masks, first_channel));
        if self.case.name == "gap" {
            let raw = Settings {
                relu: false,
                ..base()
            };
            list.push(("cam".into(), Method::Cam, raw, as_it_is));
        }
        let difference = Settings {
            target: Some(vec![(Term::Logit(1), 1.0), (Term::Logit(2), -1.0)]),
            ..base()
        };
        list.push(("difference".into(), Method::Gradient, difference, as_it_is));
        for layer in &self.case.layers {
            let at = |relu: bool| Settings {
                layer: Some(layer.clone()),
                relu,
                ..base()
            };
            for method in [
                Method::GradCam,
                Method::GradCamPp,
                Method::HiResCam,
                Method::LayerCam,
                Method::ScoreCam,
                Method::EigenCam,
                Method::AblationCam,
            ] {
                list.push((
                    format!("{}.{layer}", method.name()),
                    method,
                    at(true),
                    scaled,
                ));
            }
            if self.case.name != "concat" {
                let name = format!("guided_grad_cam.{layer}");
                list.push((name, Method::GuidedGradCam, at(true), as_it_is));
            }
            for (name, relu) in [("raw", false), ("relu", true)] {
                let name = format!("grad_cam.{name}.{layer}");
                list.push((name, Method::GradCam, at(relu), as_it_is));
            }
        }
        list
    }
}

/// pytorch-grad-cam's scaling: stretched to [0, 1], at the picture's size, stretched again.
fn scaled(map: &Tensor, images: &Tensor) -> Vec<f32> {
    let stretch = |map: &mut Tensor| {
        let shape = map.activation_shape();
        for plane in map.data_mut().chunks_exact_mut(shape.plane()) {
            let least = plane.iter().copied().fold(f32::INFINITY, f32::min);
            plane.iter_mut().for_each(|v| *v -= least);
            let most = plane.iter().copied().fold(0.0, f32::max);
            plane.iter_mut().for_each(|v| *v /= 1e-7 + most);
        }
    };
    let mut map = map.clone();
    stretch(&mut map);
    let mut map = resized(&map, images.activation_shape()).unwrap();
    stretch(&mut map);
    map.into_data()
}

/// One channel of maps that are equal over channels.
fn first_channel(map: &Tensor, _: &Tensor) -> Vec<f32> {
    let shape = map.activation_shape();
    let pictures = map.data().chunks_exact(shape.picture());
    pictures
        .flat_map(|picture| picture[..shape.plane()].to_vec())
        .collect()
}

/// ‖a − b‖ / ‖b‖.
fn relative_l2(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "as many values as expected");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(a - b)));
    difference / norm(&mut b.iter().map(|&b| f64::from(b)))
}

/// Every method against the fixture; prints the table of relative errors.
fn check_agreement(engine: impl Fn() -> Engine, name: &str) {
    let mut wrong = Vec::new();
    for sample in Sample::all() {
        let net = sample.network(engine());
        let images = sample.tensor("given/x");
        let all = sample.expected();
        // Of what is stored only the logits are no map.
        let stored = sample.arrays.keys().filter(|name| name.starts_with("map/"));
        assert_eq!(stored.count(), all.len() + 1, "every map is compared");
        for (key, method, settings, prepare) in all {
            let map = map(&net, &images, method, &settings);
            let expected = &sample.arrays[&format!("map/{key}")].data;
            let error = relative_l2(&prepare(&map, &images), expected);
            println!("{name} {} {key} {error:.1e}", sample.case.name);
            if error.is_nan() || error > AGREEMENT {
                wrong.push(format!("{} {key}: {error:.1e}", sample.case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn maps_agree_with_captum_and_grad_cam_on_the_cpu_engine() {
    check_agreement(|| Engine::Cpu, "cpu");
}

#[test]
fn maps_agree_with_captum_and_grad_cam_on_the_gpu_engine() {
    if let Some(engine) = gpu_engine() {
        let Engine::Gpu(gpu, _) = engine else {
            panic!("an engine on a GPU");
        };
        check_agreement(|| Engine::gpu(&gpu), "gpu");
    }
}

#[test]
fn saliency_is_the_gradients_size() {
    let sample = &Sample::all()[0];
    let net = sample.network(Engine::Cpu);
    let images = sample.tensor("given/x");
    let map = map(&net, &images, Method::Saliency, &sample.settings());
    let expected: Vec<f32> = sample.arrays["map/gradient"]
        .data
        .iter()
        .map(|g| g.abs())
        .collect();
    assert!(relative_l2(map.data(), &expected) < AGREEMENT);
}

fn check(net: &Net, image: &Tensor, method: Method, settings: &Settings) -> Vec<Identity> {
    let (overrides, control) = (Overrides::new(), Control::new());
    block_on(identities(
        net, image, method, settings, None, &overrides, &control,
    ))
    .unwrap()
}

fn check_identities(engine: impl Fn() -> Engine) {
    let mut wrong = Vec::new();
    for sample in Sample::all() {
        let net = sample.network(engine());
        let images = sample.tensor("given/x");
        let one = images
            .pictures(&[0], 2, images.activation_shape().picture())
            .unwrap();
        let settings = Settings {
            steps: 50,
            samples: 200,
            ..sample.settings()
        };
        let is_linear_head = sample.case.name == "gap";
        for (method, expected) in [
            (Method::IntegratedGradients, true),
            (Method::FullGrad, true),
            (Method::SmoothGrad, true),
            (Method::Cam, is_linear_head),
            (Method::GradCam, is_linear_head),
            (Method::HiResCam, is_linear_head),
            (Method::DeepLift, true),
            (Method::Lrp, true),
            (Method::LayerCam, false),
        ] {
            let found = check(&net, &one, method, &settings);
            assert_eq!(
                !found.is_empty(),
                expected,
                "{} {}",
                sample.case.name,
                method.name()
            );
            for identity in found {
                println!("{} {} {identity:?}", sample.case.name, method.name());
                if !identity.holds {
                    wrong.push(format!("{} {}", sample.case.name, method.name()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn identities_hold_on_the_cpu_engine() {
    check_identities(|| Engine::Cpu);
}

#[test]
fn identities_hold_on_the_gpu_engine() {
    if let Some(Engine::Gpu(gpu, _)) = gpu_engine() {
        check_identities(|| Engine::gpu(&gpu));
    }
}

#[test]
fn an_identity_fails_for_a_map_that_is_not_the_methods() {
    let net = fashion(Engine::Cpu);
    let images = pictures(1);
    let settings = Settings {
        target: Some(target(9)),
        ..Settings::default()
    };
    let gradient = map(&net, &images, Method::Gradient, &settings);
    let (overrides, control) = (Overrides::new(), Control::new());
    let found = block_on(identities(
        &net,
        &images,
        Method::IntegratedGradients,
        &settings,
        Some(&gradient),
        &overrides,
        &control,
    ))
    .unwrap();
    assert!(!found[0].holds, "{:?}", found[0]);
}

#[test]
fn the_gallery_of_fashion_proves_itself() {
    let net = fashion(Engine::Cpu);
    let images = pictures(1);
    for method in [
        Method::IntegratedGradients,
        Method::SmoothGrad,
        Method::FullGrad,
        Method::Cam,
        Method::GradCam,
        Method::HiResCam,
    ] {
        let found = check(&net, &images, method, &Settings::default());
        assert!(
            found.len() == 1 && found[0].holds,
            "{} {found:?}",
            method.name()
        );
    }
}

#[test]
fn class_activation_maps_are_raw_rectified_or_at_the_pictures_size() {
    let net = fashion(Engine::Cpu);
    let images = pictures(2);
    let with = |relu: bool, resize: bool| {
        let settings = Settings {
            relu,
            resize,
            target: Some(target(3)),
            ..Settings::default()
        };
        map(&net, &images, Method::GradCam, &settings)
    };
    let raw = with(false, false);
    assert_eq!(raw.shape(), [2, 1, 7, 7]);
    assert!(raw.data().iter().any(|&v| v < 0.0));
    let positive: Vec<f32> = raw.data().iter().map(|v| v.max(0.0)).collect();
    assert_eq!(with(true, false).data(), positive);
    assert_eq!(with(true, true).shape(), [2, 1, 28, 28]);
}

/// Fifty layers with depthwise convolutions, ReLU6 and residual sums, where the build has made the network.
#[test]
fn identities_hold_on_efficientnet_lite0() {
    let Some(net) = lite0(Engine::Cpu) else {
        return;
    };
    let image = chelsea();
    for method in [
        Method::FullGrad,
        Method::Cam,
        Method::GradCam,
        Method::HiResCam,
    ] {
        let found = check(&net, &image, method, &Settings::default());
        println!("{} {found:?}", method.name());
        assert!(
            found.len() == 1 && found[0].holds,
            "{} {found:?}",
            method.name()
        );
    }
}

/// Natively measured, every method for one picture of fashion: run with `--ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn how_long_the_gallery_takes() {
    let net = fashion(Engine::Cpu);
    // The first round makes the programs, the second finds them made, and each has another picture.
    for round in 0..2 {
        let image = pictures(2).pictures(&[round], 2, 784).unwrap();
        let target = Some(target(round));
        let settings = Settings {
            target,
            ..Settings::default()
        };
        let (mut all, mut cheap) = (0.0, 0.0);
        for &method in Method::ALL {
            let began = std::time::Instant::now();
            map(&net, &image, method, &settings);
            let seconds = began.elapsed().as_secs_f64();
            println!("round {round}: {} {:.1} ms", method.name(), 1e3 * seconds);
            all += seconds;
            if !matches!(method, Method::Rise | Method::Occlusion | Method::ScoreCam) {
                cheap += seconds;
            }
        }
        println!(
            "round {round}: without occlusion, rise and score_cam {cheap:.3} s, all {all:.3} s"
        );
    }
}
