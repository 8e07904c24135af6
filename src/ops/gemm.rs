//! Matrix products on slices, the arithmetic under convolutions and linear layers.
//!
//! [`product`] is A · B: a register tile of `MR` × `NR` sums reads a packed panel of A's rows and one of B's columns in order,
//! and the caller packs B, so that B need not exist as a matrix. [`inner_products`] is A · Bᵀ for rows that already lie in order.
//! The loops carry no bounds checks and have fixed widths, which is what lets the compiler keep the sums in vector registers.

use std::array;
use std::ops::Range;

use super::{Real, scratch};

/// Whether the target has a fused multiply-add; without one `mul_add` would be a call into the maths library.
const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

/// Rows of the register tile.
const MR: usize = if FUSED { 6 } else { 4 };
/// Columns of the register tile: two vectors of f32.
pub const NR: usize = if cfg!(target_feature = "avx2") { 16 } else { 8 };
/// Most terms of a sum that are packed at a time: a panel of each operand stays in the first-level cache.
const KC: usize = 384;
/// Most columns of B that are packed at a time: the block stays in the second-level cache.
const NC: usize = 384;

/// Sums per inner product that run side by side: one vector of f32. With wider ones the compiler gives up keeping a tile in
/// registers, which costs far more than the width brings.
const LANES: usize = 4;
/// Rows of A and of B in a tile of inner products.
const TILE: [usize; 2] = [4, 2];
/// Most terms of an inner product that are summed at a time.
const SPAN: usize = 1024;
/// Most rows of B that are taken at a time: their spans stay in the second-level cache.
const RIGHT_ROWS: usize = 64;

/// a · b + c.
#[inline]
pub fn multiply_add<T: Real>(a: T, b: T, c: T) -> T {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// The left matrix: element (i, k) is `data[i * row + column(k)]`.
#[derive(Debug, Clone, Copy)]
pub struct Left<'a, T> {
    /// The values.
    pub data: &'a [T],
    /// Distance of neighbouring rows.
    pub row: usize,
    /// Where each column starts.
    pub columns: Columns<'a>,
}

impl<T: Real> Left<'_, T> {
    /// Element (i, k).
    pub fn at(&self, i: usize, k: usize) -> T {
        let column = match self.columns {
            Columns::InOrder => k,
            Columns::At(columns) => columns[k],
        };
        self.data[i * self.row + column]
    }
}

/// Where the columns of the left matrix start.
#[derive(Debug, Clone, Copy)]
pub enum Columns<'a> {
    /// Column k at k.
    InOrder,
    /// Column k at that offset.
    At(&'a [usize]),
}

/// A packer for [`product`] of a right matrix that exists, row-major with `n` columns.
pub fn rows_of<T: Real>(data: &[T], n: usize) -> impl Fn(usize, Range<usize>, &mut [[T; NR]]) {
    move |j, depth, panel| {
        let width = NR.min(n - j);
        for (row, values) in panel
            .iter_mut()
            .zip(data[depth.start * n..].chunks_exact(n))
        {
            if let Some(values) = values[j..].first_chunk() {
                *row = *values;
            } else {
                row[..width].copy_from_slice(&values[j..]);
            }
        }
    }
}

/// What becomes of the values that C held before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// They are overwritten.
    Dropped,
    /// The product is added to them.
    Kept,
}

/// C = A · B with A of `m` × `k`, B of `k` × `n` and C, row-major, of `m` × `n`.
///
/// `pack(j, depth, panel)` writes columns `j..j + NR` (as far as there are that many) of B's rows `depth`, a row of the
/// panel each. `finish(i, run)` sees each run of finished values of C's row `i`, once.
pub fn product<T: Real>(
    [m, n, k]: [usize; 3],
    left: Left<'_, T>,
    pack: impl Fn(usize, Range<usize>, &mut [[T; NR]]),
    (c, before): (&mut [T], Before),
    finish: impl Fn(usize, &mut [T]),
) {
    let (deepest, widest) = (k.min(KC), n.min(NC).next_multiple_of(NR));
    let mut left_panel = scratch::take(deepest * MR);
    let mut right_block = scratch::take(deepest * widest);
    let mut tiles = scratch::take(widest * MR);
    for columns in blocks(n, NC, NR) {
        let tiles = &mut tiles[..columns.len().next_multiple_of(NR) * MR];
        let tiles = tiles.as_chunks_mut().0.as_chunks_mut().0;
        for depth in blocks(k, KC, 1) {
            let panel = depth.len() * NR;
            let right_block = &mut right_block[..tiles.len() * panel];
            let starts = columns.clone().step_by(NR);
            for (panel, j) in right_block.chunks_exact_mut(panel).zip(starts) {
                pack(j, depth.clone(), panel.as_chunks_mut().0);
            }
            for i in (0..m).step_by(MR) {
                let rows = i..m.min(i + MR);
                let left_panel = left_panel[..depth.len() * MR].as_chunks_mut().0;
                pack_left(left, rows.clone(), depth.clone(), left_panel);
                for (tile, right) in tiles.iter_mut().zip(right_block.chunks_exact(panel)) {
                    *tile = multiply(left_panel, right.as_chunks().0);
                }
                let set = depth.start == 0 && before == Before::Dropped;
                for (row, i) in rows.enumerate() {
                    let run = &mut c[i * n..][columns.clone()];
                    store(tiles, row, set, run);
                    if depth.end == k {
                        finish(i, run);
                    }
                }
            }
        }
    }
}

/// Writes one row of tiles to a run of C, or adds it.
fn store<T: Real>(tiles: &[[[T; NR]; MR]], row: usize, set: bool, run: &mut [T]) {
    let (whole, rest) = run.as_chunks_mut::<NR>();
    let last = tiles
        .get(whole.len())
        .into_iter()
        .flat_map(|tile| &tile[row]);
    if set {
        for (run, tile) in whole.iter_mut().zip(tiles) {
            *run = tile[row];
        }
        for (c, sum) in rest.iter_mut().zip(last) {
            *c = *sum;
        }
    } else {
        for (run, tile) in whole.iter_mut().zip(tiles) {
            for column in 0..NR {
                run[column] += tile[row][column];
            }
        }
        for (c, sum) in rest.iter_mut().zip(last) {
            *c += *sum;
        }
    }
}

/// Splits `0..length` into runs of at most `most`, of nearly equal length, each but the last a multiple of `unit`.
fn blocks(length: usize, most: usize, unit: usize) -> impl Iterator<Item = Range<usize>> {
    let size = length
        .div_ceil(length.div_ceil(most).max(1))
        .next_multiple_of(unit)
        .max(1);
    (0..length)
        .step_by(size)
        .map(move |start| start..length.min(start + size))
}

/// Writes some rows of A, column by column, with zeros for the rows that lack.
fn pack_left<T: Real>(
    left: Left<'_, T>,
    rows: Range<usize>,
    depth: Range<usize>,
    panel: &mut [[T; MR]],
) {
    let step = left.row;
    let data = &left.data[rows.start * step..];
    if rows.len() < MR {
        panel.fill([T::zero(); MR]);
    }
    match left.columns {
        Columns::InOrder => {
            for row in 0..rows.len() {
                let values = &data[row * step + depth.start..];
                for (cell, value) in panel.iter_mut().zip(values) {
                    cell[row] = *value;
                }
            }
        }
        Columns::At(columns) => {
            for (cell, column) in panel.iter_mut().zip(&columns[depth]) {
                if rows.len() < MR {
                    for row in 0..rows.len() {
                        cell[row] = data[column + row * step];
                    }
                } else {
                    let values = &data[*column..][..=(MR - 1) * step];
                    *cell = array::from_fn(|row| values[row * step]);
                }
            }
        }
    }
}

/// The product of two panels.
#[inline]
fn multiply<T: Real>(left: &[[T; MR]], right: &[[T; NR]]) -> [[T; NR]; MR] {
    let mut sums = [[T::zero(); NR]; MR];
    for (a, b) in left.iter().zip(right) {
        for row in 0..MR {
            for column in 0..NR {
                sums[row][column] = multiply_add(a[row], b[column], sums[row][column]);
            }
        }
    }
    sums
}

/// Rows that lie in order: row `i` is `segments` pieces, the first at `offsets[i]` and each `step` after the one before.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T> {
    /// The values.
    pub data: &'a [T],
    /// Where each row's first piece starts.
    pub offsets: &'a [usize],
    /// From a row's piece to its next.
    pub step: usize,
}

/// C += A · Bᵀ, with C row-major: each element is the inner product of two rows of `segments` pieces of `length` values.
pub fn inner_products<T: Real>(
    left: Rows<'_, T>,
    right: Rows<'_, T>,
    segments: usize,
    length: usize,
    c: &mut [T],
) {
    let n = right.offsets.len();
    let together = (SPAN / length.max(1)).clamp(1, segments.max(1));
    for segment in (0..segments).step_by(together) {
        let count = together.min(segments - segment);
        for start in (0..length).step_by(SPAN) {
            let span = Span {
                segment,
                count,
                start,
                length: SPAN.min(length - start),
            };
            for (block, columns) in right.offsets.chunks(RIGHT_ROWS).enumerate() {
                let right = Rows {
                    offsets: columns,
                    ..right
                };
                for (i, rows) in left.offsets.chunks(TILE[0]).enumerate() {
                    let c = &mut c[i * TILE[0] * n + block * RIGHT_ROWS..];
                    match *rows {
                        [a0, a1, a2, a3] => strip([a0, a1, a2, a3], left, right, span, (c, n)),
                        [a0, a1, a2] => strip([a0, a1, a2], left, right, span, (c, n)),
                        [a0, a1] => strip([a0, a1], left, right, span, (c, n)),
                        [a0] => strip([a0], left, right, span, (c, n)),
                        _ => {}
                    }
                }
            }
        }
    }
}

/// The part of each row that is summed at a time.
#[derive(Clone, Copy)]
struct Span {
    segment: usize,
    count: usize,
    start: usize,
    length: usize,
}

/// The inner products of `M` rows of A with all rows of B.
fn strip<T: Real, const M: usize>(
    rows: [usize; M],
    left: Rows<'_, T>,
    right: Rows<'_, T>,
    span: Span,
    (c, n): (&mut [T], usize),
) {
    // Few rows of A: more of B, so that there are sums enough to hide an addition's latency.
    let width = if M < 3 { 4 } else { TILE[1] };
    for (j, columns) in right.offsets.chunks(width).enumerate() {
        let c = (&mut c[j * width..], n);
        match *columns {
            [b0, b1, b2, b3] => inner_tile(rows, [b0, b1, b2, b3], left, right, span, c),
            [b0, b1, b2] => inner_tile(rows, [b0, b1, b2], left, right, span, c),
            [b0, b1] => inner_tile(rows, [b0, b1], left, right, span, c),
            [b0] => inner_tile(rows, [b0], left, right, span, c),
            _ => {}
        }
    }
}

#[inline]
fn inner_tile<T: Real, const M: usize, const N: usize>(
    rows: [usize; M],
    columns: [usize; N],
    left: Rows<'_, T>,
    right: Rows<'_, T>,
    span: Span,
    (c, n): (&mut [T], usize),
) {
    let mut sums = [[[T::zero(); LANES]; N]; M];
    let mut rest = [[T::zero(); N]; M];
    for segment in span.segment..span.segment + span.count {
        let piece = |rows: Rows<'_, T>, offset: usize| offset + segment * rows.step + span.start;
        let a: [&[T]; M] = array::from_fn(|i| &left.data[piece(left, rows[i])..][..span.length]);
        let b: [&[T]; N] =
            array::from_fn(|j| &right.data[piece(right, columns[j])..][..span.length]);
        sums = inner_lanes(
            a.map(|row| row.as_chunks().0),
            b.map(|row| row.as_chunks().0),
            sums,
        );
        for at in span.length / LANES * LANES..span.length {
            for i in 0..M {
                for j in 0..N {
                    rest[i][j] = multiply_add(a[i][at], b[j][at], rest[i][j]);
                }
            }
        }
    }
    for i in 0..M {
        for j in 0..N {
            c[i * n + j] += sums[i][j].iter().copied().sum::<T>() + rest[i][j];
        }
    }
}

/// Adds the products of chunks to sums that run side by side. Apart, so that the sums leave through memory lane by lane: seeing
/// how they are added up afterwards, the compiler would vectorise across tile columns, with a shuffle for every product.
#[inline(never)]
fn inner_lanes<T: Real, const M: usize, const N: usize>(
    a: [&[[T; LANES]]; M],
    b: [&[[T; LANES]]; N],
    before: [[[T; LANES]; N]; M],
) -> [[[T; LANES]; N]; M] {
    let length = a[0].len();
    let (mut a, mut b, mut sums) = (a, b, before);
    for row in &mut a {
        *row = &row[..length];
    }
    for row in &mut b {
        *row = &row[..length];
    }
    for at in 0..length {
        let mut left = [[T::zero(); LANES]; M];
        let mut right = [[T::zero(); LANES]; N];
        for i in 0..M {
            left[i] = a[i][at];
        }
        for j in 0..N {
            right[j] = b[j][at];
        }
        for i in 0..M {
            for j in 0..N {
                for lane in 0..LANES {
                    sums[i][j][lane] =
                        multiply_add(left[i][lane], right[j][lane], sums[i][j][lane]);
                }
            }
        }
    }
    sums
}
