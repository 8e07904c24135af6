//! UMAP (McInnes, Healy and Melville 2018): a graph of neighbours, laid out by sampling its edges, which attract, and pairs
//! at random, which repel.

use super::affinity::{self, Sparse};
use super::neighbors::Neighbors;
use super::space::Space;
use super::tsne::natural_log;
use crate::engine::control::Control;
use crate::error::Result;
use crate::random::Random;

/// Pairs at random for each edge.
const NEGATIVES: usize = 5;

/// Greatest move along one axis at a time.
const CLIP: f32 = 4.0;

/// Moves between two looks at the control.
const MOVES_A_SLICE: usize = 100_000;

/// What can be chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Neighbours of a point, itself among them, from 2 to N.
    pub neighbors: usize,
    /// How close points may come in the map, from 0 to below 3.
    pub min_distance: f32,
    /// Steps in all, over which the rate of moves falls to zero.
    pub epochs: usize,
}

/// A layout under way.
#[derive(Debug, Clone)]
pub struct Umap {
    edges: Vec<Edge>,
    curve: Curve,
    places: Vec<[f32; 2]>,
    random: Random,
    epochs: usize,
    step: usize,
}

/// An edge with when it moves next.
#[derive(Debug, Clone, Copy)]
struct Edge {
    from: u32,
    to: u32,
    /// Epochs from one move to the next: the strongest edges move in every one.
    period: f32,
    next: f32,
    next_negative: f32,
}

/// w(d²) = 1 / (1 + a d²ᵇ), the similarity of two places in the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    /// The factor.
    pub a: f32,
    /// The exponent.
    pub b: f32,
}

impl Umap {
    /// A layout that starts at `start` (N × 2, row-major).
    ///
    /// # Errors
    /// `aborted`.
    pub async fn new(
        space: &Space,
        settings: Settings,
        start: &[f32],
        seed: u64,
        control: &Control,
    ) -> Result<Self> {
        let near = Neighbors::of(space, settings.neighbors - 1, control).await?;
        let graph = fuzzy_graph(&near, settings.neighbors, control).await?;
        Ok(Self {
            edges: edges(&graph, settings.epochs),
            curve: Curve::fitted(settings.min_distance),
            places: start.as_chunks::<2>().0.to_vec(),
            random: Random::new(seed),
            epochs: settings.epochs,
            step: 0,
        })
    }

    /// Steps taken.
    #[must_use]
    pub const fn steps(&self) -> usize {
        self.step
    }

    /// The map, row-major (N × 2).
    #[must_use]
    pub fn points(&self) -> Vec<f32> {
        self.places.concat()
    }

    /// Takes a step: an epoch, in which edges move as often as they are strong.
    ///
    /// # Errors
    /// `aborted`.
    pub async fn step(&mut self, control: &Control) -> Result<()> {
        let rate = (1.0 - self.step as f32 / self.epochs as f32).max(0.0);
        let now = self.step as f32;
        let mut moves = 0;
        for index in 0..self.edges.len() {
            let edge = self.edges[index];
            if edge.next > now {
                continue;
            }
            self.attract(edge, rate);
            let negative_period = edge.period / NEGATIVES as f32;
            let negatives = ((now - edge.next_negative) / negative_period)
                .floor()
                .max(0.0);
            for _ in 0..negatives as usize {
                self.repel(edge.from as usize, rate);
            }
            let edge = &mut self.edges[index];
            edge.next += edge.period;
            edge.next_negative += negatives * negative_period;
            moves += 1 + negatives as usize;
            if moves >= MOVES_A_SLICE {
                moves = 0;
                control.step().await?;
            }
        }
        self.step += 1;
        control.step().await
    }

    /// Draws the two ends of an edge together.
    fn attract(&mut self, edge: Edge, rate: f32) {
        let (from, to) = (edge.from as usize, edge.to as usize);
        let (here, there) = (self.places[from], self.places[to]);
        let square = square_between(here, there);
        if square <= 0.0 {
            return;
        }
        // d ln w / d(d²) = −a b d²⁽ᵇ⁻¹⁾ / (1 + a d²ᵇ)
        let Curve { a, b } = self.curve;
        let power = (b * natural_log(square)).exp();
        let pull = -2.0 * a * b * power / square / (1.0 + a * power);
        for axis in 0..2 {
            let shift = rate * (pull * (here[axis] - there[axis])).clamp(-CLIP, CLIP);
            self.places[from][axis] += shift;
            self.places[to][axis] -= shift;
        }
    }

    /// Pushes a point away from another at random.
    fn repel(&mut self, from: usize, rate: f32) {
        let other = self.random.below(self.places.len());
        if other == from {
            return;
        }
        let (here, there) = (self.places[from], self.places[other]);
        let square = square_between(here, there);
        // Points of one place have no direction to part in: copies stay together.
        if square <= 0.0 {
            return;
        }
        // d ln (1 − w) / d(d²) = b / (d² (1 + a d²ᵇ)), with d² kept from zero.
        let Curve { a, b } = self.curve;
        let power = (b * natural_log(square)).exp();
        let push = 2.0 * b / ((0.001 + square) * (1.0 + a * power));
        for axis in 0..2 {
            self.places[from][axis] +=
                rate * (push * (here[axis] - there[axis])).clamp(-CLIP, CLIP);
        }
    }
}

fn square_between(a: [f32; 2], b: [f32; 2]) -> f32 {
    let square = (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
    // Below the normal numbers the logarithm has no meaning.
    if square < f32::MIN_POSITIVE {
        0.0
    } else {
        square
    }
}

impl Curve {
    /// The curve that is nearest, by least squares over distances 0 to 3, to 1 up to `min_distance` and exp(`min_distance` − d)
    /// beyond: by Gauss–Newton with damping (Levenberg 1944).
    #[must_use]
    pub fn fitted(min_distance: f32) -> Self {
        let least = f64::from(min_distance);
        let samples: Vec<(f64, f64)> = (1..300)
            .map(|i| {
                let d = 3.0 * f64::from(i) / 299.0;
                (d, if d < least { 1.0 } else { (least - d).exp() })
            })
            .collect();
        let error = |a: f64, b: f64| -> f64 {
            samples
                .iter()
                .map(|&(d, wanted)| (1.0 / (1.0 + a * d.powf(2.0 * b)) - wanted).powi(2))
                .sum()
        };
        let (mut a, mut b, mut damping) = (1.0_f64, 1.0_f64, 1e-3);
        for _ in 0..200 {
            let (mut hessian, mut slope) = ([0.0; 3], [0.0; 2]);
            for &(d, wanted) in &samples {
                let power = d.powf(2.0 * b);
                let w = 1.0 / (1.0 + a * power);
                let (by_a, by_b) = (-w * w * power, -w * w * a * power * 2.0 * d.ln());
                slope[0] += by_a * (w - wanted);
                slope[1] += by_b * (w - wanted);
                hessian[0] += by_a * by_a;
                hessian[1] += by_a * by_b;
                hessian[2] += by_b * by_b;
            }
            let (haa, hbb) = (hessian[0] * (1.0 + damping), hessian[2] * (1.0 + damping));
            let determinant = haa * hbb - hessian[1] * hessian[1];
            let next_a = a - (hbb * slope[0] - hessian[1] * slope[1]) / determinant;
            let next_b = b - (haa * slope[1] - hessian[1] * slope[0]) / determinant;
            if next_a > 0.0 && next_b > 0.0 && error(next_a, next_b) < error(a, b) {
                (a, b, damping) = (next_a, next_b, damping / 3.0);
            } else {
                damping *= 4.0;
            }
        }
        Self {
            a: a as f32,
            b: b as f32,
        }
    }
}

/// The strength of every edge: 1 to the nearest neighbour, falling with the distance beyond so that strengths add up to
/// log₂ k, and the probabilistic union of both directions.
async fn fuzzy_graph(near: &Neighbors, neighbors: usize, control: &Control) -> Result<Sparse> {
    let count = near.indices.len() / near.each.max(1);
    let wanted = (neighbors as f64).log2();
    let distances: Vec<f64> = near.squares.iter().map(|&s| f64::from(s).sqrt()).collect();
    let overall = distances.iter().sum::<f64>() / distances.len().max(1) as f64;
    let mut strengths = vec![0.0_f64; near.indices.len()];
    for point in 0..count {
        let range = point * near.each..(point + 1) * near.each;
        let row = &distances[range.clone()];
        let nearest = row.iter().copied().find(|&d| d > 0.0).unwrap_or(0.0);
        let width = width_of(row, nearest, wanted, overall);
        for (strength, &distance) in strengths[range].iter_mut().zip(row) {
            *strength = fall(distance, nearest, width);
        }
        if point % 200 == 0 {
            control.step().await?;
        }
    }
    affinity::symmetric(near, control, |at, back| {
        let (there, back) = (strengths[at], back.map_or(0.0, |at| strengths[at]));
        (there + back - there * back) as f32
    })
    .await
}

fn fall(distance: f64, nearest: f64, width: f64) -> f64 {
    if distance <= nearest || width <= 0.0 {
        1.0
    } else {
        (-(distance - nearest) / width).exp()
    }
}

/// The width at which the strengths add up to `wanted`, kept above a thousandth of the mean distance.
fn width_of(distances: &[f64], nearest: f64, wanted: f64, overall: f64) -> f64 {
    let (mut low, mut high, mut width) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..64 {
        let sum: f64 = distances.iter().map(|&d| fall(d, nearest, width)).sum();
        if (sum - wanted).abs() < 1e-5 {
            break;
        }
        if sum > wanted {
            high = width;
            width = f64::midpoint(low, high);
        } else {
            low = width;
            width = if high.is_finite() {
                f64::midpoint(low, high)
            } else {
                width * 2.0
            };
        }
    }
    let own = distances.iter().sum::<f64>() / distances.len().max(1) as f64;
    width.max(1e-3 * if nearest > 0.0 { own } else { overall })
}

/// The edges that move at least once in all epochs.
#[allow(
    clippy::cast_possible_truncation,
    reason = "points are counted in 32 bits"
)]
fn edges(graph: &Sparse, epochs: usize) -> Vec<Edge> {
    let strongest = graph.values.iter().copied().fold(0.0, f32::max);
    let mut edges = Vec::new();
    for (from, range) in graph.starts.windows(2).enumerate() {
        for at in range[0] as usize..range[1] as usize {
            let period = strongest / graph.values[at];
            if period <= epochs as f32 {
                edges.push(Edge {
                    from: from as u32,
                    to: graph.others[at],
                    period,
                    next: period,
                    next_negative: period / NEGATIVES as f32,
                });
            }
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_that_of_umap_learn() {
        // umap-learn's find_ab_params(1, 0.1) and (1, 0.5), which fit the same samples.
        for (min_distance, a, b) in [(0.1, 1.576_943, 0.895_061), (0.5, 0.583_03, 1.334_167)] {
            let curve = Curve::fitted(min_distance);
            assert!((curve.a - a).abs() < 2e-3, "{curve:?}");
            assert!((curve.b - b).abs() < 2e-3, "{curve:?}");
        }
    }
}
