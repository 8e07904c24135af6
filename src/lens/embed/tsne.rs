//! t-SNE (van der Maaten and Hinton 2008): a map in which points that belong together attract each other and all repel each
//! other, found by descending the divergence KL(P ‖ Q) step by step.

use super::affinity::{self, Dense, LANES, Sparse};
use super::quadtree::Quadtree;
use super::space::Space;
use crate::engine::control::Control;
use crate::error::Result;

/// [`Settings::exact_points`] unless there is a reason.
pub const EXACT_POINTS: usize = 2000;

/// Steps with exaggerated attraction at the beginning.
pub const EXAGGERATED_STEPS: usize = 250;

/// Momentum during those steps and after them.
const MOMENTUM: [f32; 2] = [0.5, 0.8];

/// Side over distance below which a group of points counts as far, as in scikit-learn.
const ANGLE: f32 = 0.5;

/// Exact pairs, or points of a tree, between two looks at the control.
const PAIRS_A_SLICE: usize = 8_000_000;
const WALKS_A_SLICE: usize = 1000;

/// What can be chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The effective number of neighbours of a point, at least 1 and below N − 1.
    pub perplexity: f32,
    /// The factor on attraction in the first [`EXAGGERATED_STEPS`] steps, at least 1.
    pub early_exaggeration: f32,
    /// The size of a step; max(N / (4 · exaggeration), 50) if `None`, as in scikit-learn.
    pub learning_rate: Option<f32>,
    /// Most points whose forces are all computed; for more, far groups count as one (van der Maaten 2014).
    pub exact_points: usize,
}

/// A descent under way.
#[derive(Debug, Clone)]
pub struct Tsne {
    affinities: Affinities,
    settings: Settings,
    learning_rate: f32,
    count: usize,
    /// Coordinates by axis, padded to whole lanes with places so far off that nothing comes from there.
    places: [Vec<f32>; 2],
    update: [Vec<f32>; 2],
    gains: [Vec<f32>; 2],
    gradient: [Vec<f32>; 2],
    tree: Quadtree,
    step: usize,
}

#[derive(Debug, Clone)]
enum Affinities {
    Dense(Dense),
    Sparse(Sparse),
}

/// Where padding lies: its square is finite, its reciprocal next to nothing.
const FAR: f32 = 1e18;

impl Tsne {
    /// A descent that starts at `start` (N × 2, row-major).
    ///
    /// # Errors
    /// `aborted`.
    pub async fn new(
        space: &Space,
        settings: Settings,
        start: &[f32],
        control: &Control,
    ) -> Result<Self> {
        let count = space.count();
        let affinities = if count <= settings.exact_points {
            Affinities::Dense(affinity::dense(space, settings.perplexity, control).await?)
        } else {
            Affinities::Sparse(affinity::sparse(space, settings.perplexity, control).await?)
        };
        let padded = count.next_multiple_of(LANES);
        let places = [0, 1].map(|axis| {
            let mut places: Vec<f32> = start.iter().skip(axis).step_by(2).copied().collect();
            places.resize(padded, FAR);
            places
        });
        let automatic = (count as f32 / settings.early_exaggeration / 4.0).max(50.0);
        Ok(Self {
            affinities,
            settings,
            learning_rate: settings.learning_rate.unwrap_or(automatic),
            count,
            places,
            update: [vec![0.0; count], vec![0.0; count]],
            gains: [vec![1.0; count], vec![1.0; count]],
            gradient: [vec![0.0; count], vec![0.0; count]],
            tree: Quadtree::default(),
            step: 0,
        })
    }

    /// Steps taken.
    #[must_use]
    pub const fn steps(&self) -> usize {
        self.step
    }

    /// Takes a step: gradient descent with momentum and a gain for each coordinate (Jacobs 1988).
    ///
    /// # Errors
    /// `aborted`.
    pub async fn step(&mut self, control: &Control) -> Result<()> {
        let is_early = self.step < EXAGGERATED_STEPS;
        let exaggeration = if is_early {
            self.settings.early_exaggeration
        } else {
            1.0
        };
        if self.step == EXAGGERATED_STEPS {
            // The second stage starts at rest, as in scikit-learn.
            self.update.iter_mut().for_each(|axis| axis.fill(0.0));
            self.gains.iter_mut().for_each(|axis| axis.fill(1.0));
        }
        self.differentiate(exaggeration, control).await?;
        let momentum = MOMENTUM[usize::from(!is_early)];
        for axis in 0..2 {
            let moving = self.places[axis].iter_mut().zip(&mut self.update[axis]);
            let slopes = self.gradient[axis].iter().zip(&mut self.gains[axis]);
            for ((place, update), (slope, gain)) in moving.zip(slopes) {
                let is_turning = *update * slope >= 0.0;
                *gain = if is_turning {
                    (*gain * 0.8).max(0.01)
                } else {
                    *gain + 0.2
                };
                *update = momentum * *update - self.learning_rate * *gain * slope;
                *place += *update;
            }
        }
        self.step += 1;
        control.step().await
    }

    /// The map, row-major (N × 2).
    #[must_use]
    pub fn points(&self) -> Vec<f32> {
        interleaved(&self.places, self.count)
    }

    /// The gradient of the divergence at the current map, row-major (N × 2): 4 Σ_j (P_ij − Q_ij) w_ij (y_i − y_j).
    ///
    /// # Errors
    /// `aborted`.
    pub async fn gradient(&mut self, control: &Control) -> Result<Vec<f32>> {
        self.differentiate(1.0, control).await?;
        Ok(interleaved(&self.gradient, self.count))
    }

    /// The affinities of all pairs (N × N, row-major).
    #[must_use]
    pub fn joint_probabilities(&self) -> Vec<f32> {
        let count = self.count;
        let mut all = vec![0.0; count * count];
        for (point, row) in all.chunks_exact_mut(count).enumerate() {
            match &self.affinities {
                Affinities::Dense(dense) => {
                    row.copy_from_slice(&dense.values[point * dense.stride..][..count]);
                }
                Affinities::Sparse(sparse) => {
                    for (other, value) in sparse.row(point) {
                        row[other] = value;
                    }
                }
            }
        }
        all
    }

    /// The divergence Σ P ln (P / Q) at the current map, in nats.
    ///
    /// # Errors
    /// `aborted`.
    pub async fn kl(&mut self, control: &Control) -> Result<f64> {
        // ln Q = −ln (1 + d²) − ln Z, and P sums to 1.
        let (mut cross, mut total) = (0.0_f64, 0.0_f64);
        match &self.affinities {
            Affinities::Dense(dense) => {
                let slice = (PAIRS_A_SLICE / 4 / dense.stride).max(1);
                let (xs, ys) = (self.places[0].as_chunks().0, self.places[1].as_chunks().0);
                for (point, row) in dense.values.chunks_exact(dense.stride).enumerate() {
                    let place = [self.places[0][point], self.places[1][point]];
                    let (part, weights) = divergence_of(place, row.as_chunks().0, xs, ys);
                    cross += part;
                    total += weights;
                    if point % slice == 0 {
                        control.step().await?;
                    }
                }
                total -= self.count as f64;
            }
            Affinities::Sparse(sparse) => {
                let (xs, ys) = (&self.places[0][..self.count], &self.places[1][..self.count]);
                self.tree.build(xs, ys, ANGLE);
                let mut stack = Vec::new();
                for point in 0..self.count {
                    for (other, value) in sparse.row(point) {
                        let square =
                            (xs[point] - xs[other]).powi(2) + (ys[point] - ys[other]).powi(2);
                        if value > 0.0 {
                            cross += f64::from(value) * f64::from((value * (1.0 + square)).ln());
                        }
                    }
                    total += self.tree.repulsion(xs[point], ys[point], &mut stack).0;
                    if point % WALKS_A_SLICE == 0 {
                        control.step().await?;
                    }
                }
            }
        }
        Ok(cross + total.ln())
    }

    /// Writes the gradient with attraction multiplied by `exaggeration`.
    async fn differentiate(&mut self, exaggeration: f32, control: &Control) -> Result<()> {
        let [xs, ys] = &self.places;
        let mut total = 0.0_f64;
        let mut repulsion = vec![[0.0_f32; 2]; self.count];
        match &self.affinities {
            Affinities::Dense(dense) => {
                let slice = (PAIRS_A_SLICE / dense.stride).max(1);
                let lanes = (xs.as_chunks().0, ys.as_chunks().0);
                for (point, row) in dense.values.chunks_exact(dense.stride).enumerate() {
                    let place = [xs[point], ys[point]];
                    let forces = forces_on(place, row.as_chunks().0, lanes.0, lanes.1);
                    total += f64::from(forces.weights) - 1.0;
                    repulsion[point] = forces.repulsion;
                    self.gradient[0][point] = forces.attraction[0];
                    self.gradient[1][point] = forces.attraction[1];
                    if point % slice == slice - 1 {
                        control.step().await?;
                    }
                }
            }
            Affinities::Sparse(sparse) => {
                self.tree.build(&xs[..self.count], &ys[..self.count], ANGLE);
                let mut stack = Vec::new();
                for (point, force) in repulsion.iter_mut().enumerate() {
                    let (weights, repelled) = self.tree.repulsion(xs[point], ys[point], &mut stack);
                    total += weights;
                    *force = repelled;
                    let mut attraction = [0.0_f32; 2];
                    for (other, value) in sparse.row(point) {
                        let (dx, dy) = (xs[point] - xs[other], ys[point] - ys[other]);
                        let pull = value / (1.0 + dx * dx + dy * dy);
                        attraction[0] += pull * dx;
                        attraction[1] += pull * dy;
                    }
                    self.gradient[0][point] = attraction[0];
                    self.gradient[1][point] = attraction[1];
                    if point % WALKS_A_SLICE == WALKS_A_SLICE - 1 {
                        control.step().await?;
                    }
                }
            }
        }
        // Q_ij = w_ij / Z with Z the sum over all pairs.
        let share = (1.0 / total.max(f64::MIN_POSITIVE)) as f32;
        for axis in 0..2 {
            for (slope, force) in self.gradient[axis].iter_mut().zip(&repulsion) {
                *slope = 4.0 * (exaggeration * *slope - share * force[axis]);
            }
        }
        Ok(())
    }
}

impl Sparse {
    /// The entries of a point.
    fn row(&self, point: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let range = self.starts[point] as usize..self.starts[point + 1] as usize;
        let others = self.others[range.clone()].iter();
        others
            .zip(&self.values[range])
            .map(|(&other, &value)| (other as usize, value))
    }
}

/// Axes as pairs.
fn interleaved(axes: &[Vec<f32>; 2], count: usize) -> Vec<f32> {
    let pairs = axes[0].iter().zip(&axes[1]).take(count);
    pairs.flat_map(|(&x, &y)| [x, y]).collect()
}

/// What acts on one point, with w = 1 / (1 + d²) for each other.
struct Forces {
    /// Σ w, the point itself among them.
    weights: f32,
    /// Σ P w (y_i − y_j).
    attraction: [f32; 2],
    /// Σ w² (y_i − y_j).
    repulsion: [f32; 2],
}

fn forces_on(
    place: [f32; 2],
    affinities: &[[f32; LANES]],
    xs: &[[f32; LANES]],
    ys: &[[f32; LANES]],
) -> Forces {
    let [w, ax, ay, rx, ry] =
        force_lanes(place, affinities, xs, ys).map(|lanes| lanes.iter().sum());
    Forces {
        weights: w,
        attraction: [ax, ay],
        repulsion: [rx, ry],
    }
}

/// The sums of [`Forces`] in lanes that run side by side. Apart, so that they leave through memory: seeing how they are added
/// up afterwards, the compiler would not vectorise the loop, which then takes ten times as long.
#[inline(never)]
fn force_lanes(
    place: [f32; 2],
    affinities: &[[f32; LANES]],
    xs: &[[f32; LANES]],
    ys: &[[f32; LANES]],
) -> [[f32; LANES]; 5] {
    let mut sums = [[0.0; LANES]; 5];
    for ((p, x), y) in affinities.iter().zip(xs).zip(ys) {
        for lane in 0..LANES {
            let dx = place[0] - x[lane];
            let dy = place[1] - y[lane];
            let weight = 1.0 / (1.0 + dx * dx + dy * dy);
            let (pull, push) = (p[lane] * weight, weight * weight);
            sums[0][lane] += weight;
            sums[1][lane] += pull * dx;
            sums[2][lane] += pull * dy;
            sums[3][lane] += push * dx;
            sums[4][lane] += push * dy;
        }
    }
    sums
}

/// One point's part of Σ P ln (P (1 + d²)), and its Σ w with itself.
fn divergence_of(
    place: [f32; 2],
    affinities: &[[f32; LANES]],
    xs: &[[f32; LANES]],
    ys: &[[f32; LANES]],
) -> (f64, f64) {
    let lanes = divergence_lanes(place, affinities, xs, ys);
    let [cross, weights] = lanes.map(|lanes| lanes.iter().map(|&v| f64::from(v)).sum());
    (cross, weights)
}

/// The sums of [`divergence_of`] in lanes, apart for the same reason as [`force_lanes`].
#[inline(never)]
fn divergence_lanes(
    place: [f32; 2],
    affinities: &[[f32; LANES]],
    xs: &[[f32; LANES]],
    ys: &[[f32; LANES]],
) -> [[f32; LANES]; 2] {
    let mut sums = [[0.0; LANES]; 2];
    for ((p, x), y) in affinities.iter().zip(xs).zip(ys) {
        for lane in 0..LANES {
            let dx = place[0] - x[lane];
            let dy = place[1] - y[lane];
            let stretched = 1.0 + dx * dx + dy * dy;
            // P ln P is nothing where P is nothing.
            let ratio = p[lane].max(f32::MIN_POSITIVE) * stretched;
            sums[0][lane] += p[lane] * natural_log(ratio);
            sums[1][lane] += 1.0 / stretched;
        }
    }
    sums
}

/// ln x of a positive, normal number within 2e-7 relative to max(|ln x|, 1), written so that the compiler can compute several
/// side by side: x = 2^e m with m in [2/3, 4/3), and ln m = 2 artanh((m − 1) / (m + 1)) by its series.
#[inline]
#[allow(
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the bits of a number, taken apart"
)]
pub(super) fn natural_log(x: f32) -> f32 {
    /// The bits of 2/3.
    const LOWEST: i32 = 0x3f2a_aaab;
    let bits = x.to_bits() as i32;
    let exponent = (bits - LOWEST) >> 23;
    let m = f32::from_bits((bits - (exponent << 23)) as u32);
    let z = (m - 1.0) / (m + 1.0);
    let square = z * z;
    let series = 1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0)));
    exponent as f32 * std::f32::consts::LN_2 + 2.0 * z * series
}
