//! Pictures as numbers to optimise: nodes that turn numbers into pictures, and pictures into numbers to start from.

use super::matrices::{apply, cosine, narrow, resize, transposed};
use super::settings::{Parametrization, Range, Settings};
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::net::objective::Feeds;
use crate::ops::activation::{Activation, Function};
use crate::ops::binary::Binary;
use crate::ops::conv2d::{Conv2d, Geometry};
use crate::ops::linear::Linear;
use crate::ops::reshape::{Reshape, Transpose};
use crate::random::Random;
use crate::tensor::{Shape, Tensor};

/// Directions in which the colours of photographs vary, as columns for red, green and blue: the square root of their
/// correlation (Olah et al. 2017, supplement).
const COLOURS: [[f32; 3]; 3] = [[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]];

/// A network's mean level is taken to be at least this far from white and black.
const MEAN_MARGIN: f32 = 0.05;

/// Shares of white and black that a picture keeps away from, where the sigmoid has no inverse.
const MARGIN: f32 = 0.004;

/// A network's rule for pixels in [0, 1]: it takes (pixel − mean) / std.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalization {
    /// One number a channel.
    pub mean: Vec<f32>,
    /// One number a channel.
    pub std: Vec<f32>,
    /// Whether channels run from blue to red.
    pub blue_first: bool,
}

impl Normalization {
    /// For a network that takes pixels in [0, 1] as they are.
    #[must_use]
    pub fn none(channels: usize) -> Self {
        Self {
            mean: vec![0.0; channels],
            std: vec![1.0; channels],
            blue_first: false,
        }
    }
}

/// A way from numbers to pictures (N, C, H, W) in model space and back.
#[derive(Debug)]
pub struct Coding<'a> {
    settings: &'a Settings,
    rule: &'a Normalization,
    shape: Shape,
}

/// A picture as nodes.
#[derive(Debug, Clone, Copy)]
pub struct Decoded {
    /// In model space.
    pub picture: NodeId,
    /// Before the sigmoid and the normalisation.
    pub raw: NodeId,
}

impl<'a> Coding<'a> {
    /// For pictures of that shape.
    pub const fn new(settings: &'a Settings, rule: &'a Normalization, shape: Shape) -> Self {
        Self {
            settings,
            rule,
            shape,
        }
    }

    /// The shapes of the optimised tensors.
    pub fn shapes(&self) -> Vec<Shape> {
        match self.settings.parametrization {
            Parametrization::Pixel | Parametrization::Fourier { .. } => vec![self.shape],
            Parametrization::Pyramid { levels } => (0..levels)
                .map(|level| {
                    let [n, c, h, w] = self.shape.0;
                    Shape::new(n, c, h.div_ceil(1 << level), w.div_ceil(1 << level))
                })
                .collect(),
        }
    }

    /// Appends the nodes from `values`, which have [`Self::shapes`], to the picture.
    pub fn decode(
        &self,
        graph: &mut Graph,
        values: &[NodeId],
        feeds: &mut Feeds,
    ) -> Result<Decoded> {
        let [_, channels, height, width] = self.shape.0;
        let mut raw = match self.settings.parametrization {
            Parametrization::Pixel => values[0],
            Parametrization::Fourier { decay } => {
                let scale = feed(
                    graph,
                    feeds,
                    "spectrum",
                    Shape::new(1, 1, height, width),
                    spectrum_scale([height, width], decay),
                )?;
                let scaled = graph.push(Binary::MUL, &[values[0], scale])?;
                let left = transposed(&cosine(height), height);
                let right = transposed(&cosine(width), width);
                along_both(graph, feeds, "cosine", scaled, [left, right])?
            }
            Parametrization::Pyramid { .. } => {
                let mut sum = values[0];
                for (level, &value) in values.iter().enumerate().skip(1) {
                    let shape = graph.shape(value);
                    let matrices = [resize(shape.h(), height), resize(shape.w(), width)];
                    let grown =
                        along_both(graph, feeds, &format!("level{level}"), value, matrices)?;
                    sum = graph.push(Binary::ADD, &[sum, grown])?;
                }
                sum
            }
        };
        if self.is_decorrelated() {
            let weight = feed(
                graph,
                feeds,
                "colours",
                Shape::new(3, 3, 1, 1),
                self.colours().concat(),
            )?;
            let op = Conv2d::plain(Geometry {
                stride: [1, 1],
                padding: [0, 0, 0, 0].into(),
                dilation: [1, 1],
                groups: 1,
            });
            raw = graph.push(op, &[raw, weight])?;
        }
        let picture = match self.settings.range {
            Range::Free => raw,
            Range::Sigmoid => {
                let function = Function::Sigmoid;
                let per_channel = Shape::channels(channels);
                let centre = feed(graph, feeds, "centre", per_channel, self.centres())?;
                let centred = graph.push(Binary::ADD, &[raw, centre])?;
                let pixels = graph.push(Activation { function }, &[centred])?;
                let slope = self.rule.std.iter().map(|std| 1.0 / std).collect();
                let slope = feed(graph, feeds, "slope", per_channel, slope)?;
                let shift = self.rule.mean.iter().zip(&self.rule.std);
                let shift = shift.map(|(mean, std)| -mean / std).collect();
                let shift = feed(graph, feeds, "shift", per_channel, shift)?;
                let scaled = graph.push(Binary::MUL, &[pixels, slope])?;
                graph.push(Binary::ADD, &[scaled, shift])?
            }
        };
        Ok(Decoded { picture, raw })
    }

    /// What is added before the sigmoid, one number a channel, so that zeros give the network's mean level.
    fn centres(&self) -> Vec<f32> {
        if let Some(background) = self.settings.background {
            return vec![logit(background.clamp(MARGIN, 1.0 - MARGIN)); self.rule.mean.len()];
        }
        let means = self.rule.mean.iter();
        means
            .map(|&mean| match mean {
                // A rule that subtracts nothing says nothing of the mean.
                0.0 => 0.0,
                mean => logit(mean.clamp(MEAN_MARGIN, 1.0 - MEAN_MARGIN)),
            })
            .collect()
    }

    /// The picture of zeros in model space, one number a channel.
    pub fn grey(&self) -> Vec<f32> {
        let rule = self.rule.mean.iter().zip(&self.rule.std);
        rule.zip(self.centres())
            .map(|((mean, std), centre)| (1.0 / (1.0 + (-centre).exp()) - mean) / std)
            .collect()
    }

    /// The numbers that give a picture (N, C, H, W) in model space.
    pub fn encode(&self, picture: &Tensor) -> Vec<Vec<f32>> {
        let plane = self.shape.plane();
        let mut raw = picture.data().to_vec();
        if self.settings.range == Range::Sigmoid {
            let planes = raw.chunks_exact_mut(plane);
            let rule = self.rule.mean.iter().zip(&self.rule.std).cycle();
            let centres = self.centres();
            for ((values, (mean, std)), centre) in planes.zip(rule).zip(centres.iter().cycle()) {
                for value in values {
                    let pixel = (*value * std + mean).clamp(MARGIN, 1.0 - MARGIN);
                    *value = logit(pixel) - centre;
                }
            }
        }
        if self.is_decorrelated() {
            let inverse = inverted(self.colours().map(|row| row.map(f64::from)));
            for picture in raw.chunks_exact_mut(3 * plane) {
                for pixel in 0..plane {
                    let old: [f32; 3] = std::array::from_fn(|c| picture[c * plane + pixel]);
                    for (channel, row) in inverse.iter().enumerate() {
                        let products = row.iter().zip(old).map(|(a, b)| a * f64::from(b));
                        picture[channel * plane + pixel] = narrow(products.sum());
                    }
                }
            }
        }
        let [_, _, height, width] = self.shape.0;
        let mut values: Vec<Vec<f32>> = self
            .shapes()
            .iter()
            .map(|shape| vec![0.0; shape.len()])
            .collect();
        values[0] = match self.settings.parametrization {
            Parametrization::Pixel | Parametrization::Pyramid { .. } => raw,
            Parametrization::Fourier { decay } => {
                let scale = spectrum_scale([height, width], decay);
                let mut spectrum = apply(&raw, [height, width], &cosine(height), &cosine(width));
                for plane in spectrum.chunks_exact_mut(plane) {
                    plane
                        .iter_mut()
                        .zip(&scale)
                        .for_each(|(value, scale)| *value /= scale);
                }
                spectrum
            }
        };
        values
    }

    /// Noise around `level`, in the optimised numbers.
    pub fn noise(&self, seed: u64) -> Vec<Vec<f32>> {
        let mut random = Random::new(seed);
        let shapes = self.shapes();
        shapes
            .iter()
            .map(|shape| {
                (0..shape.len())
                    .map(|_| self.settings.noise * random.normal())
                    .collect()
            })
            .collect()
    }

    fn is_decorrelated(&self) -> bool {
        self.settings.decorrelate && self.shape.c() == 3
    }

    /// From decorrelated to the network's channels; the largest direction has norm 1.
    fn colours(&self) -> [[f32; 3]; 3] {
        let norm = |column: usize| {
            COLOURS
                .iter()
                .map(|row| row[column].powi(2))
                .sum::<f32>()
                .sqrt()
        };
        let largest = (0..3).map(norm).fold(0.0, f32::max);
        let mut matrix = COLOURS.map(|row| row.map(|value| value / largest));
        if self.rule.blue_first {
            matrix.reverse();
        }
        matrix
    }
}

/// The name of a feed of a step.
pub fn named(name: &str) -> String {
    format!("synthesis.{name}")
}

/// Appends a feed with its values.
pub fn feed(
    graph: &mut Graph,
    feeds: &mut Feeds,
    name: &str,
    shape: Shape,
    values: Vec<f32>,
) -> Result<NodeId> {
    let name = named(name);
    let node = graph.feed(&name, shape)?;
    feeds.push((name, values));
    Ok(node)
}

/// Appends L · x · Rᵀ for each plane of x, the matrices as feeds called after `name`.
pub fn along_both(
    graph: &mut Graph,
    feeds: &mut Feeds,
    name: &str,
    x: NodeId,
    [left, right]: [Vec<f32>; 2],
) -> Result<NodeId> {
    let [n, c, h, w] = graph.shape(x).0;
    let (rows, columns) = (left.len() / h, right.len() / w);
    let left = feed(
        graph,
        feeds,
        &format!("{name}.rows"),
        Shape::new(rows, h, 1, 1),
        left,
    )?;
    let right = feed(
        graph,
        feeds,
        &format!("{name}.columns"),
        Shape::new(columns, w, 1, 1),
        right,
    )?;
    let reshape = |graph: &mut Graph, x: NodeId, extents: [usize; 4]| {
        let shape = Shape(extents);
        graph.push(Reshape { shape }, &[x])
    };
    let flat = reshape(graph, x, [n * c * h, w, 1, 1])?;
    let wide = graph.push(Linear, &[flat, right])?;
    let planes = reshape(graph, wide, [n * c, h, columns, 1])?;
    let turned = graph.push(Transpose, &[planes])?;
    let flat = reshape(graph, turned, [n * c * columns, h, 1, 1])?;
    let tall = graph.push(Linear, &[flat, left])?;
    let planes = reshape(graph, tall, [n * c, columns, rows, 1])?;
    let turned = graph.push(Transpose, &[planes])?;
    reshape(graph, turned, [n, c, rows, columns])
}

/// What a coefficient of the cosine transform is multiplied by: 1 / 4 f^decay, f in waves a pixel, at least one a picture.
#[allow(clippy::cast_precision_loss, reason = "extents of pictures are small")]
fn spectrum_scale([height, width]: [usize; 2], decay: f32) -> Vec<f32> {
    let least = 1.0 / height.max(width) as f32;
    let frequency = |index: usize, length: usize| index as f32 / (2 * length) as f32;
    (0..height * width)
        .map(|index| {
            let f = frequency(index / width, height).hypot(frequency(index % width, width));
            0.25 / f.max(least).powf(decay)
        })
        .collect()
}

/// The inverse of the sigmoid.
fn logit(share: f32) -> f32 {
    (share / (1.0 - share)).ln()
}

/// The inverse of a 3 × 3 matrix, by cofactors.
pub fn inverted(m: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let minor = |row: usize, column: usize| {
        let (a, b) = ((row + 1) % 3, (row + 2) % 3);
        let (c, d) = ((column + 1) % 3, (column + 2) % 3);
        m[a][c] * m[b][d] - m[a][d] * m[b][c]
    };
    let determinant: f64 = (0..3).map(|column| m[0][column] * minor(0, column)).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| minor(column, row) / determinant))
}
