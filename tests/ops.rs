//! Every operator but convolution, forward and backward, against PyTorch; kinks, ties and one-sided padding included.

mod common;

use std::collections::{HashMap, HashSet};

use common::{Array, arrays, cases, relative_error};
use convscope::engine::control::Control;
use convscope::engine::program::{Memory, Program};
use convscope::engine::{Engine, Executable, Parameters, autodiff};
use convscope::graph::{Graph, NodeId};
use convscope::ops::Op;
use convscope::ops::activation::{Activation, Function};
use convscope::ops::batch_norm::{BatchNorm, BatchNormTrain, BatchStatistics, RunningStatistics};
use convscope::ops::binary::Binary;
use convscope::ops::concat::Concat;
use convscope::ops::cross_entropy::CrossEntropy;
use convscope::ops::linear::Linear;
use convscope::ops::pool::{AvgPool2d, MaxPool2d, Window};
use convscope::ops::reduce::{Dot, SumTo};
use convscope::ops::reshape::Reshape;
use convscope::ops::scale::Scale;
use convscope::ops::softmax::Softmax;
use convscope::tensor::{Shape, Tensor};
use serde::Deserialize;

/// Relative to the largest value of a result: f32 sums of at most a few hundred products.
const CPU_TOLERANCE: f32 = 1e-5;

/// A device adds in another order and rounds exponentials less strictly.
const GPU_TOLERANCE: f32 = 1e-4;

/// Results so small beside 1 that f32 may round them to 0, as PyTorch's own does: equal to 1e-7.
const ROUNDED_AWAY: [(&str, &str); 3] = [
    ("sigmoid_large", "d_x"),
    ("softmax_huge_logits", "d_x"),
    ("cross_entropy_sure", "y"),
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpCase {
    id: String,
    op: String,
    inputs: Vec<String>,
    #[serde(default)]
    kernel: [usize; 2],
    #[serde(default)]
    stride: [usize; 2],
    #[serde(default)]
    padding: [usize; 4],
    #[serde(default)]
    ceil: bool,
    #[serde(default)]
    count_include_pad: bool,
    #[serde(default)]
    slope: f32,
    #[serde(default)]
    epsilon: f32,
    #[serde(default)]
    training: bool,
    #[serde(default)]
    momentum: f32,
    #[serde(default)]
    reduction: String,
}

/// A case's arrays by their own names.
type Arrays<'a> = HashMap<&'a str, &'a Array>;

/// A shape as the graph has it: parameters that are vectors lie along channels.
fn shape(name: &str, array: &Array) -> Shape {
    let mut extents = array.shape.clone();
    if extents.is_empty() {
        extents.push(1);
    }
    let tensor = Tensor::new(array.data.clone(), extents).expect("a tensor");
    if ["weight", "bias", "mean", "variance"].contains(&name) {
        tensor.parameter_shape()
    } else {
        tensor.activation_shape()
    }
}

/// A graph under construction for one case, with the values of its feeds.
struct Bench {
    graph: Graph,
    feeds: Vec<(String, Vec<f32>)>,
}

impl Bench {
    fn feed(&mut self, name: &str, data: Vec<f32>, shape: Shape) -> NodeId {
        self.feeds.push((name.to_owned(), data));
        self.graph.feed(name, shape).expect("a feed")
    }

    fn push(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
        self.graph.push(op, inputs).expect("the case is sound")
    }

    /// Means and variances as one value of shape (2, C, 1, 1).
    fn statistics(&mut self, arrays: &Arrays<'_>) -> NodeId {
        let (mean, variance) = (arrays["mean"], arrays["variance"]);
        let data = [mean.data.as_slice(), &variance.data].concat();
        self.feed("running", data, Shape::new(2, mean.data.len(), 1, 1))
    }
}

/// The case's output and, for a training batch norm, its running statistics.
fn build(
    bench: &mut Bench,
    case: &OpCase,
    arrays: &Arrays<'_>,
    inputs: &[NodeId],
) -> (NodeId, Option<NodeId>) {
    let x = bench.graph.shape(inputs[0]);
    let window = Window {
        kernel: case.kernel,
        stride: case.stride,
        padding: case.padding.into(),
        ceil: case.ceil,
    };
    let activation = |function| Op::from(Activation { function });
    let op = match case.op.as_str() {
        "max_pool2d" => MaxPool2d { window }.into(),
        "avg_pool2d" => AvgPool2d {
            window,
            count_include_pad: case.count_include_pad,
            global: false,
        }
        .into(),
        "global_avg_pool" => AvgPool2d {
            window: Window::global(x),
            count_include_pad: true,
            global: true,
        }
        .into(),
        "relu" => activation(Function::Relu),
        "relu6" => activation(Function::Relu6),
        "leaky_relu" => activation(Function::LeakyRelu { slope: case.slope }),
        "silu" => activation(Function::Silu),
        "sigmoid" => activation(Function::Sigmoid),
        "hard_swish" => activation(Function::HardSwish),
        "add" => Binary::ADD.into(),
        "mul" => Binary::MUL.into(),
        "concat" => Concat.into(),
        "linear" => Linear.into(),
        "flatten" => Reshape {
            shape: Shape::new(x.n(), x.picture(), 1, 1),
        }
        .into(),
        "softmax" => Softmax.into(),
        "cross_entropy" => return (cross_entropy(bench, case, arrays, inputs[0]), None),
        "batch_norm" if case.training => {
            let running = bench.statistics(arrays);
            let batch = bench.push(BatchStatistics, &inputs[..1]);
            let train = BatchNormTrain {
                epsilon: case.epsilon,
            };
            let y = bench.push(train, &[inputs[0], batch, inputs[1], inputs[2]]);
            let update = RunningStatistics {
                momentum: case.momentum,
                count: x.n() * x.plane(),
            };
            return (y, Some(bench.push(update, &[running, batch])));
        }
        "batch_norm" => BatchNorm {
            epsilon: case.epsilon,
        }
        .into(),
        other => panic!("no operator {other}"),
    };
    (bench.push(op, inputs), None)
}

/// The loss against one-hot targets, reduced as the case says.
fn cross_entropy(bench: &mut Bench, case: &OpCase, arrays: &Arrays<'_>, logits: NodeId) -> NodeId {
    let shape = bench.graph.shape(logits);
    let mut one_hot = vec![0.0; shape.len()];
    for (row, &class) in arrays["target"].data.iter().enumerate() {
        one_hot[row * shape.c() + class as usize] = 1.0;
    }
    let target = bench.feed("one_hot", one_hot, shape);
    let losses = bench.push(CrossEntropy, &[logits, target]);
    if case.reduction == "none" {
        return losses;
    }
    let sum = bench.push(
        SumTo {
            shape: Shape::SCALAR,
        },
        &[losses],
    );
    let rows = arrays["target"].data.len() as f32;
    match case.reduction.as_str() {
        "sum" => sum,
        _ => bench.push(Scale { factor: 1.0 / rows }, &[sum]),
    }
}

/// Runs a case on an engine and compares all that is stored of it; returns the names that were compared.
fn check(engine: &Engine, tolerance: f32, case: &OpCase, arrays: &Arrays<'_>) -> HashSet<String> {
    let mut bench = Bench {
        graph: Graph::default(),
        feeds: Vec::new(),
    };
    let inputs: Vec<NodeId> = case
        .inputs
        .iter()
        .filter(|name| *name != "target")
        .map(|name| {
            bench.feed(
                name,
                arrays[name.as_str()].data.clone(),
                shape(name, arrays[name.as_str()]),
            )
        })
        .collect();
    let (y, running) = build(&mut bench, case, arrays, &inputs);
    let dy_shape = bench.graph.shape(y);
    let dy = bench.feed("dy", arrays["dy"].data.clone(), dy_shape);
    let value = bench.push(Dot, &[y, dy]);
    let differentiable: Vec<(&String, NodeId)> = case
        .inputs
        .iter()
        .zip(&inputs)
        .filter(|(name, _)| arrays.contains_key(format!("d_{name}").as_str()))
        .map(|(name, id)| (name, *id))
        .collect();
    let wrt: Vec<NodeId> = differentiable.iter().map(|(_, id)| *id).collect();
    let mut fetches = vec![y];
    fetches.extend(autodiff::gradient(&mut bench.graph, value, &wrt).expect("gradients"));
    fetches.extend(running);
    let program = Program::new(&bench.graph, &fetches, Memory::Loop).expect("a program");
    let mut executable = Executable::new(engine, program).expect("an executable");
    let all: Vec<usize> = (0..fetches.len()).collect();
    let results = pollster::block_on(async {
        executable
            .run(&Parameters::default(), &bench.feeds, &Control::new())
            .await?;
        executable.fetch(&all).await
    })
    .unwrap_or_else(|error| panic!("{}: {error}", case.id));

    let mut found = vec![("y".to_owned(), results[0].data())];
    for ((name, _), gradient) in differentiable.iter().zip(&results[1..]) {
        found.push((format!("d_{name}"), gradient.data()));
    }
    if running.is_some() {
        let statistics = results[results.len() - 1].data();
        let (mean, variance) = statistics.split_at(statistics.len() / 2);
        found.push(("running_mean".to_owned(), mean));
        found.push(("running_var".to_owned(), variance));
    }
    for (name, values) in &found {
        let expected = &arrays[name.as_str()].data;
        if ROUNDED_AWAY.contains(&(case.id.as_str(), name.as_str())) {
            let close = values
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-7);
            assert!(close, "{name} of {}: {values:?}", case.id);
            continue;
        }
        let error = relative_error(values, expected);
        assert!(
            error <= tolerance,
            "{name} of {} is off by {error}",
            case.id
        );
    }
    found.into_iter().map(|(name, _)| name).collect()
}

fn check_all(engine: &Engine, tolerance: f32) {
    let stored = arrays("ops.safetensors");
    let cases = cases::<OpCase>("ops.json");
    assert!(cases.len() > 80, "there are {} cases", cases.len());
    for case in &cases {
        let prefix = format!("{}.", case.id);
        let own: Arrays<'_> = stored
            .iter()
            .filter_map(|(name, array)| Some((name.strip_prefix(&prefix)?, array)))
            .collect();
        let compared = check(engine, tolerance, case, &own);
        let given = |name: &str| name == "dy" || case.inputs.iter().any(|input| input == name);
        for name in own.keys().filter(|name| !given(name)) {
            assert!(
                compared.contains(*name),
                "{name} of {} was compared",
                case.id
            );
        }
    }
}

#[test]
fn every_operator_agrees_with_pytorch_on_the_cpu_engine() {
    check_all(&Engine::Cpu, CPU_TOLERANCE);
}

#[test]
fn every_result_agrees_with_pytorch_on_the_gpu_engine() {
    if let Some(engine) = common::gpu_engine() {
        check_all(&engine, GPU_TOLERANCE);
    }
}
