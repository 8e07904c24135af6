//! Convolutions with narrow kernels as dispatches: a padded copy of src, then sums a row of taps at a time.

use super::pad::Padded;
use super::{Convolution, PADDED};
use crate::ops::Kernel;
use crate::ops::kernel::{Binding, word};

/// Columns that one invocation computes.
const TILE_COLUMNS: usize = 8;
/// Columns of a kernel at most.
const MOST_TAPS: usize = 8;

impl Convolution {
    /// Any convolution forward, or gradient to the input at stride 1, whose kernel is narrow enough; `None` for others, with
    /// dilation, or if the padded copy of src would be too large.
    ///
    /// At a stride, src is copied as one plane for each remainder of rows and columns; over these the stride is 1, and the
    /// kernel falls into as many smaller ones. An invocation computes `tile_rows` rows, 1 or 2.
    pub(super) fn rows_of_taps(&self, tile_rows: usize) -> Option<Vec<Kernel>> {
        let (weight, step) = (self.weight, self.geometry.stride);
        let taps = [weight.h().div_ceil(step[0]), weight.w().div_ceil(step[1])];
        let phases = step[0] * step[1];
        // Kernels that do not divide by the stride are filled up with taps of 0: not more than half of all.
        let fits = self.geometry.dilation == [1, 1]
            && (!self.is_backward() || phases == 1)
            && taps[1] <= MOST_TAPS
            && phases * taps[0] * taps[1] <= 2 * weight.plane();
        if !fits {
            return None;
        }
        let tiles = [
            self.dst.h().div_ceil(tile_rows),
            self.dst.w().div_ceil(TILE_COLUMNS),
        ];
        let padded = Padded {
            planes: self.src.n() * self.src.c() * phases,
            size: [self.src.h(), self.src.w()],
            before: self.padding_before(),
            step,
            rows: tiles[0] * tile_rows + taps[0] - 1,
            quads: 2 * tiles[1] + (taps[1] - 1).div_ceil(4),
        };
        let pad = padded.kernel(Binding::Input(0), PADDED[0])?;
        let groups = self.geometry.groups;
        let (c_src, c_dst) = (self.src.c() / groups * phases, self.dst.c() / groups);
        let count = tiles[0] * tiles[1] * c_dst.div_ceil(4) * groups * self.dst.n();
        let params = [
            padded.rows,
            padded.quads,
            self.dst.h(),
            self.dst.w(),
            tiles[0],
            tiles[1],
            c_src,
            c_dst,
            groups,
            taps[0],
            count,
        ]
        .map(word)
        .to_vec();
        let prepared = self.pack(1, self.is_backward(), step);
        let work = 32 * tile_rows * c_src * taps[0] * taps[1];
        let mut sums = self.finish("conv2d_rows", params, count, work, Some(prepared));
        sums.bindings[0] = padded.binding(PADDED[0]);
        let sums = sums
            .with_constant("TAPS", word(taps[1]))
            .with_constant("ROWS", word(tile_rows));
        Some(vec![pad, sums])
    }
}
