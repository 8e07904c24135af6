//! How alike two maps are: rank correlation and structural similarity, as in "Sanity checks for saliency maps" (Adebayo et
//! al. 2018).

use serde::Serialize;

use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// How alike two maps are; each measure is 1 for equal maps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Similarity {
    /// Spearman's correlation of the values' ranks, −1 to 1; 0 if one map is constant.
    pub spearman: f64,
    /// That of the absolute values' ranks.
    pub spearman_absolute: f64,
    /// Structural similarity of both maps stretched to \[0, 1\] (Wang et al. 2004), the mean over planes and positions.
    pub ssim: f64,
}

/// Compares two maps (.., h, w) of one shape.
///
/// # Errors
/// `bad_argument` if the shapes differ or a value is not finite.
pub fn similarity(a: &Tensor, b: &Tensor) -> Result<Similarity> {
    if a.shape() != b.shape() {
        return Err(Error::bad_argument(format!(
            "maps of shapes {:?} and {:?} cannot be compared; resize one",
            a.shape(),
            b.shape()
        )));
    }
    if a.data()
        .iter()
        .chain(b.data())
        .any(|value| !value.is_finite())
    {
        return Err(Error::bad_argument(
            "a map holds values that are not finite",
        ));
    }
    let absolute = |map: &Tensor| -> Vec<f32> { map.data().iter().map(|v| v.abs()).collect() };
    let [.., h, w] = *a.shape() else {
        return Err(Error::bad_argument("a map has rows and columns"));
    };
    Ok(Similarity {
        spearman: spearman(a.data(), b.data()),
        spearman_absolute: spearman(&absolute(a), &absolute(b)),
        ssim: ssim(&stretched(a.data()), &stretched(b.data()), h, w),
    })
}

/// Pearson's correlation of ranks, equal values sharing the mean of theirs.
#[must_use]
pub fn spearman(a: &[f32], b: &[f32]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let middle = (a.len() as f64 - 1.0) / 2.0;
    let sum = |x: &[f64], y: &[f64]| -> f64 {
        x.iter()
            .zip(y)
            .map(|(x, y)| (x - middle) * (y - middle))
            .sum()
    };
    let scale = (sum(&a, &a) * sum(&b, &b)).sqrt();
    if scale > 0.0 {
        sum(&a, &b) / scale
    } else {
        0.0
    }
}

fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let first = order.partition_point(|&i| values[i] < values[equal[0]]);
        let mean = first as f64 + (equal.len() as f64 - 1.0) / 2.0;
        equal.iter().for_each(|&i| ranks[i] = mean);
    }
    ranks
}

/// The values' range as \[0, 1\]; zeros if they are all equal.
fn stretched(values: &[f32]) -> Vec<f64> {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let range = f64::from(most) - f64::from(least);
    let scale = if range > 0.0 { 1.0 / range } else { 0.0 };
    values
        .iter()
        .map(|&v| (f64::from(v) - f64::from(least)) * scale)
        .collect()
}

/// Mean of (2 μ_a μ_b + C₁)(2 σ_ab + C₂) / ((μ_a² + μ_b² + C₁)(σ_a² + σ_b² + C₂)) over the places where a window of 7 (or
/// the plane, if that is smaller) fits, C₁ = 0.01², C₂ = 0.03².
#[must_use]
pub fn ssim(a: &[f64], b: &[f64], h: usize, w: usize) -> f64 {
    const C1: f64 = 0.01 * 0.01;
    const C2: f64 = 0.03 * 0.03;
    let (rows, columns) = (h.min(7), w.min(7));
    let count = (rows * columns) as f64;
    let (mut sum, mut places) = (0.0, 0.0);
    for (a, b) in a.chunks_exact(h * w).zip(b.chunks_exact(h * w)) {
        for top in 0..=h - rows {
            for left in 0..=w - columns {
                let mut moments = [0.0; 5];
                for y in top..top + rows {
                    for x in left..left + columns {
                        let (a, b) = (a[y * w + x], b[y * w + x]);
                        for (moment, value) in moments.iter_mut().zip([a, b, a * a, b * b, a * b]) {
                            *moment += value / count;
                        }
                    }
                }
                let [mean_a, mean_b, aa, bb, ab] = moments;
                let (var_a, var_b) = (aa - mean_a * mean_a, bb - mean_b * mean_b);
                let cov = ab - mean_a * mean_b;
                sum += (2.0 * mean_a * mean_b + C1) * (2.0 * cov + C2)
                    / ((mean_a * mean_a + mean_b * mean_b + C1) * (var_a + var_b + C2));
                places += 1.0;
            }
        }
    }
    if places > 0.0 { sum / places } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(f: impl Fn(f32) -> f32) -> Tensor {
        let values = (0..144).map(|i| f(((i * 53) % 144) as f32 - 60.0));
        Tensor::new(values.collect(), [1, 1, 12, 12]).expect("the test's shape fits")
    }

    #[test]
    fn a_map_is_like_itself_and_unlike_its_opposite() {
        let same = similarity(&map(|v| v), &map(|v| v)).expect("shapes fit");
        assert!((same.spearman - 1.0).abs() < 1e-12 && (same.ssim - 1.0).abs() < 1e-12);
        let opposite = similarity(&map(|v| v), &map(|v| -v)).expect("shapes fit");
        assert!((opposite.spearman + 1.0).abs() < 1e-12);
        assert!((opposite.spearman_absolute - 1.0).abs() < 1e-12);
        assert!(opposite.ssim < 0.0, "{}", opposite.ssim);
    }

    #[test]
    fn ranks_do_not_care_for_any_rising_function() {
        let cubed = similarity(&map(|v| v), &map(|v| v * v * v)).expect("shapes fit");
        assert!((cubed.spearman - 1.0).abs() < 1e-12 && cubed.ssim < 0.99);
    }

    #[test]
    fn equal_values_share_their_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0, 3.0]), [3.0, 0.0, 3.0, 1.0, 3.0]);
        // Six values by hand: d² = 0.25 + 0.25 + 1 + 1, with one pair of equals.
        assert!((spearman(&[1.0, 2.0, 3.0], &[1.0, 3.0, 2.0]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn constant_maps_and_unlike_shapes_have_an_answer() {
        let flat = similarity(&map(|_| 2.0), &map(|v| v)).expect("shapes fit");
        assert!(flat.spearman == 0.0 && flat.ssim.is_finite());
        let other = Tensor::new(vec![0.0; 4], [1, 1, 2, 2]).expect("the test's shape fits");
        assert!(similarity(&map(|v| v), &other).is_err());
        assert!(similarity(&map(|_| f32::NAN), &map(|v| v)).is_err());
    }
}
