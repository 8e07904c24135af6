//! Where attacked pictures may lie: bounds, budgets, and how far they went.

use crate::error::{Error, Result};
use crate::random::Random;
use crate::tensor::{Shape, Tensor};

/// How far a value outside the bounds is taken for a rounded one, as a share of their distance.
const ROUNDING: f32 = 1e-5;

/// How far a value must go to count as changed, as a share of itself, or of 1 where it is smaller: rounding goes less far on
/// the way through the network's units and back, and budgets are kept as exactly.
const CHANGED: f32 = 1e-6;

/// The least and greatest value of each channel, infinite where there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    low: Vec<f32>,
    high: Vec<f32>,
}

impl Bounds {
    /// `[low, high]` for every channel; one number each stands for all of them.
    ///
    /// # Errors
    /// `bad_argument` for another number of channels, or if a least value is not below the greatest.
    pub fn new(low: &[f32], high: &[f32], channels: usize) -> Result<Self> {
        let spread = |name: &str, values: &[f32]| match *values {
            [one] => Ok(vec![one; channels]),
            _ if values.len() == channels => Ok(values.to_vec()),
            _ => Err(Error::bad_argument(format!(
                "attack: {name} has {} numbers; give one, or one for each of {channels} channels",
                values.len()
            ))),
        };
        let (low, high) = (spread("min", low)?, spread("max", high)?);
        match low
            .iter()
            .zip(&high)
            .find(|(low, high)| !matches!(low.partial_cmp(high), Some(std::cmp::Ordering::Less)))
        {
            Some((low, high)) => Err(Error::bad_argument(format!(
                "attack: min must be below max, not {low} and {high}"
            ))),
            None => Ok(Self { low, high }),
        }
    }

    /// Pixels from black to white.
    #[must_use]
    pub fn pixels(channels: usize) -> Self {
        Self {
            low: vec![0.0; channels],
            high: vec![1.0; channels],
        }
    }

    /// None at all.
    #[must_use]
    pub fn none(channels: usize) -> Self {
        Self {
            low: vec![f32::NEG_INFINITY; channels],
            high: vec![f32::INFINITY; channels],
        }
    }

    /// How many channels they are for.
    #[must_use]
    pub const fn channels(&self) -> usize {
        self.low.len()
    }

    /// Whether every channel has a least and a greatest value.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        (self.low.iter().chain(&self.high)).all(|bound| bound.is_finite())
    }

    /// The least and the greatest value of a channel.
    #[must_use]
    pub fn of(&self, channel: usize) -> [f32; 2] {
        [self.low[channel], self.high[channel]]
    }

    /// Refuses pictures (N, C, H, W) that lie outside.
    ///
    /// # Errors
    /// `bad_argument` with the value and the bounds.
    pub fn check(&self, pictures: &Tensor) -> Result<()> {
        let shape = pictures.activation_shape();
        for (index, plane) in pictures.data().chunks_exact(shape.plane()).enumerate() {
            let [low, high] = self.of(index % shape.c());
            let slack = if (high - low).is_finite() {
                (high - low) * ROUNDING
            } else {
                0.0
            };
            let beyond = |&&value: &&f32| value < low - slack || value > high + slack;
            if let Some(value) = plane.iter().find(beyond) {
                return Err(Error::bad_argument(format!(
                    "attack: the picture holds {value}, which lies outside min {low} and max {high}"
                )));
            }
        }
        Ok(())
    }

    /// Brings the values of one picture (C, H, W) within the bounds.
    pub fn clamp(&self, picture: &mut [f32]) {
        let plane = picture.len() / self.low.len();
        for (channel, values) in picture.chunks_exact_mut(plane).enumerate() {
            let [low, high] = self.of(channel);
            for value in values {
                *value = value.clamp(low, high);
            }
        }
    }
}

/// What a budget is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// The greatest change of a value.
    Linf,
    /// The root of the sum of squared changes.
    L2,
}

impl Norm {
    /// Its name as in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linf => "linf",
            Self::L2 => "l2",
        }
    }

    /// The longest step of length `size` along a gradient: sign(g), or g / ‖g‖₂; nothing where the gradient is 0.
    pub fn steepest(self, gradient: &[f32], size: f32) -> Vec<f32> {
        let factor = match self {
            Self::Linf => return gradient.iter().map(|&g| size * sign(g)).collect(),
            Self::L2 => match length(gradient) {
                0.0 => 0.0,
                length => f64::from(size) / length,
            },
        };
        scaled(gradient, factor)
    }

    /// Brings a picture within `epsilon` of where it started.
    pub fn project(self, picture: &mut [f32], start: &[f32], epsilon: f32) {
        match self {
            Self::Linf => {
                for (value, &start) in picture.iter_mut().zip(start) {
                    *value = start + (*value - start).clamp(-epsilon, epsilon);
                }
            }
            Self::L2 => {
                let change = difference(picture, start);
                let length = length(&change);
                if length > f64::from(epsilon) {
                    let change = scaled(&change, f64::from(epsilon) / length);
                    for ((value, start), change) in picture.iter_mut().zip(start).zip(change) {
                        *value = start + change;
                    }
                }
            }
        }
    }

    /// A change drawn evenly from all of at most `epsilon`.
    pub fn draw(self, random: &mut Random, len: usize, epsilon: f32) -> Vec<f32> {
        match self {
            Self::Linf => (0..len)
                .map(|_| epsilon * (2.0 * random.uniform() - 1.0))
                .collect(),
            Self::L2 => {
                let direction: Vec<f32> = (0..len).map(|_| random.normal()).collect();
                let share = f64::from(random.uniform()).powf(1.0 / len as f64);
                let factor = f64::from(epsilon) * share / length(&direction).max(f64::MIN_POSITIVE);
                scaled(&direction, factor)
            }
        }
    }
}

/// How far a picture is from where it started.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// Pixels that changed, in whatever channel, by more than rounding: 10⁻⁶, or that share of values beyond 1.
    pub l0: usize,
    /// The root of the sum of squared changes.
    pub l2: f64,
    /// The greatest change.
    pub linf: f64,
}

impl Distance {
    /// From `start` to `picture`, both (C, H, W) with planes of `plane` values.
    #[must_use]
    pub fn between(picture: &[f32], start: &[f32], plane: usize) -> Self {
        let changed = |pixel: usize| {
            (pixel..picture.len())
                .step_by(plane)
                .any(|at| (picture[at] - start[at]).abs() > CHANGED * start[at].abs().max(1.0))
        };
        let changes = (picture.iter().zip(start)).map(|(&a, &b)| f64::from(a) - f64::from(b));
        let (squares, linf) = changes.fold((0.0, 0f64), |(squares, most), change| {
            (squares + change * change, most.max(change.abs()))
        });
        Self {
            l0: (0..plane).filter(|&pixel| changed(pixel)).count(),
            l2: squares.sqrt(),
            linf,
        }
    }
}

/// −1, 0 or 1; that of no number is 0.
#[must_use]
pub fn sign(value: f32) -> f32 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// The Euclidean length, summed in f64.
#[must_use]
pub fn length(values: &[f32]) -> f64 {
    let squares = values.iter().map(|&value| f64::from(value).powi(2));
    squares.sum::<f64>().sqrt()
}

/// Value by value, a − b.
#[must_use]
pub fn difference(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// Each value times a factor, rounded once.
#[allow(
    clippy::cast_possible_truncation,
    reason = "computed in f64, returned as f32"
)]
#[must_use]
pub fn scaled(values: &[f32], factor: f64) -> Vec<f32> {
    (values
        .iter()
        .map(|&value| (f64::from(value) * factor) as f32))
    .collect()
}

/// The pictures of these indices, one after the other.
///
/// # Errors
/// None in practice; the signature is that of the tensor's constructor.
pub fn gather(pictures: &Tensor, indices: &[usize]) -> Result<Tensor> {
    let shape = pictures.activation_shape();
    let mut data = Vec::with_capacity(indices.len() * shape.picture());
    for &index in indices {
        data.extend_from_slice(row(pictures, index));
    }
    Tensor::from_shape(data, shape.with_n(indices.len()))
}

/// One picture of a batch.
#[must_use]
pub fn row(pictures: &Tensor, index: usize) -> &[f32] {
    let length = pictures.activation_shape().picture();
    &pictures.data()[index * length..(index + 1) * length]
}

/// One picture of a batch, to be changed.
pub fn row_mut(pictures: &mut Tensor, index: usize) -> &mut [f32] {
    let length = pictures.activation_shape().picture();
    &mut pictures.data_mut()[index * length..(index + 1) * length]
}

/// Rows of one length as a batch of pictures.
///
/// # Errors
/// `bad_argument` if their lengths do not fit.
pub fn batch(rows: &[Vec<f32>], picture: Shape) -> Result<Tensor> {
    Tensor::from_shape(rows.concat(), picture.with_n(rows.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projection_ends_on_the_ball_and_leaves_what_is_inside() {
        let start = [0.5, 0.5];
        let mut picture = [0.8, 0.1];
        Norm::L2.project(&mut picture, &start, 0.25);
        assert!((picture[0] - 0.65).abs() < 1e-6 && (picture[1] - 0.3).abs() < 1e-6);
        Norm::Linf.project(&mut picture, &start, 0.1);
        assert_eq!(picture, [0.6, 0.4]);
        let inside = picture;
        Norm::L2.project(&mut picture, &start, 0.2);
        assert_eq!(picture, inside);
    }

    #[test]
    fn draws_fill_the_ball_evenly() {
        let mut random = Random::new(3);
        let (mut inner, count) = (0, 2000);
        for _ in 0..count {
            let radius = length(&Norm::L2.draw(&mut random, 2, 1.0));
            assert!(radius <= 1.0 + 1e-6);
            inner += usize::from(radius < 0.5);
        }
        // A quarter of a disc lies within half its radius.
        assert!((400..600).contains(&inner), "{inner}");
        let change = Norm::Linf.draw(&mut random, 4096, 0.1);
        assert!(change.iter().all(|value| value.abs() <= 0.1));
        assert!(change.iter().any(|&value| value > 0.09));
    }

    #[test]
    fn distances_count_pixels_not_channels() {
        let start = [0.0; 8];
        let mut picture = start;
        picture[1] = 0.3;
        picture[5] = 0.4;
        let distance = Distance::between(&picture, &start, 4);
        assert_eq!(distance.l0, 1);
        assert!((distance.l2 - 0.5).abs() < 1e-6 && (distance.linf - 0.4).abs() < 1e-6);
    }

    #[test]
    fn what_rounding_moves_does_not_count_as_changed() {
        let moved = |value: f32, by: f32| Distance::between(&[value + by], &[value], 1).l0;
        assert_eq!([moved(0.5, 6e-8), moved(0.5, 2e-6)], [0, 1]);
        assert_eq!([moved(200.0, 3e-5), moved(200.0, 3e-4)], [0, 1]);
    }

    #[test]
    fn bounds_are_one_number_or_one_a_channel_and_refuse_what_lies_outside() {
        let bounds = Bounds::new(&[0.0], &[1.0, 2.0], 2).unwrap();
        assert_eq!(bounds.of(1), [0.0, 2.0]);
        assert!(Bounds::new(&[0.0, 0.0, 0.0], &[1.0], 2).is_err());
        assert!(Bounds::new(&[1.0], &[1.0], 2).is_err());
        let picture = Tensor::new(vec![0.5, 1.5], [1, 2, 1, 1]).unwrap();
        assert!(bounds.check(&picture).is_ok());
        let picture = Tensor::new(vec![1.5, 0.5], [1, 2, 1, 1]).unwrap();
        assert!(bounds.check(&picture).is_err());
    }
}
