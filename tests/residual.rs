//! A residual's addition disappears into the convolution before it, with the activation after it, where nobody asks for what
//! is between; the values are those of the operators one by one.

mod common;

use std::collections::HashMap;

use common::{gpu_engine, lattice, relative_error};
use convscope::engine::control::Control;
use convscope::engine::program::{Memory, Program};
use convscope::engine::{Engine, Executable, Parameters, autodiff};
use convscope::graph::{Graph, NodeId};
use convscope::ops::activation::{Activation, Function};
use convscope::ops::batch_norm::BatchNorm;
use convscope::ops::binary::Binary;
use convscope::ops::conv2d::{Conv2d, Geometry};
use convscope::ops::reduce::Dot;
use convscope::ops::{Op, Operator as _};
use convscope::tensor::{Shape, Tensor};

const TOLERANCE: f32 = 1e-5;
const X: Shape = Shape([2, 6, 5, 7]);

/// A graph under construction.
struct Bench {
    graph: Graph,
    x: NodeId,
}

impl Bench {
    fn new() -> Self {
        let mut graph = Graph::default();
        let x = graph.feed("x", X).expect("a feed");
        Self { graph, x }
    }

    fn push(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
        self.graph.push(op, inputs).expect("the graph is sound")
    }

    fn parameter(&mut self, shape: Shape) -> NodeId {
        let name = format!("parameter {}", self.graph.len());
        self.graph.parameter(&name, shape).expect("a parameter")
    }

    /// A convolution to as many values as it is given.
    fn conv(&mut self, x: NodeId, kernel: usize) -> NodeId {
        let channels = X.c();
        let weight = self.parameter(Shape::new(channels, channels, kernel, kernel));
        let bias = self.parameter(Shape::channels(channels));
        let geometry = Geometry {
            padding: [kernel / 2; 4].into(),
            ..Geometry::default()
        };
        self.push(Conv2d::plain(geometry), &[x, weight, bias])
    }

    fn norm(&mut self, x: NodeId) -> NodeId {
        let four: Vec<NodeId> = (0..4)
            .map(|_| self.parameter(Shape::channels(X.c())))
            .collect();
        let inputs = [&[x], four.as_slice()].concat();
        self.push(BatchNorm { epsilon: 2.0 }, &inputs)
    }

    fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.push(Binary::ADD, &[a, b])
    }

    fn activation(&mut self, function: Function, x: NodeId) -> NodeId {
        self.push(Activation { function }, &[x])
    }

    fn program(&self, fetches: &[NodeId]) -> Program {
        Program::new(&self.graph, fetches, Memory::Loop).expect("a program")
    }

    /// What a program computes at each run, a fused convolution with what is fused into it.
    fn steps(&self, fetches: &[NodeId]) -> Vec<String> {
        let program = self.program(fetches);
        let name = |id: &NodeId| match &program.graph.node(*id).op {
            Op::Conv2d(op) => {
                let residual = if op.residual { " add" } else { "" };
                let activation = op.activation.map_or("", Function::name);
                format!("conv2d{residual} {activation}").trim_end().into()
            }
            op => op.name().to_owned(),
        };
        program.steps.iter().map(name).collect()
    }

    fn values(&self, engine: &Engine, fetches: &[NodeId]) -> Vec<Vec<f32>> {
        let parameters = self.graph.nodes().iter().enumerate();
        let parameters = parameters.filter(|(_, node)| matches!(node.op, Op::Parameter(_)));
        let tensors: HashMap<String, Tensor> = parameters
            .map(|(index, node)| {
                let values = lattice(1, index, node.shape.len());
                let tensor = Tensor::from_shape(values, node.shape).expect("a tensor");
                (node.name.clone(), tensor)
            })
            .collect();
        let feeds = [("x".to_owned(), lattice(2, 0, X.len()))];
        let program = self.program(fetches);
        let mut executable = Executable::new(engine, program).expect("an executable");
        let all: Vec<usize> = (0..fetches.len()).collect();
        let tensors = pollster::block_on(async {
            let parameters = Parameters::new(tensors);
            executable.run(&parameters, &feeds, &Control::new()).await?;
            executable.fetch(&all).await
        });
        let tensors = tensors.expect("values").into_iter();
        tensors.map(Tensor::into_data).collect()
    }

    /// That `fetches` have the values that they have where every node is asked for, which fuses nothing.
    fn check(&self, fetches: &[NodeId], what: &str) {
        let every: Vec<NodeId> = self.graph.ids().collect();
        let expected = self.values(&Engine::Cpu, &every);
        for engine in std::iter::once(Engine::Cpu).chain(gpu_engine()) {
            for (found, id) in self.values(&engine, fetches).iter().zip(fetches) {
                let error = relative_error(found, &expected[id.0]);
                assert!(error <= TOLERANCE, "{what}: node {} by {error}", id.0);
            }
        }
    }
}

/// x + norm(conv(x)), activated.
struct Block {
    bench: Bench,
    conv: NodeId,
    sum: NodeId,
    last: NodeId,
}

fn block(function: Function, is_first: bool) -> Block {
    let mut bench = Bench::new();
    let conv = bench.conv(bench.x, 3);
    let norm = bench.norm(conv);
    let sum = if is_first {
        bench.add(norm, bench.x)
    } else {
        bench.add(bench.x, norm)
    };
    let last = bench.activation(function, sum);
    Block {
        bench,
        conv,
        sum,
        last,
    }
}

#[test]
fn a_residual_and_an_activation_disappear_into_a_convolution() {
    for function in [
        Function::Relu6,
        Function::LeakyRelu { slope: 0.1 },
        Function::Silu,
    ] {
        for is_first in [true, false] {
            let Block { bench, last, .. } = block(function, is_first);
            let whole = format!("conv2d add {}", function.name());
            assert_eq!(bench.steps(&[last]), [whole]);
            bench.check(&[last], function.name());
        }
    }
}

#[test]
fn what_somebody_asks_for_is_computed_by_itself() {
    let relu = Function::Relu;
    let Block {
        bench,
        conv,
        sum,
        last,
    } = block(relu, true);
    assert_eq!(bench.steps(&[sum]), ["conv2d add"]);
    assert_eq!(bench.steps(&[sum, last]), ["conv2d add", "relu"]);
    assert_eq!(
        bench.steps(&[conv, last]),
        ["conv2d", "batch_norm", "add", "relu"]
    );
    for fetches in [&[sum][..], &[sum, last], &[conv, last], &[conv, sum, last]] {
        bench.check(fetches, &format!("{fetches:?}"));
    }
}

#[test]
fn of_two_convolutions_the_later_takes_the_other() {
    let mut bench = Bench::new();
    let first = bench.conv(bench.x, 3);
    let second = bench.conv(bench.x, 1);
    let sum = bench.add(first, second);
    assert_eq!(bench.steps(&[sum]), ["conv2d", "conv2d add"]);
    let program = bench.program(&[sum]);
    let weight = program.graph.input(program.steps[1], 1);
    let kernel = program.graph.shape(weight);
    assert_eq!([kernel.h(), kernel.w()], [1, 1], "the later one");
    bench.check(&[sum], "two convolutions");
    // Where the later one is asked for, the other is.
    assert_eq!(bench.steps(&[second, sum]), ["conv2d", "conv2d add"]);
    bench.check(&[second, sum], "the later one is asked for");
}

#[test]
fn what_is_no_residual_stays() {
    let mut bench = Bench::new();
    let conv = bench.conv(bench.x, 3);
    let channels = bench.parameter(Shape::channels(X.c()));
    let shifted = bench.add(conv, channels);
    assert_eq!(bench.steps(&[shifted]), ["conv2d", "add"], "it is repeated");
    bench.check(&[shifted], "a repeated one");

    let mut bench = Bench::new();
    let conv = bench.conv(bench.x, 3);
    let doubled = bench.add(conv, conv);
    assert_eq!(bench.steps(&[doubled]), ["conv2d", "add"], "it is itself");
    bench.check(&[doubled], "a doubled one");

    let mut bench = Bench::new();
    let conv = bench.conv(bench.x, 3);
    let difference = bench.push(Binary::SUB, &[conv, bench.x]);
    assert_eq!(bench.steps(&[difference]), ["conv2d", "sub"]);

    let mut bench = Bench::new();
    let conv = bench.conv(bench.x, 3);
    let relu = bench.activation(Function::Relu, conv);
    let sum = bench.add(relu, bench.x);
    assert_eq!(bench.steps(&[sum]), ["conv2d relu", "add"]);
    bench.check(&[sum], "an activated one");

    let mut bench = Bench::new();
    let conv = bench.conv(bench.x, 3);
    let sum = bench.add(conv, bench.x);
    let twice = bench.add(sum, bench.x);
    assert_eq!(bench.steps(&[twice]), ["conv2d add", "add"]);
    let norm = bench.norm(sum);
    assert_eq!(bench.steps(&[norm]), ["conv2d add", "batch_norm"]);
    bench.check(&[norm], "a norm of a sum");
}

/// The mask of an activation is read off the fused output; where it is not, the sum is needed and stays.
#[test]
fn gradients_pass_a_fused_residual() {
    for function in [Function::Relu6, Function::HardSwish] {
        let Block {
            mut bench, last, ..
        } = block(function, true);
        let conv = bench.conv(last, 1);
        let sum = bench.add(conv, last);
        let seed = bench.parameter(X);
        let value = bench.push(Dot, &[sum, seed]);
        let x = bench.x;
        let gradients = autodiff::gradient(&mut bench.graph, value, &[x]).expect("a gradient");
        let steps = bench.steps(&gradients);
        let fused = steps[0].starts_with("conv2d add ");
        assert_eq!(fused, function.derivative_from_output(), "{steps:?}");
        let fetches = [&gradients[..], &[value]].concat();
        assert!(bench.steps(&fetches).contains(&"conv2d add".to_owned()));
        bench.check(&fetches, function.name());
    }
}
