//! Matrices that act along one axis of a picture, row-major: cosine transform, Gaussian blur, change of size.

use std::f64::consts::PI;

/// The orthonormal cosine transform of `length` values (DCT-II): row k holds the cosine of k half-waves.
#[must_use]
pub fn cosine(length: usize) -> Vec<f32> {
    let n = length as f64;
    (0..length * length)
        .map(|index| {
            let (k, i) = ((index / length) as f64, (index % length) as f64);
            let scale = if index < length { 1.0 / n } else { 2.0 / n };
            narrow(scale.sqrt() * (PI * (i + 0.5) * k / n).cos())
        })
        .collect()
}

/// A matrix of `rows` rows with its axes exchanged.
#[must_use]
pub fn transposed(matrix: &[f32], rows: usize) -> Vec<f32> {
    let columns = matrix.len() / rows;
    (0..matrix.len())
        .map(|index| matrix[index % rows * columns + index / rows])
        .collect()
}

/// A Gaussian of deviation `sigma` over `length` values; each row sums to 1, at the ends too.
#[must_use]
pub fn gaussian(length: usize, sigma: f32) -> Vec<f32> {
    let spread = 2.0 * f64::from(sigma).powi(2);
    let row = |i: usize| {
        let weight = move |j: usize| (-(i.abs_diff(j) as f64).powi(2) / spread).exp();
        let sum: f64 = (0..length).map(weight).sum();
        (0..length).map(move |j| narrow(weight(j) / sum))
    };
    (0..length).flat_map(row).collect()
}

/// From `from` values to `to` by straight lines between them, ends not aligned; when it shrinks, each value is the weighted
/// mean of those it stands for.
#[must_use]
pub fn resize(from: usize, to: usize) -> Vec<f32> {
    let ratio = from as f64 / to as f64;
    let reach = ratio.max(1.0);
    let last = from as f64 - 1.0;
    let row = |i: usize| {
        let centre = ((i as f64 + 0.5) * ratio - 0.5).clamp(0.0, last);
        let weight = move |j: usize| (1.0 - (j as f64 - centre).abs() / reach).max(0.0);
        let sum: f64 = (0..from).map(weight).sum();
        (0..from).map(move |j| narrow(weight(j) / sum))
    };
    (0..to).flat_map(row).collect()
}

/// The product of a matrix of `values.len() / inner` … along both axes of planes `[height, width]`: L · x · Rᵀ.
#[must_use]
pub fn apply(planes: &[f32], [height, width]: [usize; 2], left: &[f32], right: &[f32]) -> Vec<f32> {
    let (rows, columns) = (left.len() / height, right.len() / width);
    let mut result = Vec::with_capacity(planes.len() / (height * width) * rows * columns);
    for plane in planes.chunks_exact(height * width) {
        let wide: Vec<f32> = plane
            .chunks_exact(width)
            .flat_map(|row| right.chunks_exact(width).map(|r| dot(row, r)))
            .collect();
        for l in left.chunks_exact(height) {
            for column in 0..columns {
                let values = wide.iter().skip(column).step_by(columns);
                let sum: f64 = l
                    .iter()
                    .zip(values)
                    .map(|(&a, &b)| f64::from(a) * f64::from(b))
                    .sum();
                result.push(narrow(sum));
            }
        }
    }
    result
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let products = a.iter().zip(b);
    narrow(products.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum())
}

/// The nearest f32.
#[allow(
    clippy::cast_possible_truncation,
    reason = "rounding to the nearest f32 is what this is for"
)]
pub const fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(length: usize) -> Vec<f32> {
        (0..length)
            .map(|i| ((i * 7919) % 211) as f32 / 100.0 - 1.0)
            .collect()
    }

    #[test]
    fn the_cosine_transform_comes_back_and_keeps_the_norm() {
        for [height, width] in [[28, 28], [7, 12], [224, 224], [1, 5]] {
            let x = picture(3 * height * width);
            let (left, right) = (cosine(height), cosine(width));
            let spectrum = apply(&x, [height, width], &left, &right);
            let back = apply(
                &spectrum,
                [height, width],
                &transposed(&left, height),
                &transposed(&right, width),
            );
            for (a, b) in x.iter().zip(&back) {
                assert!((a - b).abs() < 1e-5, "{a} came back as {b}");
            }
            let norm = |v: &[f32]| v.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
            assert!((norm(&spectrum) / norm(&x) - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn rows_of_smoothing_and_resizing_sum_to_one() {
        for (matrix, columns) in [
            (gaussian(9, 1.5), 9),
            (resize(7, 20), 7),
            (resize(20, 7), 20),
            (resize(5, 5), 5),
        ] {
            for row in matrix.chunks_exact(columns) {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{row:?}");
            }
        }
        let same = resize(5, 5);
        assert!((0..25).all(|i| (same[i] - f32::from(u8::from(i % 6 == 0))).abs() < 1e-7));
    }
}
