//! The gradient to a convolution's weight as dispatches: a sum over all pictures and positions, cut into parts where that is
//! needed to keep a device busy, and the parts added up by a second dispatch.

use super::pad::{self, Padded};
use super::{BUSY, PADDED, SHORTEST, STRIP, WG_SIZE, existing};
use crate::ops::conv2d::Conv2dWeightGrad;
use crate::ops::kernel::{Binding, word};
use crate::ops::reduce::gpu::{finish_planes, partial};
use crate::ops::{Kernel, Way};
use crate::tensor::Shape;

/// Rows, and columns, of taps that `tap_sums.wgsl` has sums for.
const MOST_TAPS: usize = 5;
/// Rows of taps that one invocation computes at most for four output channels: what it goes through in a turn stays short,
/// because software adapters run long code slowly.
const MOST_ROWS: usize = 4;
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
    if op.geometry.is_depthwise(output) {
        return existing([
            ("strips", gradient.depthwise_strips()),
            ("positions", Some(gradient.depthwise())),
        ]);
    }
    let product = ("product", gradient.one_by_one());
    let own = ("strips_3x3", gradient.three_by_three());
    let strips = ("strips", gradient.strips());
    let taps = ("taps", Some(gradient.general()));
    if gradient.fills_up_much() {
        existing([product, own, taps, strips])
    } else {
        existing([product, own, strips, taps])
    }
}

/// How a sum over the positions of all pictures is cut: into strips of columns, those into pieces of rows.
struct Runs {
    /// Of a picture.
    strips: usize,
    /// Of a strip.
    pieces: usize,
    /// Rows a piece.
    length: usize,
    /// Pieces a part.
    runs: usize,
    /// Pieces of all strips and pictures.
    all: usize,
    /// Parts that a second dispatch adds up.
    parts: usize,
}

impl Runs {
    /// What shaders take of them.
    const fn words(&self) -> [usize; 5] {
        [self.strips, self.pieces, self.length, self.runs, self.all]
    }
}

/// Taps along one axis, over one remainder of a stride, in tiles of one size.
struct TapTiles {
    count: usize,
    size: usize,
}

impl TapTiles {
    /// As few tiles as there can be. Where there are several, each starts at a multiple of `start`.
    const fn new(taps: usize, most: usize, start: usize) -> Self {
        if taps <= most {
            return Self {
                count: 1,
                size: taps,
            };
        }
        let count = taps.div_ceil(most / start * start);
        Self {
            count,
            size: taps.div_ceil(count).next_multiple_of(start),
        }
    }

    /// All taps, with those that are filled up.
    const fn all(&self) -> usize {
        self.count * self.size
    }
}

/// Of shaders that go down strips.
fn constants(rows: usize, columns: usize) -> Vec<(&'static str, f64)> {
    vec![
        ("ROWS", word(rows).into()),
        ("COLUMNS", word(columns).into()),
    ]
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

    /// How the sum is cut for so many tiles of weights.
    fn runs(&self, tiles: usize) -> Runs {
        let pictures = self.x.n();
        let strips = self.dy.w().div_ceil(STRIP);
        let wanted = (BUSY / tiles).div_ceil(pictures * strips);
        let pieces = wanted.clamp(1, (self.dy.h() / SHORTEST).max(1));
        let all = pictures * strips * pieces;
        let runs = all.div_ceil(self.parts(tiles, all));
        Runs {
            strips,
            pieces,
            length: self.dy.h().div_ceil(pieces),
            runs,
            all,
            parts: all.div_ceil(runs),
        }
    }

    /// Tiles of (rows, columns) of taps over one remainder of the strides.
    const fn tap_tiles(&self) -> [TapTiles; 2] {
        let [step_y, step_x] = self.op.geometry.stride;
        [
            TapTiles::new(self.dw.h().div_ceil(step_y), MOST_ROWS, 1),
            TapTiles::new(self.dw.w().div_ceil(step_x), MOST_TAPS, 4),
        ]
    }

    /// Taps of a kernel, with those of 0 that fill up tiles.
    const fn filled_taps(&self) -> usize {
        let [step_y, step_x] = self.op.geometry.stride;
        let [rows, columns] = self.tap_tiles();
        step_y * step_x * rows.all() * columns.all()
    }

    /// Whether going down strips computes so much in vain that it is slower.
    fn fills_up_much(&self) -> bool {
        2 * self.filled_taps() > 3 * self.dw.plane()
    }

    /// 3×3 kernels at stride and dilation 1; `None` for others, or if the padded copies would be too large.
    fn three_by_three(&self) -> Option<Vec<Kernel>> {
        if [self.dw.h(), self.dw.w()] != [3, 3] || !self.op.geometry.is_dense_window() {
            return None;
        }
        let (groups, [c_in, c_out]) = (self.groups(), self.channels());
        let tiles = groups * c_out.div_ceil(4) * c_in.div_ceil(2);
        let taps = [3, 3].map(|taps| TapTiles::new(taps, taps, 1));
        self.down_strips("conv2d_3x3_weight_grad", &taps, &[], tiles, 576)
    }

    /// Kernels of more than one tap at dilation 1; `None` for others, if more than half of the taps would be filled up, or if
    /// the padded copies would be too large.
    fn strips(&self) -> Option<Vec<Kernel>> {
        let geometry = &self.op.geometry;
        let taps = self.dw.plane();
        if geometry.dilation != [1, 1] || taps == 1 || self.filled_taps() > 2 * taps {
            return None;
        }
        let (groups, [c_in, c_out]) = (self.groups(), self.channels());
        let tap_tiles = self.tap_tiles();
        let [rows, columns] = &tap_tiles;
        let [step_y, step_x] = geometry.stride;
        let planes = c_in * step_y * step_x;
        let tiles = groups * c_out.div_ceil(4) * planes * rows.count * columns.count;
        let own = [
            self.dw.h(),
            self.dw.w(),
            step_y,
            step_x,
            rows.count,
            columns.count,
        ];
        let work = 32 * rows.size * columns.size;
        let mut kernels =
            self.down_strips("conv2d_strips_weight_grad", &tap_tiles, &own, tiles, work)?;
        kernels[2].constants = constants(rows.size, columns.size);
        Some(kernels)
    }

    /// Padded copies of x and dy, `shader` that goes down their strips, and what adds up its parts. `own` are words that only
    /// this shader takes, `work` is multiply-adds of an invocation a row.
    fn down_strips(
        &self,
        shader: &'static str,
        [rows, columns]: &[TapTiles; 2],
        own: &[usize],
        tiles: usize,
        work: usize,
    ) -> Option<Vec<Kernel>> {
        let geometry = &self.op.geometry;
        let runs = self.runs(tiles);
        let x = Padded {
            planes: self.x.n() * self.x.c() * geometry.stride[0] * geometry.stride[1],
            size: [self.x.h(), self.x.w()],
            before: [geometry.padding.top, geometry.padding.left],
            step: geometry.stride,
            rows: runs.pieces * runs.length + rows.all() - 1,
            quads: 2 * runs.strips + columns.count,
        };
        let dy = Padded {
            planes: self.dy.n() * self.dy.c(),
            size: [self.dy.h(), self.dy.w()],
            before: [rows.size - 1, 0],
            step: [1, 1],
            rows: x.rows,
            quads: 2 * runs.strips,
        };
        let [c_in, c_out] = self.channels();
        let layout = [x.rows, x.quads, dy.quads, self.groups(), c_in, c_out];
        let parts = runs.parts;
        let params = [&layout[..], own, &runs.words(), &[tiles * parts]].concat();
        let cost = tiles * runs.all * (runs.length + rows.size - 1) * work;
        let operands = [x.binding(PADDED[0]), dy.binding(PADDED[1])];
        let mut kernels = vec![
            x.kernel(Binding::Input(0), PADDED[0])?,
            dy.kernel(Binding::Input(1), PADDED[1])?,
        ];
        kernels.extend(self.finish(shader, operands, &params, [tiles, parts], cost));
        Some(kernels)
    }

    /// Kernels of up to 5×5 taps at stride and dilation 1, one a channel; `None` for others.
    fn depthwise_strips(&self) -> Option<Vec<Kernel>> {
        let geometry = &self.op.geometry;
        let (rows, columns) = (self.dw.h(), self.dw.w());
        let channels = self.dw.n();
        let fits = rows.max(columns) <= MOST_TAPS
            && geometry.stride == [1, 1]
            && geometry.dilation == [1, 1]
            && channels == geometry.groups;
        if !fits {
            return None;
        }
        let runs = self.runs(channels);
        let params = [
            &[self.x.h(), self.x.w(), self.dy.h(), self.dy.w()][..],
            &[geometry.padding.top, geometry.padding.left, channels],
            &runs.words(),
            &[channels * runs.parts],
        ]
        .concat();
        let turns = runs.all * (runs.length + rows - 1);
        let mut kernels = self.finish(
            "depthwise_strips_weight_grad",
            [Binding::Input(0), Binding::Input(1)],
            &params,
            [channels, runs.parts],
            channels * turns * 8 * rows * columns,
        );
        kernels[0].constants = constants(rows, columns);
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
