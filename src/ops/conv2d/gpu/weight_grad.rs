//! The gradient to a convolution's weight as dispatches: a sum over all pictures and positions, cut into parts where that is
//! needed to keep a device busy, and the parts added up by a second dispatch.

use super::pad::{self, Padded};
use super::{BUSY, PADDED, SHORTEST, STRIP, WG_SIZE, existing};
use crate::ops::conv2d::Conv2dWeightGrad;
use crate::ops::kernel::{Binding, word};
use crate::ops::reduce::gpu::{finish_planes, partial};
use crate::ops::{Kernel, Way};
use crate::tensor::Shape;

/// Values of partial sums at most.
const MAX_PARTIAL: usize = 1 << 22;

/// Ways to compute a [`Conv2dWeightGrad`], the preferred one first.
pub fn weight_grad(op: &Conv2dWeightGrad, inputs: &[Shape], output: Shape) -> Vec<Way> {
    let gradient = Gradient {
        op,
        x: inputs[0],
        dy: inputs[1],
        dw: output,
    };
    let geometry = &op.geometry;
    if geometry.is_depthwise(output) {
        return existing([("positions", Some(gradient.depthwise()))]);
    }
    existing([
        ("strips", gradient.three_by_three()),
        ("product", gradient.one_by_one()),
        ("taps", Some(gradient.general())),
    ])
}

struct Gradient<'a> {
    op: &'a Conv2dWeightGrad,
    x: Shape,
    dy: Shape,
    dw: Shape,
}

impl Gradient<'_> {
    fn groups(&self) -> usize {
        self.op.geometry.groups
    }

    /// Input and output channels of a group.
    fn channels(&self) -> [usize; 2] {
        [self.dw.c(), self.dw.n() / self.groups()]
    }

    /// Into how many parts a sum over `turns` is cut for so many tiles of weights.
    fn parts(&self, tiles: usize, turns: usize) -> usize {
        (BUSY / tiles)
            .min(MAX_PARTIAL / self.dw.len())
            .clamp(1, turns)
    }

    /// Any stride, dilation, padding and kernel.
    fn general(&self) -> Vec<Kernel> {
        let [c_in, c_out] = self.channels();
        let length = c_in * self.dw.plane();
        let tiles = self.groups() * c_out.div_ceil(8) * length.div_ceil(8);
        let own = [self.x.n(), self.groups(), c_in, c_out];
        self.by_rows("conv2d_weight_grad", &own, tiles, 64)
    }

    fn depthwise(&self) -> Vec<Kernel> {
        let channels = self.dw.n();
        let tiles = channels * self.dw.h().div_ceil(4) * self.dw.w().div_ceil(4);
        let own = [self.x.n(), channels, channels / self.groups()];
        self.by_rows("depthwise_weight_grad", &own, tiles, 16)
    }

    /// A shader that takes the geometry and sums over rows of dy; `work` is multiply-adds a position.
    fn by_rows(
        &self,
        shader: &'static str,
        own: &[usize],
        tiles: usize,
        work: usize,
    ) -> Vec<Kernel> {
        let geometry = &self.op.geometry;
        let rows = self.x.n() * self.dy.h();
        let parts = self.parts(tiles, rows);
        let params = [
            geometry.stride,
            geometry.dilation,
            [geometry.padding.top, geometry.padding.left],
            [self.x.h(), self.x.w()],
            [self.dy.h(), self.dy.w()],
            [self.dw.h(), self.dw.w()],
        ]
        .concat();
        let params = [&params, own, &[parts, tiles * parts]].concat();
        let operands = [Binding::Input(0), Binding::Input(1)];
        let cost = tiles * work * rows * self.dy.w();
        self.finish(shader, operands, &params, [tiles, parts], cost)
    }

    /// 3×3 kernels at stride and dilation 1; `None` for others, or if the padded copies would be too large.
    fn three_by_three(&self) -> Option<Vec<Kernel>> {
        if [self.dw.h(), self.dw.w()] != [3, 3] || !self.op.geometry.is_dense_window() {
            return None;
        }
        let (n, groups, [c_in, c_out]) = (self.x.n(), self.groups(), self.channels());
        let tiles = groups * c_out.div_ceil(4) * c_in.div_ceil(2);
        let strips = self.dy.w().div_ceil(STRIP);
        let wanted = (BUSY / tiles).div_ceil(n * strips);
        let pieces = wanted.clamp(1, (self.dy.h() / SHORTEST).max(1));
        let length = self.dy.h().div_ceil(pieces);
        let all = n * strips * pieces;
        let runs = all.div_ceil(self.parts(tiles, all));
        let parts = all.div_ceil(runs);
        let padding = self.op.geometry.padding;
        let x = Padded {
            planes: n * self.x.c(),
            size: [self.x.h(), self.x.w()],
            before: [padding.top, padding.left],
            step: [1, 1],
            rows: pieces * length + 2,
            quads: 2 * strips + 1,
        };
        let dy = Padded {
            planes: n * self.dy.c(),
            size: [self.dy.h(), self.dy.w()],
            before: [2, 0],
            step: [1, 1],
            rows: x.rows,
            quads: 2 * strips,
        };
        let params = [
            x.rows,
            x.quads,
            dy.quads,
            groups,
            c_in,
            c_out,
            strips,
            pieces,
            length,
            runs,
            all,
            tiles * parts,
        ];
        let mut kernels = vec![
            x.kernel(Binding::Input(0), PADDED[0])?,
            dy.kernel(Binding::Input(1), PADDED[1])?,
        ];
        let operands = [x.binding(PADDED[0]), dy.binding(PADDED[1])];
        let cost = 576 * tiles * all * (length + 2);
        let shader = "conv2d_3x3_weight_grad";
        kernels.extend(self.finish(shader, operands, &params, [tiles, parts], cost));
        Some(kernels)
    }

    /// 1×1 kernels at stride 1 without padding or groups; `None` for others, or if the padded copies would be too large.
    fn one_by_one(&self) -> Option<Vec<Kernel>> {
        if [self.dw.h(), self.dw.w()] != [1, 1] || !self.op.geometry.is_product() {
            return None;
        }
        let [c_in, c_out] = self.channels();
        let tiles = c_out.div_ceil(8) * c_in.div_ceil(8);
        let quads = self.x.plane().div_ceil(4);
        let all = self.x.n() * quads;
        let chunk = all.div_ceil(self.parts(tiles, all));
        let parts = all.div_ceil(chunk);
        let (x, pad_x) = pad::whole_quads(self.x, Binding::Input(0), PADDED[0])?;
        let (dy, pad_dy) = pad::whole_quads(self.dy, Binding::Input(1), PADDED[1])?;
        let params = [quads, c_in, c_out, chunk, all, tiles * parts];
        let mut kernels: Vec<Kernel> = pad_x.into_iter().chain(pad_dy).collect();
        let shader = "conv2d_1x1_weight_grad";
        let cost = 256 * tiles * all;
        kernels.extend(self.finish(shader, [x, dy], &params, [tiles, parts], cost));
        Some(kernels)
    }

    /// The dispatch that sums parts, and those that add the parts up.
    fn finish(
        &self,
        shader: &'static str,
        operands: [Binding; 2],
        params: &[usize],
        [tiles, parts]: [usize; 2],
        cost: usize,
    ) -> Vec<Kernel> {
        let length = self.dw.len();
        let [x, dy] = operands;
        let first = Kernel {
            shader,
            constants: Vec::new(),
            bindings: vec![x, dy, partial(length, parts)],
            prepared: None,
            params: params.iter().copied().map(word).collect(),
            workgroups: [(tiles * parts).div_ceil(WG_SIZE) as u64, 1, 1],
            cost: cost as u64,
        };
        let mut kernels = vec![first];
        kernels.extend(finish_planes(length, parts));
        kernels
    }
}
