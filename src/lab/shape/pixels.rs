//! A picture's planes, with brightness from 0 to 1, and what several stimuli need of them.

use crate::lab::synthesis::matrices::{apply, gaussian};

/// One picture: C planes of height × width, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// The planes, one after the other.
    pub values: &'a [f32],
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl<'a> Picture<'a> {
    /// Height · width.
    pub const fn plane(&self) -> usize {
        self.height * self.width
    }

    /// Its planes.
    pub fn planes(&self) -> impl Iterator<Item = &'a [f32]> {
        self.values.chunks_exact(self.height * self.width)
    }

    /// The number of its planes.
    pub const fn channels(&self) -> usize {
        self.values.len() / self.plane()
    }

    /// Brightness by ITU-R 601; the mean of the channels where they are not three.
    pub fn luma(&self, blue_first: bool) -> Vec<f32> {
        let mut weights = [0.299, 0.587, 0.114];
        if blue_first {
            weights.reverse();
        }
        let even = 1.0 / self.channels() as f32;
        let of = |channel: usize| {
            if self.channels() == 3 {
                weights[channel]
            } else {
                even
            }
        };
        let mut luma = vec![0.0; self.plane()];
        for (channel, plane) in self.planes().enumerate() {
            for (sum, value) in luma.iter_mut().zip(plane) {
                *sum += of(channel) * value;
            }
        }
        luma
    }

    /// Planes smoothed by a Gaussian of deviation `sigma` pixels; 0 changes nothing.
    pub fn blurred(&self, planes: &[f32], sigma: f32) -> Vec<f32> {
        if sigma <= 0.0 {
            return planes.to_vec();
        }
        let size = [self.height, self.width];
        let [left, right] = size.map(|extent| gaussian(extent, sigma));
        apply(planes, size, &left, &right)
    }
}

/// Central differences along columns and rows, one-sided at the border.
pub fn slopes(plane: &[f32], height: usize, width: usize) -> (Vec<f32>, Vec<f32>) {
    let difference =
        |low: usize, high: usize, steps: usize| (plane[high] - plane[low]) / steps.max(1) as f32;
    let each = |i: usize| {
        let (row, column) = (i / width, i % width);
        let (left, right) = (column.saturating_sub(1), (column + 1).min(width - 1));
        let (above, below) = (row.saturating_sub(1), (row + 1).min(height - 1));
        (
            difference(row * width + left, row * width + right, right - left),
            difference(
                above * width + column,
                below * width + column,
                below - above,
            ),
        )
    };
    (0..plane.len()).map(each).unzip()
}

/// How steep it is where it rises by so much along columns and rows.
pub fn steepness(across: &[f32], down: &[f32]) -> Vec<f32> {
    let slopes = across.iter().zip(down);
    slopes.map(|(x, y)| x.hypot(*y)).collect()
}

/// The brightness that splits a picture into two groups of the least variance (Otsu 1979), on 256 levels.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the level is clamped to a byte"
)]
pub fn otsu(luma: &[f32]) -> f32 {
    let mut counts = [0.0_f64; 256];
    for value in luma {
        counts[(value * 255.0).round().clamp(0.0, 255.0) as usize] += 1.0;
    }
    let total = luma.len() as f64;
    let sum: f64 = counts
        .iter()
        .enumerate()
        .map(|(level, n)| level as f64 * n)
        .sum();
    let (mut below, mut below_sum) = (0.0, 0.0);
    let (mut best, mut first, mut last) = (-1.0, 0, 0);
    for (level, count) in counts.iter().enumerate().take(255) {
        below += count;
        below_sum += level as f64 * count;
        if below == 0.0 || below == total {
            continue;
        }
        let apart = below_sum / below - (sum - below_sum) / (total - below);
        let between = below * (total - below) * apart * apart;
        if between > best * (1.0 + 1e-12) {
            (best, first, last) = (between, level, level);
        } else if between >= best * (1.0 - 1e-12) {
            last = level;
        }
    }
    // Between two groups every level is as good: the middle is farthest from both.
    ((first + last) as f32 / 2.0 + 0.5) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_weighs_green_most_and_knows_the_order_of_the_channels() {
        let values = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        let picture = Picture {
            values: &values,
            height: 1,
            width: 2,
        };
        assert_eq!(picture.luma(false), [0.299, 0.114]);
        assert_eq!(picture.luma(true), [0.114, 0.299]);
    }

    #[test]
    fn otsu_splits_two_groups_in_the_middle() {
        let luma: Vec<f32> = (0..100).map(|i| if i < 30 { 0.2 } else { 0.8 }).collect();
        let level = otsu(&luma);
        assert!((level - 0.5).abs() < 0.01, "{level}");
        assert!(otsu(&[0.5; 9]).is_finite());
    }
}
