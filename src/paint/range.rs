//! Which values become 0 and 255, and what becomes of those between: round(255 · (v − low) / (high − low)).

use crate::error::{Error, Result};

/// The values that become 0 and 255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Becomes 0, as does everything below.
    pub low: f32,
    /// Becomes 255, as does everything above.
    pub high: f32,
}

/// Where a tile's range comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// Least and greatest value of each tile.
    Each,
    /// Least and greatest value of all.
    All,
    /// Symmetric about zero, by the greatest absolute value of all.
    Signed,
    /// Symmetric about zero, by the greatest absolute value of each tile.
    SignedEach,
    /// Given.
    Pair(Range),
}

/// The range of every tile of `tile` values.
///
/// # Errors
/// `bad_argument` for a given range that is not finite or whose low is above its high.
pub fn ranges(values: &[f32], tile: usize, scale: Scale, percentile: f64) -> Result<Vec<Range>> {
    let tiles = values.chunks_exact(tile);
    let count = tiles.len();
    Ok(match scale {
        Scale::Each => tiles.map(|tile| extent(tile, percentile)).collect(),
        Scale::SignedEach => tiles.map(|tile| symmetric(tile, percentile)).collect(),
        Scale::All => vec![extent(values, percentile); count],
        Scale::Signed => vec![symmetric(values, percentile); count],
        Scale::Pair(range) => {
            // Written so that a NaN is refused, too.
            let is_range =
                range.low.is_finite() && range.high.is_finite() && range.low <= range.high;
            if !is_range {
                return Err(Error::bad_argument(format!(
                    "scale must be two finite numbers, the lower one first, not [{}, {}]",
                    range.low, range.high
                )));
            }
            vec![range; count]
        }
    })
}

/// A value's byte. Halves round up; a range of one value gives 128, and so does a value that is no number.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=255 before"
)]
pub fn byte(value: f32, range: Range) -> u8 {
    let (low, high) = (f64::from(range.low), f64::from(range.high));
    if value.is_nan() || low >= high {
        return 128;
    }
    let scaled = 255.0 * (f64::from(value) - low) / (high - low);
    (scaled + 0.5).floor().clamp(0.0, 255.0) as u8
}

/// Between the percentiles 100 − p and p.
fn extent(values: &[f32], percentile: f64) -> Range {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    if percentile >= 100.0 {
        let (low, high) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        return if low <= high {
            Range { low, high }
        } else {
            Range {
                low: 0.0,
                high: 0.0,
            }
        };
    }
    let sorted = sorted(finite.collect());
    Range {
        low: quantile(&sorted, 1.0 - percentile / 100.0),
        high: quantile(&sorted, percentile / 100.0),
    }
}

/// Between plus and minus the percentile p of the absolute values.
fn symmetric(values: &[f32], percentile: f64) -> Range {
    let finite = values
        .iter()
        .map(|value| value.abs())
        .filter(|value| value.is_finite());
    let most = if percentile >= 100.0 {
        finite.fold(0.0, f32::max)
    } else {
        quantile(&sorted(finite.collect()), percentile / 100.0)
    };
    Range {
        low: -most,
        high: most,
    }
}

fn sorted(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_unstable_by(f32::total_cmp);
    values
}

/// The value at a share of sorted values, interpolated between neighbours; 0 of none.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place within a slice, and its fraction"
)]
fn quantile(sorted: &[f32], share: f64) -> f32 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let next = (below + 1).min(last);
    let (a, b) = (f64::from(sorted[below]), f64::from(sorted[next]));
    (a + (b - a) * (place - place.floor())) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f32], scale: Scale, percentile: f64) -> Vec<[f32; 2]> {
        ranges(values, 2, scale, percentile)
            .expect("the scale is valid")
            .iter()
            .map(|range| [range.low, range.high])
            .collect()
    }

    #[test]
    fn bytes_follow_the_rule_and_are_clipped() {
        let range = Range {
            low: -1.0,
            high: 1.0,
        };
        let cases = [
            (-1.0, 0),
            (0.0, 128),
            (1.0, 255),
            (0.5, 191),
            (-7.0, 0),
            (f32::INFINITY, 255),
            (f32::NEG_INFINITY, 0),
            (f32::NAN, 128),
        ];
        for (value, expected) in cases {
            assert_eq!(byte(value, range), expected, "{value}");
        }
    }

    #[test]
    fn a_range_of_one_value_gives_128_for_every_value() {
        let range = Range {
            low: 2.0,
            high: 2.0,
        };
        for value in [1.0, 2.0, 3.0, f32::NAN] {
            assert_eq!(byte(value, range), 128);
        }
    }

    #[test]
    fn extreme_values_do_not_overflow_the_range() {
        let range = Range {
            low: f32::MIN,
            high: f32::MAX,
        };
        assert_eq!(byte(f32::MIN, range), 0);
        assert_eq!(byte(0.0, range), 128);
        assert_eq!(byte(f32::MAX, range), 255);
    }

    #[test]
    fn every_scale_gives_its_ranges() {
        let values = [-1.0, 2.0, 0.0, 0.5];
        assert_eq!(of(&values, Scale::Each, 100.0), [[-1.0, 2.0], [0.0, 0.5]]);
        assert_eq!(of(&values, Scale::All, 100.0), [[-1.0, 2.0]; 2]);
        assert_eq!(of(&values, Scale::Signed, 100.0), [[-2.0, 2.0]; 2]);
        assert_eq!(
            of(&values, Scale::SignedEach, 100.0),
            [[-2.0, 2.0], [-0.5, 0.5]]
        );
        let pair = Scale::Pair(Range {
            low: 3.0,
            high: 4.0,
        });
        assert_eq!(of(&values, pair, 100.0), [[3.0, 4.0]; 2]);
    }

    #[test]
    fn values_that_are_no_numbers_do_not_widen_the_range() {
        let values = [f32::NAN, 1.0, f32::INFINITY, 3.0];
        assert_eq!(of(&values, Scale::Each, 100.0), [[1.0, 1.0], [3.0, 3.0]]);
        assert_eq!(of(&values, Scale::All, 100.0), [[1.0, 3.0]; 2]);
        assert_eq!(of(&[f32::NAN; 2], Scale::Each, 100.0), [[0.0, 0.0]]);
        assert_eq!(of(&[f32::NAN; 2], Scale::Signed, 99.0), [[0.0, 0.0]]);
    }

    #[test]
    fn a_percentile_clips_both_ends_with_interpolation() {
        let values: Vec<f32> = (0..=10).map(|v| v as f32).collect();
        assert_eq!(
            extent(&values, 95.0),
            Range {
                low: 0.5,
                high: 9.5
            }
        );
        assert_eq!(
            symmetric(&values, 90.0),
            Range {
                low: -9.0,
                high: 9.0
            }
        );
    }

    #[test]
    fn a_reversed_or_infinite_range_is_refused() {
        for (low, high) in [(1.0, 0.0), (f32::NAN, 1.0), (0.0, f32::INFINITY)] {
            let scale = Scale::Pair(Range { low, high });
            assert!(ranges(&[0.0], 1, scale, 100.0).is_err());
        }
    }
}
