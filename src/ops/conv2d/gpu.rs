//! Convolution as dispatches. Forward and gradient to the input are one shader with two sets of numbers.

use super::{Conv2d, Conv2dInputGrad, Conv2dWeightGrad, Geometry};
use crate::error::Result;
use crate::ops::Kernel;
use crate::ops::activation::Function;
use crate::ops::kernel::{Binding, Preparation, word};
use crate::ops::reduce::gpu::{finish_planes, partial};
use crate::tensor::Shape;

/// Positions that one invocation computes: rows, columns.
const TILE: [usize; 2] = [4, 8];
/// Invocations a workgroup.
const WG_SIZE: usize = 32;
/// Invocations that keep a device busy: weight gradients with fewer are cut along their sum.
const BUSY: usize = 2048;
/// Values of partial sums at most.
const MAX_PARTIAL: usize = 1 << 22;

/// Which way a convolution's sum runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// Dispatches of [`Conv2d`].
pub fn forward(op: &Conv2d, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let convolution = Convolution {
        geometry: op.geometry,
        direction: Direction::Forward,
        src: inputs[0],
        weight: inputs[1],
        dst: output,
        bias: (inputs.len() == 3).then_some(Binding::Input(2)),
        activation: op.activation,
    };
    Ok(vec![convolution.kernel()])
}

/// Dispatches of [`Conv2dInputGrad`].
pub fn input_grad(op: &Conv2dInputGrad, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let convolution = Convolution {
        geometry: op.geometry,
        direction: Direction::Backward,
        src: inputs[0],
        weight: inputs[1],
        dst: output,
        bias: None,
        activation: None,
    };
    Ok(vec![convolution.kernel()])
}

/// Dispatches of [`Conv2dWeightGrad`].
pub fn weight_grad(op: &Conv2dWeightGrad, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let (x, dy) = (inputs[0], inputs[1]);
    let geometry = op.geometry;
    let groups = geometry.groups;
    let mut params: Vec<u32> = [
        geometry.stride,
        geometry.dilation,
        [geometry.padding.top, geometry.padding.left],
        [x.h(), x.w()],
        [dy.h(), dy.w()],
        [output.h(), output.w()],
    ]
    .concat()
    .into_iter()
    .map(word)
    .collect();
    let rows = x.n() * dy.h();
    let taps = output.plane();
    let (shader, tiles, work) = if geometry.is_depthwise(output) {
        let tiles = output.n() * output.h().div_ceil(4) * output.w().div_ceil(4);
        params.extend([x.n(), output.n(), output.n() / groups].map(word));
        ("depthwise_weight_grad", tiles, 16)
    } else {
        let (c_in, c_out) = (output.c(), output.n() / groups);
        let tiles = groups * c_out.div_ceil(8) * (c_in * taps).div_ceil(8);
        params.extend([x.n(), groups, c_in, c_out].map(word));
        ("conv2d_weight_grad", tiles, 64)
    };
    let parts = (BUSY / tiles)
        .min(MAX_PARTIAL / output.len())
        .clamp(1, rows);
    let count = tiles * parts;
    params.extend([parts, count].map(word));
    let first = Kernel {
        shader,
        constants: Vec::new(),
        bindings: vec![
            Binding::Input(0),
            Binding::Input(1),
            partial(output.len(), parts),
        ],
        prepared: None,
        params,
        workgroups: [count.div_ceil(WG_SIZE) as u64, 1, 1],
        cost: (tiles * work * rows * dy.w()) as u64,
    };
    let mut kernels = vec![first];
    kernels.extend(finish_planes(output.len(), parts));
    Ok(kernels)
}

/// A convolution, or its gradient to the input, as a sum over channels of `src`.
struct Convolution {
    geometry: Geometry,
    direction: Direction,
    src: Shape,
    weight: Shape,
    dst: Shape,
    bias: Option<Binding>,
    activation: Option<Function>,
}

impl Convolution {
    fn kernel(&self) -> Kernel {
        let rows = Axis::new(self, 0);
        let columns = Axis::new(self, 1);
        let tiles = rows.tiles * rows.phases * columns.tiles * columns.phases * self.dst.n();
        let phases = rows.phases * columns.phases;
        let mut params = rows.params();
        params.extend(columns.params());
        if self.geometry.is_depthwise(self.weight) {
            self.depthwise(params, tiles, phases)
        } else {
            self.dense(params, tiles, phases)
        }
    }

    fn is_backward(&self) -> u32 {
        u32::from(self.direction == Direction::Backward)
    }

    fn dense(&self, mut params: Vec<u32>, tiles: usize, phases: usize) -> Kernel {
        let groups = self.geometry.groups;
        let (c_src, c_dst) = (self.src.c() / groups, self.dst.c() / groups);
        let count = tiles * c_dst.div_ceil(4) * groups;
        params.extend([
            word(c_src),
            word(c_dst),
            word(groups),
            self.is_backward(),
            word(count),
        ]);
        let taps = self.weight.plane().div_ceil(phases);
        self.finish("conv2d", params, count, 4 * c_src * taps, Some(self.pack()))
    }

    fn depthwise(&self, mut params: Vec<u32>, tiles: usize, phases: usize) -> Kernel {
        let multiplier = self.weight.n() / self.geometry.groups;
        let count = tiles * self.dst.c();
        params.extend([
            word(self.dst.c()),
            word(multiplier),
            self.is_backward(),
            word(count),
        ]);
        let taps = self.weight.plane().div_ceil(phases);
        self.finish("depthwise", params, count, 2 * taps, None)
    }

    /// `work` is multiply-adds a position.
    fn finish(
        &self,
        shader: &'static str,
        mut params: Vec<u32>,
        count: usize,
        work: usize,
        prepared: Option<Preparation>,
    ) -> Kernel {
        params.extend([
            u32::from(self.bias.is_some()),
            self.activation.map_or(0, Function::code),
            self.activation.map_or(0.0, Function::slope).to_bits(),
        ]);
        let weights = match prepared {
            Some(_) => Binding::Prepared,
            None => Binding::Input(1),
        };
        Kernel {
            shader,
            constants: Vec::new(),
            bindings: vec![
                Binding::Input(0),
                weights,
                self.bias.unwrap_or(Binding::Input(1)),
                Binding::Output,
            ],
            prepared: prepared.map(Box::new),
            params,
            workgroups: [count.div_ceil(WG_SIZE) as u64, 1, 1],
            cost: (count * TILE[0] * TILE[1] * work) as u64,
        }
    }

    /// Weights with the channels that are written innermost, in fours.
    fn pack(&self) -> Preparation {
        let (weight, groups) = (self.weight, self.geometry.groups);
        let taps = weight.plane();
        let (c_out, c_in) = (weight.n() / groups, weight.c());
        let (stride_out, stride_in) = (c_in * taps, taps);
        let (c_red, c_dst, stride_red, stride_dst) = match self.direction {
            Direction::Forward => (c_in, c_out, stride_in, stride_out),
            Direction::Backward => (c_out, c_in, stride_out, stride_in),
        };
        let count = groups * c_red * taps * c_dst.div_ceil(4);
        let params = [groups, c_red, c_dst, taps, stride_red, stride_dst, count].map(word);
        let bindings = vec![Binding::Input(1), Binding::Output];
        Preparation {
            kernel: Kernel::linear("conv2d_pack", bindings, params.to_vec(), count)
                .with_cost(4 * count),
            values: 4 * count,
        }
    }
}

/// The numbers of one axis, as `Axis` in `conv_axis.wgsl`.
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
    fn new(convolution: &Convolution, axis: usize) -> Self {
        let geometry = &convolution.geometry;
        let extent = |shape: Shape| shape.0[2 + axis];
        let (stride, dilation) = (geometry.stride[axis], geometry.dilation[axis]);
        let common = gcd(stride, dilation);
        let (scale, phases, period, step) = match convolution.direction {
            Direction::Forward => (stride, 1, 1, dilation),
            Direction::Backward => (1, stride, stride / common, dilation / common),
        };
        let dst = extent(convolution.dst);
        Self {
            src: extent(convolution.src),
            dst,
            kernel: extent(convolution.weight),
            stride,
            dilation,
            padding: [geometry.padding.top, geometry.padding.left][axis],
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
