//! Where the object is, in one picture and without a network: what differs from a plain ground, or, without one, in colour
//! from the picture's left, right and upper border, and reaches its middle.
//!
//! As in GrabCut (Rother, Kolmogorov, Blake 2004), both sides get a mixture of Gaussians over colour and are told apart
//! again by them, a few times. The cut is found as the minimum of its convex relaxation, weighted total variation plus the
//! log likelihood ratio (Chan, Esedoglu, Nikolova 2006), by the primal–dual method of Chambolle and Pock (2011); what is
//! above 1/2 of a minimum is a minimum itself.

use super::mixture::Mixture;
use super::pixels::Picture;
use crate::engine::control::Control;
use crate::error::Result;
use crate::tensor::{Shape, Tensor};

/// A ground is plain if this share of the outermost pixels is within [`SAME`] of their median.
const PLAIN: f32 = 0.5;

/// Brightness that counts as the same.
const SAME: f32 = 0.04;

/// How far from a plain ground the object is.
const CONTRAST: f32 = 0.08;

/// The border's width as a share of the shorter side.
const BORDER: f32 = 0.06;

/// How much the height in the picture counts beside colour: skies and floors change with it.
const HEIGHT: f64 = 0.3;

/// How much nearer the middle is to the object than the border, in nats from the centre to the middle of a side.
const CENTRE: f32 = 2.5;

/// The distance from the centre, 1 at the middle of a side, where place alone says nothing.
const NEUTRAL: f32 = 0.7;

/// The most that one pixel's colour says, in nats.
const CLIP: f32 = 3.0;

/// What a pixel of boundary costs, in nats, where neighbours have the same colour, in a picture of [`SIDE`] pixels; less in a
/// smaller one, whose objects have more boundary for their area.
const SMOOTH: f32 = 5.0;

/// The shorter side of a picture with that cost.
const SIDE: f32 = 224.0;

/// The share of that cost that is left across the strongest edges.
const LEAST_COST: f32 = 0.05;

/// Rounds of fitting and cutting.
const ROUNDS: usize = 4;

/// Steps of the primal–dual method a round.
const STEPS: usize = 100;

/// Both step sizes; their product times the gradient's squared norm, 8, is below 1.
const STEP: f32 = 0.35;

/// Colours are fitted to at most so many pixels, evenly taken.
const SAMPLES: usize = 6_000;

/// Parts with less than this share of the greatest part's weight, which falls from the middle, are left out.
const LEAST_PART: f32 = 0.15;

/// Holes up to this share of the picture are filled.
const HOLE: f32 = 0.015;

/// 1 where the object is and 0 elsewhere, (N, 1, H, W), of pictures (N, C, H, W) with brightness from 0 to 1.
///
/// # Errors
/// `aborted`.
pub async fn foreground(pictures: &Tensor, control: &Control) -> Result<Tensor> {
    let shape = pictures.activation_shape();
    let mut mask = Vec::with_capacity(shape.n() * shape.plane());
    for values in pictures.data().chunks_exact(shape.picture().max(1)) {
        let picture = Picture {
            values,
            height: shape.h(),
            width: shape.w(),
        };
        let found = match off_ground(&picture) {
            Some(found) => found,
            None => cut(&picture, control).await?,
        };
        mask.extend(
            tidied(&found, shape.h(), shape.w())
                .iter()
                .map(|&inside| f32::from(u8::from(inside))),
        );
    }
    Tensor::from_shape(mask, Shape::new(shape.n(), 1, shape.h(), shape.w()))
}

/// What differs from a plain ground; `None` without one.
fn off_ground(picture: &Picture<'_>) -> Option<Vec<bool>> {
    let (height, width) = (picture.height, picture.width);
    let is_outermost = |i: &usize| {
        let (row, column) = (i / width, i % width);
        row == 0 || column == 0 || row + 1 == height || column + 1 == width
    };
    let frame: Vec<usize> = (0..picture.plane()).filter(is_outermost).collect();
    let ground: Vec<f32> = picture
        .planes()
        .map(|plane| {
            let values: Vec<f64> = frame.iter().map(|&i| f64::from(plane[i])).collect();
            #[allow(clippy::cast_possible_truncation, reason = "it was an f32")]
            let middle = median(&values) as f32;
            middle
        })
        .collect();
    let differs = |i: usize, by: f32| {
        let mut channels = picture.planes().zip(&ground);
        channels.any(|(plane, ground)| (plane[i] - ground).abs() > by)
    };
    let same = frame.iter().filter(|&&i| !differs(i, SAME)).count();
    (same as f32 >= PLAIN * frame.len() as f32)
        .then(|| (0..picture.plane()).map(|i| differs(i, CONTRAST)).collect())
}

/// Colour in up to three channels, and the height in the picture.
type Point = [f64; 4];

async fn cut(picture: &Picture<'_>, control: &Control) -> Result<Vec<bool>> {
    let (height, width) = (picture.height, picture.width);
    let points = points(picture);
    let distance = distances(height, width);
    let smooth = SMOOTH * (height.min(width) as f32 / SIDE).sqrt().min(1.0);
    let side = on_border(height, width);
    let border: Vec<f64> = side.iter().map(|&on| f64::from(u8::from(on))).collect();
    let beyond = fitted(&points, &border);
    let densities: Vec<f64> = points
        .iter()
        .map(|point| beyond.log_density(point))
        .collect();
    let middle = median(&densities);
    // At first the object is what is near the middle and improbable at the border.
    let mut inside: Vec<f64> = densities
        .iter()
        .zip(&distance)
        .map(|(density, &r)| {
            let near = (-0.5 * f64::from(r / 0.5).powi(2)).exp();
            near / (1.0 + ((density - middle) / 2.0).exp())
        })
        .collect();
    let mut outside: Vec<f64> = border
        .iter()
        .zip(&distance)
        .map(|(on, &r)| on + f64::from(u8::from(r > 0.95)))
        .collect();
    let mut relaxed = Relaxed::new(
        picture,
        distance
            .iter()
            .map(|&r| f32::from(u8::from(r < NEUTRAL)))
            .collect(),
    );
    for _ in 0..ROUNDS {
        let (object, ground) = (fitted(&points, &inside), fitted(&points, &outside));
        control.step().await?;
        let gain: Vec<f32> = points
            .iter()
            .zip(&distance)
            .map(|(point, &r)| {
                let ratio = object.log_density(point) - ground.log_density(point);
                #[allow(clippy::cast_possible_truncation, reason = "clipped to a few nats")]
                let ratio = (ratio as f32).clamp(-CLIP, CLIP);
                (ratio + CENTRE * (NEUTRAL - r)) / smooth
            })
            .collect();
        control.step().await?;
        relaxed.minimize(&gain);
        control.step().await?;
        inside = relaxed
            .u
            .iter()
            .map(|&u| f64::from(u8::from(u > 0.5)))
            .collect();
        outside = inside.iter().map(|inside| 1.0 - inside).collect();
    }
    Ok(relaxed.u.iter().map(|&u| u > 0.5).collect())
}

fn points(picture: &Picture<'_>) -> Vec<Point> {
    let planes: Vec<&[f32]> = picture.planes().take(3).collect();
    (0..picture.plane())
        .map(|i| {
            let mut point = [0.0; 4];
            for (coordinate, plane) in point.iter_mut().zip(&planes) {
                *coordinate = f64::from(plane[i]);
            }
            point[3] = HEIGHT * ((i / picture.width) as f64 + 0.5) / picture.height as f64;
            point
        })
        .collect()
}

/// The distance of each pixel from the centre, 1 at the middle of a side.
fn distances(height: usize, width: usize) -> Vec<f32> {
    let at = |i: usize, extent: usize| (i as f32 + 0.5) / extent as f32 * 2.0 - 1.0;
    (0..height * width)
        .map(|i| at(i / width, height).hypot(at(i % width, width)))
        .collect()
}

/// The left, right and upper border: objects stand on the lower one.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of the extents"
)]
fn on_border(height: usize, width: usize) -> Vec<bool> {
    let by = ((height.min(width) as f32 * BORDER).round() as usize).max(1);
    let on = |i: usize| i / width < by || i % width < by || i % width + by >= width;
    (0..height * width).map(on).collect()
}

/// The mixture of the pixels by weight, fitted to an even part of them.
fn fitted(points: &[Point], weights: &[f64]) -> Mixture<4> {
    let step = points.len().div_ceil(SAMPLES);
    let some: Vec<Point> = points.iter().copied().step_by(step).collect();
    // Every pixel counts a little, so that a side without any pixel has a mixture too.
    let their: Vec<f64> = weights
        .iter()
        .step_by(step)
        .map(|weight| weight + 1e-6)
        .collect();
    Mixture::fit(&some, &their)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// min over u in [0, 1] of Σ wₓ|∂ₓu| + w_y|∂_yu| − Σ gain · u.
struct Relaxed {
    u: Vec<f32>,
    /// The dual variable of each difference, to the right and down.
    dual: [Vec<f32>; 2],
    /// What a boundary there costs.
    cost: [Vec<f32>; 2],
    height: usize,
    width: usize,
}

impl Relaxed {
    fn new(picture: &Picture<'_>, start: Vec<f32>) -> Self {
        let (height, width) = (picture.height, picture.width);
        let mut squares = [vec![0.0_f32; picture.plane()], vec![0.0; picture.plane()]];
        for plane in picture.planes() {
            for i in 0..plane.len() {
                if i % width + 1 < width {
                    squares[0][i] += (plane[i + 1] - plane[i]).powi(2);
                }
                if i / width + 1 < height {
                    squares[1][i] += (plane[i + width] - plane[i]).powi(2);
                }
            }
        }
        let mean = squares.iter().flatten().sum::<f32>() / (2 * picture.plane()) as f32 + 1e-8;
        let cost = squares.map(|squares| {
            let cost =
                |square: f32| LEAST_COST + (1.0 - LEAST_COST) * (-square / (2.0 * mean)).exp();
            squares.into_iter().map(cost).collect()
        });
        Self {
            dual: [vec![0.0; start.len()], vec![0.0; start.len()]],
            u: start,
            cost,
            height,
            width,
        }
    }

    fn minimize(&mut self, gain: &[f32]) {
        let (height, width) = (self.height, self.width);
        let mut ahead = self.u.clone();
        let [right, down] = &mut self.dual;
        for _ in 0..STEPS {
            for i in 0..ahead.len() {
                if i % width + 1 < width {
                    let cost = self.cost[0][i];
                    right[i] = (right[i] + STEP * (ahead[i + 1] - ahead[i])).clamp(-cost, cost);
                }
                if i / width + 1 < height {
                    let cost = self.cost[1][i];
                    down[i] = (down[i] + STEP * (ahead[i + width] - ahead[i])).clamp(-cost, cost);
                }
            }
            for i in 0..ahead.len() {
                let left = if i % width > 0 { right[i - 1] } else { 0.0 };
                let above = if i >= width { down[i - width] } else { 0.0 };
                let divergence = right[i] - left + down[i] - above;
                let next = (self.u[i] + STEP * (divergence + gain[i])).clamp(0.0, 1.0);
                ahead[i] = 2.0 * next - self.u[i];
                self.u[i] = next;
            }
        }
    }
}

/// The parts near the middle, with small holes filled.
fn tidied(mask: &[bool], height: usize, width: usize) -> Vec<bool> {
    let distance = distances(height, width);
    let parts = parts(mask, height, width);
    let weight = |part: &Vec<usize>| -> f32 {
        part.iter()
            .map(|&i| (-2.0 * distance[i].powi(2)).exp())
            .sum()
    };
    let weights: Vec<f32> = parts.iter().map(weight).collect();
    let most = weights.iter().copied().fold(0.0, f32::max);
    let mut tidy = vec![false; mask.len()];
    for (part, _) in parts
        .iter()
        .zip(&weights)
        .filter(|(_, weight)| **weight >= LEAST_PART * most)
    {
        for &i in part {
            tidy[i] = true;
        }
    }
    let ground: Vec<bool> = tidy.iter().map(|inside| !inside).collect();
    for hole in self::parts(&ground, height, width) {
        let touches = hole.iter().any(|&i| {
            let (row, column) = (i / width, i % width);
            row == 0 || column == 0 || row + 1 == height || column + 1 == width
        });
        if !touches && hole.len() as f32 <= HOLE * mask.len() as f32 {
            for i in hole {
                tidy[i] = true;
            }
        }
    }
    tidy
}

/// The pixels of each part of the mask that is connected over edges.
fn parts(mask: &[bool], height: usize, width: usize) -> Vec<Vec<usize>> {
    let mut seen = vec![false; mask.len()];
    let mut parts = Vec::new();
    for start in 0..mask.len() {
        let mut part = Vec::new();
        let mut open = vec![start];
        while let Some(i) = open.pop() {
            if !mask[i] || std::mem::replace(&mut seen[i], true) {
                continue;
            }
            part.push(i);
            if i >= width {
                open.push(i - width);
            }
            if i + width < height * width {
                open.push(i + width);
            }
            if i % width > 0 {
                open.push(i - 1);
            }
            if i % width + 1 < width {
                open.push(i + 1);
            }
        }
        if !part.is_empty() {
            parts.push(part);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn found(values: Vec<f32>, channels: usize, height: usize, width: usize) -> Vec<f32> {
        let picture = Tensor::new(values, [1, channels, height, width]).unwrap();
        pollster::block_on(foreground(&picture, &Control::new()))
            .unwrap()
            .into_data()
    }

    #[test]
    fn a_disc_on_a_noisy_ground_is_found_to_its_edge() {
        let (height, width) = (60, 64);
        let mut random = Random::new(5);
        let mut values = vec![0.0; 3 * height * width];
        let is_disc = |i: usize| {
            let (y, x) = ((i / width) as f32 - 32.0, (i % width) as f32 - 30.0);
            y * y + x * x < 15.0 * 15.0
        };
        for (i, pixel) in (0..height * width).map(|i| {
            (
                i,
                if is_disc(i) {
                    [0.8, 0.4, 0.2]
                } else {
                    [0.3, 0.5, 0.4]
                },
            )
        }) {
            for (channel, value) in pixel.into_iter().enumerate() {
                values[channel * height * width + i] = value + 0.08 * random.normal();
            }
        }
        let mask = found(values, 3, height, width);
        let wrong = (0..mask.len())
            .filter(|&i| (mask[i] > 0.5) != is_disc(i))
            .count();
        assert!(wrong < 40, "{wrong} of {} pixels are wrong", mask.len());
    }

    #[test]
    fn a_grey_object_on_black_is_found_and_an_even_picture_does_no_harm() {
        let mut values = vec![0.0; 28 * 28];
        for row in 6..24 {
            values[row * 28 + 8..row * 28 + 20].fill(0.7);
        }
        let mask = found(values.clone(), 1, 28, 28);
        let wrong = mask
            .iter()
            .zip(&values)
            .filter(|(m, v)| (**m > 0.5) != (**v > 0.5))
            .count();
        assert!(wrong <= 8, "{wrong} pixels are wrong");
        let even = found(vec![0.5; 28 * 28], 1, 28, 28);
        assert!(even.iter().all(|value| *value == 0.0 || *value == 1.0));
    }

    #[test]
    fn small_parts_and_small_holes_go() {
        let width = 20;
        let mut mask = vec![false; 20 * width];
        for row in 5..15 {
            mask[row * width + 5..row * width + 15].fill(true);
        }
        mask[10 * width + 10] = false;
        mask[width + 1] = true;
        let tidy = tidied(&mask, 20, width);
        assert!(tidy[10 * width + 10] && !tidy[width + 1]);
        assert_eq!(tidy.iter().filter(|&&inside| inside).count(), 100);
    }
}
