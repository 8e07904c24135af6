//! Style transfer: losses, gradient and runs against PyTorch, identities of Gram matrices, options that all change something.

mod common;

use std::collections::HashMap;

use common::gpu_engine;
use common::shipped::{chelsea, lite0};
use common::{Array, arrays, relative_error};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::error::Result;
use convscope::lab::style::settings::{Colours, Form, Settings, Statistic};
use convscope::lab::style::{Init, Outcome, Request, Style, stylize};
use convscope::lab::synthesis::settings::{Octaves, Optimizer, Parametrization, Range};
use convscope::lab::synthesis::{Checkpoint, Normalization};
use convscope::load::data;
use convscope::net::objective::Term;
use convscope::net::{Net, Overrides};
use convscope::random::Random;
use convscope::tensor::Tensor;

const GRAPH: &str = r#"{"name": "small", "input": {"name": "x", "shape": [3, 18, 14]}, "output": "act2", "nodes": [
    {"name": "conv0", "op": "conv2d", "inputs": ["x"], "weight": "weight0", "bias": "bias0", "padding": [1, 1, 1, 1]},
    {"name": "act0", "op": "relu", "inputs": ["conv0"]},
    {"name": "conv1", "op": "conv2d", "inputs": ["act0"], "weight": "weight1", "bias": "bias1", "stride": [2, 2], "padding": [1, 1, 1, 1]},
    {"name": "act1", "op": "relu", "inputs": ["conv1"]},
    {"name": "conv2", "op": "conv2d", "inputs": ["act1"], "weight": "weight2", "bias": "bias2"},
    {"name": "act2", "op": "relu", "inputs": ["conv2"]}]}"#;

/// The fixture's rule for pixels.
fn rule() -> Normalization {
    Normalization {
        mean: vec![0.5, 0.4, 0.6],
        std: vec![0.25, 0.5, 0.4],
        blue_first: false,
    }
}

fn lite0_rule() -> Normalization {
    Normalization {
        mean: vec![127.0 / 255.0; 3],
        std: vec![128.0 / 255.0; 3],
        blue_first: false,
    }
}

/// The fixture's network and pictures.
struct Small {
    net: Net,
    arrays: HashMap<String, Array>,
}

impl Small {
    fn new(engine: Engine) -> Self {
        let arrays = arrays("style.safetensors");
        let weights: HashMap<String, Tensor> = arrays
            .iter()
            .filter(|(name, _)| name.starts_with("weight") || name.starts_with("bias"))
            .map(|(name, array)| (name.clone(), tensor(array)))
            .collect();
        let net = Net::new(data::load(GRAPH, &weights).unwrap(), weights, engine);
        Self { net, arrays }
    }

    fn picture(&self, name: &str) -> Tensor {
        tensor(&self.arrays[name])
    }

    fn request(&self) -> Request<'static> {
        let mut settings = Settings::preset("plain", &self.net, &rule()).unwrap();
        settings.content_layers = vec![("act1".to_owned(), 1.0)];
        settings.style_layers = vec![("act0".to_owned(), 0.75), ("act2".to_owned(), 0.5)];
        (settings.alpha, settings.beta, settings.tv) = (1.5, 20.0, 3.0);
        settings.form = Form::Relative;
        settings.descent.learning_rate = 0.03;
        Request {
            content: self.picture("content"),
            styles: vec![Style {
                picture: self.picture("style"),
                weight: 1.0,
                mask: None,
            }],
            settings,
            normalization: rule(),
            size: [18, 14],
            steps: 12,
            init: Init::Picture(self.picture("init")),
            resume: None,
            overrides: Overrides::new(),
            seed: 7,
            every: 4,
            checkpoints: 0,
            grams: Vec::new(),
        }
    }

    fn run(&self, request: &Request<'_>) -> Result<Outcome> {
        run(&self.net, request)
    }
}

fn tensor(array: &Array) -> Tensor {
    Tensor::new(array.data.clone(), array.shape.clone()).unwrap()
}

fn run(net: &Net, request: &Request<'_>) -> Result<Outcome> {
    pollster::block_on(stylize(net, request, &Control::new(), async |_| Ok(true)))
}

/// The fixture's case as a request.
fn case(small: &Small, name: &str) -> Request<'static> {
    let mut request = small.request();
    match name {
        "mean" => request.settings.form = Form::Mean,
        "sum" => request.settings.form = Form::Sum,
        "scaled" => request.settings.form = Form::Scaled,
        "moments" => request.settings.statistic = Statistic::Moments,
        "masked" => {
            request.styles[0].weight = 0.25;
            request.styles.push(Style {
                picture: small.picture("other"),
                weight: 0.75,
                mask: Some(small.picture("mask")),
            });
        }
        _ => {}
    }
    request
}

fn agrees_with_pytorch(small: &Small) {
    for name in ["relative", "mean", "sum", "scaled", "moments", "masked"] {
        let told = |key: &str| &small.arrays[&format!("{name}.{key}")].data;
        let mut request = case(small, name);
        let whole = small.run(&request).unwrap();
        let first = &whole.history[0];
        let mut found = first.content_layers.clone();
        found.extend(&first.style_layers);
        found.push(first.tv);
        for (found, told) in found.iter().zip(told("losses")) {
            assert!(
                (found / told - 1.0).abs() < 1e-4,
                "{name}: {found}, not {told}"
            );
        }
        let total = told("total")[0];
        assert!((first.total / total - 1.0).abs() < 1e-4, "{name}");
        let error = relative_error(whole.image.data(), told("adam"));
        assert!(
            error < 1e-3,
            "{name}: the picture after Adam differs by {error}"
        );
        if ["relative", "mean", "moments"].contains(&name) {
            let mut request = request.clone();
            request.init = Init::Content;
            request.settings.descent.optimizer = Optimizer::Lbfgs;
            request.settings.descent.learning_rate = 0.5;
            request.steps = 14;
            let outcome = small.run(&request).unwrap();
            let error = relative_error(outcome.image.data(), told("lbfgs"));
            assert!(
                error < 1e-3,
                "{name}: the picture after L-BFGS differs by {error}"
            );
        }
        // One step of plain descent moves by the gradient.
        let largest = told("gradient")
            .iter()
            .fold(0.0_f32, |most, g| most.max(g.abs()));
        request.settings.descent.optimizer = Optimizer::Sgd;
        request.settings.descent.learning_rate = 1.0;
        request.settings.alpha /= largest;
        request.settings.beta /= largest;
        request.settings.tv /= largest;
        request.steps = 1;
        let moved = small.run(&request).unwrap();
        let before = small.picture("init");
        let pairs = before.data().iter().zip(moved.image.data());
        let gradient: Vec<f32> = pairs.map(|(a, b)| (a - b) * largest).collect();
        let error = relative_error(&gradient, told("gradient"));
        assert!(error < 1e-3, "{name}: the gradient differs by {error}");
    }
}

#[test]
fn losses_gradients_and_runs_are_those_of_pytorch() {
    agrees_with_pytorch(&Small::new(Engine::Cpu));
}

#[test]
fn losses_gradients_and_runs_are_those_of_pytorch_on_the_gpu() {
    let Some(engine) = gpu_engine() else { return };
    agrees_with_pytorch(&Small::new(engine));
}

#[test]
fn lbfgs_finds_its_way_down_in_every_form() {
    let small = Small::new(Engine::Cpu);
    for name in ["relative", "mean", "sum", "moments", "masked"] {
        let mut request = case(&small, name);
        request.settings.descent.optimizer = Optimizer::Lbfgs;
        request.settings.descent.learning_rate = 1.0;
        request.steps = 40;
        let totals = small.run(&request).unwrap().history;
        let totals: Vec<f32> = totals.iter().map(|losses| losses.total).collect();
        assert!(totals[40] < 0.1 * totals[0], "{name}: {totals:?}");
        request.settings.descent.parametrization = Parametrization::Pyramid { levels: 2 };
        let error = small.run(&request).expect_err("several tensors");
        assert!(error.message.contains("lbfgs"), "{}", error.message);
    }
}

#[test]
fn two_hundred_steps_of_the_page_s_defaults_take_away_nine_tenths_of_the_loss() {
    let Some(net) = lite0(Engine::Cpu) else {
        return;
    };
    let pixels = &arrays("style.safetensors")["glass"].data;
    let channel = |c: usize| pixels.iter().skip(c).step_by(3);
    let glass = (0..3).flat_map(channel).map(|byte| (byte - 127.0) / 128.0);
    let request = Request {
        content: chelsea(),
        styles: vec![Style {
            picture: Tensor::new(glass.collect(), [1, 3, 64, 64]).unwrap(),
            weight: 1.0,
            mask: None,
        }],
        settings: Settings::preset("natural", &net, &lite0_rule()).unwrap(),
        normalization: lite0_rule(),
        size: [64, 64],
        steps: 200,
        init: Init::Content,
        every: 200,
        ..Small::new(Engine::Cpu).request()
    };
    let history = run(&net, &request).unwrap().history;
    let [first, last] = [&history[0], &history[200]];
    assert!(last.total < 0.1 * first.total, "from {first:?} to {last:?}");
    assert!(last.content < 2.0, "the content is still there: {last:?}");
}

/// A network with the names and the order of torchvision's VGG-19 up to its last style layer, and few channels.
fn like_vgg() -> Net {
    let blocks: [&[usize]; 5] = [&[4, 4], &[4, 4], &[6, 6, 6, 6], &[8, 8, 8, 8], &[8]];
    let mut random = Random::new(5);
    let (mut nodes, mut weights) = (Vec::new(), HashMap::new());
    let (mut index, mut input, mut before) = (0, "x".to_owned(), 3);
    for (block, widths) in blocks.iter().enumerate() {
        if block > 0 {
            let name = format!("features.{index}");
            nodes.push(format!(
                r#"{{"name": "{name}", "op": "max_pool2d", "inputs": ["{input}"], "kernel": [2, 2], "stride": [2, 2]}}"#
            ));
            (index, input) = (index + 1, name);
        }
        for &width in *widths {
            let (conv, relu) = (
                format!("features.{index}"),
                format!("features.{}", index + 1),
            );
            nodes.push(format!(
                r#"{{"name": "{conv}", "op": "conv2d", "inputs": ["{input}"], "weight": "{conv}.weight", "padding": [1, 1, 1, 1]}}"#
            ));
            nodes.push(format!(
                r#"{{"name": "{relu}", "op": "relu", "inputs": ["{conv}"]}}"#
            ));
            let deviation = (2.0 / (9 * before) as f32).sqrt();
            let values = (0..width * before * 9).map(|_| deviation * random.normal());
            let weight = Tensor::new(values.collect(), [width, before, 3, 3]).unwrap();
            weights.insert(format!("{conv}.weight"), weight);
            (index, input, before) = (index + 2, relu, width);
        }
    }
    let graph = format!(
        r#"{{"name": "like VGG-19", "input": {{"name": "x", "shape": [3, 32, 32]}}, "output": "{input}", "nodes": [{}]}}"#,
        nodes.join(",")
    );
    Net::new(data::load(&graph, &weights).unwrap(), weights, Engine::Cpu)
}

#[test]
fn presets_for_vgg_take_its_layers_with_the_papers_weights_and_lead_down() {
    let net = like_vgg();
    let rule = Normalization {
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
        blue_first: false,
    };
    let style = [1, 6, 11, 20, 29].map(|index| format!("features.{index}"));
    for (preset, weights, alpha, beta) in [
        (
            "gatys",
            [4.0, 4.0, 6.0, 8.0, 8.0].map(|channels: f32| 1.0 / (channels * channels)),
            1.0,
            1e3 * (255.0_f32 * 0.226).powi(2),
        ),
        (
            "improved",
            [256.0, 64.0, 16.0, 4.0, 1.0].map(|share: f32| share / 341.0),
            0.015,
            1.0,
        ),
    ] {
        let settings = Settings::preset(preset, &net, &rule).unwrap();
        assert_eq!(settings.content_layers, [("features.22".to_owned(), 1.0)]);
        for ((name, weight), (told, expected)) in
            settings.style_layers.iter().zip(style.iter().zip(weights))
        {
            assert_eq!(name, told, "{preset}");
            assert!((weight / expected - 1.0).abs() < 1e-6, "{preset}: {name}");
        }
        assert!((settings.alpha - alpha).abs() < 1e-6, "{preset}");
        assert!((settings.beta / beta - 1.0).abs() < 1e-3, "{preset}");
        assert_eq!(Settings::steps(preset), 500);
        let small = Small::new(Engine::Cpu);
        let request = Request {
            content: small.picture("content"),
            settings,
            normalization: rule.clone(),
            size: [64, 64],
            steps: 30,
            init: Init::Content,
            ..small.request()
        };
        let history = run(&net, &request).unwrap().history;
        let [first, last] = [&history[0], &history[30]];
        assert_eq!(first.style_layers.len(), 5);
        assert!(
            last.total < 0.5 * first.total,
            "{preset}: from {first:?} to {last:?}"
        );
        // Another network has no such layers.
        let error = Settings::preset(preset, &small.net, &rule).expect_err("no VGG");
        let told = error.message.contains(preset) && error.message.contains("'features.22'");
        assert!(told, "{}", error.message);
    }
}

#[test]
fn a_picture_has_no_style_to_take_from_itself() {
    let small = Small::new(Engine::Cpu);
    for statistic in [Statistic::Gram, Statistic::Moments] {
        let mut request = small.request();
        request.settings.statistic = statistic;
        request.styles[0].picture = small.picture("content");
        request.init = Init::Content;
        request.steps = 0;
        let start = &small.run(&request).unwrap().history[0];
        assert_eq!((start.style, start.content), (0.0, 0.0));
        assert!(start.tv > 0.0);
    }
}

fn gram(net: &Net, picture: &Tensor, layer: &str) -> Tensor {
    let (overrides, control) = (Overrides::new(), Control::new());
    pollster::block_on(net.gram(picture, layer, true, &overrides, &control)).unwrap()
}

fn activations(net: &Net, picture: &Tensor, layer: &str) -> Tensor {
    let (overrides, control) = (Overrides::new(), Control::new());
    let layers = [layer];
    let found = net.activations(picture, &layers, &overrides, &control);
    pollster::block_on(found).unwrap().remove(0)
}

#[test]
fn gram_matrices_are_symmetric_positive_and_have_the_mean_square_as_trace() {
    let small = Small::new(Engine::Cpu);
    let content = small.picture("content");
    for layer in ["act0", "conv1", "act2"] {
        let gram = gram(&small.net, &content, layer);
        let maps = activations(&small.net, &content, layer);
        let channels = gram.shape()[0];
        let at = |i: usize, j: usize| gram.data()[i * channels + j];
        let trace: f32 = (0..channels).map(|i| at(i, i)).sum();
        let plane = maps.activation_shape().plane() as f32;
        let squares: f32 = maps.data().iter().map(|value| value * value).sum();
        assert!((trace - squares / plane).abs() < 1e-5 * trace);
        for i in 0..channels {
            for j in 0..channels {
                assert_eq!(at(i, j).to_bits(), at(j, i).to_bits());
            }
        }
        // No direction has a negative mean square.
        for case in 0..50 {
            let x = common::lattice(case, 1, channels);
            let form: f32 = (0..channels * channels)
                .map(|k| x[k / channels] * x[k % channels] * gram.data()[k])
                .sum();
            assert!(form >= -1e-5 * trace, "{form}");
        }
    }
}

#[test]
fn shuffling_pixels_changes_no_gram_matrix_of_a_pointwise_layer() {
    let graph = r#"{"name": "pointwise", "input": {"name": "x", "shape": [3, 18, 14]}, "output": "act", "nodes": [
        {"name": "conv", "op": "conv2d", "inputs": ["x"], "weight": "w"},
        {"name": "act", "op": "relu", "inputs": ["conv"]}]}"#;
    let w = Tensor::new(common::lattice(5, 5, 24), [8, 3, 1, 1]).unwrap();
    let weights = HashMap::from([("w".to_owned(), w)]);
    let net = Net::new(data::load(graph, &weights).unwrap(), weights, Engine::Cpu);
    let picture = Small::new(Engine::Cpu).picture("content");
    let plane = 18 * 14;
    let values = (0..3 * plane).map(|i| picture.data()[i / plane * plane + i % plane * 53 % plane]);
    let shuffled = Tensor::new(values.collect(), [1, 3, 18, 14]).unwrap();
    assert!(relative_error(shuffled.data(), picture.data()) > 0.5);
    let [before, after] = [&picture, &shuffled].map(|x| gram(&net, x, "act"));
    assert!(relative_error(after.data(), before.data()) < 1e-5);
}

#[test]
fn the_gram_loss_has_the_gradient_of_the_paper() {
    // L = mean (G − A)², G = F Fᵀ / N: dL/dF = 4 / (C² N) (G − A) F.
    let small = Small::new(Engine::Cpu);
    let picture = small.picture("content");
    for layer in ["act0", "act1", "act2"] {
        let target = gram(&small.net, &small.picture("other"), layer);
        let maps = activations(&small.net, &picture, layer);
        let own = gram(&small.net, &picture, layer);
        let term = Term::Gram {
            layer: layer.to_owned(),
            target: target.clone(),
            mean: true,
            normalize: true,
        };
        let (overrides, control) = (Overrides::new(), Control::new());
        let (objective, layers) = (vec![(term, 1.0)], [layer]);
        let found = small
            .net
            .gradient(&picture, &objective, &layers, &overrides, &control);
        let (_, found) = pollster::block_on(found).unwrap();
        let shape = maps.activation_shape();
        let (channels, plane) = (shape.c(), shape.plane());
        let factor = 4.0 / (channels * channels * plane) as f32;
        let expected: Vec<f32> = (0..channels * plane)
            .map(|at| {
                let (i, k) = (at / plane, at % plane);
                let sum: f32 = (0..channels)
                    .map(|j| {
                        let difference =
                            own.data()[i * channels + j] - target.data()[i * channels + j];
                        difference * maps.data()[j * plane + k]
                    })
                    .sum();
                factor * sum
            })
            .collect();
        let error = relative_error(found[0].data(), &expected);
        assert!(error < 1e-5, "{layer}: {error}");
    }
}

#[test]
fn a_run_in_two_parts_is_the_run_in_one() {
    let small = Small::new(Engine::Cpu);
    let mut request = case(&small, "masked");
    request.settings.descent.octaves.count = 2;
    request.settings.jitter = 6;
    request.size = [36, 28];
    request.every = 1;
    request.checkpoints = 1;
    request.grams = vec!["act2".to_owned()];
    let mut states: Vec<Checkpoint> = Vec::new();
    let whole = pollster::block_on(stylize(
        &small.net,
        &request,
        &Control::new(),
        async |look| {
            states.extend(look.checkpoint);
            Ok(true)
        },
    ))
    .unwrap();
    assert_eq!(whole, small.run(&request).unwrap(), "the same again");
    assert_eq!(whole.history.len(), 13);
    assert_eq!(whole.grams[0].shape(), [5, 5]);
    for state in &states {
        let rest = small
            .run(&Request {
                resume: Some(state),
                steps: request.steps - state.step,
                ..request.clone()
            })
            .unwrap();
        assert_eq!(rest.image, whole.image, "from step {}", state.step);
        assert_eq!(rest.history[..], whole.history[state.step..]);
    }
}

#[test]
fn a_run_ends_when_it_is_told_to_and_keeps_what_it_has() {
    let small = Small::new(Engine::Cpu);
    let mut request = small.request();
    request.settings.descent.octaves.count = 2;
    request.size = [36, 28];
    let ended = pollster::block_on(stylize(
        &small.net,
        &request,
        &Control::new(),
        async |look| Ok(look.step < 4),
    ))
    .unwrap();
    assert_eq!(ended.checkpoint.step, 5);
    assert_eq!(ended.history.len(), 6);
    assert_eq!(ended.image.shape(), [1, 3, 36, 28], "at the size asked for");
}

/// A change of a request.
type Change = (&'static str, Box<dyn Fn(&mut Request<'static>)>);

#[test]
fn every_option_changes_the_picture() {
    let small = Small::new(Engine::Cpu);
    let mut base = small.request();
    base.steps = 3;
    base.settings.descent.range = Range::Sigmoid;
    let bare = small.run(&base).unwrap();
    let changes: Vec<Change> = vec![
        (
            "content",
            Box::new(|r| r.content = r.styles[0].picture.clone()),
        ),
        (
            "contentLayers",
            Box::new(|r| r.settings.content_layers[0].0 = "act0".to_owned()),
        ),
        (
            "styleLayers",
            Box::new(|r| r.settings.style_layers.truncate(1)),
        ),
        (
            "a layer's weight",
            Box::new(|r| r.settings.style_layers[0].1 = 2.0),
        ),
        ("alpha", Box::new(|r| r.settings.alpha = 0.0)),
        ("beta", Box::new(|r| r.settings.beta = 1.0)),
        ("tv", Box::new(|r| r.settings.tv = 30.0)),
        ("reduction", Box::new(|r| r.settings.form = Form::Mean)),
        ("scaled", Box::new(|r| r.settings.form = Form::Scaled)),
        (
            "statistic",
            Box::new(|r| r.settings.statistic = Statistic::Moments),
        ),
        (
            "luminance",
            Box::new(|r| r.settings.colours = Colours::Kept),
        ),
        ("match", Box::new(|r| r.settings.colours = Colours::Matched)),
        ("jitter", Box::new(|r| r.settings.jitter = 5)),
        ("styleScale", Box::new(|r| r.settings.style_scale = 2.0)),
        (
            "optimizer",
            Box::new(|r| r.settings.descent.optimizer = Optimizer::Sgd),
        ),
        (
            "learningRate",
            Box::new(|r| r.settings.descent.learning_rate = 0.1),
        ),
        (
            "parametrization",
            Box::new(|r| {
                r.settings.descent.parametrization = Parametrization::Fourier { decay: 1.0 }
            }),
        ),
        (
            "decorrelate",
            Box::new(|r| r.settings.descent.decorrelate = true),
        ),
        (
            "range",
            Box::new(|r| r.settings.descent.range = Range::Free),
        ),
        (
            "scales",
            Box::new(|r| {
                r.settings.descent.octaves = Octaves {
                    count: 1,
                    factor: 1.3,
                }
            }),
        ),
        ("init", Box::new(|r| r.init = Init::Style)),
        ("noise", Box::new(|r| r.init = Init::Noise)),
        ("size", Box::new(|r| r.size = [20, 16])),
        ("steps", Box::new(|r| r.steps = 4)),
    ];
    base.settings.descent.octaves = Octaves {
        count: 2,
        factor: 1.1,
    };
    let scaled = small.run(&base).unwrap();
    assert_ne!(bare.image, scaled.image);
    for (option, change) in changes {
        let mut request = base.clone();
        change(&mut request);
        let changed = small.run(&request).unwrap();
        assert_ne!(changed.image, scaled.image, "{option} changes nothing");
    }
    let mut noises = [0.01, 0.5].map(|deviation| {
        let mut request = base.clone();
        request.init = Init::Noise;
        request.settings.descent.noise = deviation;
        request
    });
    assert_ne!(
        small.run(&noises[0]).unwrap(),
        small.run(&noises[1]).unwrap()
    );
    noises[0].seed = 8;
    let other = small.run(&noises[0]).unwrap();
    noises[0].seed = 9;
    assert_ne!(other, small.run(&noises[0]).unwrap(), "the seed of noise");
}

#[test]
fn what_makes_no_sense_is_refused_in_a_sentence() {
    let small = Small::new(Engine::Cpu);
    let wrong: Vec<Change> = vec![
        ("alpha", Box::new(|r| r.settings.alpha = -1.0)),
        ("beta", Box::new(|r| r.settings.beta = f32::NAN)),
        ("styleScale", Box::new(|r| r.settings.style_scale = 9.0)),
        ("jitter", Box::new(|r| r.settings.jitter = 2000)),
        (
            "scaleFactor",
            Box::new(|r| r.settings.descent.octaves.factor = 1.0),
        ),
        ("scales", Box::new(|r| r.settings.descent.octaves.count = 0)),
        (
            "jitter",
            Box::new(|r| {
                r.settings.jitter = 4;
                r.settings.descent.optimizer = Optimizer::Lbfgs;
            }),
        ),
        (
            "twice",
            Box::new(|r| r.settings.style_layers[1].0 = "act0".to_owned()),
        ),
        (
            "no layer 'act9'",
            Box::new(|r| r.settings.style_layers[1].0 = "act9".to_owned()),
        ),
        (
            "both empty",
            Box::new(|r| {
                r.settings.style_layers.clear();
                r.settings.content_layers.clear();
            }),
        ),
        ("size", Box::new(|r| r.size = [7, 200])),
        ("size", Box::new(|r| r.size = [4000, 4000])),
        ("every", Box::new(|r| r.every = 0)),
        ("no style", Box::new(|r| r.styles.clear())),
        ("weight", Box::new(|r| r.styles[0].weight = -1.0)),
        ("weights", Box::new(|r| r.styles[0].weight = 0.0)),
        (
            "mask",
            Box::new(|r| r.styles[0].mask = Some(Tensor::new(vec![2.0], [1, 1, 1, 1]).unwrap())),
        ),
        (
            "0 everywhere",
            Box::new(|r| r.styles[0].mask = Some(Tensor::new(vec![0.0], [1, 1, 1, 1]).unwrap())),
        ),
        (
            "content",
            Box::new(|r| r.content = Tensor::new(vec![0.0; 64], [1, 1, 8, 8]).unwrap()),
        ),
        (
            "learningRate",
            Box::new(|r| r.settings.descent.learning_rate = 0.0),
        ),
    ];
    for (word, change) in wrong {
        let mut request = small.request();
        change(&mut request);
        let error = small.run(&request).expect_err(word);
        assert!(error.message.contains(word), "{word}: {}", error.message);
        assert!(
            !error.message.starts_with("synthesize"),
            "{}",
            error.message
        );
    }
}

#[test]
fn a_silent_style_and_values_that_are_no_numbers_are_told() {
    let mut small = Small::new(Engine::Cpu);
    for index in 0..3 {
        let channels = small.arrays[&format!("bias{index}")].data.len();
        let zeros = Tensor::new(vec![0.0; channels], [channels]).unwrap();
        small
            .net
            .set_weights(&format!("bias{index}"), zeros)
            .unwrap();
    }
    let mut request = small.request();
    request.styles[0].picture = Tensor::new(vec![0.0; 3 * 64], [1, 3, 8, 8]).unwrap();
    let error = small.run(&request).expect_err("nothing to compare with");
    assert!(
        error.message.contains("'act0' is silent"),
        "{}",
        error.message
    );
    request.settings.form = Form::Mean;
    small
        .run(&request)
        .expect("a style of nothing can be aimed at by its mean");
    small = Small::new(Engine::Cpu);
    let mut request = small.request();
    request.settings.descent.optimizer = Optimizer::Sgd;
    request.settings.descent.learning_rate = 1e6;
    request.settings.form = Form::Sum;
    let error = small.run(&request).expect_err("it diverges");
    assert!(
        error.message.contains("smaller learningRate"),
        "{}",
        error.message
    );
}

#[test]
fn kept_colours_leave_only_brightness_to_the_style() {
    let small = Small::new(Engine::Cpu);
    let mut request = small.request();
    request.init = Init::Content;
    request.settings.colours = Colours::Kept;
    let outcome = small.run(&request).unwrap();
    let rule = &request.normalization;
    let plane = 18 * 14;
    let pixel = |picture: &Tensor, c: usize, i: usize| {
        picture.data()[c * plane + i] * rule.std[c] + rule.mean[c]
    };
    let mut moved = 0.0_f32;
    for i in 0..plane {
        let changes: Vec<f32> = (0..3)
            .map(|c| pixel(&outcome.image, c, i) - pixel(&request.content, c, i))
            .collect();
        assert!(
            changes
                .iter()
                .all(|change| (change - changes[0]).abs() < 1e-4)
        );
        moved = moved.max(changes[0].abs());
    }
    assert!(moved > 0.05, "the brightness moved by {moved}");
}
