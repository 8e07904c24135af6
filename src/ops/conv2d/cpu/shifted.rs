//! Sums of shifted rows, the arithmetic of convolutions with few channels to sum over or to make.

use super::Real;
use crate::ops::gemm::multiply_add;

/// Positions summed at a time.
pub const STEP: usize = 16;
/// Most taps summed at a time: the values they read stay in the first-level cache.
const TAPS: usize = 256;

/// Sums of `M` rows at [`STEP`] neighbouring positions.
pub type Tile<T, const M: usize> = [[T; STEP]; M];

/// Row `i` of the sums at p becomes Σ `taps[t][i]` · `laid[offsets[t] + p]` over the taps t, with zeros beyond the end of `laid`.
pub fn shifted_sums<T: Real, const M: usize>(
    laid: &[T],
    offsets: &[usize],
    taps: &[[T; M]],
    sums: &mut [Tile<T, M>],
) {
    sums.fill([[T::zero(); STEP]; M]);
    for (offsets, taps) in offsets.chunks(TAPS).zip(taps.chunks(TAPS)) {
        let furthest = offsets.iter().copied().max().unwrap_or_default();
        let inside = laid.len().saturating_sub(furthest) / STEP;
        let (whole, end) = sums.split_at_mut(inside.min(sums.len()));
        add(laid, offsets, taps, whole);
        add_end(
            laid.get(whole.len() * STEP..).unwrap_or_default(),
            offsets,
            taps,
            end,
        );
    }
}

/// Adds to sums whose taps all lie inside.
fn add<T: Real, const M: usize>(
    laid: &[T],
    offsets: &[usize],
    taps: &[[T; M]],
    sums: &mut [Tile<T, M>],
) {
    for (index, tile) in sums.iter_mut().enumerate() {
        let laid = &laid[index * STEP..];
        let mut sums = *tile;
        for (offset, taps) in offsets.iter().zip(taps) {
            let Some(values) = laid[*offset..].first_chunk::<STEP>() else {
                break;
            };
            for i in 0..M {
                for lane in 0..STEP {
                    sums[i][lane] = multiply_add(taps[i], values[lane], sums[i][lane]);
                }
            }
        }
        *tile = sums;
    }
}

/// Adds to sums for which some taps reach beyond the end.
fn add_end<T: Real, const M: usize>(
    laid: &[T],
    offsets: &[usize],
    taps: &[[T; M]],
    sums: &mut [Tile<T, M>],
) {
    for (index, tile) in sums.iter_mut().enumerate() {
        for (offset, taps) in offsets.iter().zip(taps) {
            let values = laid.get(offset + index * STEP..).unwrap_or_default();
            for (sums, tap) in tile.iter_mut().zip(taps) {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = multiply_add(*tap, *value, *sum);
                }
            }
        }
    }
}
