//! Bicubic resizing of bytes, bit by bit as Pillow's `Image.resize(size, BICUBIC)`.
//!
//! Keys' kernel with a = −0.5, stretched by the scale where the picture shrinks (so nothing aliases), as fixed-point
//! weights; first along rows, then along columns, each pass rounded to bytes.

/// Fractional bits of a weight: 32 less 8 for the byte and 2 for sums that overshoot.
const PRECISION: u32 = 22;
/// The kernel's reach to either side, in output pixels when shrinking, in input pixels when enlarging.
const SUPPORT: f64 = 2.0;

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// The first column.
    pub left: usize,
    /// The first row.
    pub top: usize,
    /// Columns; at least 1.
    pub width: usize,
    /// Rows; at least 1.
    pub height: usize,
}

/// The region of an RGBA picture of `width` columns as `[rows, columns]` pixels of C interleaved bytes each, C and
/// their meaning given by `pick`.
///
/// The region must lie within the picture.
#[must_use]
pub fn bicubic<const C: usize>(
    rgba: &[u8],
    width: usize,
    region: Region,
    [rows, columns]: [usize; 2],
    pick: impl Fn([u8; 4]) -> [u8; C],
) -> Vec<u8> {
    let across = taps(region.width, columns);
    let down = taps(region.height, rows);
    let mut narrowed = Vec::with_capacity(region.height * columns * C);
    let mut line = Vec::with_capacity(region.width);
    for row in rgba
        .chunks_exact(width * 4)
        .skip(region.top)
        .take(region.height)
    {
        let pixels = row.chunks_exact(4).skip(region.left).take(region.width);
        line.clear();
        line.extend(pixels.map(|pixel| pick([pixel[0], pixel[1], pixel[2], pixel[3]])));
        for tap in &across {
            let window = &line[tap.first..tap.first + tap.weights.len()];
            narrowed.extend(std::array::from_fn::<u8, C, _>(|channel| {
                weighted(tap, window.iter().map(|pixel| pixel[channel]))
            }));
        }
    }
    let stride = columns * C;
    let mut resized = Vec::with_capacity(rows * stride);
    for tap in &down {
        let window = &narrowed[tap.first * stride..];
        resized.extend(
            (0..stride).map(|at| weighted(tap, window.iter().skip(at).step_by(stride).copied())),
        );
    }
    resized
}

/// The input pixels that one output pixel is made of.
struct Tap {
    first: usize,
    weights: Vec<i32>,
}

/// Σ weight · byte, rounded and clamped to a byte.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to a byte"
)]
fn weighted(tap: &Tap, bytes: impl Iterator<Item = u8>) -> u8 {
    let half = 1 << (PRECISION - 1);
    let sum = tap
        .weights
        .iter()
        .zip(bytes)
        .fold(half, |sum, (weight, byte)| sum + weight * i32::from(byte));
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// For each of `to` output pixels, its weights over `from` input pixels; they sum to 1 up to rounding.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "extents of a decoded picture stay far below 2^52, weights below 2^24"
)]
fn taps(from: usize, to: usize) -> Vec<Tap> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let reach = SUPPORT * stretch;
    (0..to)
        .map(|output| {
            let centre = (output as f64 + 0.5) * scale;
            // Casts to usize saturate at 0, the picture's edge.
            let first = (centre - reach + 0.5) as usize;
            let last = ((centre + reach + 0.5) as usize).min(from);
            let weights: Vec<f64> = (first..last)
                .map(|input| kernel((input as f64 - centre + 0.5) * (1.0 / stretch)))
                .collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |weight: f64| (weight / sum * f64::from(1 << PRECISION)).round() as i32;
            Tap {
                first,
                weights: weights.into_iter().map(fixed).collect(),
            }
        })
        .collect()
}

/// Keys' cubic with a = −0.5.
fn kernel(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_and_stay_inside_the_picture() {
        for (from, to) in [(1, 1), (1, 28), (28, 28), (3, 200), (2000, 3), (427, 224)] {
            let taps = taps(from, to);
            assert_eq!(taps.len(), to);
            for tap in taps {
                assert!(tap.first + tap.weights.len() <= from, "{from} to {to}");
                let excess = tap.weights.iter().sum::<i32>() - (1 << PRECISION);
                assert!(
                    excess.unsigned_abs() as usize <= tap.weights.len(),
                    "{from} to {to}: {excess}"
                );
            }
        }
    }

    #[test]
    fn the_same_size_changes_no_pixel() {
        let rgba: Vec<u8> = (0..=255).cycle().take(4 * 4 * 7).collect();
        let all = Region {
            left: 0,
            top: 0,
            width: 7,
            height: 4,
        };
        assert_eq!(bicubic(&rgba, 7, all, [4, 7], |pixel| pixel), rgba);
    }
}
