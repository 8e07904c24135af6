//! Pictures that show nothing: where a path starts, and what covers a window.

use crate::error::{Error, Result};
use crate::random::Random;
use crate::tensor::{Shape, Tensor};

/// A picture without evidence.
#[derive(Debug, Clone, PartialEq)]
pub enum Baseline {
    /// 0 in model space: the training set's mean colour, where the rule for pictures subtracts it.
    Zero,
    /// One number a channel, in model space: black, or any colour.
    Colour(Vec<f32>),
    /// The mean of each channel of the picture.
    Mean,
    /// The picture itself under a Gaussian of a tenth of its shorter side.
    Blur,
    /// Uniform between the picture's least and greatest value.
    Noise,
    /// A picture in model space, for one picture or the batch.
    Picture(Tensor),
}

impl Baseline {
    /// The baseline of each of the pictures (N, C, H, W).
    ///
    /// # Errors
    /// `bad_argument` if a colour or a picture does not fit.
    pub fn pictures(&self, images: &Tensor, seed: u64) -> Result<Tensor> {
        let shape = images.activation_shape();
        let mut baseline = Tensor::zeros(shape);
        let planes = baseline.data_mut().chunks_exact_mut(shape.plane());
        let originals = images.data().chunks_exact(shape.plane());
        match self {
            Self::Zero => {}
            Self::Colour(colour) if colour.len() == shape.c() => planes
                .zip(colour.iter().cycle())
                .for_each(|(plane, &value)| plane.fill(value)),
            Self::Colour(colour) => {
                return Err(Error::bad_argument(format!(
                    "a colour of {} numbers for pictures of {} channels",
                    colour.len(),
                    shape.c()
                )));
            }
            Self::Mean => planes
                .zip(originals)
                .for_each(|(plane, original)| plane.fill(mean(original))),
            Self::Blur => planes
                .zip(originals)
                .for_each(|(plane, original)| plane.copy_from_slice(&blur(original, shape))),
            Self::Noise => noise(images, seed, baseline.data_mut()),
            Self::Picture(picture) => return repeated(picture, shape),
        }
        Ok(baseline)
    }
}

fn repeated(picture: &Tensor, shape: Shape) -> Result<Tensor> {
    let given = picture.activation_shape();
    if given == shape {
        return Ok(picture.clone());
    }
    if given == shape.with_n(1) {
        return Tensor::from_shape(picture.data().repeat(shape.n()), shape);
    }
    Err(Error::bad_argument(format!(
        "the baseline is {:?}, the pictures are {shape}; give one picture or one for each",
        picture.shape()
    )))
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "summed in f64, returned as f32"
)]
fn mean(plane: &[f32]) -> f32 {
    let sum: f64 = plane.iter().map(|&value| f64::from(value)).sum();
    (sum / plane.len() as f64) as f32
}

fn noise(images: &Tensor, seed: u64, baseline: &mut [f32]) {
    let length = images.activation_shape().picture();
    let mut random = Random::new(seed);
    for (values, picture) in baseline
        .chunks_exact_mut(length)
        .zip(images.data().chunks_exact(length))
    {
        let (least, greatest) = extremes(picture);
        for value in values {
            *value = least + random.uniform() * (greatest - least);
        }
    }
}

/// The least and greatest value.
pub(super) fn extremes(values: &[f32]) -> (f32, f32) {
    values.iter().fold(
        (f32::INFINITY, f32::NEG_INFINITY),
        |(least, most), &value| (least.min(value), most.max(value)),
    )
}

/// A plane under a Gaussian of deviation min(H, W) / 10, rows then columns; beyond the edge its nearest value goes on.
fn blur(plane: &[f32], shape: Shape) -> Vec<f32> {
    let (height, width) = (shape.h(), shape.w());
    let kernel = gaussian(height.min(width) as f32 / 10.0);
    let along_rows = filter(plane, &kernel, width, |row, x| row * width + x, height);
    let along_columns = filter(
        &along_rows,
        &kernel,
        height,
        |column, y| y * width + column,
        width,
    );
    let mut blurred = vec![0.0; plane.len()];
    for (column, values) in along_columns.chunks_exact(height).enumerate() {
        for (y, &value) in values.iter().enumerate() {
            blurred[y * width + column] = value;
        }
    }
    blurred
}

/// Filters `lines` lines of `length` values that `at` finds, and returns line after line.
fn filter(
    plane: &[f32],
    kernel: &[f32],
    length: usize,
    at: impl Fn(usize, usize) -> usize,
    lines: usize,
) -> Vec<f32> {
    let radius = kernel.len() / 2;
    let mut filtered = Vec::with_capacity(lines * length);
    for line in 0..lines {
        for position in 0..length {
            let sum = kernel.iter().enumerate().map(|(tap, weight)| {
                let place = (position + tap).saturating_sub(radius).min(length - 1);
                weight * plane[at(line, place)]
            });
            filtered.push(sum.sum());
        }
    }
    filtered
}

/// Weights of a Gaussian up to three deviations, summing to 1.
fn gaussian(deviation: f32) -> Vec<f32> {
    let mut radius = 0;
    while (radius as f32) < 3.0 * deviation {
        radius += 1;
    }
    let weights: Vec<f32> = (0..=2 * radius)
        .map(|tap| {
            let distance = (tap as f32 - radius as f32) / deviation.max(f32::MIN_POSITIVE);
            (-0.5 * distance * distance).exp()
        })
        .collect();
    let sum: f32 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures() -> Tensor {
        let values = (0..2 * 3 * 20 * 12).map(|i| ((i * 37) % 101) as f32 / 50.0);
        Tensor::new(values.collect(), [2, 3, 20, 12]).expect("the test's shape fits")
    }

    #[test]
    fn a_blurred_picture_keeps_constants_and_loses_detail() {
        let shape = Shape::new(1, 1, 20, 12);
        let flat = blur(&[3.0; 240], shape);
        assert!(flat.iter().all(|value| (value - 3.0).abs() < 1e-5));
        let mut dot = [0.0; 240];
        dot[10 * 12 + 6] = 1.0;
        let blurred = blur(&dot, shape);
        let at = |y: usize, x: usize| blurred[y * 12 + x];
        assert!((blurred.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        assert!(at(10, 6) < 0.2 && at(10, 6) > at(11, 6) && at(11, 6) > at(12, 6));
        assert!((at(11, 6) - at(10, 7)).abs() < 1e-6, "the same both ways");
        assert_eq!(at(9, 6), at(11, 6));
    }

    #[test]
    fn baselines_are_those_of_each_picture() {
        let images = pictures();
        let of = |baseline: Baseline| baseline.pictures(&images, 5).expect("it fits").into_data();
        assert!(of(Baseline::Zero).iter().all(|&value| value == 0.0));
        let colour = of(Baseline::Colour(vec![1.0, 2.0, 3.0]));
        assert_eq!(
            [colour[0], colour[240], colour[480], colour[720]],
            [1.0, 2.0, 3.0, 1.0]
        );
        let means = of(Baseline::Mean);
        let expected = images.data()[240..480].iter().sum::<f32>() / 240.0;
        assert!((means[250] - expected).abs() < 1e-5);
        let noise = of(Baseline::Noise);
        assert_ne!(noise[..720], noise[720..]);
        assert!(noise.iter().all(|value| (0.0..=2.0).contains(value)));
        assert_eq!(noise, of(Baseline::Noise), "the same seed");
        let one = Tensor::new(vec![0.5; 720], [1, 3, 20, 12]).expect("the test's shape fits");
        assert_eq!(of(Baseline::Picture(one)), vec![0.5; 1440]);
        let other = Tensor::zeros(Shape::new(3, 3, 20, 12));
        assert!(Baseline::Picture(other).pictures(&images, 0).is_err());
        assert!(Baseline::Colour(vec![0.0]).pictures(&images, 0).is_err());
    }
}
