//! Positions and taps along one axis of a convolution, as its general shaders want them.

use super::{Convolution, Direction, TILE};
use crate::ops::kernel::word;
use crate::tensor::Shape;

/// The numbers of one axis, as `Axis` in `conv_axis.wgsl`.
pub struct Axis {
    src: usize,
    dst: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: usize,
    scale: usize,
    period: usize,
    step: usize,
    /// Remainders of positions that are summed apart.
    pub phases: usize,
    /// Tiles along the positions of one phase.
    pub tiles: usize,
}

impl Axis {
    pub fn new(convolution: &Convolution, axis: usize) -> Self {
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
    pub fn turns(&self) -> usize {
        self.kernel.div_ceil(self.period)
    }

    /// Which windows of neighbouring taps overlap, as `OVERLAP` in `conv_window.wgsl`.
    pub fn overlap(&self) -> u8 {
        if self.step == self.scale {
            1
        } else if 2 * self.step == self.scale {
            2
        } else {
            0
        }
    }

    /// Turns of the loop along a row of taps.
    pub fn turns_in_row(&self) -> usize {
        if self.overlap() == 0 {
            self.turns()
        } else {
            self.turns().div_ceil(4)
        }
    }

    pub fn params(&self) -> Vec<u32> {
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
