//! Sums of shifted rows, the arithmetic of convolutions with few channels to sum over or to make.

use super::Real;
use crate::ops::gemm::multiply_add;

/// Positions summed at a time.
pub const STEP: usize = 16;
/// Most taps summed at a time: the values they read stay in the first-level cache.
const TAPS: usize = 256;

/// Row `i` of `sums` at p becomes Σ `taps[t][i]` · `laid[offsets[t] + p]` over the taps t, with zeros beyond the end of `laid`.
/// `sums` holds `M` rows, each a multiple of [`STEP`] long.
pub fn shifted_sums<T: Real, const M: usize>(
    laid: &[T],
    offsets: &[usize],
    taps: &[[T; M]],
    sums: &mut [T],
) {
    let length = sums.len() / M;
    sums.fill(T::zero());
    for (offsets, taps) in offsets.chunks(TAPS).zip(taps.chunks(TAPS)) {
        let furthest = offsets.iter().copied().max().unwrap_or_default();
        let whole = laid.len().saturating_sub(furthest) / STEP * STEP;
        for at in (0..length).step_by(STEP) {
            let add = if at < whole { add_chunk } else { add_end };
            add(laid, offsets, taps, sums, at);
        }
    }
}

/// Adds to the sums at `at..at + STEP`.
fn add_chunk<T: Real, const M: usize>(
    laid: &[T],
    offsets: &[usize],
    taps: &[[T; M]],
    sums: &mut [T],
    at: usize,
) {
    let laid = &laid[at..];
    let length = sums.len() / M;
    let mut sum = [[T::zero(); STEP]; M];
    for (offset, taps) in offsets.iter().zip(taps) {
        let values = &laid[*offset..][..STEP];
        for (sum, tap) in sum.iter_mut().zip(taps) {
            for (sum, value) in sum.iter_mut().zip(values) {
                *sum = multiply_add(*tap, *value, *sum);
            }
        }
    }
    for (sums, sum) in sums.chunks_exact_mut(length).zip(&sum) {
        let sums = &mut sums[at..at + STEP];
        sums.iter_mut()
            .zip(sum)
            .for_each(|(sums, sum)| *sums += *sum);
    }
}

/// [`add_chunk`] where some taps reach beyond the end.
fn add_end<T: Real, const M: usize>(
    laid: &[T],
    offsets: &[usize],
    taps: &[[T; M]],
    sums: &mut [T],
    at: usize,
) {
    let length = sums.len() / M;
    for (offset, taps) in offsets.iter().zip(taps) {
        let values = laid.get(offset + at..).unwrap_or_default();
        for (sums, tap) in sums.chunks_exact_mut(length).zip(taps) {
            for (sum, value) in sums[at..at + STEP].iter_mut().zip(values) {
                *sum = multiply_add(*tap, *value, *sum);
            }
        }
    }
}
