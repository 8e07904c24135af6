//! Convolution as dispatches. Forward and gradient to the input are one shader with two sets of numbers.

use super::{Conv2d, Conv2dInputGrad, Conv2dWeightGrad, Geometry};
use crate::error::{Error, Result};
use crate::ops::Kernel;
use crate::ops::activation::Function;
use crate::ops::kernel::{Binding, Preparation, word};
use crate::tensor::Shape;

/// Positions that one invocation computes: rows, columns.
const TILE: [usize; 2] = [4, 8];
/// Invocations a workgroup.
const WG_SIZE: u64 = 32;

/// Which way a convolution's sum runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// Dispatches of [`Conv2d`].
pub fn forward(op: &Conv2d, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let bias = (inputs.len() == 3).then_some(Binding::Input(2));
    Ok(vec![dense(
        &op.geometry,
        Direction::Forward,
        inputs[0],
        inputs[1],
        output,
        bias,
        op.activation,
    )])
}

/// Dispatches of [`Conv2dInputGrad`].
pub fn input_grad(op: &Conv2dInputGrad, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    Ok(vec![dense(
        &op.geometry,
        Direction::Backward,
        inputs[0],
        inputs[1],
        output,
        None,
        None,
    )])
}

/// Dispatches of [`Conv2dWeightGrad`].
pub fn weight_grad(
    op: &Conv2dWeightGrad,
    _inputs: &[Shape],
    _output: Shape,
) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op(format!("{op:?} has no shader")))
}

/// `conv2d.wgsl` with its weights packed once.
fn dense(
    geometry: &Geometry,
    direction: Direction,
    src: Shape,
    weight: Shape,
    dst: Shape,
    bias: Option<Binding>,
    activation: Option<Function>,
) -> Kernel {
    let groups = geometry.groups;
    let (c_src, c_dst) = (src.c() / groups, dst.c() / groups);
    let rows = Axis::new(geometry, 0, direction, src.h(), dst.h(), weight.h());
    let columns = Axis::new(geometry, 1, direction, src.w(), dst.w(), weight.w());
    let tiles = rows.tiles * rows.phases * columns.tiles * columns.phases;
    let count = tiles * c_dst.div_ceil(4) * groups * dst.n();
    let mut params = rows.params();
    params.extend(columns.params());
    params.extend([
        word(c_src),
        word(c_dst),
        word(groups),
        u32::from(direction == Direction::Backward),
        word(count),
        u32::from(bias.is_some()),
        activation.map_or(0, Function::code),
        activation.map_or(0.0, Function::slope).to_bits(),
    ]);
    Kernel {
        shader: "conv2d",
        constants: vec![("WG_SIZE", WG_SIZE as f64)],
        bindings: vec![
            Binding::Input(0),
            Binding::Prepared,
            bias.unwrap_or(Binding::Input(1)),
            Binding::Output,
        ],
        prepared: Some(Box::new(pack(direction, weight, groups))),
        params,
        workgroups: [(count as u64).div_ceil(WG_SIZE), 1, 1],
        cost: (count * 4 * TILE[0] * TILE[1] * c_src * weight.plane()
            / (rows.phases * columns.phases)) as u64,
    }
}

/// The numbers of one axis, as `Axis` in `conv2d.wgsl`.
struct Axis {
    src: usize,
    dst: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: usize,
    scale: usize,
    phases: usize,
    period: usize,
    step: usize,
    tiles: usize,
}

impl Axis {
    fn new(
        geometry: &Geometry,
        axis: usize,
        direction: Direction,
        src: usize,
        dst: usize,
        kernel: usize,
    ) -> Self {
        let (stride, dilation) = (geometry.stride[axis], geometry.dilation[axis]);
        let padding = [geometry.padding.top, geometry.padding.left][axis];
        let common = gcd(stride, dilation);
        let (scale, phases, period, step) = match direction {
            Direction::Forward => (stride, 1, 1, dilation),
            Direction::Backward => (1, stride, stride / common, dilation / common),
        };
        Self {
            src,
            dst,
            kernel,
            stride,
            dilation,
            padding,
            scale,
            phases,
            period,
            step,
            tiles: dst.div_ceil(phases).div_ceil(TILE[axis]),
        }
    }

    fn params(&self) -> Vec<u32> {
        [
            self.src,
            self.dst,
            self.kernel,
            self.stride,
            self.dilation,
            self.padding,
            self.scale,
            self.phases,
            self.period,
            self.step,
            self.tiles,
            0,
        ]
        .map(word)
        .to_vec()
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Weights with the channels that are written innermost, in fours.
fn pack(direction: Direction, weight: Shape, groups: usize) -> Preparation {
    let taps = weight.plane();
    let (c_out, c_in) = (weight.n() / groups, weight.c());
    let (stride_out, stride_in) = (c_in * taps, taps);
    let (c_red, c_dst, stride_red, stride_dst) = match direction {
        Direction::Forward => (c_in, c_out, stride_in, stride_out),
        Direction::Backward => (c_out, c_in, stride_out, stride_in),
    };
    let count = groups * c_red * taps * c_dst.div_ceil(4);
    let params = [groups, c_red, c_dst, taps, stride_red, stride_dst, count].map(word);
    Preparation {
        kernel: Kernel::linear(
            "conv2d_pack",
            vec![Binding::Input(1), Binding::Output],
            params.to_vec(),
            count,
        )
        .with_cost(4 * count),
        values: 4 * count,
    }
}
