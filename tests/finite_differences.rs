//! Every operator's backward rule against central finite differences in f64 on the CPU engine, and that of every linear
//! operator against its adjoint, which is sharper.

use convscope::engine::autodiff;
use convscope::engine::control::Control;
use convscope::engine::cpu::CpuMemory;
use convscope::engine::program::{Memory, Program};
use convscope::graph::{Graph, NodeId};
use convscope::ops::Op;
use convscope::ops::activation::{Activation, ActivationGrad, Function};
use convscope::ops::affine::{AffineSample, AffineSampleInputGrad};
use convscope::ops::batch_norm::{BatchNorm, BatchNormTrain, BatchStatistics};
use convscope::ops::binary::Binary;
use convscope::ops::concat::{Concat, Slice};
use convscope::ops::conv2d::{Conv2d, Conv2dInputGrad, Conv2dWeightGrad, Geometry, Padding};
use convscope::ops::cross_entropy::CrossEntropy;
use convscope::ops::gram::{Gram, GramInputGrad};
use convscope::ops::inverse_root::InverseRoot;
use convscope::ops::linear::{Linear, LinearInputGrad, LinearWeightGrad};
use convscope::ops::pool::{AvgPool2d, AvgPool2dInputGrad, MaxPool2d, Window};
use convscope::ops::reduce::{Dot, Expand, SumTo};
use convscope::ops::reshape::{Reshape, Transpose};
use convscope::ops::scale::Scale;
use convscope::ops::softmax::Softmax;
use convscope::ops::total_variation::{TotalVariation, TotalVariationGrad};
use convscope::tensor::Shape;

const STEP: f64 = 1e-5;

/// Largest allowed difference relative to the largest gradient: central differences in f64 leave about 1e-9.
const TOLERANCE: f64 = 1e-6;

/// Numbers in (−1, 1), all distinct by far more than the step, so that no maximum or kink is crossed.
fn values(length: usize, seed: usize) -> Vec<f64> {
    (0..length)
        .map(|i| ((i * 7919 + seed * 104_729 + 13) % 2003) as f64 / 1001.5 - 1.0 + 1e-4)
        .collect()
}

fn evaluate(program: &Program, memory: &mut CpuMemory<f64>, feeds: &[(NodeId, Vec<f64>)]) {
    for (id, values) in feeds {
        memory.feed(program, *id, values).unwrap();
    }
    pollster::block_on(memory.run(program, &Control::new())).unwrap();
}

/// Checks d(Σ seed · f(inputs)) / d input for every input whose index is not among `constants`.
fn check(
    name: &str,
    shapes: &[Shape],
    constants: &[usize],
    build: impl Fn(&mut Graph, &[NodeId]) -> NodeId,
) {
    let mut graph = Graph::default();
    let inputs: Vec<NodeId> = shapes
        .iter()
        .enumerate()
        .map(|(i, &shape)| graph.feed(&format!("x{i}"), shape).unwrap())
        .collect();
    let output = build(&mut graph, &inputs);
    let seed = graph.feed("seed", graph.shape(output)).unwrap();
    let value = graph.push(Dot, &[output, seed]).unwrap();
    let wrt: Vec<usize> = (0..inputs.len())
        .filter(|i| !constants.contains(i))
        .collect();
    let targets: Vec<NodeId> = wrt.iter().map(|&i| inputs[i]).collect();
    let gradients = autodiff::gradient(&mut graph, value, &targets).unwrap();
    let mut fetches = vec![value];
    fetches.extend(&gradients);
    let program = Program::new(&graph, &fetches, Memory::Loop).unwrap();
    let mut memory = CpuMemory::<f64>::new(&program);
    memory
        .load(&program, |name| panic!("no parameter {name}"))
        .unwrap();
    let mut feeds: Vec<(NodeId, Vec<f64>)> = program
        .feeds
        .iter()
        .map(|(name, &id)| {
            (
                id,
                values(
                    program.graph.shape(id).len(),
                    name.bytes().map(usize::from).sum(),
                ),
            )
        })
        .collect();
    feeds.sort_by_key(|(id, _)| *id);
    evaluate(&program, &mut memory, &feeds);
    let analytic: Vec<Vec<f64>> = (1..fetches.len())
        .map(|i| memory.values(&program, program.fetches[i]).to_vec())
        .collect();

    for (position, &input) in wrt.iter().enumerate() {
        let id = program.feeds[&format!("x{input}")];
        let feed = feeds.iter().position(|(other, _)| *other == id).unwrap();
        let scale = analytic[position]
            .iter()
            .fold(1e-3_f64, |m, g| m.max(g.abs()));
        for (i, &expected) in analytic[position].iter().enumerate() {
            let original = feeds[feed].1[i];
            let mut difference = 0.0;
            for sign in [1.0, -1.0] {
                feeds[feed].1[i] = original + sign * STEP;
                evaluate(&program, &mut memory, &feeds);
                difference += sign * memory.values(&program, program.fetches[0])[0];
            }
            feeds[feed].1[i] = original;
            let numeric = difference / (2.0 * STEP);
            assert!(
                (numeric - expected).abs() <= TOLERANCE * scale,
                "{name}: input {input}, entry {i}: backward {expected} but finite differences {numeric}"
            );
        }
    }
}

fn s(n: usize, c: usize, h: usize, w: usize) -> Shape {
    Shape::new(n, c, h, w)
}

fn single(name: &str, shapes: &[Shape], op: impl Into<Op>) {
    let op = op.into();
    check(name, shapes, &[], |graph, inputs| {
        graph.push(op.clone(), inputs).unwrap()
    });
}

fn geometries() -> Vec<(Geometry, Shape, Shape)> {
    let padding = |top, bottom, left, right| Padding {
        top,
        bottom,
        left,
        right,
    };
    let geometry = |stride, padding, dilation, groups| Geometry {
        stride,
        padding,
        dilation,
        groups,
    };
    vec![
        (
            geometry([1, 1], padding(1, 1, 1, 1), [1, 1], 1),
            s(2, 3, 5, 6),
            s(4, 3, 3, 3),
        ),
        (
            geometry([2, 1], padding(0, 1, 2, 0), [1, 2], 1),
            s(1, 2, 7, 6),
            s(3, 2, 3, 2),
        ),
        (
            geometry([2, 2], padding(0, 1, 0, 1), [1, 1], 2),
            s(2, 4, 6, 5),
            s(6, 2, 3, 3),
        ),
        (
            geometry([1, 1], padding(2, 2, 2, 2), [2, 2], 4),
            s(1, 4, 6, 6),
            s(4, 1, 3, 3),
        ),
        (
            geometry([3, 2], padding(0, 0, 0, 0), [1, 1], 3),
            s(1, 3, 8, 7),
            s(6, 1, 2, 3),
        ),
    ]
}

#[test]
fn convolutions_and_their_gradients_match_finite_differences() {
    for (geometry, x, weight) in geometries() {
        let (height, width) = geometry.output_size(x, weight).unwrap();
        let y = s(x.n(), weight.n(), height, width);
        let name = format!("{geometry:?}");
        single(
            &name,
            &[x, weight, Shape::channels(weight.n())],
            Conv2d::plain(geometry),
        );
        single(&name, &[y, weight], Conv2dInputGrad { geometry, input: x });
        single(&name, &[x, y], Conv2dWeightGrad { geometry, weight });
    }
}

#[test]
fn a_convolution_with_a_fused_end_matches_finite_differences() {
    for (geometry, x, weight) in geometries() {
        let (height, width) = geometry.output_size(x, weight).unwrap();
        let y = s(x.n(), weight.n(), height, width);
        let rectified = Conv2d {
            activation: Some(Function::Relu),
            ..Conv2d::plain(geometry)
        };
        single("activation", &[x, weight], rectified.clone());
        let whole = Conv2d {
            residual: true,
            ..rectified
        };
        single("residual", &[x, weight, y], whole.clone());
        let bias = Shape::channels(weight.n());
        single("bias and residual", &[x, weight, bias, y], whole);
    }
}

#[test]
fn linear_layers_match_finite_differences() {
    single(
        "linear",
        &[s(3, 5, 1, 1), s(4, 5, 1, 1), Shape::channels(4)],
        Linear,
    );
    single(
        "linear_input_grad",
        &[s(3, 4, 1, 1), s(4, 5, 1, 1)],
        LinearInputGrad,
    );
    single(
        "linear_weight_grad",
        &[s(3, 5, 1, 1), s(3, 4, 1, 1)],
        LinearWeightGrad,
    );
}

#[test]
fn pooling_matches_finite_differences() {
    let window = |kernel, stride, padding: [usize; 4], ceil| Window {
        kernel,
        stride,
        padding: padding.into(),
        ceil,
    };
    for window in [
        window([2, 2], [2, 2], [0, 0, 0, 0], false),
        window([3, 3], [2, 2], [1, 1, 1, 1], false),
        window([3, 2], [2, 1], [1, 0, 0, 1], true),
        window([3, 3], [2, 2], [0, 0, 0, 0], true),
    ] {
        let x = s(2, 2, 6, 7);
        single(&format!("max {window:?}"), &[x], MaxPool2d { window });
        for count_include_pad in [false, true] {
            single(
                &format!("mean {window:?}"),
                &[x],
                AvgPool2d {
                    window,
                    count_include_pad,
                    global: false,
                },
            );
            let y = window.output(x).unwrap();
            single(
                "mean grad",
                &[y],
                AvgPool2dInputGrad {
                    window,
                    count_include_pad,
                    input: x,
                },
            );
        }
    }
    let x = s(2, 3, 4, 5);
    single(
        "global",
        &[x],
        AvgPool2d {
            window: Window::global(x),
            count_include_pad: true,
            global: true,
        },
    );
}

#[test]
fn activations_match_finite_differences() {
    let functions = [
        Function::Relu,
        Function::Relu6,
        Function::LeakyRelu { slope: 0.2 },
        Function::Silu,
        Function::Sigmoid,
        Function::HardSwish,
        Function::Tanh,
    ];
    for function in functions {
        // Scaled so that the kinks at 3 and 6 are passed.
        check(function.name(), &[s(2, 3, 4, 5)], &[], |graph, inputs| {
            let scaled = graph.push(Scale { factor: 8.0 }, inputs).unwrap();
            graph.push(Activation { function }, &[scaled]).unwrap()
        });
        check("grad", &[s(1, 2, 3, 4); 2], &[1], |graph, inputs| {
            graph.push(ActivationGrad { function }, inputs).unwrap()
        });
    }
}

#[test]
fn broadcasting_arithmetic_matches_finite_differences() {
    let shapes = [
        [s(2, 3, 4, 5), s(2, 3, 4, 5)],
        [s(2, 3, 4, 5), s(1, 3, 1, 1)],
        [s(1, 3, 1, 5), s(2, 1, 4, 1)],
        [s(2, 3, 4, 5), Shape::SCALAR],
    ];
    for pair in shapes {
        for op in [Binary::ADD, Binary::SUB, Binary::MUL] {
            single(&format!("{op:?} {pair:?}"), &pair, op);
        }
    }
    single("scale", &[s(1, 2, 3, 4)], Scale { factor: -1.5 });
}

#[test]
fn sums_and_expansions_match_finite_differences() {
    for shape in [Shape::SCALAR, s(1, 3, 1, 1), s(2, 1, 1, 5), s(2, 3, 4, 5)] {
        single(
            &format!("sum to {shape}"),
            &[s(2, 3, 4, 5)],
            SumTo { shape },
        );
        single(
            &format!("expand {shape}"),
            &[shape],
            Expand {
                shape: s(2, 3, 4, 5),
            },
        );
    }
    single("dot", &[s(2, 3, 4, 5), s(2, 3, 4, 5)], Dot);
    check("dot with itself", &[s(2, 3, 4, 5)], &[], |graph, x| {
        graph.push(Dot, &[x[0], x[0]]).unwrap()
    });
}

#[test]
fn rearrangements_match_finite_differences() {
    single(
        "concat",
        &[s(2, 3, 2, 2), s(2, 1, 2, 2), s(2, 2, 2, 2)],
        Concat,
    );
    for (start, count) in [(0, 2), (1, 3), (4, 1)] {
        single("slice", &[s(2, 5, 2, 3)], Slice { start, count });
    }
    single(
        "reshape",
        &[s(2, 3, 2, 2)],
        Reshape {
            shape: s(2, 12, 1, 1),
        },
    );
    single("transpose", &[s(2, 3, 4, 1)], Transpose);
}

#[test]
fn softmax_and_cross_entropy_match_finite_differences() {
    single("softmax", &[s(2, 5, 1, 1)], Softmax);
    single("softmax over maps", &[s(2, 3, 2, 2)], Softmax);
    check(
        "cross-entropy",
        &[s(2, 5, 1, 1), s(2, 5, 1, 1)],
        &[1],
        |graph, inputs| {
            let target = graph.push(Softmax, &[inputs[1]]).unwrap();
            graph.push(CrossEntropy, &[inputs[0], target]).unwrap()
        },
    );
}

#[test]
fn batch_norm_matches_finite_differences() {
    let vector = Shape::channels(3);
    check(
        "evaluation",
        &[s(2, 3, 3, 4), vector, vector, vector, vector],
        &[3, 4],
        |graph, inputs| {
            // A variance must be positive.
            let variance = graph
                .push(
                    Activation {
                        function: Function::Sigmoid,
                    },
                    &[inputs[4]],
                )
                .unwrap();
            graph
                .push(
                    BatchNorm { epsilon: 1e-5 },
                    &[inputs[0], inputs[1], inputs[2], inputs[3], variance],
                )
                .unwrap()
        },
    );
    check(
        "training",
        &[s(2, 3, 3, 4), vector, vector],
        &[],
        |graph, inputs| {
            let statistics = graph.push(BatchStatistics, &[inputs[0]]).unwrap();
            graph
                .push(
                    BatchNormTrain { epsilon: 1e-5 },
                    &[inputs[0], statistics, inputs[1], inputs[2]],
                )
                .unwrap()
        },
    );
}

#[test]
fn gram_matrices_and_total_variation_match_finite_differences() {
    single("gram", &[s(2, 3, 2, 4)], Gram { factor: 0.125 });
    check(
        "gram gradient",
        &[s(1, 3, 3, 1), s(1, 3, 2, 4)],
        &[0],
        |graph, inputs| graph.push(GramInputGrad { factor: 0.5 }, inputs).unwrap(),
    );
    for squared in [false, true] {
        let variation = TotalVariation {
            vertical: 0.7,
            horizontal: 1.3,
            squared,
        };
        single("total variation", &[s(2, 2, 4, 5)], variation);
    }
    let gradient = TotalVariationGrad {
        vertical: 0.7,
        horizontal: 1.3,
        squared: true,
    };
    single(
        "gradient of squared differences",
        &[s(2, 2, 4, 5)],
        gradient,
    );
}

#[test]
fn sampling_and_inverse_roots_match_finite_differences() {
    let (height, width) = (4, 6);
    check(
        "affine sample",
        &[s(2, 2, 5, 4), s(2, 6, 1, 1)],
        &[1],
        |graph, inputs| graph.push(AffineSample { height, width }, inputs).unwrap(),
    );
    check("inverse root", &[s(2, 3, 1, 1)], &[], |graph, x| {
        // It takes what is not negative.
        let square = graph.push(Binary::MUL, &[x[0], x[0]]).unwrap();
        graph.push(InverseRoot { epsilon: 0.3 }, &[square]).unwrap()
    });
}

/// ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ in each of `linear`, the inputs in which the operator is linear; Aᵀ y is what backward gives.
fn adjoint(shapes: &[Shape], linear: &[usize], op: impl Into<Op>) {
    let op = op.into();
    let mut graph = Graph::default();
    let inputs: Vec<NodeId> = shapes
        .iter()
        .enumerate()
        .map(|(i, &shape)| graph.feed(&format!("x{i}"), shape).unwrap())
        .collect();
    let output = graph.push(op.clone(), &inputs).unwrap();
    let y = graph.feed("y", graph.shape(output)).unwrap();
    let product = graph.push(Dot, &[output, y]).unwrap();
    let targets: Vec<NodeId> = linear.iter().map(|&i| inputs[i]).collect();
    let transposed = autodiff::gradient(&mut graph, product, &targets).unwrap();
    let mut fetches = vec![product];
    for (&x, gradient) in targets.iter().zip(transposed) {
        fetches.push(graph.push(Dot, &[x, gradient]).unwrap());
    }
    let program = Program::new(&graph, &fetches, Memory::Loop).unwrap();
    let mut memory = CpuMemory::<f64>::new(&program);
    memory
        .load(&program, |name| panic!("no parameter {name}"))
        .unwrap();
    let feeds: Vec<(NodeId, Vec<f64>)> = program
        .feeds
        .iter()
        .map(|(name, &id)| {
            let seed = name.bytes().map(usize::from).sum();
            (id, values(program.graph.shape(id).len(), seed))
        })
        .collect();
    evaluate(&program, &mut memory, &feeds);
    let product = memory.values(&program, program.fetches[0])[0];
    for (input, &fetch) in linear.iter().zip(&program.fetches[1..]) {
        let other = memory.values(&program, fetch)[0];
        assert!(
            (product - other).abs() <= 1e-11 * product.abs().max(1.0),
            "{op:?}, input {input}: {product} but {other}"
        );
    }
}

#[test]
fn every_linear_operator_is_adjoint_to_its_backward_rule() {
    for (geometry, x, weight) in geometries() {
        let (height, width) = geometry.output_size(x, weight).unwrap();
        let y = s(x.n(), weight.n(), height, width);
        adjoint(&[x, weight], &[0, 1], Conv2d::plain(geometry));
        adjoint(
            &[y, weight],
            &[0, 1],
            Conv2dInputGrad { geometry, input: x },
        );
        adjoint(&[x, y], &[0, 1], Conv2dWeightGrad { geometry, weight });
    }
    adjoint(&[s(3, 5, 1, 1), s(4, 5, 1, 1)], &[0, 1], Linear);
    adjoint(&[s(3, 4, 1, 1), s(4, 5, 1, 1)], &[0, 1], LinearInputGrad);
    adjoint(&[s(3, 5, 1, 1), s(3, 4, 1, 1)], &[0, 1], LinearWeightGrad);
    let x = s(2, 3, 6, 7);
    let window = Window {
        kernel: [3, 2],
        stride: [2, 1],
        padding: [1, 0, 0, 1].into(),
        ceil: true,
    };
    for count_include_pad in [false, true] {
        adjoint(
            &[x],
            &[0],
            AvgPool2d {
                window,
                count_include_pad,
                global: false,
            },
        );
    }
    adjoint(
        &[x],
        &[0],
        AvgPool2d {
            window: Window::global(x),
            count_include_pad: true,
            global: true,
        },
    );
    adjoint(&[x], &[0], Scale { factor: -1.5 });
    adjoint(&[x, s(1, 3, 1, 1)], &[0, 1], Binary::MUL);
    adjoint(
        &[x],
        &[0],
        SumTo {
            shape: s(1, 3, 1, 1),
        },
    );
    adjoint(&[s(1, 3, 1, 1)], &[0], Expand { shape: x });
    adjoint(&[x, x], &[0, 1], Dot);
    adjoint(&[x], &[0], Slice { start: 1, count: 2 });
    adjoint(&[x], &[0], Concat);
    adjoint(
        &[x],
        &[0],
        Reshape {
            shape: s(2, 126, 1, 1),
        },
    );
    adjoint(&[s(2, 3, 4, 1)], &[0], Transpose);
    let (height, width) = (5, 4);
    adjoint(&[x, s(2, 6, 1, 1)], &[0], AffineSample { height, width });
    adjoint(
        &[x, s(2, 6, 1, 1)],
        &[0],
        AffineSampleInputGrad { height, width },
    );
    adjoint(
        &[s(1, 3, 3, 1), s(1, 3, 2, 4)],
        &[1],
        GramInputGrad { factor: 0.5 },
    );
}
