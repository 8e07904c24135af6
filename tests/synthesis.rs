//! Pictures by gradient ascent: closed forms, determinism, options that all change something, and the shipped network.

mod common;

use std::collections::HashMap;

use common::gpu_engine;
use common::shipped::{fashion, fashion_twin, lite0};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::error::Result;
use convscope::lab::synthesis::settings::{
    Blur, Octaves, Optimizer, Parametrization, Range, Settings, Transform,
};
use convscope::lab::synthesis::{Checkpoint, Normalization, Outcome, Request, Start, synthesize};
use convscope::load::data;
use convscope::net::objective::Term;
use convscope::net::{Net, Overrides};
use convscope::tensor::Tensor;

fn fashion_rule() -> Normalization {
    Normalization {
        mean: vec![0.286],
        std: vec![0.353],
        blue_first: false,
    }
}

/// S = w · x + b for pictures of 1 × 6 × 6.
fn linear() -> (Net, Vec<f32>) {
    let graph = r#"{"name": "linear", "input": {"name": "x", "shape": [1, 6, 6]}, "output": "logits", "nodes": [
        {"name": "flat", "op": "flatten", "inputs": ["x"]},
        {"name": "logits", "op": "linear", "inputs": ["flat"], "weight": "w", "bias": "b"}]}"#;
    let w: Vec<f32> = (0..72_u16)
        .map(|i| f32::from(i * 37 % 61) / 30.0 - 1.0)
        .collect();
    let tensors = [
        ("w", Tensor::new(w.clone(), [2, 36]).unwrap()),
        ("b", Tensor::new(vec![0.5, -0.5], [2]).unwrap()),
    ];
    let weights: HashMap<String, Tensor> = tensors
        .into_iter()
        .map(|(name, tensor)| (name.to_owned(), tensor))
        .collect();
    let net = Net::new(data::load(graph, &weights).unwrap(), weights, Engine::Cpu);
    (net, w)
}

fn request(term: Term, settings: Settings, steps: usize, size: [usize; 2]) -> Request<'static> {
    Request {
        objectives: vec![vec![(term, 1.0)]],
        settings,
        normalization: Normalization::none(1),
        count: 1,
        size,
        steps,
        start: Start::Noise,
        resume: None,
        diverse_layer: None,
        overrides: Overrides::new(),
        seed: 7,
        every: 16,
        checkpoints: 0,
    }
}

fn run(net: &Net, request: &Request<'_>) -> Result<Outcome> {
    pollster::block_on(synthesize(net, request, &Control::new(), async |_| {
        Ok(true)
    }))
}

fn small(preset: &str) -> Settings {
    Settings::preset(preset, 1, 28).unwrap()
}

fn for_fashion(class: usize, settings: Settings, steps: usize) -> Request<'static> {
    Request {
        normalization: fashion_rule(),
        ..request(Term::Logit(class), settings, steps, [28, 28])
    }
}

/// (N, K) probabilities.
fn probabilities(net: &Net, images: &Tensor) -> Vec<Vec<f32>> {
    let logits =
        pollster::block_on(net.logits(images, &Overrides::new(), &Control::new())).unwrap();
    let classes = logits.shape()[1];
    let softmax = |row: &[f32]| {
        let most = row.iter().copied().fold(f32::MIN, f32::max);
        let sum: f32 = row.iter().map(|z| (z - most).exp()).sum();
        row.iter().map(|z| (z - most).exp() / sum).collect()
    };
    logits.data().chunks_exact(classes).map(softmax).collect()
}

fn probability(net: &Net, image: &Tensor, class: usize) -> f32 {
    probabilities(net, image)[0][class]
}

#[test]
fn the_lecture_s_rule_on_a_linear_network_ends_at_w_over_two_lambda() {
    let (net, w) = linear();
    for (class, lambda) in [(0, 0.5), (1, 0.1)] {
        let settings = Settings {
            learning_rate: 0.2 / lambda,
            l2: lambda,
            ..small("plain")
        };
        let outcome = run(&net, &request(Term::Logit(class), settings, 60, [6, 6])).unwrap();
        for (x, w) in outcome.image.data().iter().zip(&w[class * 36..]) {
            let expected = w / (2.0 * lambda);
            assert!(
                (x - expected).abs() <= 1e-3 * expected.abs().max(0.1),
                "{x} is not {expected}"
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let net = fashion(Engine::Cpu);
    let mut settings = small("gentle");
    settings.transforms = vec![
        Transform::Pad(3),
        Transform::Jitter(4),
        Transform::Scale(0.9, 1.1),
        Transform::Rotate(10.0),
    ];
    let wanted = for_fashion(3, settings, 9);
    let first = run(&net, &wanted).unwrap();
    assert_eq!(first, run(&net, &wanted).unwrap());
    assert_eq!(first, run(&fashion(Engine::Cpu), &wanted).unwrap());
    let other = run(
        &net,
        &Request {
            seed: 8,
            ..wanted.clone()
        },
    )
    .unwrap();
    assert_ne!(first.image, other.image);
}

#[test]
fn a_run_that_stops_and_goes_on_ends_as_one_that_does_not() {
    let net = fashion(Engine::Cpu);
    let settings = Settings {
        transforms: vec![Transform::Jitter(4)],
        ..small("gentle")
    };
    let whole = for_fashion(5, settings, 21);
    let first = run(
        &net,
        &Request {
            steps: 8,
            ..whole.clone()
        },
    )
    .unwrap();
    let second = Request {
        steps: 13,
        resume: Some(&first.checkpoint),
        ..whole.clone()
    };
    let second = run(&net, &second).unwrap();
    let whole = run(&net, &whole).unwrap();
    assert_eq!(whole.image, second.image);
    assert_eq!(whole.checkpoint, second.checkpoint);
    assert_eq!(whole.history[..8], first.history[..8]);
    assert_eq!(whole.history[8..], second.history);
}

#[test]
fn without_chance_and_in_small_steps_the_objective_never_falls() {
    let net = fashion(Engine::Cpu);
    for class in 0..10 {
        let settings = Settings {
            learning_rate: 0.01,
            l2: 0.0,
            ..small("plain")
        };
        let history = run(&net, &for_fashion(class, settings, 70))
            .unwrap()
            .history;
        assert_eq!(history.len(), 71);
        assert!(
            history.windows(2).all(|pair| pair[1] >= pair[0]),
            "class {class}: {history:?}"
        );
        assert!(history[70] > history[0]);
    }
}

#[test]
fn pictures_by_the_page_s_preset_convince_the_network_within_128_steps_and_a_twin_that_was_trained_apart()
 {
    let net = fashion(Engine::Cpu);
    let twin = fashion_twin(Engine::Cpu);
    let settings = small(Settings::default_preset(28, true));
    for seed in [7, 21] {
        let wanted = Request {
            objectives: (0..10).map(|k| vec![(Term::Logit(k), 1.0)]).collect(),
            count: 10,
            seed,
            ..for_fashion(0, settings.clone(), 128)
        };
        let image = run(&net, &wanted).unwrap().image;
        let own = probabilities(&net, &image);
        for (class, p) in own.iter().enumerate() {
            let p = p[class];
            assert!(p >= 0.99, "seed {seed}: class {class} reaches {p}");
        }
        let others = probabilities(&twin, &image);
        let agreed = (0..10)
            .filter(|&class| others[class].iter().all(|p| *p <= others[class][class]))
            .count();
        assert!(
            agreed >= 8,
            "seed {seed}: the twin agrees on {agreed} of 10"
        );
    }
}

#[test]
fn channels_of_early_layers_grow_by_the_page_s_preset_for_parts_of_layers() {
    let net = fashion(Engine::Cpu);
    let settings = small(Settings::default_preset(28, false));
    for layer in ["act1", "act2"] {
        let wanted = Request {
            objectives: (0..16)
                .map(|channel| {
                    let layer = layer.to_owned();
                    vec![(Term::Channel { layer, channel }, 1.0)]
                })
                .collect(),
            count: 16,
            ..for_fashion(0, settings.clone(), 64)
        };
        let history = run(&net, &wanted).unwrap().history;
        let (first, last) = (history[0], history[history.len() - 1]);
        assert!(last > 2.0 * first, "{layer}: from {first} to {last}");
    }
}

#[test]
fn each_option_changes_the_picture() {
    let net = fashion(Engine::Cpu);
    let pixels = Settings {
        parametrization: Parametrization::Pixel,
        ..small("gentle")
    };
    let base = small("gentle");
    let changes: Vec<(&str, &Settings, Settings)> = vec![
        ("pixel", &base, pixels.clone()),
        (
            "decay",
            &base,
            Settings {
                parametrization: Parametrization::Fourier { decay: 0.5 },
                ..base.clone()
            },
        ),
        (
            "pyramid",
            &base,
            Settings {
                parametrization: Parametrization::Pyramid { levels: 3 },
                ..base.clone()
            },
        ),
        (
            "range",
            &base,
            Settings {
                range: Range::Free,
                ..base.clone()
            },
        ),
        (
            "optimizer",
            &base,
            Settings {
                optimizer: Optimizer::Sgd,
                ..base.clone()
            },
        ),
        (
            "learningRate",
            &base,
            Settings {
                learning_rate: 0.01,
                ..base.clone()
            },
        ),
        (
            "l2",
            &base,
            Settings {
                l2: 30.0,
                ..base.clone()
            },
        ),
        (
            "tv",
            &base,
            Settings {
                tv: 30.0,
                ..base.clone()
            },
        ),
        (
            "noise",
            &base,
            Settings {
                noise: 0.2,
                ..base.clone()
            },
        ),
        (
            "copies",
            &base,
            Settings {
                copies: 3,
                ..base.clone()
            },
        ),
        (
            "inputNoise",
            &base,
            Settings {
                input_noise: 0.1,
                ..base.clone()
            },
        ),
        (
            "background",
            &base,
            Settings {
                background: None,
                ..base.clone()
            },
        ),
        (
            "octaves",
            &base,
            Settings {
                octaves: Octaves {
                    count: 2,
                    factor: 1.4,
                },
                ..base.clone()
            },
        ),
        (
            "jitter",
            &base,
            Settings {
                transforms: vec![Transform::Jitter(8)],
                ..base.clone()
            },
        ),
        (
            "pad",
            &base,
            Settings {
                transforms: vec![Transform::Pad(4)],
                ..base.clone()
            },
        ),
        (
            "scale",
            &base,
            Settings {
                transforms: vec![Transform::Scale(0.7, 1.3)],
                ..base.clone()
            },
        ),
        (
            "rotate",
            &base,
            Settings {
                transforms: vec![Transform::Rotate(20.0)],
                ..base.clone()
            },
        ),
        (
            "blur",
            &pixels,
            Settings {
                blur: Some(Blur {
                    every: 4,
                    sigma: 0.7,
                }),
                ..pixels.clone()
            },
        ),
        (
            "gradientBlur",
            &pixels,
            Settings {
                gradient_blur: 1.0,
                ..pixels.clone()
            },
        ),
        (
            "clip",
            &pixels,
            Settings {
                clip: 0.5,
                ..pixels.clone()
            },
        ),
    ];
    for (name, before, after) in changes {
        let plain = run(&net, &for_fashion(2, before.clone(), 8)).unwrap();
        let changed = run(&net, &for_fashion(2, after, 8)).unwrap();
        assert_ne!(plain.image, changed.image, "{name} changes nothing");
        assert!(changed.image.data().iter().all(|v| v.is_finite()), "{name}");
    }
}

#[test]
fn a_picture_comes_back_through_every_parametrisation() {
    let net = fashion(Engine::Cpu);
    let picture = Tensor::new(
        (0..784_u16)
            .map(|i| (f32::from(i * 31 % 97) / 97.0 - 0.286) / 0.353)
            .collect(),
        [1, 1, 28, 28],
    )
    .unwrap();
    for parametrization in [
        Parametrization::Pixel,
        Parametrization::Fourier { decay: 1.2 },
        Parametrization::Pyramid { levels: 3 },
    ] {
        let settings = Settings {
            parametrization,
            ..small("gentle")
        };
        let wanted = Request {
            start: Start::Picture(picture.clone()),
            ..for_fashion(0, settings, 0)
        };
        let back = run(&net, &wanted).unwrap().image;
        for (a, b) in picture.data().iter().zip(back.data()) {
            // Black and white lie where the sigmoid has no inverse.
            assert!((a - b).abs() < 0.013, "{parametrization:?}: {a} became {b}");
        }
    }
}

#[test]
fn pictures_of_a_batch_are_those_made_alone() {
    let net = fashion(Engine::Cpu);
    let channel = |channel: usize| Term::Channel {
        layer: "conv2".to_owned(),
        channel,
    };
    let settings = Settings {
        transforms: Vec::new(),
        ..small("gentle")
    };
    let alone: Vec<Outcome> = [1, 5, 9]
        .iter()
        .map(|&unit| {
            let wanted = Request {
                start: Start::Grey,
                ..request(channel(unit), settings.clone(), 10, [28, 28])
            };
            run(&net, &wanted).unwrap()
        })
        .collect();
    let batch = Request {
        objectives: [1, 5, 9]
            .iter()
            .map(|&unit| vec![(channel(unit), 1.0)])
            .collect(),
        count: 3,
        start: Start::Grey,
        settings: Settings {
            l2: settings.l2,
            ..settings.clone()
        },
        ..request(channel(1), settings.clone(), 10, [28, 28])
    };
    let batch = run(&net, &batch).unwrap();
    for (image, alone) in batch.image.data().chunks_exact(784).zip(&alone) {
        let error = image
            .iter()
            .zip(alone.image.data())
            .fold(0_f32, |most, (a, b)| most.max((a - b).abs()));
        assert!(error < 2e-3, "a picture of the batch differs by {error}");
    }
    let sum: f32 = alone.iter().map(|outcome| outcome.history[0]).sum();
    assert!((sum - batch.history[0]).abs() < 1e-3 * sum.abs().max(1.0));
}

#[test]
fn a_run_with_octaves_goes_on_from_any_of_its_states_as_if_it_had_not_stopped() {
    let net = fashion(Engine::Cpu);
    let settings = Settings {
        octaves: Octaves {
            count: 3,
            factor: 1.4,
        },
        ..small("gentle")
    };
    let whole = Request {
        every: 2,
        checkpoints: 2,
        ..for_fashion(4, settings, 24)
    };
    let mut states: Vec<Checkpoint> = Vec::new();
    let outcome = pollster::block_on(synthesize(&net, &whole, &Control::new(), async |look| {
        states.extend(look.checkpoint);
        Ok(true)
    }))
    .unwrap();
    // In each octave of 8 steps, after its fifth: the looks at steps 0, 2, 4 and 6, every second of them after the first.
    let steps: Vec<usize> = states.iter().map(|state| state.step).collect();
    assert_eq!(steps, [5, 13, 21]);
    // A run that was ended at the seam of two octaves.
    let seam = Request {
        steps: 24,
        every: 1,
        ..whole.clone()
    };
    let ended = pollster::block_on(synthesize(&net, &seam, &Control::new(), async |look| {
        Ok(look.step < 7)
    }));
    states.push(ended.unwrap().checkpoint);
    assert_eq!(states[3].step, 8);
    for state in &states {
        let rest = Request {
            resume: Some(state),
            steps: 24 - state.step,
            ..whole.clone()
        };
        let resumed = run(&net, &rest).unwrap();
        assert_eq!(resumed.image, outcome.image, "from step {}", state.step);
        assert_eq!(resumed.history, outcome.history[state.step..]);
        assert_eq!(resumed.checkpoint, outcome.checkpoint);
    }
}

/// The mean of f(w · x + b) over positions, which is flat at grey: below 0, or above 6.
fn flat_at_grey(function: &str, bias: f32) -> Net {
    let graph = format!(
        r#"{{"name": "flat", "input": {{"name": "x", "shape": [1, 8, 8]}}, "output": "mean", "nodes": [
        {{"name": "conv", "op": "conv2d", "inputs": ["x"], "weight": "w", "bias": "b"}},
        {{"name": "act", "op": "{function}", "inputs": ["conv"]}},
        {{"name": "mean", "op": "global_avg_pool", "inputs": ["act"]}}]}}"#
    );
    let w = vec![1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0];
    let tensors = [
        ("w", Tensor::new(w, [1, 1, 3, 3]).unwrap()),
        ("b", Tensor::new(vec![bias], [1]).unwrap()),
    ];
    let weights: HashMap<String, Tensor> = tensors
        .into_iter()
        .map(|(name, tensor)| (name.to_owned(), tensor))
        .collect();
    Net::new(data::load(&graph, &weights).unwrap(), weights, Engine::Cpu)
}

#[test]
fn a_unit_that_sleeps_is_woken_by_redirected_gradients_alone() {
    for (function, bias, weight) in [
        ("relu", -0.5, 1.0),
        ("relu6", -0.5, 1.0),
        ("relu6", 6.3, -1.0),
    ] {
        let net = flat_at_grey(function, bias);
        let [asleep, woken] = [false, true].map(|redirect| {
            let settings = Settings {
                learning_rate: 2.0,
                l2: 0.0,
                redirect,
                ..small("plain")
            };
            let term = Term::Channel {
                layer: "act".to_owned(),
                channel: 0,
            };
            let wanted = Request {
                objectives: vec![vec![(term, weight)]],
                start: Start::Grey,
                ..request(Term::Logit(0), settings, 24, [8, 8])
            };
            run(&net, &wanted).unwrap().history
        });
        assert_eq!(asleep[24], asleep[0], "{function} has no gradient there");
        assert!(woken[24] > woken[0] + 0.1, "{function}: {woken:?}");
    }
}

#[test]
fn redirected_gradients_leave_a_unit_that_is_awake_alone() {
    let net = fashion(Engine::Cpu);
    let of = |redirect: bool| {
        let settings = Settings {
            redirect,
            ..small("gentle")
        };
        run(&net, &for_fashion(3, settings, 4)).unwrap().image
    };
    for (a, b) in of(false).data().iter().zip(of(true).data()) {
        assert!((a - b).abs() < 1e-4, "{a} became {b}");
    }
}

#[test]
fn a_caricature_points_where_its_picture_does_and_further() {
    let net = fashion(Engine::Cpu);
    let picture = common::shipped::pictures(1);
    let layer = "act2".to_owned();
    let seen = |image: &Tensor| {
        let (overrides, control) = (Overrides::new(), Control::new());
        let look = net.activations(image, &["act2"], &overrides, &control);
        pollster::block_on(look).unwrap().remove(0)
    };
    let target = seen(&picture);
    let dot =
        |a: &Tensor, b: &Tensor| -> f32 { a.data().iter().zip(b.data()).map(|(a, b)| a * b).sum() };
    let [weak, strong] = [0, 4].map(|power| {
        let term = Term::Caricature {
            layer: layer.clone(),
            target: target.clone(),
            power,
        };
        let settings = Settings {
            transforms: Vec::new(),
            ..small("gentle")
        };
        let wanted = Request {
            normalization: fashion_rule(),
            ..request(term, settings, 96, [28, 28])
        };
        let outcome = run(&net, &wanted).unwrap();
        let own = seen(&outcome.image);
        let along = dot(&own, &target) / dot(&target, &target).sqrt();
        let cosine = along / dot(&own, &own).sqrt();
        let value = along * cosine.max(0.1).powi(i32::try_from(power).unwrap());
        let last = outcome.history[96];
        assert!(
            (value - last).abs() < 2e-3 * last.abs(),
            "{value} is not {last}"
        );
        (cosine, along)
    });
    assert!(strong.0 > weak.0, "{strong:?} after {weak:?}");
    assert!(
        weak.1 > dot(&target, &target).sqrt(),
        "it exaggerates: {weak:?}"
    );
}

#[test]
fn a_gradient_past_all_numbers_ends_the_run_with_a_sentence() {
    let (net, w) = linear();
    let huge = w.iter().map(|w| w.signum() * 3e38).collect();
    net.set_weights("w", Tensor::new(huge, [2, 36]).unwrap())
        .unwrap();
    let wanted = Request {
        start: Start::Grey,
        ..request(Term::Logit(0), small("plain"), 8, [6, 6])
    };
    let error = run(&net, &wanted).expect_err("it is infinite after a step");
    assert_eq!(error.code.as_str(), "bad_argument");
    assert!(
        error.message.contains("at step 1;"),
        "it says where: {}",
        error.message
    );
}

#[test]
fn the_smallest_picture_grows_and_one_that_is_too_large_is_refused_at_once() {
    let net = fashion(Engine::Cpu);
    let unit = |size| {
        let term = Term::Channel {
            layer: "conv1".to_owned(),
            channel: 2,
        };
        let settings = Settings {
            transforms: Vec::new(),
            l2: 0.0,
            tv: 0.0,
            ..small("gentle")
        };
        run(&net, &request(term, settings, 16, size))
    };
    let tiny = unit([4, 4]).unwrap();
    assert_eq!(tiny.image.shape(), [1, 1, 4, 4]);
    assert!(tiny.history[16] > tiny.history[0], "{:?}", tiny.history);
    let error = unit([60_000, 60_000]).expect_err("it has 3.6 billion pixels");
    assert_eq!(error.code.as_str(), "bad_argument");
    assert!(error.message.contains("60000 × 60000"), "{}", error.message);
}

#[test]
fn diversity_keeps_pictures_of_one_unit_apart() {
    let net = fashion(Engine::Cpu);
    let spread = |diversity: f32| {
        let settings = Settings {
            diversity,
            ..small("gentle")
        };
        let wanted = Request {
            count: 3,
            diverse_layer: Some("conv3".to_owned()),
            ..request(
                Term::Channel {
                    layer: "conv3".to_owned(),
                    channel: 4,
                },
                settings,
                32,
                [28, 28],
            )
        };
        let image = run(&net, &wanted).unwrap().image;
        let pictures: Vec<&[f32]> = image.data().chunks_exact(784).collect();
        let distance =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
        distance(pictures[0], pictures[1]) + distance(pictures[0], pictures[2])
    };
    let (without, with) = (spread(0.0), spread(3.0));
    assert!(with > without, "{with} with diversity, {without} without");
}

#[test]
fn what_makes_no_sense_is_refused_with_the_option() {
    let net = fashion(Engine::Cpu);
    let base = small("gentle");
    let cases: Vec<(&str, Request<'static>)> = vec![
        (
            "learningRate",
            for_fashion(
                0,
                Settings {
                    learning_rate: 0.0,
                    ..base.clone()
                },
                1,
            ),
        ),
        (
            "learningRate",
            for_fashion(
                0,
                Settings {
                    learning_rate: f32::NAN,
                    ..base.clone()
                },
                1,
            ),
        ),
        (
            "blurEvery",
            for_fashion(
                0,
                Settings {
                    clip: 0.1,
                    ..base.clone()
                },
                1,
            ),
        ),
        (
            "jitter",
            for_fashion(
                0,
                Settings {
                    transforms: vec![Transform::Jitter(40)],
                    ..base.clone()
                },
                1,
            ),
        ),
        (
            "scale",
            for_fashion(
                0,
                Settings {
                    transforms: vec![Transform::Scale(1.1, 0.9)],
                    ..base.clone()
                },
                1,
            ),
        ),
        ("class 10", for_fashion(10, base.clone(), 1)),
        ("steps", for_fashion(0, base.clone(), 1_000_000)),
        (
            "diversity",
            for_fashion(
                0,
                Settings {
                    diversity: 1.0,
                    ..base.clone()
                },
                1,
            ),
        ),
        (
            "4 × 4",
            Request {
                size: [2, 28],
                ..for_fashion(
                    0,
                    Settings {
                        transforms: Vec::new(),
                        ..base.clone()
                    },
                    1,
                )
            },
        ),
        (
            "alike",
            Request {
                objectives: vec![vec![(Term::Logit(1), 1.0)], vec![(Term::Loss(1), 1.0)]],
                count: 2,
                ..for_fashion(0, base.clone(), 1)
            },
        ),
        (
            "2 objectives",
            Request {
                objectives: vec![vec![(Term::Logit(1), 1.0)], vec![(Term::Logit(2), 1.0)]],
                count: 3,
                ..for_fashion(0, base.clone(), 1)
            },
        ),
    ];
    for (word, wanted) in cases {
        let error = run(&net, &wanted).expect_err(word);
        assert_eq!(
            error.code.as_str(),
            "bad_argument",
            "{word}: {}",
            error.message
        );
        assert!(error.message.contains(word), "{word}: {}", error.message);
    }
}

#[test]
fn a_step_that_is_too_large_says_so_instead_of_painting_nothing() {
    let (net, _) = linear();
    let settings = Settings {
        learning_rate: 1e5,
        l2: 100.0,
        ..small("plain")
    };
    let error = run(&net, &request(Term::Logit(0), settings, 40, [6, 6])).expect_err("it diverges");
    assert!(error.message.contains("learningRate"), "{}", error.message);
}

#[test]
fn a_listener_sees_each_look_and_can_stop_the_run() {
    let net = fashion(Engine::Cpu);
    let wanted = Request {
        every: 3,
        ..for_fashion(1, small("gentle"), 100)
    };
    let mut seen = Vec::new();
    let outcome = pollster::block_on(synthesize(&net, &wanted, &Control::new(), async |look| {
        seen.push((look.step, look.value));
        Ok(look.step < 9)
    }))
    .unwrap();
    assert_eq!(
        seen.iter().map(|(step, _)| *step).collect::<Vec<_>>(),
        [0, 3, 6, 9]
    );
    assert!(
        seen.iter()
            .all(|(step, value)| outcome.history[*step] == *value)
    );
    assert_eq!((outcome.history.len(), outcome.checkpoint.step), (11, 10));
}

#[test]
fn pictures_may_have_another_size_where_the_layer_allows_it_and_are_resized_where_not() {
    let net = fashion(Engine::Cpu);
    for term in [
        Term::Channel {
            layer: "conv2".to_owned(),
            channel: 3,
        },
        Term::Logit(3),
    ] {
        let wanted = request(term, small("gentle"), 12, [40, 34]);
        let outcome = run(&net, &wanted).unwrap();
        assert_eq!(outcome.image.shape(), [1, 1, 40, 34]);
        assert!(outcome.history[12] > outcome.history[0]);
    }
}

#[test]
fn the_gpu_makes_the_cpu_s_picture() {
    let Some(engine) = gpu_engine() else { return };
    let gpu = fashion(engine);
    let cpu = fashion(Engine::Cpu);
    let mut settings = small("gentle");
    settings.transforms = vec![Transform::Jitter(4), Transform::Rotate(10.0)];
    // Few steps: rounding grows where a rectifier flips.
    let wanted = for_fashion(7, settings, 6);
    let (a, b) = (run(&cpu, &wanted).unwrap(), run(&gpu, &wanted).unwrap());
    for (a, b) in a.image.data().iter().zip(b.image.data()) {
        assert!((a - b).abs() < 0.02, "{a} on the CPU, {b} on the GPU");
    }
    assert_eq!(b, run(&gpu, &wanted).unwrap(), "the same again");
}

fn for_lite0(class: usize, preset: &str, steps: usize) -> Request<'static> {
    let settings = Settings::preset(preset, 3, 224).unwrap();
    Request {
        normalization: Normalization {
            mean: vec![127.0 / 255.0; 3],
            std: vec![128.0 / 255.0; 3],
            blue_first: false,
        },
        ..request(Term::Logit(class), settings, steps, [224, 224])
    }
}

#[test]
#[ignore = "twenty runs of a large network take minutes"]
fn the_plain_rule_reaches_nineteen_of_twenty_classes_of_lite0_within_256_steps() {
    let Some(net) = lite0(Engine::Cpu) else {
        return;
    };
    let mut reached = 0;
    for class in (0..1000).step_by(50) {
        let mut last = 0.0;
        let wanted = for_lite0(class, "plain", 256);
        let control = Control::new();
        let run = synthesize(&net, &wanted, &control, async |look| {
            last = probability(&net, &look.image, class);
            Ok(last < 0.99)
        });
        let outcome = pollster::block_on(run).unwrap();
        let p = probability(&net, &outcome.image, class);
        println!(
            "class {class}: {p:.4} after {} steps",
            outcome.checkpoint.step
        );
        reached += usize::from(p >= 0.99);
    }
    assert!(reached >= 19, "{reached} of 20 classes");
}
