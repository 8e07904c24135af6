//! Every operator's shaders against its CPU kernel, over tables of shapes.
//!
//! Needs a Vulkan adapter (a software one will do). Without one the tests say so and pass, unless `CI` is set.

use convscope::engine::gpu::{Buffer, Gpu};
use convscope::error::Result;
use convscope::ops::activation::Function;
use convscope::ops::conv2d::{Conv2d, Conv2dInputGrad, Geometry, Padding};
use convscope::ops::{Op, Operator as _, View};
use convscope::tensor::Shape;

/// Relative to the largest value of a result: sums of a few thousand products in another order.
const TOLERANCE: f64 = 1e-4;

/// The device, if there is one.
fn device() -> Option<Gpu> {
    match pollster::block_on(Gpu::open(true)) {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{error}");
            eprintln!("skipped: {error}");
            None
        }
    }
}

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

/// The operator's output on the device.
fn on_gpu(gpu: &Gpu, op: &Op, inputs: &[(Shape, Vec<f32>)], output: Shape) -> Result<Vec<f32>> {
    let shapes: Vec<Shape> = inputs.iter().map(|(shape, _)| *shape).collect();
    let mut buffers = Vec::new();
    for (shape, data) in inputs {
        let buffer = gpu.allocate(shape.len())?;
        gpu.upload(&buffer, data);
        buffers.push(buffer);
    }
    let result = gpu.allocate(output.len())?;
    // What stands in a buffer before must not matter.
    gpu.upload(&result, &vec![f32::NAN; output.len()]);
    buffers.push(result);
    let kernels: Vec<(_, Vec<Buffer>)> = op
        .gpu(&shapes, output)?
        .into_iter()
        .map(|kernel| (kernel, buffers.clone()))
        .collect();
    let recording = gpu.compile(&kernels)?;
    pollster::block_on(async {
        gpu.run(&recording).await?;
        Ok(gpu
            .read(&[(&buffers[inputs.len()], output.len())])
            .await?
            .remove(0))
    })
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
    let actual = on_gpu(gpu, op, inputs, output)
        .unwrap_or_else(|error| panic!("{op:?} on {shapes:?}: {error}"));
    let largest = expected.iter().fold(0.0_f64, |max, v| max.max(v.abs()));
    for (index, (&a, &e)) in actual.iter().zip(&expected).enumerate() {
        let difference = (f64::from(a) - e).abs();
        assert!(
            difference <= TOLERANCE * largest.max(1e-6),
            "{op:?} on {shapes:?}: value {index} is {a}, not {e} (largest {largest})"
        );
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
        case([1, 4, 13, 7], 9, [1, 1], [2, 2], [0, 0, 0, 0], [1, 1], 1),
        case([1, 2, 17, 18], 5, [7, 7], [2, 2], [3, 3, 3, 3], [1, 1], 1),
        case([1, 1, 28, 28], 16, [7, 7], [1, 1], [3, 3, 3, 3], [1, 1], 1),
        case([1, 3, 12, 10], 4, [5, 5], [1, 1], [2, 2, 2, 2], [1, 1], 1),
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
        case([1, 4, 9, 10], 12, [3, 3], [2, 1], [1, 1, 1, 1], [1, 1], 4),
        case([1, 4, 12, 13], 4, [3, 3], [1, 1], [2, 2, 2, 2], [2, 2], 4),
        case([1, 24, 33, 35], 17, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 1),
        case([1, 2, 3, 3], 2, [3, 3], [1, 1], [0, 0, 0, 0], [1, 1], 1),
        case([1, 2, 1, 1], 2, [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 1),
    ]
}

#[test]
fn convolution_matches_its_cpu_kernel() {
    let Some(gpu) = device() else { return };
    for case in convolutions() {
        let geometry = case.geometry;
        let plain = Conv2d {
            geometry,
            activation: None,
        };
        assert_parity(&gpu, plain, &[case.x(), case.weight()]);
        let fused = Conv2d {
            geometry,
            activation: Some(Function::Relu6),
        };
        let bias = Shape::channels(case.c_out);
        assert_parity(&gpu, fused, &[case.x(), case.weight(), bias]);
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
