//! Convolution, its three gradients and its bias's gradient over the whole grid, against PyTorch.

mod common;
#[path = "common/gpu.rs"]
mod gpu;

use std::cell::RefCell;
use std::collections::BTreeSet;

use common::{ConvCase, arrays, conv_grid, relative_error};
use convscope::ops::activation::Function;
use convscope::ops::conv2d::{Conv2d, Conv2dInputGrad, Conv2dWeightGrad, Geometry, Padding};
use convscope::ops::reduce::SumTo;
use convscope::ops::{Op, Operator as _, View};
use convscope::tensor::Shape;

/// Ways that the grid has cases for; small and shared tiles of 1×1 kernels stand in `gpu_parity.rs`.
const CONVOLUTION_WAYS: [&str; 9] = [
    "winograd",
    "winograd_small",
    "winograd_shared",
    "product",
    "rows",
    "rows_small",
    "taps",
    "strips",
    "positions",
];

/// Likewise of the gradient to the weight.
const WEIGHT_GRADIENT_WAYS: [&str; 5] = ["strips_3x3", "product", "strips", "taps", "positions"];

/// The bound, relative to the largest value.
const TOLERANCE: f32 = 1e-4;

/// Holds an engine, which computes one operator's output from its inputs in every way that it has, to every case of the grid.
fn check_grid(engine: impl Fn(&Op, &[View<'_, f32>], Shape) -> Vec<(&'static str, Vec<f32>)>) {
    let expected = arrays("conv_grid.safetensors");
    let cases = conv_grid();
    assert!(cases.len() >= 200, "the grid has {} cases", cases.len());
    for case in cases {
        for (name, op, inputs) in operators(&case) {
            let inputs: Vec<View<'_, f32>> = inputs
                .iter()
                .map(|(data, shape)| View {
                    data,
                    shape: *shape,
                })
                .collect();
            let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape).collect();
            let shape = op.shape(&shapes).expect("the case is sound");
            let stored = |name: &str| &expected[&format!("{}.{name}", case.id)].data;
            let expected = if name == FUSED {
                let sums = stored("y").iter().zip(inputs[inputs.len() - 1].data);
                sums.map(|(y, dy)| (y + dy).max(0.0)).collect()
            } else {
                stored(name).clone()
            };
            for (way, found) in engine(&op, &inputs, shape) {
                let error = relative_error(&found, &expected);
                assert!(
                    error <= TOLERANCE,
                    "{name} by {way} is off by {error}: {case:?}"
                );
            }
        }
    }
}

/// What follows from the fixture `y`: a residual and an activation, fused.
const FUSED: &str = "relu(y + dy)";

/// A fixture's name or [`FUSED`], the operator that makes it, and the operator's inputs.
type Evaluation = (&'static str, Op, Vec<(Vec<f32>, Shape)>);

/// What a case asks for.
fn operators(case: &ConvCase) -> Vec<Evaluation> {
    let geometry = Geometry {
        stride: case.stride,
        padding: Padding::from(case.padding),
        dilation: case.dilation,
        groups: case.groups,
    };
    let x = (case.x(), Shape(case.x_shape()));
    let w = (case.w(), Shape(case.w_shape()));
    let dy = (case.dy(), Shape(case.y_shape()));
    let forward = Conv2d::plain(geometry);
    let to_input = Conv2dInputGrad {
        geometry,
        input: x.1,
    };
    let to_weight = Conv2dWeightGrad {
        geometry,
        weight: w.1,
    };
    let channels = Shape::channels(case.c_out);
    let bias = case.b().map(|bias| (bias, channels));
    let with_bias = bias.is_some();
    let forward_inputs: Vec<_> = [x.clone(), w.clone()].into_iter().chain(bias).collect();
    let fused = Conv2d {
        residual: true,
        activation: Some(Function::Relu),
        ..forward
    };
    let fused_inputs = [&forward_inputs[..], std::slice::from_ref(&dy)].concat();
    let mut operators = vec![
        ("y", Op::from(forward), forward_inputs),
        (FUSED, Op::from(fused), fused_inputs),
        ("dx", Op::from(to_input), vec![dy.clone(), w]),
        ("dw", Op::from(to_weight), vec![x, dy.clone()]),
    ];
    if with_bias {
        operators.push(("db", Op::from(SumTo { shape: channels }), vec![dy]));
    }
    operators
}

#[test]
fn the_cpu_engine_agrees_with_pytorch() {
    check_grid(|op, inputs, shape| {
        let mut output = vec![f32::NAN; shape.len()];
        op.cpu(inputs, &mut output, shape);
        vec![("the CPU", output)]
    });
}

#[test]
fn every_way_of_the_gpu_engine_agrees_with_pytorch() {
    let Some(device) = gpu::device() else { return };
    let tried = RefCell::new(BTreeSet::new());
    check_grid(|op, inputs, shape| {
        let inputs: Vec<(Shape, Vec<f32>)> = inputs
            .iter()
            .map(|input| (input.shape, input.data.to_vec()))
            .collect();
        let found = gpu::every_way(&device, op, &inputs, shape).expect("it runs");
        let names = found.iter().map(|(way, _)| (op.name(), *way));
        tried.borrow_mut().extend(names);
        found
    });
    for (op, ways) in [
        ("conv2d", &CONVOLUTION_WAYS[..]),
        ("conv2d_input_grad", &CONVOLUTION_WAYS),
        ("conv2d_weight_grad", &WEIGHT_GRADIENT_WAYS),
    ] {
        for way in ways {
            assert!(
                tried.borrow().contains(&(op, *way)),
                "no case of {op} by {way}"
            );
        }
    }
}
