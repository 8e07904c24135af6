//! Convolution as dispatches. Forward and gradient to the input are one shader with two sets of numbers.

use super::{Conv2d, Conv2dInputGrad, Conv2dWeightGrad, Geometry, Padding};
use crate::error::Result;
use crate::ops::Kernel;
use crate::ops::activation::{self, Function};
use crate::ops::kernel::{Binding, Preparation, word};
use crate::ops::reduce::gpu::{finish_planes, partial};
use crate::tensor::Shape;

/// Positions that one invocation computes: rows, columns.
const TILE: [usize; 2] = [4, 8];
/// Invocations a workgroup.
const WG_SIZE: usize = 32;
/// Invocations that keep a device busy: weight gradients with fewer are cut along their sum.
const BUSY: usize = 2048;
/// The bend of no activation.
const NO_BEND: (f32, f32) = (1.0, f32::MAX);
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
    let bend = op.activation.map_or(Some(NO_BEND), Function::bend);
    // What is no bend is applied in a second dispatch.
    let second = op.activation.filter(|_| bend.is_none());
    let written = match second {
        Some(_) => Binding::Scratch(0, output.len()),
        None => Binding::Output,
    };
    let convolution = Convolution {
        geometry: op.geometry,
        direction: Direction::Forward,
        src: inputs[0],
        weight: inputs[1],
        dst: output,
        bias: (inputs.len() == 3).then_some(Binding::Input(2)),
        bend: bend.unwrap_or(NO_BEND),
        written,
    };
    let mut kernels = vec![convolution.kernel()];
    kernels.extend(second.map(|function| activation::gpu::apply(function, written, output)));
    Ok(kernels)
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
        bend: NO_BEND,
        written: Binding::Output,
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
    /// (slope, ceiling) of the activation at its end.
    bend: (f32, f32),
    written: Binding,
}

impl Convolution {
    fn kernel(&self) -> Kernel {
        let geometry = &self.geometry;
        let [k_h, k_w] = [self.weight.h(), self.weight.w()];
        let plain = geometry.stride == [1, 1] && geometry.dilation == [1, 1];
        if geometry.is_depthwise(self.weight) {
            self.depthwise()
        } else if plain && [k_h, k_w] == [3, 3] {
            self.three_by_three()
        } else if plain
            && [k_h, k_w] == [1, 1]
            && geometry.groups == 1
            && geometry.padding == Padding::default()
        {
            self.one_by_one()
        } else {
            self.general()
        }
    }

    fn is_backward(&self) -> bool {
        self.direction == Direction::Backward
    }

    fn general(&self) -> Kernel {
        let (rows, columns) = (Axis::new(self, 0), Axis::new(self, 1));
        let tiles = rows.tiles * rows.phases * columns.tiles * columns.phases * self.dst.n();
        let groups = self.geometry.groups;
        let (c_src, c_dst) = (self.src.c() / groups, self.dst.c() / groups);
        let count = tiles * c_dst.div_ceil(4) * groups;
        let mut params = rows.params();
        params.extend(columns.params());
        params.extend([
            word(c_src),
            word(c_dst),
            word(groups),
            u32::from(self.is_backward()),
            word(count),
        ]);
        let turns = c_src * rows.turns() * columns.turns_in_row();
        Kernel {
            constants: vec![("OVERLAP", f64::from(columns.overlap()))],
            ..self.finish(
                "conv2d",
                params,
                count,
                512 * turns,
                Some(self.pack(1, false)),
            )
        }
    }

    fn three_by_three(&self) -> Kernel {
        let groups = self.geometry.groups;
        let (c_src, c_dst) = (self.src.c() / groups, self.dst.c() / groups);
        let padding = self.geometry.padding;
        // The gradient is a convolution with flipped taps and the rest of a full padding.
        let padding = if self.is_backward() {
            [
                2_usize.wrapping_sub(padding.top),
                2_usize.wrapping_sub(padding.left),
            ]
        } else {
            [padding.top, padding.left]
        };
        let tiles = [
            self.dst.h().div_ceil(TILE[0]),
            self.dst.w().div_ceil(TILE[1]),
        ];
        let count = tiles[0] * tiles[1] * c_dst.div_ceil(4) * groups * self.dst.n();
        let params = [
            self.src.h(),
            self.src.w(),
            self.dst.h(),
            self.dst.w(),
            padding[0],
            padding[1],
            tiles[0],
            tiles[1],
            c_src,
            c_dst,
            groups,
            count,
        ]
        .map(signed_word)
        .to_vec();
        let prepared = self.pack(1, self.is_backward());
        self.finish("conv2d_3x3", params, count, 1152 * c_src, Some(prepared))
    }

    fn one_by_one(&self) -> Kernel {
        let plane = self.dst.plane();
        let tiles = plane.div_ceil(16);
        let count = tiles * self.dst.c().div_ceil(8) * self.dst.n();
        let params = [plane, tiles, self.src.c(), self.dst.c(), count]
            .map(word)
            .to_vec();
        let prepared = self.pack(2, false);
        self.finish(
            "conv2d_1x1",
            params,
            count,
            128 * self.src.c(),
            Some(prepared),
        )
    }

    fn depthwise(&self) -> Kernel {
        let (rows, columns) = (Axis::new(self, 0), Axis::new(self, 1));
        let tiles = rows.tiles * rows.phases * columns.tiles * columns.phases * self.dst.n();
        let multiplier = self.weight.n() / self.geometry.groups;
        let count = tiles * self.dst.c();
        let mut params = rows.params();
        params.extend(columns.params());
        params.extend([
            word(self.dst.c()),
            word(multiplier),
            u32::from(self.is_backward()),
            word(count),
        ]);
        let turns = rows.turns() * columns.turns_in_row();
        Kernel {
            constants: vec![("OVERLAP", f64::from(columns.overlap()))],
            ..self.finish("depthwise", params, count, 256 * turns, None)
        }
    }

    /// `work` is multiply-adds an invocation.
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
            self.bend.0.to_bits(),
            self.bend.1.to_bits(),
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
                self.written,
            ],
            prepared: prepared.map(Box::new),
            params,
            workgroups: [count.div_ceil(WG_SIZE) as u64, 1, 1],
            cost: (count * work) as u64,
        }
    }

    /// Weights with the channels that are written innermost, in fours, and the others padded to a multiple of `padding`.
    fn pack(&self, padding: usize, flips: bool) -> Preparation {
        let (weight, groups) = (self.weight, self.geometry.groups);
        let taps = weight.plane();
        let (c_out, c_in) = (weight.n() / groups, weight.c());
        let (stride_out, stride_in) = (c_in * taps, taps);
        let (c_red, c_dst, stride_red, stride_dst) = match self.direction {
            Direction::Forward => (c_in, c_out, stride_in, stride_out),
            Direction::Backward => (c_out, c_in, stride_out, stride_in),
        };
        let c_padded = c_red.next_multiple_of(padding);
        let count = groups * c_padded * taps * c_dst.div_ceil(4);
        let params = [
            groups,
            c_red,
            c_dst,
            taps,
            stride_red,
            stride_dst,
            count,
            c_padded,
            usize::from(flips),
        ]
        .map(word);
        let bindings = vec![Binding::Input(1), Binding::Output];
        Preparation {
            kernel: Kernel::linear("conv2d_pack", bindings, params.to_vec(), count)
                .with_cost(4 * count),
            values: 4 * count,
        }
    }
}

/// A small number that may have wrapped below 0, as a shader's i32.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the low bits are those of the i32"
)]
const fn signed_word(value: usize) -> u32 {
    value as u32
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

    /// Taps that count for one position, at most.
    fn turns(&self) -> usize {
        self.kernel.div_ceil(self.period)
    }

    /// Which windows of neighbouring taps overlap, as `OVERLAP` in `conv_window.wgsl`.
    fn overlap(&self) -> u8 {
        if self.step == self.scale {
            1
        } else if 2 * self.step == self.scale {
            2
        } else {
            0
        }
    }

    /// Turns of the loop along a row of taps.
    fn turns_in_row(&self) -> usize {
        if self.overlap() == 0 {
            self.turns()
        } else {
            self.turns().div_ceil(4)
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
