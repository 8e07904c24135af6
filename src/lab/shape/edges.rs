//! Edges, as lines or by their strength. Lines are Canny's (1986): the ridges of the smoothed picture's slope, the weak ones
//! only where they go on from strong ones.

use super::pixels::{Picture, slopes, steepness};

/// How edges are found. The defaults are those of the tool with which the published edge pictures were made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Deviation of the Gaussian before the slope, in pixels.
    pub sigma: f32,
    /// The share of pixels whose slope is below the upper threshold.
    pub quiet: f32,
    /// The lower threshold as a share of the upper one.
    pub ratio: f32,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            sigma: std::f32::consts::SQRT_2,
            quiet: 0.7,
            ratio: 0.4,
        }
    }
}

/// tan 22.5°: slopes are rounded to the nearest of four directions.
const TAN: f32 = 0.414_213_56;

/// Slopes below this are rounding.
const LEAST: f32 = 1e-4;

/// Whether each pixel lies on an edge.
#[must_use]
pub fn edges(picture: &Picture<'_>, luma: &[f32], rule: Rule) -> Vec<bool> {
    let (height, width) = (picture.height, picture.width);
    let soft = picture.blurred(luma, rule.sigma);
    let (across, down) = slopes(&soft, height, width);
    let steep = steepness(&across, &down);
    let high = threshold(&steep, rule.quiet).max(LEAST);
    let ridges = ridges(&steep, &across, &down, height, width);
    joined(&steep, &ridges, high, rule.ratio * high, height, width)
}

/// How steep the smoothed picture is at each pixel, from 0 to 1, which it reaches where it is steeper than in the share
/// `full` of the pixels.
#[must_use]
pub fn strengths(picture: &Picture<'_>, luma: &[f32], sigma: f32, full: f32) -> Vec<f32> {
    let soft = picture.blurred(luma, sigma);
    let (across, down) = slopes(&soft, picture.height, picture.width);
    let steep = steepness(&across, &down);
    let most = threshold(&steep, full).max(LEAST);
    steep.iter().map(|slope| (slope / most).min(1.0)).collect()
}

/// The slope that this share of the pixels stays below.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of the number of pixels"
)]
fn threshold(steep: &[f32], share: f32) -> f32 {
    let mut sorted = steep.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted[((share * sorted.len() as f32) as usize).min(sorted.len() - 1)]
}

/// The pixels that are steepest along the slope's direction; of two equal ones the second.
fn ridges(steep: &[f32], across: &[f32], down: &[f32], height: usize, width: usize) -> Vec<bool> {
    let is_ridge = |i: usize| {
        let (row, column) = (i / width, i % width);
        if row == 0 || column == 0 || row + 1 == height || column + 1 == width {
            return false;
        }
        let (x, y) = (across[i], down[i]);
        let step = if y.abs() <= TAN * x.abs() {
            1
        } else if x.abs() <= TAN * y.abs() {
            width
        } else if (x > 0.0) == (y > 0.0) {
            width + 1
        } else {
            width - 1
        };
        steep[i] > steep[i + step] && steep[i] >= steep[i - step]
    };
    (0..steep.len()).map(is_ridge).collect()
}

/// The ridges above `high`, and those above `low` that touch them, directly or by others.
fn joined(
    steep: &[f32],
    ridges: &[bool],
    high: f32,
    low: f32,
    height: usize,
    width: usize,
) -> Vec<bool> {
    let mut edges = vec![false; steep.len()];
    let mut open: Vec<usize> = (0..steep.len())
        .filter(|&i| ridges[i] && steep[i] >= high)
        .collect();
    while let Some(i) = open.pop() {
        if !ridges[i] || steep[i] < low || std::mem::replace(&mut edges[i], true) {
            continue;
        }
        let (row, column) = (i / width, i % width);
        for r in row.saturating_sub(1)..(row + 2).min(height) {
            for c in column.saturating_sub(1)..(column + 2).min(width) {
                open.push(r * width + c);
            }
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f32], height: usize, width: usize, rule: Rule) -> Vec<bool> {
        let picture = Picture {
            values,
            height,
            width,
        };
        edges(&picture, values, rule)
    }

    #[test]
    fn a_step_gives_one_line_one_pixel_wide() {
        let (height, width) = (24, 30);
        let values: Vec<f32> = (0..height * width)
            .map(|i| if i % width < 14 { 0.2 } else { 0.9 })
            .collect();
        let found = of(&values, height, width, Rule::default());
        for row in 1..height - 1 {
            let line: Vec<usize> = (0..width).filter(|&c| found[row * width + c]).collect();
            assert!(line == [13] || line == [14], "row {row}: {line:?}");
        }
    }

    #[test]
    fn a_square_s_edge_is_closed_and_as_long_as_it_is() {
        let (height, width) = (40, 40);
        let inside = |i: usize| (10..30).contains(&(i / width)) && (10..30).contains(&(i % width));
        let values: Vec<f32> = (0..1600).map(|i| f32::from(u8::from(inside(i)))).collect();
        let count = of(&values, height, width, Rule::default())
            .iter()
            .filter(|&&edge| edge)
            .count();
        assert!((68..=84).contains(&count), "{count}");
    }

    #[test]
    fn strengths_follow_the_slope_up_to_where_they_are_full() {
        // A ramp whose slope grows from row to row: 0, 0.01, 0.02 … a pixel.
        let (height, width) = (20, 24);
        let slope = |row: usize| 0.01 * row as f32;
        let values: Vec<f32> = (0..height * width)
            .map(|i| slope(i / width) * (i % width) as f32)
            .collect();
        let picture = Picture {
            values: &values,
            height,
            width,
        };
        // In the first column nothing changes downwards.
        let at = |found: &[f32], row: usize| found[row * width];
        let found = strengths(&picture, &values, 0.0, 1.0);
        let most = found.iter().copied().fold(0.0, f32::max);
        assert!((most - 1.0).abs() < 1e-6);
        for row in 1..height - 1 {
            let ratio = at(&found, row) / at(&found, 1);
            assert!((ratio - row as f32).abs() < 1e-2, "row {row}: {ratio}");
        }
        // With half of the pixels full, the others are as much stronger.
        let half = strengths(&picture, &values, 0.0, 0.5);
        let full = half.iter().filter(|&&strength| strength >= 1.0).count();
        assert!(full.abs_diff(height * width / 2) <= width, "{full}");
        assert!(at(&half, 1) > at(&found, 1));
        assert!(
            strengths(&picture, &[0.4; 480], 1.0, 0.9)
                .iter()
                .all(|&strength| strength == 0.0)
        );
    }

    #[test]
    fn an_even_picture_has_no_edge_and_weak_ones_need_strong_ones() {
        assert!(!of(&[0.4; 100], 10, 10, Rule::default()).contains(&true));
        // A strong step on the left, a weak one on the right that touches nothing.
        let (height, width) = (30, 60);
        let value = |c: usize| {
            if c < 15 {
                0.0
            } else if c < 45 {
                0.8
            } else {
                0.9
            }
        };
        let values: Vec<f32> = (0..height * width).map(|i| value(i % width)).collect();
        let rule = |ratio: f32| Rule {
            sigma: 1.0,
            quiet: 0.95,
            ratio,
        };
        let weak = |ratio: f32| {
            of(&values, height, width, rule(ratio))[10 * width + 44..10 * width + 46]
                .contains(&true)
        };
        assert!(!weak(0.4) && !weak(0.01));
        let strong = of(&values, height, width, rule(0.4));
        assert!(strong[10 * width + 14..10 * width + 16].contains(&true));
    }
}
