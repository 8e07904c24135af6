//! Perturbations: what happens to pictures without anybody's malice. Each has one strength, and at 0 the picture stays as
//! it is; one draw (of noise, of a direction, of a place) serves all strengths, so that a curve over them is smooth.
//!
//! Pictures are in the units of [`super::attack`]: pixels from 0 to 1, or a tensor's own.

pub mod curve;
mod noise;
pub mod pixels;
mod space;

use super::attack::Bounds;
use super::filters::{Filter, Pixels};
use crate::error::{Error, Result};
use crate::picture::Channels;
use crate::random::Random;
use crate::tensor::{Shape, Tensor};

/// The kinds of perturbation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// x + s · n, n standard normal, for every value.
    Gaussian,
    /// x + u, u uniform in [−s, s], for every value.
    Uniform,
    /// A share s of the pixels becomes black or white.
    SaltPepper,
    /// A Gaussian blur of deviation s pixels.
    Blur,
    /// x + s.
    Brightness,
    /// m + (1 − s) (x − m), m the middle between black and white: at 1 all is grey, at −1 contrast is doubled.
    Contrast,
    /// The round trip through a JPEG file of quality 100 − s.
    Jpeg,
    /// Turned by s degrees, clockwise.
    Rotation,
    /// Moved by s pixels.
    Shift,
    /// A square over a share s of the picture's area.
    Occlusion,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Gaussian,
        Self::Uniform,
        Self::SaltPepper,
        Self::Blur,
        Self::Brightness,
        Self::Contrast,
        Self::Jpeg,
        Self::Rotation,
        Self::Shift,
        Self::Occlusion,
    ];

    /// The name that the API has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gaussian => "gaussian",
            Self::Uniform => "uniform",
            Self::SaltPepper => "salt_pepper",
            Self::Blur => "blur",
            Self::Brightness => "brightness",
            Self::Contrast => "contrast",
            Self::Jpeg => "jpeg",
            Self::Rotation => "rotation",
            Self::Shift => "shift",
            Self::Occlusion => "occlusion",
        }
    }

    /// The least and greatest strength that makes sense.
    #[must_use]
    pub const fn range(self) -> [f32; 2] {
        match self {
            Self::Gaussian | Self::Uniform | Self::Shift => [0.0, f32::INFINITY],
            Self::SaltPepper | Self::Occlusion => [0.0, 1.0],
            Self::Blur => [0.0, 100.0],
            Self::Jpeg => [0.0, 99.0],
            Self::Brightness => [f32::NEG_INFINITY, f32::INFINITY],
            Self::Contrast => [-10.0, 1.0],
            Self::Rotation => [-180.0, 180.0],
        }
    }

    /// Whether two draws differ.
    #[must_use]
    pub const fn is_random(self) -> bool {
        matches!(
            self,
            Self::Gaussian | Self::Uniform | Self::SaltPepper | Self::Shift | Self::Occlusion
        )
    }
}

/// A perturbation with all that it may be told, apart from its strength.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Its kind.
    pub method: Method,
    /// Black and white, channel by channel: what lies beyond becomes them. Where there is none, nothing is cut, and the least
    /// and greatest value of a picture count as black and white.
    pub bounds: Bounds,
    /// Which channels are red, green and blue, for JPEG files.
    pub channels: Option<Channels>,
    /// What a rotation or a shift uncovers, and what an occlusion is painted with; without it, the outermost pixels go on,
    /// and the square is the middle between black and white.
    pub fill: Option<f32>,
    /// The direction of a shift, in degrees clockwise from rightwards; drawn without it.
    pub angle: Option<f32>,
    /// The centre of an occlusion as shares of the picture's height and width; drawn without it.
    pub place: Option<[f32; 2]>,
}

impl Settings {
    /// `method` as the API has it by default, for values within `bounds`.
    #[must_use]
    pub const fn new(method: Method, bounds: Bounds) -> Self {
        Self {
            method,
            bounds,
            channels: None,
            fill: None,
            angle: None,
            place: None,
        }
    }

    /// Pictures (N, C, H, W), each by its own draw, the one of `seed` and `draw`.
    ///
    /// # Errors
    /// `bad_argument` for a strength out of the method's range.
    pub fn perturb(
        &self,
        pictures: &Tensor,
        strength: f32,
        seed: u64,
        draw: usize,
    ) -> Result<Tensor> {
        let shape = pictures.activation_shape();
        let mut data = Vec::with_capacity(shape.len());
        for (index, picture) in pictures.data().chunks_exact(shape.picture()).enumerate() {
            data.extend(self.picture(picture, shape, strength, &mut stream(seed, draw, index))?);
        }
        Tensor::from_shape(data, shape)
    }

    /// One picture (C, H, W) of a batch of `shape`.
    ///
    /// # Errors
    /// As [`Self::perturb`].
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a quality from 1 to 100"
    )]
    pub fn picture(
        &self,
        picture: &[f32],
        shape: Shape,
        strength: f32,
        random: &mut Random,
    ) -> Result<Vec<f32>> {
        self.check(strength)?;
        if strength == 0.0 {
            return Ok(picture.to_vec());
        }
        let extremes = self.extremes(picture, shape.plane());
        let middle = |channel: usize| f32::midpoint(extremes[channel][0], extremes[channel][1]);
        let mut values = match self.method {
            Method::Gaussian => noise::gaussian(picture, strength, random),
            Method::Uniform => noise::uniform(picture, strength, random),
            Method::SaltPepper => {
                noise::salt_pepper(picture, shape.plane(), strength, &extremes, random)
            }
            Method::Blur => self.filtered(Filter::Gaussian { sigma: strength }, picture, shape)?,
            Method::Jpeg => {
                let quality = (100.0 - strength).round().clamp(1.0, 100.0) as u32;
                self.filtered(Filter::Jpeg { quality }, picture, shape)?
            }
            Method::Brightness => picture.iter().map(|value| value + strength).collect(),
            Method::Contrast => picture
                .iter()
                .enumerate()
                .map(|(index, value)| {
                    let middle = middle(index / shape.plane());
                    middle + (1.0 - strength) * (value - middle)
                })
                .collect(),
            Method::Rotation => space::rotated(picture, shape, strength, self.fill),
            Method::Shift => {
                let angle = random.uniform() * 360.0;
                let angle = self.angle.unwrap_or(angle);
                space::shifted(picture, shape, strength, angle, self.fill)
            }
            Method::Occlusion => {
                let chance = [random.uniform(), random.uniform()];
                let paint: Vec<f32> = (0..shape.c())
                    .map(|channel| self.fill.unwrap_or_else(|| middle(channel)))
                    .collect();
                space::occluded(picture, shape, strength, self.place, chance, &paint)
            }
        };
        self.bounds.clamp(&mut values);
        Ok(values)
    }

    /// One picture as a filter leaves it.
    fn filtered(&self, filter: Filter, picture: &[f32], shape: Shape) -> Result<Vec<f32>> {
        let extremes = self.extremes(picture, shape.plane());
        let side = |side: usize| extremes.iter().map(|extremes| extremes[side]).collect();
        let pixels = Pixels {
            low: side(0),
            high: side(1),
            channels: self.channels,
        };
        // A picture of one value has no black and white to filter between.
        if pixels
            .low
            .iter()
            .zip(&pixels.high)
            .any(|(low, high)| low >= high)
        {
            return Ok(picture.to_vec());
        }
        let one = Tensor::from_shape(picture.to_vec(), shape.with_n(1))?;
        Ok(filter.apply(&one, &pixels, 0)?.into_data())
    }

    /// Refuses a strength out of the method's range.
    ///
    /// # Errors
    /// `bad_argument` with the range.
    pub fn check(&self, strength: f32) -> Result<()> {
        let [least, most] = self.method.range();
        if strength.is_finite() && (least..=most).contains(&strength) {
            return Ok(());
        }
        let range = match (least.is_finite(), most.is_finite()) {
            (true, true) => format!("from {least} to {most}"),
            (true, false) => format!("a finite number from {least}"),
            _ => "a finite number".to_owned(),
        };
        Err(Error::bad_argument(format!(
            "the strength of \"{}\" must be {range}, not {strength}",
            self.method.name()
        )))
    }

    /// Black and white in each channel of a picture.
    fn extremes(&self, picture: &[f32], plane: usize) -> Vec<[f32; 2]> {
        let channels = picture.chunks_exact(plane).enumerate();
        channels
            .map(|(channel, values)| {
                let [low, high] = self.bounds.of(channel);
                let least = values.iter().copied().fold(f32::INFINITY, f32::min);
                let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                [
                    if low.is_finite() { low } else { least },
                    if high.is_finite() { high } else { most },
                ]
            })
            .collect()
    }
}

/// The draws of one picture.
fn stream(seed: u64, draw: usize, picture: usize) -> Random {
    let which = (draw as u64) << 32 ^ picture as u64;
    Random::new(
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ which.wrapping_mul(0xd1b5_4a32_d192_ed03),
    )
}
