//! Every operator's shaders against its CPU kernel, over tables of shapes. Needs an adapter, see common/gpu.rs.
#[path = "common/gpu.rs"]
mod gpu;

use convscope::engine::control::Control;
use convscope::engine::gpu::Gpu;
use convscope::ops::activation::{Activation, ActivationGrad, Function};
use convscope::ops::adam::{AdamMoment, AdamUpdate};
use convscope::ops::affine::{AffineSample, AffineSampleInputGrad};
use convscope::ops::batch_norm::{
    BatchNorm, BatchNormScale, BatchNormShift, BatchNormTrain, BatchNormTrainInputGrad,
    BatchStatistics, RunningStatistics,
};
use convscope::ops::binary::Binary;
use convscope::ops::concat::{Concat, Slice};
use convscope::ops::conv2d::{Conv2d, Conv2dInputGrad, Conv2dWeightGrad, Geometry, Padding};
use convscope::ops::cross_entropy::{CrossEntropy, CrossEntropyGrad};
use convscope::ops::gram::{Gram, GramInputGrad};
use convscope::ops::inverse_root::InverseRoot;
use convscope::ops::lbfgs::LbfgsStep;
use convscope::ops::linear::{Linear, LinearInputGrad, LinearWeightGrad};
use convscope::ops::norm_gate::NormGate;
use convscope::ops::pool::{
    AvgPool2d, AvgPool2dInputGrad, MaxPool2d, MaxPool2dArgmax, MaxPool2dInputGrad, Window,
};
use convscope::ops::reduce::{Dot, Expand, SumTo};
use convscope::ops::reshape::{Reshape, Transpose};
use convscope::ops::scale::Scale;
use convscope::ops::softmax::{Softmax, SoftmaxGrad};
use convscope::ops::total_variation::{TotalVariation, TotalVariationGrad};
use convscope::ops::{Op, Operator as _, View};
use convscope::tensor::Shape;

use gpu::{device, every_way, on_gpu};

/// Relative to the largest value of a result: sums of a few thousand products in another order.
const TOLERANCE: f64 = 1e-4;

/// The same numbers in [−1, 1) for the same seed.
fn numbers(length: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        })
        .collect()
}

/// The operator's output by its CPU kernel in f64.
fn on_cpu(op: &Op, inputs: &[(Shape, Vec<f32>)], output: Shape) -> Vec<f64> {
    let wide: Vec<Vec<f64>> = inputs
        .iter()
        .map(|(_, data)| data.iter().map(|&v| f64::from(v)).collect())
        .collect();
    let views: Vec<View<'_, f64>> = inputs
        .iter()
        .zip(&wide)
        .map(|((shape, _), data)| View {
            data,
            shape: *shape,
        })
        .collect();
    let mut result = vec![0.0; output.len()];
    op.cpu(&views, &mut result, output);
    result
}

fn assert_parity_on(gpu: &Gpu, op: &Op, inputs: &[(Shape, Vec<f32>)]) {
    let shapes: Vec<Shape> = inputs.iter().map(|(shape, _)| *shape).collect();
    let output = op
        .shape(&shapes)
        .unwrap_or_else(|error| panic!("{op:?} on {shapes:?}: {error}"));
    let expected = on_cpu(op, inputs, output);
    let ways = every_way(gpu, op, inputs, output)
        .unwrap_or_else(|error| panic!("{op:?} on {shapes:?}: {error}"));
    let largest = expected.iter().fold(0.0_f64, |max, v| max.max(v.abs()));
    for (way, actual) in ways {
        for (index, (&a, &e)) in actual.iter().zip(&expected).enumerate() {
            let difference = (f64::from(a) - e).abs();
            assert!(
                difference <= TOLERANCE * largest.max(1e-6),
                "{op:?} on {shapes:?} by {way}: value {index} is {a}, not {e} (largest {largest})"
            );
        }
    }
}

/// Parity of an operator on random inputs of those shapes.
fn assert_parity(gpu: &Gpu, op: impl Into<Op>, shapes: &[Shape]) {
    let inputs: Vec<(Shape, Vec<f32>)> = shapes
        .iter()
        .zip(1..)
        .map(|(&shape, seed)| (shape, numbers(shape.len(), seed)))
        .collect();
    assert_parity_on(gpu, &op.into(), &inputs);
}

/// A convolution of the grid.
struct Case {
    x: [usize; 4],
    c_out: usize,
    kernel: [usize; 2],
    geometry: Geometry,
}

fn case(
    x: [usize; 4],
    c_out: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 4],
    dilation: [usize; 2],
    groups: usize,
) -> Case {
    Case {
        x,
        c_out,
        kernel,
        geometry: Geometry {
            stride,
            padding: Padding::from(padding),
            dilation,
            groups,
        },
    }
}

impl Case {
    fn x(&self) -> Shape {
        Shape(self.x)
    }

    fn weight(&self) -> Shape {
        let [rows, columns] = self.kernel;
        Shape::new(self.c_out, self.x[1] / self.geometry.groups, rows, columns)
    }

    fn y(&self) -> Shape {
        let (height, width) = self
            .geometry
            .output_size(self.x(), self.weight())
            .expect("the case fits");
        Shape::new(self.x[0], self.c_out, height, width)
    }
}

/// Kernels 1 to 7, square and not, strides 1 to 3 on odd and even sizes, asymmetric padding, dilation, groups, depthwise
/// with and without a channel multiplier, sizes that do not fill a tile.
fn convolutions() -> Vec<Case> {
    vec![
        case([1, 3, 8, 8], 4, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 1),
        case([2, 5, 9, 11], 7, [3, 3], [1, 1], [0, 0, 0, 0], [1, 1], 1),
        case([1, 3, 9, 8], 6, [3, 3], [2, 2], [0, 1, 0, 1], [1, 1], 1),
        case([1, 3, 8, 9], 6, [3, 3], [2, 2], [1, 1, 1, 1], [1, 1], 1),
        case([2, 4, 13, 7], 3, [1, 1], [1, 1], [0, 0, 0, 0], [1, 1], 1),
        case([2, 8, 6, 10], 12, [1, 1], [1, 1], [0, 0, 0, 0], [1, 1], 1),
        case([1, 4, 13, 7], 9, [1, 1], [2, 2], [0, 0, 0, 0], [1, 1], 1),
        case([1, 2, 17, 18], 5, [7, 7], [2, 2], [3, 3, 3, 3], [1, 1], 1),
        case([1, 1, 28, 28], 16, [7, 7], [1, 1], [3, 3, 3, 3], [1, 1], 1),
        case([2, 3, 70, 53], 9, [7, 7], [2, 2], [3, 2, 3, 2], [1, 1], 1),
        // So many weights that one invocation sums over strips and pictures.
        case([2, 64, 9, 20], 128, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 1),
        case([2, 48, 9, 20], 96, [5, 5], [1, 1], [2, 2, 2, 2], [1, 1], 1),
        case(
            [2, 1024, 9, 20],
            1024,
            [3, 3],
            [1, 1],
            [1, 1, 1, 1],
            [1, 1],
            1024,
        ),
        case([1, 3, 12, 10], 4, [5, 5], [1, 1], [2, 2, 2, 2], [1, 1], 1),
        case([2, 6, 11, 19], 9, [4, 8], [1, 1], [3, 4, 0, 7], [1, 1], 3),
        case([1, 5, 10, 13], 6, [5, 6], [1, 1], [1, 2, 2, 3], [1, 1], 1),
        case([2, 2, 23, 27], 6, [7, 5], [3, 2], [3, 2, 4, 1], [1, 1], 2),
        case([1, 3, 30, 21], 5, [11, 11], [4, 4], [2, 2, 2, 2], [1, 1], 1),
        case([1, 3, 20, 21], 5, [9, 9], [1, 1], [4, 4, 4, 4], [1, 1], 1),
        case([1, 3, 12, 10], 4, [1, 7], [1, 1], [0, 0, 3, 3], [1, 1], 1),
        case([1, 3, 12, 10], 4, [7, 1], [1, 2], [3, 3, 0, 0], [1, 1], 1),
        case([1, 3, 14, 13], 4, [3, 3], [1, 1], [2, 2, 2, 2], [2, 2], 1),
        case([1, 3, 14, 13], 4, [3, 2], [2, 3], [4, 0, 1, 2], [3, 2], 1),
        case([1, 3, 15, 16], 4, [3, 3], [2, 2], [2, 2, 2, 2], [2, 2], 1),
        case([1, 3, 15, 16], 4, [4, 4], [4, 4], [0, 0, 0, 0], [1, 1], 1),
        case([1, 3, 7, 7], 4, [2, 2], [3, 3], [0, 0, 0, 0], [1, 1], 1),
        case([2, 6, 9, 10], 8, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 2),
        case([1, 9, 9, 10], 15, [3, 3], [2, 2], [1, 1, 1, 1], [1, 1], 3),
        case([2, 8, 9, 10], 8, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 8),
        case([1, 8, 9, 10], 8, [3, 3], [2, 2], [0, 1, 0, 1], [1, 1], 8),
        case([1, 8, 14, 15], 8, [5, 5], [2, 2], [1, 2, 2, 1], [1, 1], 8),
        case([1, 6, 11, 30], 6, [5, 5], [1, 1], [2, 2, 2, 2], [1, 1], 6),
        case([2, 5, 41, 21], 5, [3, 3], [1, 1], [2, 0, 0, 1], [1, 1], 5),
        case([1, 3, 20, 8], 3, [5, 5], [1, 1], [5, 1, 0, 6], [1, 1], 3),
        case([1, 4, 9, 10], 12, [3, 3], [2, 1], [1, 1, 1, 1], [1, 1], 4),
        case([1, 4, 12, 13], 4, [3, 3], [1, 1], [2, 2, 2, 2], [2, 2], 4),
        case([1, 24, 33, 35], 17, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 1),
        case([2, 32, 14, 17], 34, [3, 3], [1, 1], [0, 2, 1, 0], [1, 1], 1),
        case([3, 16, 4, 16], 16, [3, 3], [1, 1], [2, 1, 1, 2], [1, 1], 1),
        case([2, 3, 37, 19], 5, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 1),
        case([1, 3, 6, 7], 5, [3, 3], [1, 1], [3, 0, 4, 2], [1, 1], 1),
        case([2, 9, 4, 6], 13, [1, 1], [1, 1], [0, 0, 0, 0], [1, 1], 1),
        case([2, 11, 6, 10], 20, [1, 1], [1, 1], [0, 0, 0, 0], [1, 1], 1),
        case(
            [2, 41, 12, 13],
            132,
            [1, 1],
            [1, 1],
            [0, 0, 0, 0],
            [1, 1],
            1,
        ),
        case([1, 2, 3, 3], 2, [3, 3], [1, 1], [0, 0, 0, 0], [1, 1], 1),
        case([1, 2, 1, 1], 2, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 1),
    ]
}

#[test]
fn convolution_matches_its_cpu_kernel() {
    let Some(gpu) = device() else { return };
    for case in convolutions() {
        let geometry = case.geometry;
        let (x, weight, y) = (case.x(), case.weight(), case.y());
        let plain = Conv2d::plain(geometry);
        let with_residual = Conv2d {
            residual: true,
            ..plain.clone()
        };
        assert_parity(&gpu, plain, &[x, weight]);
        assert_parity(&gpu, with_residual, &[x, weight, y]);
        let bias = Shape::channels(case.c_out);
        for function in [Function::Relu6, Function::Silu] {
            let activated = Conv2d {
                activation: Some(function),
                ..Conv2d::plain(geometry)
            };
            let whole = Conv2d {
                residual: true,
                ..activated.clone()
            };
            assert_parity(&gpu, activated, &[x, weight, bias]);
            assert_parity(&gpu, whole, &[x, weight, bias, y]);
        }
    }
    let case = &convolutions()[1];
    for function in FUNCTIONS {
        let fused = Conv2d {
            activation: Some(function),
            ..Conv2d::plain(case.geometry)
        };
        assert_parity(&gpu, fused, &[case.x(), case.weight()]);
    }
}

#[test]
fn gradient_to_the_input_of_a_convolution_matches_its_cpu_kernel() {
    let Some(gpu) = device() else { return };
    for case in convolutions() {
        let gradient = Conv2dInputGrad {
            geometry: case.geometry,
            input: case.x(),
        };
        assert_parity(&gpu, gradient, &[case.y(), case.weight()]);
    }
}

#[test]
fn gradient_to_the_weight_of_a_convolution_matches_its_cpu_kernel() {
    let Some(gpu) = device() else { return };
    for case in convolutions() {
        let gradient = Conv2dWeightGrad {
            geometry: case.geometry,
            weight: case.weight(),
        };
        assert_parity(&gpu, gradient, &[case.x(), case.y()]);
    }
}

#[test]
fn dispatches_too_long_for_the_device_are_the_same_in_parts() {
    let Some(gpu) = device() else { return };
    gpu.set_dispatch_budget(100_000);
    let case = case([2, 24, 33, 35], 17, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 1);
    let geometry = case.geometry;
    let input = case.x();
    let gradient = Conv2dInputGrad { geometry, input };
    let shapes = [case.y(), case.weight()];
    let kernels = gradient.gpu(&shapes, input).expect("it has a shader");
    let buffers = [shapes[0], shapes[1], input]
        .map(|shape| gpu.allocate(shape.len()).expect("it fits"))
        .to_vec();
    let steps: Vec<_> = kernels
        .into_iter()
        .map(|kernel| (kernel, buffers.clone()))
        .collect();
    let recording = gpu.compile(&steps).expect("it compiles");
    assert!(recording.dispatches() > 10, "{recording:?}");
    assert!(recording.submits() > 10, "{recording:?}");
    assert_parity(&gpu, gradient, &shapes);
    let weight = case.weight();
    let gradient = Conv2dWeightGrad { geometry, weight };
    assert_parity(&gpu, gradient, &[case.x(), case.y()]);
    let vector = Shape::new(3, 130, 1, 1);
    assert_parity(&gpu, Linear, &[vector, Shape::new(999, 130, 1, 1)]);
    assert_parity(&gpu, Softmax, &[Shape::new(5, 1000, 3, 3)]);
}

#[test]
fn packed_weights_follow_the_weight() {
    let Some(gpu) = device() else { return };
    let case = case([1, 3, 8, 8], 4, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 1);
    let op = Conv2d::plain(case.geometry);
    let shapes = [case.x(), case.weight()];
    let buffers = [shapes[0], shapes[1], case.y()]
        .map(|shape| gpu.allocate(shape.len()).expect("it fits"))
        .to_vec();
    let kernels = op.gpu(&shapes, case.y()).expect("it has a shader");
    let steps: Vec<_> = kernels
        .into_iter()
        .map(|kernel| (kernel, buffers.clone()))
        .collect();
    let recordings = [(); 2].map(|()| gpu.compile(&steps).expect("it compiles"));
    let x = numbers(shapes[0].len(), 1);
    gpu.upload(&buffers[0], &x);
    // Two recordings share what is packed; both must see each new weight.
    for seed in 2..5 {
        let weight = numbers(shapes[1].len(), seed);
        gpu.upload(&buffers[1], &weight);
        let inputs = [(shapes[0], x.clone()), (shapes[1], weight)];
        let expected = on_cpu(&op.clone().into(), &inputs, case.y());
        for recording in &recordings {
            let actual = pollster::block_on(async {
                gpu.run(recording, &Control::new()).await?;
                gpu.read(&[(&buffers[2], case.y().len())]).await
            })
            .expect("it runs");
            for (a, e) in actual[0].iter().zip(&expected) {
                assert!(
                    (f64::from(*a) - e).abs() < 1e-3,
                    "weight {seed}: {a}, not {e}"
                );
            }
        }
    }
}

#[test]
fn a_second_run_creates_nothing() {
    let Some(gpu) = device() else { return };
    let case = case([1, 3, 8, 8], 4, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 1);
    let op = Op::from(Conv2dWeightGrad {
        geometry: case.geometry,
        weight: case.weight(),
    });
    let inputs = [
        (case.x(), numbers(case.x().len(), 1)),
        (case.y(), numbers(case.y().len(), 2)),
    ];
    on_gpu(&gpu, &op, &inputs, case.weight()).expect("it runs");
    let before = gpu.memory();
    on_gpu(&gpu, &op, &inputs, case.weight()).expect("it runs");
    assert_eq!(
        gpu.memory(),
        before,
        "the pool did not serve the second run"
    );
}

#[test]
fn a_run_sees_an_abort_between_submits_and_the_next_run_is_right() {
    let Some(gpu) = device() else { return };
    gpu.set_dispatch_budget(100_000);
    let case = case([2, 24, 33, 35], 17, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 1);
    let op = Op::from(Conv2d::plain(case.geometry));
    let inputs = [case.x(), case.weight()].map(|shape| (shape, numbers(shape.len(), 1)));
    let mut buffers = Vec::new();
    for (_, values) in &inputs {
        buffers.push(gpu.allocate(values.len()).expect("it fits"));
        gpu.upload(&buffers[buffers.len() - 1], values);
    }
    buffers.push(gpu.allocate(case.y().len()).expect("it fits"));
    let steps: Vec<_> = op
        .gpu(&[case.x(), case.weight()], case.y())
        .expect("it has a shader")
        .into_iter()
        .map(|kernel| (kernel, buffers.clone()))
        .collect();
    let recording = gpu.compile(&steps).expect("it compiles");
    assert!(recording.submits() > 1, "one submit cannot be stopped");
    let stopped = Control::new();
    stopped.abort();
    let error = pollster::block_on(gpu.run(&recording, &stopped)).expect_err("it was aborted");
    assert_eq!(error.code, convscope::error::Code::Aborted, "{error}");
    let actual = pollster::block_on(async {
        gpu.run(&recording, &Control::new()).await?;
        gpu.read(&[(&buffers[2], case.y().len())]).await
    })
    .expect("it runs");
    for (a, e) in actual[0].iter().zip(on_cpu(&op, &inputs, case.y())) {
        assert!((f64::from(*a) - e).abs() < 1e-3, "{a}, not {e}");
    }
}

#[test]
fn a_tensor_that_no_buffer_holds_is_refused() {
    let Some(gpu) = device() else { return };
    let error = gpu
        .allocate(usize::MAX / 64)
        .expect_err("nothing holds that");
    assert_eq!(error.code, convscope::error::Code::OutOfMemory, "{error}");
}

const FUNCTIONS: [Function; 7] = [
    Function::Relu,
    Function::Relu6,
    Function::LeakyRelu { slope: 0.1 },
    Function::Silu,
    Function::Sigmoid,
    Function::HardSwish,
    Function::Tanh,
];

/// Numbers around every kink, and numbers whose exponential overflows.
fn arguments() -> (Shape, Vec<f32>) {
    let mut values = numbers(200, 3);
    for (value, factor) in values.iter_mut().zip([1.0, 8.0, 200.0].iter().cycle()) {
        *value *= factor;
    }
    values.extend([0.0, -0.0, 6.0, 3.0, -3.0, 88.0, -88.0, 1e4, -1e4]);
    (Shape::new(1, values.len(), 1, 1), values)
}

#[test]
fn activations_and_their_gradients_match_their_cpu_kernels() {
    let Some(gpu) = device() else { return };
    let (shape, x) = arguments();
    let dy = numbers(shape.len(), 4);
    for function in FUNCTIONS {
        let op = Op::from(Activation { function });
        assert_parity_on(&gpu, &op, &[(shape, x.clone())]);
        let at = if function.derivative_from_output() {
            x.iter().map(|&x| function.apply(x)).collect()
        } else {
            x.clone()
        };
        let op = Op::from(ActivationGrad { function });
        assert_parity_on(&gpu, &op, &[(shape, dy.clone()), (shape, at)]);
    }
}

#[test]
fn arithmetic_with_broadcasting_matches_its_cpu_kernels() {
    let Some(gpu) = device() else { return };
    let full = Shape::new(2, 3, 5, 7);
    for op in [Binary::ADD, Binary::SUB, Binary::MUL] {
        for other in [
            full,
            Shape::SCALAR,
            Shape::channels(3),
            Shape::new(2, 1, 5, 7),
            Shape::new(2, 3, 1, 1),
            Shape::new(1, 1, 1, 7),
        ] {
            assert_parity(&gpu, op, &[full, other]);
            assert_parity(&gpu, op, &[other, full]);
        }
        let column = Shape::new(2, 1, 5, 1);
        assert_parity(&gpu, op, &[column, Shape::new(1, 3, 1, 7)]);
    }
    assert_parity(&gpu, Scale { factor: -2.5 }, &[full]);
}

#[test]
fn sums_match_their_cpu_kernels() {
    let Some(gpu) = device() else { return };
    let full = Shape::new(3, 4, 5, 7);
    for shape in [
        full,
        Shape::SCALAR,
        Shape::channels(4),
        Shape::new(3, 1, 1, 1),
        Shape::new(3, 1, 5, 7),
        Shape::new(1, 4, 5, 1),
        Shape::new(1, 1, 1, 7),
    ] {
        assert_parity(&gpu, SumTo { shape }, &[full]);
        assert_parity(&gpu, Expand { shape: full }, &[shape]);
    }
    // Long sums take two and three dispatches.
    for shape in [Shape::new(1, 2, 130, 70), Shape::new(2, 3, 150, 60)] {
        assert_parity(
            &gpu,
            SumTo {
                shape: Shape::SCALAR,
            },
            &[shape],
        );
        let vector = Shape::channels(shape.c());
        assert_parity(&gpu, SumTo { shape: vector }, &[shape]);
        assert_parity(&gpu, Dot, &[shape, shape]);
    }
    assert_parity(&gpu, Dot, &[full, full]);
}

#[test]
fn moves_match_their_cpu_kernels() {
    let Some(gpu) = device() else { return };
    let x = Shape::new(2, 6, 5, 3);
    assert_parity(
        &gpu,
        Concat,
        &[x, Shape::new(2, 1, 5, 3), Shape::new(2, 4, 5, 3)],
    );
    assert_parity(&gpu, Concat, &[x]);
    for (start, count) in [(0, 6), (0, 2), (3, 3), (2, 1)] {
        assert_parity(&gpu, Slice { start, count }, &[x]);
    }
    let shape = Shape::new(2, 90, 1, 1);
    assert_parity(&gpu, Reshape { shape }, &[x]);
    assert_parity(&gpu, Transpose, &[Shape::new(2, 9, 13, 1)]);
}

#[test]
fn linear_layers_and_their_gradients_match_their_cpu_kernels() {
    let Some(gpu) = device() else { return };
    for (n, k, m) in [
        (1, 64, 10),
        (1, 1280, 1000),
        (2, 37, 5),
        (2, 299, 7),
        (3, 37, 5),
        (33, 130, 65),
        (1, 1, 1),
    ] {
        let (x, weight) = (Shape::new(n, k, 1, 1), Shape::new(m, k, 1, 1));
        let dy = Shape::new(n, m, 1, 1);
        assert_parity(&gpu, Linear, &[x, weight]);
        assert_parity(&gpu, Linear, &[x, weight, Shape::channels(m)]);
        assert_parity(&gpu, LinearInputGrad, &[dy, weight]);
        assert_parity(&gpu, LinearWeightGrad, &[x, dy]);
    }
}

/// Overlapping, gaping, padded, hanging over the edge, and global windows.
fn windows() -> Vec<(Shape, Window)> {
    let window = |kernel, stride, padding, ceil| Window {
        kernel,
        stride,
        padding: Padding::from(padding),
        ceil,
    };
    let shape = Shape::new(2, 3, 11, 8);
    vec![
        (shape, window([2, 2], [2, 2], [0; 4], false)),
        (shape, window([2, 2], [2, 2], [0; 4], true)),
        (shape, window([3, 3], [2, 2], [1, 1, 1, 1], false)),
        (shape, window([3, 3], [2, 2], [1, 0, 0, 2], true)),
        (shape, window([3, 2], [1, 1], [0; 4], false)),
        (shape, window([2, 2], [3, 3], [0; 4], true)),
        (shape, window([5, 5], [1, 1], [2, 2, 2, 2], false)),
        (shape, Window::global(shape)),
    ]
}

#[test]
fn pooling_and_its_gradients_match_their_cpu_kernels() {
    let Some(gpu) = device() else { return };
    for (input, window) in windows() {
        let output = window.output(input).expect("the window fits");
        // Few different values, so that there are ties.
        let x: Vec<f32> = numbers(input.len(), 7)
            .iter()
            .map(|v| (v * 3.0).round())
            .collect();
        let dy = numbers(output.len(), 8);
        assert_parity_on(&gpu, &MaxPool2d { window }.into(), &[(input, x.clone())]);
        let argmax = Op::from(MaxPool2dArgmax { window });
        assert_parity_on(&gpu, &argmax, &[(input, x.clone())]);
        let first = on_gpu(&gpu, &argmax, &[(input, x)], output).expect("it runs");
        let gradient = Op::from(MaxPool2dInputGrad { window, input });
        assert_parity_on(&gpu, &gradient, &[(output, dy), (output, first)]);
        for count_include_pad in [false, true] {
            let average = AvgPool2d {
                window,
                count_include_pad,
                global: false,
            };
            assert_parity(&gpu, average, &[input]);
            let gradient = AvgPool2dInputGrad {
                window,
                count_include_pad,
                input,
            };
            assert_parity(&gpu, gradient, &[output]);
        }
    }
}

/// Every value compared with its own size, down to the smallest normal numbers: for gradients that must not round to 0.
fn assert_each_value_on(gpu: &Gpu, op: &Op, inputs: &[(Shape, Vec<f32>)]) {
    let shapes: Vec<Shape> = inputs.iter().map(|(shape, _)| *shape).collect();
    let output = op.shape(&shapes).expect("the shapes fit");
    let expected = on_cpu(op, inputs, output);
    let actual = on_gpu(gpu, op, inputs, output).expect("it runs");
    for (&a, &e) in actual.iter().zip(&expected) {
        let allowed = (1e-4 * e.abs()).max(1e-30);
        assert!((f64::from(a) - e).abs() <= allowed, "{op:?}: {a}, not {e}");
    }
}

#[test]
fn softmax_and_cross_entropy_match_their_cpu_kernels() {
    let Some(gpu) = device() else { return };
    for shape in [
        Shape::new(3, 10, 1, 1),
        Shape::new(2, 1000, 1, 1),
        Shape::new(2, 5, 3, 4),
        Shape::new(1, 1, 1, 1),
    ] {
        assert_parity(&gpu, Softmax, &[shape]);
        let z: Vec<f32> = numbers(shape.len(), 5).iter().map(|v| v * 6.0).collect();
        let p = on_gpu(&gpu, &Softmax.into(), &[(shape, z.clone())], shape).expect("it runs");
        let dp = numbers(shape.len(), 6);
        assert_parity_on(&gpu, &SoftmaxGrad.into(), &[(shape, dp), (shape, p)]);
        if shape.plane() > 1 {
            continue;
        }
        let rows = Shape::new(shape.n(), 1, 1, 1);
        let mut t: Vec<f32> = numbers(shape.len(), 9).iter().map(|v| v.abs()).collect();
        for row in t.chunks_exact_mut(shape.c()) {
            let total: f32 = row.iter().sum();
            row.iter_mut().for_each(|t| *t /= total);
        }
        let upstream = (rows, numbers(rows.len(), 2));
        let inputs = [(shape, z), (shape, t), upstream];
        assert_parity_on(&gpu, &CrossEntropy.into(), &inputs[..2]);
        assert_parity_on(&gpu, &CrossEntropyGrad.into(), &inputs);
    }
}

#[test]
fn gradients_of_a_sure_network_do_not_round_to_zero() {
    let Some(gpu) = device() else { return };
    let shape = Shape::new(1, 5, 1, 1);
    let z = vec![1.0, 22.0, -3.0, 0.5, 2.0];
    for target in 0..5 {
        let mut one_hot = vec![0.0; 5];
        one_hot[target] = 1.0;
        let upstream = (Shape::new(1, 1, 1, 1), vec![1.0]);
        let inputs = [(shape, z.clone()), (shape, one_hot.clone()), upstream];
        assert_each_value_on(&gpu, &CrossEntropyGrad.into(), &inputs);
        let p = on_gpu(&gpu, &Softmax.into(), &[(shape, z.clone())], shape).expect("it runs");
        let op = Op::from(SoftmaxGrad);
        let inputs = [(shape, one_hot), (shape, p)];
        let sure = on_gpu(&gpu, &op, &inputs, shape).expect("it runs")[1];
        let expected = on_cpu(&op, &inputs, shape)[1];
        assert!(
            (f64::from(sure) - expected).abs() <= 1e-4 * expected.abs(),
            "{sure}, not {expected}"
        );
    }
}

#[test]
fn batch_normalisation_matches_its_cpu_kernels() {
    let Some(gpu) = device() else { return };
    for x in [
        Shape::new(3, 5, 4, 7),
        Shape::new(2, 3, 20, 21),
        Shape::new(1, 2, 1, 1),
    ] {
        let vector = Shape::channels(x.c());
        let pair = Shape::new(2, x.c(), 1, 1);
        let epsilon = 1e-3;
        let data = numbers(x.len(), 1);
        let vectors: Vec<_> = (2..5).map(|seed| (vector, numbers(x.c(), seed))).collect();
        let variance = (
            vector,
            numbers(x.c(), 5)
                .iter()
                .map(|v| v.abs() + 0.1)
                .collect::<Vec<_>>(),
        );
        let mut inputs = vec![(x, data.clone())];
        inputs.extend(vectors.clone());
        inputs.push(variance.clone());
        assert_parity_on(&gpu, &BatchNorm { epsilon }.into(), &inputs);
        let scale = Op::from(BatchNormScale { epsilon });
        assert_parity_on(&gpu, &scale, &[vectors[0].clone(), variance]);
        assert_parity(&gpu, BatchNormShift, &[vector; 3]);
        assert_parity(&gpu, BatchNormShift, &[vector; 4]);
        assert_parity(&gpu, BatchStatistics, &[x]);
        let statistics =
            on_gpu(&gpu, &BatchStatistics.into(), &[(x, data.clone())], pair).expect("it runs");
        let inputs = [
            (x, data.clone()),
            (pair, statistics.clone()),
            vectors[0].clone(),
            vectors[1].clone(),
        ];
        assert_parity_on(&gpu, &BatchNormTrain { epsilon }.into(), &inputs);
        let inputs = [
            (x, data),
            (pair, statistics),
            vectors[0].clone(),
            (x, numbers(x.len(), 8)),
        ];
        assert_parity_on(&gpu, &BatchNormTrainInputGrad { epsilon }.into(), &inputs);
        let running = RunningStatistics {
            momentum: 0.1,
            count: x.n() * x.plane(),
        };
        assert_parity(&gpu, running, &[pair, pair]);
    }
}

#[test]
fn gram_matrices_and_total_variation_match_their_cpu_kernels() {
    let Some(gpu) = device() else { return };
    for x in [
        Shape::new(2, 5, 6, 7),
        Shape::new(1, 16, 40, 40),
        Shape::new(1, 1, 1, 1),
        Shape::new(1, 3, 5, 1),
    ] {
        let factor = 0.25;
        assert_parity(&gpu, Gram { factor }, &[x]);
        let s = Shape::new(x.n(), x.c(), x.c(), 1);
        assert_parity(&gpu, GramInputGrad { factor }, &[s, x]);
        let (vertical, horizontal) = (0.5, 2.0);
        for squared in [false, true] {
            let variation = TotalVariation {
                vertical,
                horizontal,
                squared,
            };
            assert_parity(&gpu, variation, &[x]);
            let gradient = TotalVariationGrad {
                vertical,
                horizontal,
                squared,
            };
            assert_parity(&gpu, gradient, &[x]);
        }
    }
}

#[test]
fn sampling_of_shifted_scaled_and_turned_pictures_agrees() {
    let Some(gpu) = device() else { return };
    let maps = [
        [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        [1.0, 0.0, 3.0, 0.0, 1.0, -2.0],
        [0.96, -0.28, 1.3, 0.28, 0.96, -0.7],
        [0.45, 0.1, 0.1, 0.05, 0.4, 2.2],
        [2.1, 0.3, -1.0, -0.2, 1.7, 0.5],
        [1.0, 0.0, 900.0, 0.0, 1.0, -900.0],
        [0.0, 0.0, 2.5, 0.5, 0.5, 0.0],
    ];
    let (height, width) = (13, 11);
    let small = Shape::new(maps.len(), 2, height, width);
    let large = Shape::new(maps.len(), 2, 17, 9);
    let matrix = (Shape::new(maps.len(), 6, 1, 1), maps.concat());
    for (input, output) in [(small, large), (large, small)] {
        let (height, width) = (output.h(), output.w());
        let x = (input, numbers(input.len(), 5));
        let inputs = [x, matrix.clone()];
        assert_parity_on(&gpu, &AffineSample { height, width }.into(), &inputs);
        let op = AffineSampleInputGrad { height, width };
        assert_parity_on(&gpu, &op.into(), &inputs);
    }
}

#[test]
fn steps_of_optimisers_agree() {
    let Some(gpu) = device() else { return };
    for shape in [Shape::new(2, 3, 5, 7), Shape::SCALAR] {
        for squared in [false, true] {
            let decay = 0.9;
            assert_parity(&gpu, AdamMoment { decay, squared }, &[shape; 2]);
        }
        let squares = numbers(shape.len(), 3).iter().map(|v| v * v).collect();
        let inputs = [
            (shape, numbers(shape.len(), 1)),
            (shape, numbers(shape.len(), 2)),
            (shape, squares),
            (Shape::channels(3), vec![0.05, 10.0, 1000.0]),
        ];
        assert_parity_on(&gpu, &AdamUpdate.into(), &inputs);
        let squares: Vec<f32> = numbers(shape.len(), 4).iter().map(|v| v * v).collect();
        let root = InverseRoot { epsilon: 0.01 };
        assert_parity_on(&gpu, &root.into(), &[(shape, squares)]);
    }
}

#[test]
fn steps_of_l_bfgs_agree() {
    let Some(gpu) = device() else { return };
    for (memory, most) in [(1, 1e9), (4, 1e9), (10, 1e9), (10, 0.01), (3, 1e9)] {
        let (rows, length) = (2 * memory + 1, 40);
        let mut all = numbers(rows * length, memory as u64);
        // Changes of the gradient along the steps, so that there is curvature; none of the oldest.
        for at in length..memory * length {
            all[memory * length + at] = 0.3 * all[memory * length + at] + 2.0 * all[at];
        }
        if memory == 3 {
            all[..memory * length].fill(0.0);
        }
        let products: Vec<f32> = (0..rows * rows)
            .map(|at| {
                let row = |index: usize| &all[index * length..][..length];
                let pairs = row(at / rows).iter().zip(row(at % rows));
                pairs.map(|(a, b)| a * b).sum()
            })
            .collect();
        let inputs = [
            (Shape::new(1, rows, rows, 1), products),
            (Shape::SCALAR, vec![17.0]),
            (Shape::channels(2), vec![0.7, most]),
        ];
        assert_parity_on(&gpu, &LbfgsStep.into(), &inputs);
    }
}

#[test]
fn small_norms_are_clipped_alike() {
    let Some(gpu) = device() else { return };
    let shape = Shape::new(2, 3, 6, 5);
    let x = numbers(shape.len(), 6);
    let sums: Vec<f32> = x
        .chunks_exact(shape.picture())
        .map(|picture| picture.iter().map(|v| v * v).sum())
        .collect();
    for ratio in [0.0, 0.5, 1.0, 3.0] {
        let inputs = [(shape, x.clone()), (Shape::new(2, 1, 1, 1), sums.clone())];
        assert_parity_on(&gpu, &NormGate { ratio }.into(), &inputs);
        let kept = on_cpu(&NormGate { ratio }.into(), &inputs, shape);
        let zeros = kept.iter().filter(|&&v| v == 0.0).count();
        assert_eq!(zeros == 0, ratio == 0.0, "{ratio}: {zeros} zeros");
        assert_eq!(zeros == shape.len(), ratio == 3.0, "{ratio}: {zeros} zeros");
    }
}
