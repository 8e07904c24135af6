//! Matrix products with windows of a picture.

use std::array;
use std::ops::Range;

use super::Real;
use super::planes::Laid;
use super::shifted::{STEP, shifted_sums};
use crate::ops::gemm::{self, Before, Left, NR};
use crate::ops::scratch;

/// The positions of a picture in its layout.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    /// Rows of positions.
    pub rows: usize,
    /// Positions of a row.
    pub columns: usize,
    /// From a row to the next in the layout.
    pub pitch: usize,
}

impl Grid {
    /// C = A · windows: row `k` of the windows is tap `k` at `offsets[k]`, column `j` position `j`, picture after picture.
    /// `finish(i, run)` sees each run of finished values of C's row `i`, once.
    pub fn multiply<T: Real>(
        self,
        size: [usize; 3],
        left: Left<'_, T>,
        laid: &Laid<'_, T>,
        offsets: &[usize],
        c: &mut [T],
        finish: impl Fn(usize, &mut [T]),
    ) {
        let wide = self.columns * 4 >= self.pitch * 3;
        match size[0] {
            1 if wide => self.add_up::<T, 1>(left, laid, offsets, c),
            2 if wide => self.add_up::<T, 2>(left, laid, offsets, c),
            3 if wide => self.add_up::<T, 3>(left, laid, offsets, c),
            _ => {
                let windows = self.pack(laid, offsets);
                gemm::product(size, left, windows, (c, Before::Dropped), finish);
                return;
            }
        }
        for (i, run) in c.chunks_exact_mut(size[1]).enumerate() {
            finish(i, run);
        }
    }

    /// [`Self::multiply`] for few rows of A, which do not pay for packing: shifted pictures, added up.
    fn add_up<T: Real, const M: usize>(
        self,
        left: Left<'_, T>,
        laid: &Laid<'_, T>,
        offsets: &[usize],
        c: &mut [T],
    ) {
        let length = (self.rows - 1) * self.pitch + self.columns;
        let mut taps = scratch::take(offsets.len() * M);
        let taps = taps.as_chunks_mut::<M>().0;
        for (k, taps) in taps.iter_mut().enumerate() {
            *taps = array::from_fn(|i| left.at(i, k));
        }
        let padded = length.next_multiple_of(STEP);
        let (mut sums, mut line) = (scratch::take(M * padded), scratch::take(padded));
        let sums = sums.as_chunks_mut::<STEP>().0.as_chunks_mut::<M>().0;
        let plane = self.rows * self.columns;
        let positions = c.len() / M;
        let pictures = laid.data().chunks(laid.step());
        for (n, picture) in pictures.take(positions / plane).enumerate() {
            shifted_sums(picture, offsets, taps, sums);
            for (i, row) in c.chunks_exact_mut(positions).enumerate() {
                for (line, tile) in line.as_chunks_mut().0.iter_mut().zip(&*sums) {
                    *line = tile[i];
                }
                let row = row[n * plane..][..plane].chunks_exact_mut(self.columns);
                for (row, sums) in row.zip(line.chunks(self.pitch)) {
                    row.copy_from_slice(&sums[..self.columns]);
                }
            }
        }
    }

    /// A packer of windows: row `k` of the matrix is tap `k`, column `j` position `j`, picture after picture.
    fn pack<T: Real>(
        self,
        laid: &Laid<'_, T>,
        offsets: &[usize],
    ) -> impl Fn(usize, Range<usize>, &mut [[T; NR]]) {
        let (data, step) = (laid.data(), laid.step());
        // Rows without a gap are one long row.
        let columns = if self.pitch == self.columns {
            self.rows * self.columns
        } else {
            self.columns
        };
        let plane = self.rows * self.columns;
        let locate = move |j: usize| {
            let (picture, position) = (j / plane, j % plane);
            (
                picture * step + position / columns * self.pitch + position % columns,
                columns - position % columns,
            )
        };
        move |j, depth, panel| {
            let offsets = &offsets[depth];
            let (start, run) = locate(j);
            if run >= NR {
                for (row, offset) in panel.iter_mut().zip(offsets) {
                    row.copy_from_slice(&data[offset + start..][..NR]);
                }
                return;
            }
            let mut at = 0;
            while at < NR {
                let (start, run) = locate(j + at);
                let to = at..NR.min(at + run);
                for (row, offset) in panel.iter_mut().zip(offsets) {
                    for (column, to) in row[to.clone()].iter_mut().enumerate() {
                        *to = data
                            .get(offset + start + column)
                            .copied()
                            .unwrap_or_default();
                    }
                }
                at = to.end;
            }
        }
    }
}
