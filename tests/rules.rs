//! Attributions by other backward rules: guided backpropagation, deconvnet, `DeepLIFT` and LRP against Captum and Zennit,
//! and the identities that prove them where those are silent.

mod common;
#[path = "common/gpu.rs"]
mod gpu;

use std::collections::HashMap;

use common::{Array, arrays, cases, gpu_engine, shipped};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::error::{Error, Result};
use convscope::lens::attribution::{
    Baseline, Identity, Method, Settings, attribute, identities, layer,
};
use convscope::lens::rules::{
    DeepLift, LayerRule, Layerwise, Lrp, Rectified, Relevance, Rescaled, deep_lift, lrp, rectified,
};
use convscope::load::data;
use convscope::net::objective::{Objective, Term};
use convscope::net::{Net, Override, Overrides};
use convscope::ops::activation::{ActivationSecant, Function};
use convscope::ops::quotient::Quotient;
use convscope::ops::{Op, Operator as _, View};
use convscope::tensor::{Shape, Tensor};
use serde::Deserialize;
use serde_json::{Value, json};

/// Relative L2 to the reference in f64; the largest found is 2e-5.
const TOLERANCE: f64 = 1e-3;

#[derive(Deserialize)]
struct Case {
    id: String,
    graph: Value,
    target: usize,
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    method: String,
    expected: String,
    options: Value,
}

fn engines() -> Vec<(&'static str, Engine)> {
    let gpu = gpu_engine().map(|engine| ("gpu", engine));
    std::iter::once(("cpu", Engine::Cpu)).chain(gpu).collect()
}

fn tensor(array: &Array) -> Tensor {
    Tensor::new(array.data.clone(), array.shape.clone()).expect("a tensor")
}

fn network(case: &Case, stored: &HashMap<String, Array>, engine: &Engine) -> Net {
    let prefix = format!("{}.", case.id);
    let weights: HashMap<String, Tensor> = stored
        .iter()
        .filter_map(|(name, array)| {
            let name = name.strip_prefix(&prefix)?;
            Some((name.to_owned(), tensor(array)))
        })
        .collect();
    let loaded = data::load(&case.graph.to_string(), &weights).expect("a network");
    Net::new(loaded, weights, engine.clone())
}

fn case(id: &str) -> Case {
    cases::<Case>("rules.json")
        .into_iter()
        .find(|case| case.id == id)
        .expect("a case of the fixture")
}

fn logit(class: usize) -> Objective {
    vec![(Term::Logit(class), 1.0)]
}

fn rectify(net: &Net, x: &Tensor, objective: &Objective, rule: Rectified) -> Tensor {
    let (none, control) = (Overrides::new(), Control::new());
    pollster::block_on(rectified(net, x, objective, rule, &none, &control)).expect("a map")
}

fn lift(net: &Net, x: &Tensor, objective: &Objective, baseline: Tensor) -> Result<Rescaled> {
    let (none, control) = (Overrides::new(), Control::new());
    let rule = DeepLift { baseline };
    pollster::block_on(deep_lift(net, x, objective, &rule, &none, &control))
}

fn relevance(net: &Net, x: &Tensor, objective: &Objective, rule: &Lrp) -> Result<Relevance> {
    let control = Control::new();
    pollster::block_on(lrp(net, x, objective, rule, &Overrides::new(), &control))
}

fn gradient(net: &Net, x: &Tensor, objective: &Objective) -> Tensor {
    let (none, control) = (Overrides::new(), Control::new());
    let found = pollster::block_on(net.gradient(x, objective, &["input"], &none, &control));
    found.expect("a gradient").1.remove(0)
}

fn value(net: &Net, x: &Tensor, objective: &Objective) -> f64 {
    let (none, control) = (Overrides::new(), Control::new());
    f64::from(pollster::block_on(net.value(x, objective, &none, &control)).expect("a value"))
}

fn word(value: &Value) -> &str {
    value.as_str().expect("a word")
}

fn lrp_options(options: &Value) -> Lrp {
    let number = |key: &str, default: f32| options[key].as_f64().map_or(default, |v| v as f32);
    let rules = options["layerRules"].as_object().into_iter().flatten();
    Lrp {
        rule: word(&options["rule"]).parse().expect("a rule"),
        layer_rules: rules
            .map(|(name, rule)| (name.clone(), word(rule).parse().expect("a layer's rule")))
            .collect(),
        epsilon: number("epsilon", 1e-6),
        gamma: number("gamma", 0.25),
        low: vec![number("low", 0.0)],
        high: vec![number("high", 1.0)],
    }
}

fn sum(values: &[f32]) -> f64 {
    values.iter().copied().map(f64::from).sum()
}

/// Distance relative to the length of what is expected.
fn relative_l2(got: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(got.len(), expected.len(), "as many values as expected");
    let difference: f64 = got
        .iter()
        .zip(expected)
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
        .sum();
    let length: f64 = expected.iter().map(|b| f64::from(*b).powi(2)).sum();
    (difference / length).sqrt()
}

#[test]
fn maps_agree_with_captum_and_zennit_on_both_engines() {
    let stored = arrays("rules.safetensors");
    let mut checked = 0;
    for (engine_name, engine) in engines() {
        for case in cases::<Case>("rules.json") {
            let net = network(&case, &stored, &engine);
            let x = tensor(&stored[&format!("{}.x", case.id)]);
            let objective = logit(case.target);
            for check in &case.checks {
                let map = match check.method.as_str() {
                    "guided_backprop" => rectify(&net, &x, &objective, Rectified::Guided),
                    "deconvnet" => rectify(&net, &x, &objective, Rectified::Deconvnet),
                    "deep_lift" => {
                        let picture = tensor(&stored[&format!("{}.baseline", case.id)]);
                        let baseline = match check.options["baseline"].as_str() {
                            Some("picture") => picture,
                            _ => Tensor::zeros(picture.activation_shape()),
                        };
                        lift(&net, &x, &objective, baseline).expect("DeepLIFT").map
                    }
                    "lrp" => {
                        relevance(&net, &x, &objective, &lrp_options(&check.options))
                            .expect("LRP")
                            .map
                    }
                    other => panic!("{other}"),
                };
                let error = relative_l2(map.data(), &stored[&check.expected].data);
                let Check {
                    method, options, ..
                } = check;
                println!(
                    "{engine_name} {:9} {method:15} {error:.1e} {options}",
                    case.id
                );
                assert!(
                    error < TOLERANCE,
                    "{method} {options} of {}: {error}",
                    case.id
                );
                checked += 1;
            }
        }
    }
    assert!(checked >= 56, "{checked} checks");
}

/// A network of operators that no reference covers: overlapping padded max pooling, silu, a gate over channels, hard swish,
/// a product that is a silu written out, batch norm before its convolution.
fn gated(engine: &Engine) -> (Net, Tensor) {
    let pool = json!({"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1, 1, 1]});
    let with = |name: &str, op: &str, inputs: &[&str], attributes: Value| {
        let mut node = json!({"name": name, "op": op, "inputs": inputs});
        let node_fields = node.as_object_mut().expect("an object");
        node_fields.extend(attributes.as_object().expect("an object").clone());
        node
    };
    let conv = |name: &str, input: &str| {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let attributes = json!({"weight": weight, "bias": bias, "padding": [1, 0, 0, 1]});
        with(name, "conv2d", &[input], attributes)
    };
    let norm = json!({"weight": "n.w", "bias": "n.b", "mean": "n.m", "variance": "n.v"});
    let graph = json!({
        "name": "gated", "input": {"name": "x", "shape": [3, 11, 10]}, "output": "logits",
        "nodes": [
            conv("c1", "x"),
            with("a1", "relu", &["c1"], json!({})),
            with("pool", "max_pool2d", &["a1"], pool),
            with("n", "batch_norm", &["pool"], norm),
            with("a2", "silu", &["n"], json!({})),
            with("squeeze", "global_avg_pool", &["a2"], json!({})),
            conv("c2", "squeeze"),
            with("gate", "sigmoid", &["c2"], json!({})),
            with("scaled", "mul", &["a2", "gate"], json!({})),
            conv("c3", "scaled"),
            with("a3", "hard_swish", &["c3"], json!({})),
            with("s", "sigmoid", &["a3"], json!({})),
            with("product", "mul", &["s", "a3"], json!({})),
            with("sum", "add", &["product", "a2"], json!({})),
            with("a4", "relu6", &["sum"], json!({})),
            with("pooled", "max_pool2d", &["a4"], json!({"kernel": [2, 3], "stride": [1, 1]})),
            with("mean", "global_avg_pool", &["pooled"], json!({})),
            with("flat", "flatten", &["mean"], json!({})),
            with("logits", "linear", &["flat"], json!({"weight": "fc.weight", "bias": "fc.bias"})),
        ]
    });
    let mut weights = HashMap::new();
    let mut add = |name: &str, shape: &[usize], scale: f32, offset: f32| {
        let length = shape.iter().product();
        let data = common::lattice(weights.len() + 3, weights.len(), length);
        let data = data.iter().map(|v| v * scale + offset).collect();
        let tensor = Tensor::new(data, shape).expect("a weight");
        weights.insert(name.to_owned(), tensor);
    };
    for (name, inputs, kernel, scale) in [("c1", 3, 2, 0.9), ("c2", 4, 2, 1.5), ("c3", 4, 2, 1.4)] {
        add(
            &format!("{name}.weight"),
            &[4, inputs, kernel, kernel],
            scale,
            0.05,
        );
        add(&format!("{name}.bias"), &[4], 0.3, 0.0);
    }
    add("n.w", &[4], 0.6, 1.5);
    add("n.b", &[4], 0.5, 0.2);
    add("n.m", &[4], 0.5, 0.5);
    add("n.v", &[4], 0.2, 0.5);
    add("fc.weight", &[5, 4], 1.0, 0.0);
    add("fc.bias", &[5], 0.5, 0.0);
    let loaded = data::load(&graph.to_string(), &weights).expect("a network");
    let x = Tensor::new(common::lattice(5, 5, 660), [2, 3, 11, 10]).expect("two pictures");
    (Net::new(loaded, weights, engine.clone()), x)
}

/// The networks of the fixture and [`gated`], each with two pictures, on both engines.
fn networks() -> Vec<(String, Net, Tensor)> {
    let stored = arrays("rules.safetensors");
    let mut networks = Vec::new();
    for (name, engine) in engines() {
        for case in cases::<Case>("rules.json") {
            let x = tensor(&stored[&format!("{}.x", case.id)]);
            let label = format!("{} on {name}", case.id);
            networks.push((label, network(&case, &stored, &engine), x));
        }
        let (net, x) = gated(&engine);
        networks.push((format!("gated on {name}"), net, x));
    }
    networks
}

/// A picture of another seed, half as strong.
fn other_picture(x: &Tensor) -> Tensor {
    let shape = x.activation_shape().with_n(1);
    let values = common::lattice(23, 1, shape.len())
        .into_iter()
        .map(|v| v / 2.0);
    Tensor::new(values.collect(), shape.0.to_vec()).expect("a picture")
}

#[test]
fn deep_lift_sums_to_the_difference_from_the_baseline() {
    for (name, net, x) in networks() {
        let shape = x.activation_shape();
        for baseline in [Tensor::zeros(shape.with_n(1)), other_picture(&x)] {
            let found = lift(&net, &x, &logit(2), baseline.clone()).expect("DeepLIFT");
            let twice = baseline.data().repeat(2);
            let twice = Tensor::new(twice, x.shape().to_vec()).expect("two baselines");
            let expected = value(&net, &x, &logit(2)) - value(&net, &twice, &logit(2));
            let difference = f64::from(found.value) - f64::from(found.baseline_value);
            assert!(
                (difference - expected).abs() < 1e-5,
                "{name}: {difference} is {expected}"
            );
            // Each picture's own share is right, too: the first alone gives the same map.
            let first = Tensor::new(
                x.data()[..shape.picture()].to_vec(),
                shape.with_n(1).0.to_vec(),
            );
            let alone = lift(&net, &first.expect("one"), &logit(2), baseline).expect("DeepLIFT");
            let distance = relative_l2(&found.map.data()[..shape.picture()], alone.map.data());
            assert!(distance < 1e-4, "{name}: {distance}");
            let total = sum(found.map.data());
            println!("{name:20} DeepLIFT sums to {total:.6} of {expected:.6}");
            assert!(
                (total - expected).abs() < 2e-5 * expected.abs().max(1.0),
                "{name}: {total} is not {expected}"
            );
        }
    }
}

#[test]
fn deep_lift_of_a_linear_objective_below_all_curves_is_difference_times_weight() {
    for (name, net, x) in networks().into_iter().take(1) {
        let objective = vec![(
            Term::Channel {
                layer: "conv1".to_owned(),
                channel: 1,
            },
            1.0,
        )];
        let baseline = other_picture(&x);
        let found = lift(&net, &x, &objective, baseline.clone()).expect("DeepLIFT");
        let slope = gradient(&net, &x, &objective);
        let expected: Vec<f32> = (x.data().iter().zip(baseline.data().repeat(2)))
            .zip(slope.data())
            .map(|((x, b), g)| (x - b) * g)
            .collect();
        let distance = relative_l2(found.map.data(), &expected);
        assert!(distance < 1e-6, "{name}: {distance}");
    }
}

fn rules() -> Vec<Lrp> {
    let all = [
        Layerwise::Epsilon,
        Layerwise::Gamma,
        Layerwise::ZPlus,
        Layerwise::EpsilonPlus,
        Layerwise::EpsilonGammaBox,
    ];
    let rule = |rule| Lrp {
        rule,
        low: vec![-1.5],
        high: vec![1.25],
        epsilon: 0.01,
        ..Lrp::default()
    };
    all.into_iter().map(rule).collect()
}

/// What arrives at the picture and what biases and ε took on the way is what was dealt out.
#[test]
fn relevance_and_what_was_absorbed_sum_to_the_logit_for_every_rule() {
    for (name, net, x) in networks() {
        let expected = value(&net, &x, &logit(2));
        for rule in rules() {
            let found = relevance(&net, &x, &logit(2), &rule).expect("LRP");
            assert!(
                (f64::from(found.value) - expected).abs() < 1e-5,
                "{name}: the value"
            );
            let (map, absorbed) = (sum(found.map.data()), sum(found.absorbed.data()));
            println!(
                "{name:20} {:?}: {map:.5} + {absorbed:.5} of {expected:.5}",
                rule.rule
            );
            let scale = found
                .map
                .data()
                .iter()
                .fold(0.0_f64, |m, v| m + f64::from(v.abs()));
            let tolerance = 1e-5 * scale.max(1.0);
            assert!(
                (map + absorbed - expected).abs() < tolerance,
                "{name} {:?}",
                rule.rule
            );
        }
    }
}

#[test]
fn relevance_is_conserved_where_there_are_no_biases() {
    for (name, net, x) in networks() {
        if !name.starts_with("unbiased") {
            continue;
        }
        let expected = value(&net, &x, &logit(2));
        for mut rule in rules() {
            rule.epsilon = 0.0;
            let found = relevance(&net, &x, &logit(2), &rule).expect("LRP");
            let total = sum(found.map.data());
            // Of a stabilised denominator 1e-6 stays.
            assert!(
                (total - expected).abs() < 1e-4 * expected.abs(),
                "{name} {:?}: {total} is not {expected}",
                rule.rule
            );
        }
    }
}

#[test]
fn lrp_zero_is_input_times_gradient_where_rectifiers_are_straight() {
    for (name, net, x) in networks() {
        if !["plain", "unbiased", "residual"]
            .iter()
            .any(|id| name.starts_with(id))
        {
            continue;
        }
        let zero = Lrp {
            rule: Layerwise::Epsilon,
            epsilon: 0.0,
            ..Lrp::default()
        };
        let found = relevance(&net, &x, &logit(2), &zero).expect("LRP");
        let slope = gradient(&net, &x, &logit(2));
        let expected: Vec<f32> = x
            .data()
            .iter()
            .zip(slope.data())
            .map(|(x, g)| x * g)
            .collect();
        let distance = relative_l2(found.map.data(), &expected);
        println!("{name:20} LRP-0 and input × gradient differ by {distance:.1e}");
        assert!(distance < 1e-4, "{name}: {distance}");
    }
}

#[test]
fn without_rectifiers_guided_backpropagation_and_deconvnet_are_the_gradient() {
    for (name, net, x) in networks() {
        let objective = vec![(
            Term::Channel {
                layer: net.layers()[0].name.clone(),
                channel: 1,
            },
            1.0,
        )];
        let slope = gradient(&net, &x, &objective);
        for rule in [Rectified::Guided, Rectified::Deconvnet] {
            assert_eq!(
                rectify(&net, &x, &objective, rule).data(),
                slope.data(),
                "{name}"
            );
        }
    }
}

#[test]
fn objectives_may_be_sums_of_logits_and_units() {
    for (name, net, x) in networks() {
        let layers = net.layers();
        let unit = Term::Unit {
            layer: layers[1].name.clone(),
            channel: 1,
            y: 2,
            x: 3,
        };
        let objective = vec![(Term::Logit(1), 1.0), (Term::Logit(0), -0.5), (unit, 2.0)];
        let expected = value(&net, &x, &objective);
        let zero = Tensor::zeros(x.activation_shape().with_n(1));
        let lifted = lift(&net, &x, &objective, zero).expect("DeepLIFT");
        let difference = f64::from(lifted.value) - f64::from(lifted.baseline_value);
        assert!((sum(lifted.map.data()) - difference).abs() < 1e-4, "{name}");
        let found = relevance(&net, &x, &objective, &rules()[1]).expect("LRP");
        let total = sum(found.map.data()) + sum(found.absorbed.data());
        assert!(
            (total - expected).abs() < 1e-4 * expected.abs().max(1.0),
            "{name}: {total} of {expected}"
        );
    }
}

#[test]
fn overrides_change_what_is_explained_and_the_sums_still_hold() {
    for (name, net, x) in networks() {
        let layers = net.layers();
        let (scaled, replaced) = (&layers[0].name, &layers[layers.len() - 2]);
        let [c, h, w] = replaced.shape;
        let fixed = Tensor::new(common::lattice(2, 9, c * h * w), [1, c, h, w]).expect("an output");
        let scale: Override = Override::Scale([(0, 0.0), (1, 2.0)].into());
        for (overrides, is_cut) in [
            (Overrides::from([(scaled.clone(), scale)]), false),
            (
                Overrides::from([(replaced.name.clone(), Override::Replace(fixed))]),
                true,
            ),
        ] {
            let control = Control::new();
            let objective = logit(2);
            let baseline = other_picture(&x);
            let rule = DeepLift { baseline };
            let lifted =
                pollster::block_on(deep_lift(&net, &x, &objective, &rule, &overrides, &control));
            let lifted = lifted.expect("DeepLIFT");
            let difference = f64::from(lifted.value) - f64::from(lifted.baseline_value);
            assert!((sum(lifted.map.data()) - difference).abs() < 1e-4, "{name}");
            let rule = &rules()[3];
            let found = pollster::block_on(lrp(&net, &x, &objective, rule, &overrides, &control));
            let found = found.expect("LRP");
            if is_cut {
                assert!(
                    found.map.data().iter().all(|&v| v == 0.0),
                    "{name}: nothing depends on the picture"
                );
            } else {
                let total = sum(found.map.data()) + sum(found.absorbed.data());
                assert!((total - f64::from(found.value)).abs() < 1e-4, "{name}");
            }
        }
    }
}

#[test]
fn options_and_objectives_that_do_not_fit_are_refused_with_a_sentence() {
    let stored = arrays("rules.safetensors");
    let case = case("residual");
    let net = network(&case, &stored, &Engine::Cpu);
    let x = tensor(&stored["residual.x"]);
    let refused = |rule: Lrp| relevance(&net, &x, &logit(2), &rule).expect_err("refused");
    let with_rule = |layer: &str, rule| Lrp {
        layer_rules: [(layer.to_owned(), rule)].into(),
        ..Lrp::default()
    };
    let errors: Vec<(Error, &str)> = vec![
        (
            refused(Lrp {
                epsilon: -1.0,
                ..Lrp::default()
            }),
            "epsilon",
        ),
        (
            refused(Lrp {
                gamma: f32::NAN,
                ..Lrp::default()
            }),
            "gamma",
        ),
        (
            refused(Lrp {
                low: vec![1.0],
                ..Lrp::default()
            }),
            "low",
        ),
        (
            refused(Lrp {
                low: vec![0.0; 2],
                ..Lrp::default()
            }),
            "2 numbers",
        ),
        (refused(with_rule("nowhere", LayerRule::Gamma)), "nowhere"),
        (
            refused(with_rule("stem_norm", LayerRule::Gamma)),
            "merged into 'stem'",
        ),
        (refused(with_rule("stem_act", LayerRule::Gamma)), "relu"),
        (
            refused(with_rule("block", LayerRule::ZBox)),
            "that read the picture",
        ),
    ];
    for (error, words) in errors {
        assert_eq!(error.code.as_str(), "bad_argument", "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    let curved = vec![(Term::Probability(2), 1.0)];
    let error = relevance(&net, &x, &curved, &Lrp::default()).expect_err("refused");
    assert!(error.message.contains("probability"), "{error}");
    let zero = Tensor::zeros(x.activation_shape());
    let error = lift(&net, &x, &curved, zero).expect_err("refused");
    assert!(error.message.contains("softmax"), "{error}");
    let small = Tensor::zeros(Shape::new(1, 3, 4, 4));
    let error = lift(&net, &x, &logit(2), small).expect_err("refused");
    assert!(error.message.contains("baseline"), "{error}");
}

/// Of an operator.
type Inputs = Vec<(Shape, Vec<f32>)>;

#[test]
fn quotients_and_secants_on_the_device_match_their_cpu_kernels() {
    let Some(device) = gpu::device() else { return };
    let shape = Shape::new(2, 3, 3, 5);
    let numbers = |seed| common::lattice(seed, seed, shape.len());
    let mut nearly = numbers(2);
    // Zeros of both signs, equal arguments, arguments that are closer than a difference can tell.
    nearly[..4].copy_from_slice(&[0.0, -0.0, numbers(1)[2], numbers(1)[3] + 1e-6]);
    let wide: Vec<f32> = numbers(1).iter().map(|v| v * 9.0).collect();
    let near: Vec<f32> = wide.iter().zip(&nearly).map(|(w, n)| w + n * 3.0).collect();
    let mut table: Vec<(Op, Inputs)> = [0.0, 1e-6, 0.25]
        .map(|epsilon| {
            let inputs = vec![
                (shape, numbers(1)),
                (shape, nearly.clone()),
                (Shape::SCALAR, vec![epsilon]),
            ];
            (Op::from(Quotient), inputs)
        })
        .into();
    for function in [
        Function::Relu,
        Function::Relu6,
        Function::LeakyRelu { slope: 0.1 },
        Function::Silu,
        Function::Sigmoid,
        Function::HardSwish,
        Function::Tanh,
    ] {
        for reference in [&near, &wide] {
            let inputs = vec![
                (shape, numbers(4)),
                (shape, wide.clone()),
                (shape, reference.clone()),
            ];
            table.push((ActivationSecant { function }.into(), inputs));
        }
    }
    for (op, inputs) in table {
        let wide: Vec<(Shape, Vec<f64>)> = inputs
            .iter()
            .map(|(shape, values)| (*shape, values.iter().copied().map(f64::from).collect()))
            .collect();
        let views: Vec<View<'_, f64>> = wide
            .iter()
            .map(|(shape, data)| View {
                data,
                shape: *shape,
            })
            .collect();
        let mut expected = vec![0.0; shape.len()];
        op.cpu(&views, &mut expected, shape);
        let found = gpu::on_gpu(&device, &op, &inputs, shape).expect("a result");
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let difference = (f64::from(*found) - expected).abs();
            assert!(
                difference <= 2e-4 * expected.abs().max(1.0),
                "{op:?} value {index}: {found} is not {expected}"
            );
        }
    }
}

/// EfficientNet-Lite0 and a photograph's stored crop, where the build has made the network: depthwise, ReLU6, residual sums,
/// 50 layers.
fn lite0(engine: &Engine) -> Option<(Net, Tensor)> {
    Some((shipped::lite0(engine.clone())?, shipped::chelsea()))
}

#[test]
fn sums_hold_through_fifty_layers_with_relu6() {
    for (name, engine) in engines() {
        let Some((net, x)) = lite0(&engine) else {
            return;
        };
        let objective = logit(282);
        let zero = Tensor::zeros(x.activation_shape());
        let found = lift(&net, &x, &objective, zero).expect("DeepLIFT");
        let expected = f64::from(found.value) - f64::from(found.baseline_value);
        let total = sum(found.map.data());
        println!("{name} DeepLIFT: {total:.5} of {expected:.5}");
        assert!(
            (total - expected).abs() < 1e-3 * expected.abs(),
            "{name}: {total} of {expected}"
        );
        // The first and the last have most kinds of terms between them; the others are held to their sums on small networks.
        for rule in rules().into_iter().step_by(4) {
            let found = relevance(&net, &x, &objective, &rule).expect("LRP");
            let (map, absorbed) = (sum(found.map.data()), sum(found.absorbed.data()));
            let expected = f64::from(found.value);
            println!(
                "{name} {:?}: {map:.5} + {absorbed:.5} of {expected:.5}",
                rule.rule
            );
            let scale = found
                .map
                .data()
                .iter()
                .fold(0.0_f64, |m, v| m + f64::from(v.abs()));
            let missing = (map + absorbed - expected).abs();
            assert!(
                missing < 1e-3 * expected.abs().max(scale),
                "{name} {:?}: {missing}",
                rule.rule
            );
        }
        for rule in [Rectified::Guided, Rectified::Deconvnet] {
            let map = rectify(&net, &x, &objective, rule);
            assert!(
                map.data().iter().all(|v| v.is_finite()) && map.data().iter().any(|v| *v != 0.0)
            );
        }
    }
}

/// The methods by their names, over several pictures, give what the rules give.
#[test]
fn attribute_runs_the_rules_by_name() {
    let stored = arrays("rules.safetensors");
    let case = case("residual");
    let net = network(&case, &stored, &Engine::Cpu);
    let x = tensor(&stored["residual.x"]);
    let baseline = tensor(&stored["residual.baseline"]);
    let settings = Settings {
        target: Some(logit(2)),
        baseline: Baseline::Picture(baseline.clone()),
        lrp: rules().remove(4),
        ..Settings::default()
    };
    for (method, expected) in [
        (
            "guided_backprop",
            rectify(&net, &x, &logit(2), Rectified::Guided),
        ),
        (
            "deconvnet",
            rectify(&net, &x, &logit(2), Rectified::Deconvnet),
        ),
        (
            "deep_lift",
            lift(&net, &x, &logit(2), baseline).expect("DeepLIFT").map,
        ),
        (
            "lrp",
            relevance(&net, &x, &logit(2), &settings.lrp)
                .expect("LRP")
                .map,
        ),
    ] {
        let (none, control) = (Overrides::new(), Control::new());
        let method = method.parse().expect("a method");
        let map = pollster::block_on(attribute(&net, &x, method, &settings, &none, &control));
        assert_eq!(map.expect("a map"), expected);
    }
}

fn checks(
    net: &Net,
    x: &Tensor,
    method: Method,
    settings: &Settings,
    map: Option<&Tensor>,
) -> Vec<Identity> {
    let (none, control) = (Overrides::new(), Control::new());
    let found = identities(net, x, method, settings, map, &none, &control);
    pollster::block_on(found).expect("identities")
}

fn first_picture(x: &Tensor) -> Tensor {
    let shape = x.activation_shape();
    x.pictures(&[0], shape.n(), shape.picture())
        .expect("a picture")
}

#[test]
fn sums_are_proved_on_the_spot_and_refuted_for_other_maps() {
    for (name, net, x) in networks() {
        let x = first_picture(&x);
        let is_straight = ["plain", "unbiased", "residual"]
            .iter()
            .any(|id| name.starts_with(id));
        for lrp in rules() {
            let settings = Settings {
                target: Some(logit(2)),
                baseline: Baseline::Picture(other_picture(&x)),
                lrp: Lrp {
                    epsilon: 0.0,
                    ..lrp
                },
                ..Settings::default()
            };
            for method in [Method::DeepLift, Method::Lrp] {
                let found = checks(&net, &x, method, &settings, None);
                assert!(
                    found.iter().all(|identity| identity.holds),
                    "{name}: {found:?}"
                );
                let is_zero = method == Method::Lrp && settings.lrp.rule == Layerwise::Epsilon;
                let expected = if is_zero && is_straight { 2 } else { 1 };
                assert_eq!(found.len(), expected, "{name}: {found:?}");
                let mut other = Tensor::zeros(x.activation_shape());
                other.data_mut().fill(1.0);
                let refuted = checks(&net, &x, method, &settings, Some(&other));
                assert!(
                    refuted.iter().all(|identity| !identity.holds),
                    "{name}: {refuted:?}"
                );
            }
        }
    }
}

/// What is left of large terms is as uncertain as they are: rounding there refutes nothing.
#[test]
fn sums_that_cancel_are_not_called_wrong() {
    for (name, net, x) in networks() {
        let x = first_picture(&x);
        let zero = Tensor::zeros(x.activation_shape());
        let rise = |class| value(&net, &x, &logit(class)) - value(&net, &zero, &logit(class));
        let weight = -rise(1) / rise(2);
        let settings = Settings {
            target: Some(vec![(Term::Logit(1), 1.0), (Term::Logit(2), weight as f32)]),
            ..Settings::default()
        };
        let found = checks(&net, &x, Method::DeepLift, &settings, None);
        assert!(found[0].right.abs() < 1e-4, "{name}: {found:?}");
        assert!(found[0].holds, "{name}: {found:?}");
    }
}

#[test]
fn one_sample_proves_nothing_and_maps_are_drawn_where_there_are_positions() {
    let weights: HashMap<String, Tensor> = [("c1", 3_usize), ("c2", 4)]
        .into_iter()
        .map(|(name, inputs)| {
            let values = common::lattice(1, inputs, 4 * inputs * 9);
            let shape = [4, inputs, 3, 3];
            (
                name.to_owned(),
                Tensor::new(values, shape).expect("a weight"),
            )
        })
        .collect();
    let conv = |name: &str, input: &str| {
        json!({"name": format!("{name}_conv"), "op": "conv2d", "inputs": [input], "weight": name,
            "padding": [1, 1, 1, 1]})
    };
    let graph = json!({
        "name": "head", "input": {"name": "x", "shape": [3, 9, 8]}, "output": "flat",
        "nodes": [
            conv("c1", "x"),
            {"name": "act", "op": "relu", "inputs": ["c1_conv"]},
            {"name": "mean", "op": "global_avg_pool", "inputs": ["act"]},
            conv("c2", "mean"),
            {"name": "flat", "op": "flatten", "inputs": ["c2_conv"]},
        ]
    });
    let loaded = data::load(&graph.to_string(), &weights).expect("a network");
    let net = Net::new(loaded, weights, Engine::Cpu);
    assert_eq!(layer(&net, None).expect("a layer"), "act");
    assert_eq!(layer(&net, Some("c2_conv")).expect("a layer"), "c2_conv");

    let x = Tensor::new(common::lattice(4, 4, 216), [1, 3, 9, 8]).expect("a picture");
    let settings = |samples| Settings {
        target: Some(logit(1)),
        samples,
        ..Settings::default()
    };
    assert!(checks(&net, &x, Method::SmoothGrad, &settings(1), None).is_empty());
    assert_eq!(
        checks(&net, &x, Method::SmoothGrad, &settings(2), None).len(),
        1
    );
}
