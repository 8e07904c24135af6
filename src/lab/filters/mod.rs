//! Filters that change a picture a little: defences that take small perturbations out of it, and perturbations themselves.
//! All work on pixels from 0 to 1, and on any units through [`Pixels`].

mod jpeg;
mod median;
mod random_resize;
mod total_variation;

use super::synthesis::matrices::{apply, gaussian, transposed};
use crate::error::{Error, Result};
use crate::picture::{Channels, Preprocess};
use crate::tensor::{Shape, Tensor};

pub use jpeg::jpeg;
pub use median::median;
pub use random_resize::Placement;
pub use total_variation::total_variation;

/// One filter with its settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Filter {
    /// Rounds to 2^`bits` levels (Xu, Evans and Qi 2018).
    BitDepth {
        /// Bits of a channel, 1 to 8.
        bits: u32,
    },
    /// The median of `size` × `size` pixels (Xu, Evans and Qi 2018).
    Median {
        /// The window's side, 2 to 15.
        size: usize,
    },
    /// A Gaussian blur.
    Gaussian {
        /// Its deviation in pixels, above 0.
        sigma: f32,
    },
    /// The round trip through a baseline JPEG file (Das et al. 2017).
    Jpeg {
        /// 1 to 100.
        quality: u32,
    },
    /// The picture with the least ½ ‖u − f‖² + weight · TV(u) (Rudin, Osher and Fatemi 1992).
    TotalVariation {
        /// Of the total variation, above 0.
        weight: f32,
        /// Iterations of Chambolle's projection.
        steps: usize,
    },
    /// Shrunk to a random size and put on a black ground at a random place (Xie et al. 2018).
    RandomResize {
        /// The least size as a share of the picture's, above 0 and at most 1.
        scale: f32,
    },
}

/// What pixels are in a picture's own units.
#[derive(Debug, Clone, PartialEq)]
pub struct Pixels {
    /// Black, channel by channel.
    pub low: Vec<f32>,
    /// White, channel by channel; above black.
    pub high: Vec<f32>,
    /// Which channels are red, green and blue, where some are.
    pub channels: Option<Channels>,
}

impl Pixels {
    /// Those of pictures from 0 to 1.
    #[must_use]
    pub fn unit(count: usize, channels: Option<Channels>) -> Self {
        Self {
            low: vec![0.0; count],
            high: vec![1.0; count],
            channels,
        }
    }

    /// Those of a network's model space.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "model space is f32; the rule is exact to f64 before that"
    )]
    pub fn of_model(rule: &Preprocess) -> Self {
        let level = |unit: f64| {
            let channels = rule.mean.iter().zip(&rule.std);
            channels
                .map(|(mean, std)| ((unit - mean) / std) as f32)
                .collect()
        };
        Self {
            low: level(0.0),
            high: level(1.0),
            channels: Some(rule.channels),
        }
    }

    /// Pictures (N, C, H, W) in these units with a rule for what they are from 0 to 1.
    fn filtered(
        &self,
        pictures: &Tensor,
        mut rule: impl FnMut(usize, &[f32], Shape) -> Vec<f32>,
    ) -> Result<Tensor> {
        let shape = pictures.activation_shape();
        if shape.c() != self.low.len() || shape.is_empty() {
            return Err(Error::bad_image(format!(
                "filters take pictures [N, {}, H, W] here, not {:?}",
                self.low.len(),
                pictures.shape()
            )));
        }
        let span = |channel: usize| (self.low[channel], self.high[channel] - self.low[channel]);
        let mut data = Vec::with_capacity(shape.len());
        for (index, picture) in pictures.data().chunks_exact(shape.picture()).enumerate() {
            let unit: Vec<f32> = per_channel(picture, shape, |channel, value| {
                (value - span(channel).0) / span(channel).1
            });
            let changed = rule(index, &unit, shape.with_n(1));
            data.extend(per_channel(&changed, shape, |channel, value| {
                span(channel).0 + value * span(channel).1
            }));
        }
        Tensor::from_shape(data, shape)
    }
}

impl Filter {
    /// Whether it draws, so that each seed gives another picture.
    #[must_use]
    pub const fn is_random(self) -> bool {
        matches!(self, Self::RandomResize { .. })
    }

    /// Whether [`Self::pull`] is its true gradient; else it passes gradients straight through.
    #[must_use]
    pub const fn is_linear(self) -> bool {
        matches!(self, Self::Gaussian { .. } | Self::RandomResize { .. })
    }

    /// Pictures (N, C, H, W) as the filter leaves them; of random ones each picture has a draw of its own from `seed`.
    ///
    /// # Errors
    /// `bad_image` for another number of channels than the pixels have.
    pub fn apply(self, pictures: &Tensor, pixels: &Pixels, seed: u64) -> Result<Tensor> {
        pixels.filtered(pictures, |index, picture, shape| {
            let size = [shape.h(), shape.w()];
            let by_plane = |rule: &dyn Fn(&[f32]) -> Vec<f32>| {
                picture.chunks_exact(shape.plane()).flat_map(rule).collect()
            };
            match self {
                Self::BitDepth { bits } => picture.iter().map(|&v| bit_depth(v, bits)).collect(),
                Self::Median { size: window } => by_plane(&|plane| median(plane, size, window)),
                Self::Gaussian { sigma } => {
                    let [left, right] = size.map(|extent| gaussian(extent, sigma));
                    apply(picture, size, &left, &right)
                }
                Self::Jpeg { quality } => jpeg(picture, size, pixels.channels, quality),
                Self::TotalVariation { weight, steps } => {
                    by_plane(&|plane| total_variation(plane, size, weight, steps))
                }
                Self::RandomResize { scale } => {
                    Placement::draw(size, scale, seed, index).apply(picture)
                }
            }
        })
    }

    /// Gradients to the filtered pictures as gradients to the pictures: through the transposed matrices where the filter is
    /// linear, else as they are, as if it changed nothing (BPDA, Athalye, Carlini and Wagner 2018). `seed` is that of
    /// [`Self::apply`].
    ///
    /// # Errors
    /// None in practice: a gradient keeps its extents.
    pub fn pull(self, gradient: &Tensor, seed: u64) -> Result<Tensor> {
        let shape = gradient.activation_shape();
        let size = [shape.h(), shape.w()];
        let pictures = gradient.data().chunks_exact(shape.picture().max(1));
        let pulled = match self {
            Self::Gaussian { sigma } => {
                let [left, right] = size.map(|extent| transposed(&gaussian(extent, sigma), extent));
                apply(gradient.data(), size, &left, &right)
            }
            Self::RandomResize { scale } => pictures
                .enumerate()
                .flat_map(|(index, one)| Placement::draw(size, scale, seed, index).pull(one))
                .collect(),
            _ => return Ok(gradient.clone()),
        };
        Tensor::from_shape(pulled, shape)
    }
}

/// A value from 0 to 1 as the nearest of 2^`bits` levels.
#[must_use]
pub fn bit_depth(value: f32, bits: u32) -> f32 {
    let steps = 2f32.powi(bits.cast_signed()) - 1.0;
    (value.clamp(0.0, 1.0) * steps).round_ties_even() / steps
}

/// The values of one picture with their channel.
fn per_channel(picture: &[f32], shape: Shape, rule: impl Fn(usize, f32) -> f32) -> Vec<f32> {
    let planes = picture.chunks_exact(shape.plane()).enumerate();
    planes
        .flat_map(|(channel, plane)| plane.iter().map(move |&value| (channel, value)))
        .map(|(channel, value)| rule(channel, value))
        .collect()
}
