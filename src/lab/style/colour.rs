//! Keeping the content's colours (Gatys, Bethge, Hertzmann and Shechtman 2016, "Preserving Color in Neural Artistic Style
//! Transfer"). Pictures are (1, 3, H, W) in model space.

use crate::lab::synthesis::Normalization;
use crate::lab::synthesis::matrices::narrow;
use crate::lab::synthesis::parametrization::inverted;
use crate::tensor::Tensor;

type Matrix = [[f64; 3]; 3];

/// Shares of red, green and blue in brightness (Rec. 601).
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Added to variances, so that a picture in one colour has a covariance with an inverse; pixels are in [0, 1].
const FLOOR: f64 = 1e-5;

/// Enough for the roots of covariances whose eigenvalues lie within a factor of 10⁵.
const ROOT_STEPS: usize = 30;

/// From model space to the same picture in grey: a weight (3, 3, 1, 1) and a bias of three numbers.
pub fn to_grey(rule: &Normalization) -> (Vec<f32>, Vec<f32>) {
    let luma = if rule.blue_first {
        [LUMA[2], LUMA[1], LUMA[0]]
    } else {
        LUMA
    };
    let level: f32 = luma.iter().zip(&rule.mean).map(|(w, mean)| w * mean).sum();
    let rows = rule.std.iter().flat_map(|std| {
        let inputs = luma.iter().zip(&rule.std);
        inputs.map(move |(w, own)| w * own / std)
    });
    let bias = rule.mean.iter().zip(&rule.std);
    (
        rows.collect(),
        bias.map(|(mean, std)| (level - mean) / std).collect(),
    )
}

/// The picture in grey.
pub fn grey(picture: &Tensor, rule: &Normalization) -> Tensor {
    let (weight, bias) = to_grey(rule);
    let weight: Matrix = std::array::from_fn(|row| {
        std::array::from_fn(|column| f64::from(weight[row * 3 + column]))
    });
    mapped(picture, |x| {
        let y = times(weight, x);
        std::array::from_fn(|c| y[c] + f64::from(bias[c]))
    })
}

/// `picture` with the mean and covariance of `model`'s pixels, kept within what pixels can be.
pub fn matched(picture: &Tensor, model: &Tensor, rule: &Normalization) -> Tensor {
    let (mean, covariance) = moments(picture, rule);
    let (wanted, wanted_covariance) = moments(model, rule);
    let (_, inverse) = roots(covariance);
    let (root, _) = roots(wanted_covariance);
    let map = product(root, inverse);
    mapped(picture, |x| {
        let pixel: [f64; 3] = std::array::from_fn(|c| to_pixel(x[c], rule, c) - mean[c]);
        let moved = times(map, pixel);
        std::array::from_fn(|c| {
            let pixel = (moved[c] + wanted[c]).clamp(0.0, 1.0);
            (pixel - f64::from(rule.mean[c])) / f64::from(rule.std[c])
        })
    })
}

fn to_pixel(x: f64, rule: &Normalization, channel: usize) -> f64 {
    x * f64::from(rule.std[channel]) + f64::from(rule.mean[channel])
}

/// Mean and covariance of pixels in [0, 1].
fn moments(picture: &Tensor, rule: &Normalization) -> ([f64; 3], Matrix) {
    let plane = picture.data().len() / 3;
    let pixels = || {
        (0..plane).map(|i| -> [f64; 3] {
            std::array::from_fn(|c| to_pixel(f64::from(picture.data()[c * plane + i]), rule, c))
        })
    };
    let share = 1.0 / plane as f64;
    let mut mean = [0.0; 3];
    for pixel in pixels() {
        (0..3).for_each(|c| mean[c] += share * pixel[c]);
    }
    let mut covariance = [[0.0; 3]; 3];
    for pixel in pixels() {
        for (row, values) in covariance.iter_mut().enumerate() {
            for (column, value) in values.iter_mut().enumerate() {
                *value += share * (pixel[row] - mean[row]) * (pixel[column] - mean[column]);
            }
        }
    }
    (0..3).for_each(|c| covariance[c][c] += FLOOR);
    (mean, covariance)
}

/// The square root of a symmetric positive matrix and its inverse (Denman and Beavers 1976).
fn roots(matrix: Matrix) -> (Matrix, Matrix) {
    let mut root = matrix;
    let mut inverse: Matrix =
        std::array::from_fn(|row| std::array::from_fn(|column| f64::from(u8::from(row == column))));
    for _ in 0..ROOT_STEPS {
        let next = halfway(root, inverted(inverse));
        inverse = halfway(inverse, inverted(root));
        root = next;
    }
    (root, inverse)
}

fn halfway(a: Matrix, b: Matrix) -> Matrix {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| f64::midpoint(a[row][column], b[row][column]))
    })
}

fn product(a: Matrix, b: Matrix) -> Matrix {
    a.map(|row| {
        std::array::from_fn(|column| (0..3).map(|inner| row[inner] * b[inner][column]).sum())
    })
}

fn times(matrix: Matrix, x: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
}

/// Every pixel mapped.
fn mapped(picture: &Tensor, map: impl Fn([f64; 3]) -> [f64; 3]) -> Tensor {
    let mut result = picture.clone();
    let plane = picture.data().len() / 3;
    for i in 0..plane {
        let at = |c: usize| c * plane + i;
        let moved = map(std::array::from_fn(|c| f64::from(picture.data()[at(c)])));
        (0..3).for_each(|c| result.data_mut()[at(c)] = narrow(moved[c]));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Normalization {
        Normalization {
            mean: vec![0.485, 0.456, 0.406],
            std: vec![0.229, 0.224, 0.225],
            blue_first: false,
        }
    }

    /// Pixels around mid grey, in model space.
    fn picture(seed: u16) -> Tensor {
        let level = |i: u16| {
            0.35 + 0.3 * f32::from(i.wrapping_mul(7919).wrapping_add(seed * 31) % 97) / 97.0
        };
        let values = (0..3 * 64_u16).map(|i| (level(i) - 0.45) / 0.225);
        Tensor::new(values.collect(), [1, 3, 8, 8]).unwrap()
    }

    #[test]
    fn matching_gives_the_model_s_mean_and_covariance() {
        let (model, rule) = (picture(5), rule());
        let found = moments(&matched(&picture(2), &model, &rule), &rule);
        let wanted = moments(&model, &rule);
        for row in 0..3 {
            assert!((found.0[row] - wanted.0[row]).abs() < 1e-3);
            for column in 0..3 {
                assert!((found.1[row][column] - wanted.1[row][column]).abs() < 3e-4);
            }
        }
    }

    #[test]
    fn grey_pictures_have_three_equal_channels_of_the_same_brightness() {
        let (picture, rule) = (picture(1), rule());
        let grey = grey(&picture, &rule);
        for i in 0..64 {
            let pixel =
                |from: &Tensor, c: usize| to_pixel(f64::from(from.data()[c * 64 + i]), &rule, c);
            let luma: f64 = (0..3)
                .map(|c| f64::from(LUMA[c]) * pixel(&picture, c))
                .sum();
            assert!((0..3).all(|c| (pixel(&grey, c) - luma).abs() < 1e-6));
        }
    }
}
