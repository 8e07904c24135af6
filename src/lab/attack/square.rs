//! The square attack: random squares, kept where they help, by the network's scores alone.

use super::iterative::{check_epsilon, check_steps};
use super::run::Run;
use super::space::{batch, row};
use super::{Bounds, EPSILON, Look, Victim, within};
use crate::error::Result;
use crate::random::Random;
use crate::tensor::{Shape, Tensor};

/// After how many of 10,000 steps the squares' area halves.
const HALVINGS: [usize; 9] = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

/// Andriushchenko et al. 2020, within L∞.
#[derive(Debug, Clone, PartialEq)]
pub struct Square {
    /// The greatest change of a value, from 0.
    pub epsilon: f32,
    /// Answers that are asked for, from 1.
    pub steps: usize,
    /// The share of the picture that the first squares cover, above 0 and at most 1.
    pub p_init: f32,
}

impl Default for Square {
    fn default() -> Self {
        Self {
            epsilon: EPSILON,
            steps: 5000,
            p_init: 0.8,
        }
    }
}

impl Square {
    pub(super) fn check(&self) -> Result<()> {
        check_epsilon(self.epsilon)?;
        check_steps(self.steps, None)?;
        within(
            "pInit",
            self.p_init,
            f32::MIN_POSITIVE..=1.0,
            "above 0, at most 1",
        )
    }

    /// The side of a step's square.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a side is a small number of pixels"
    )]
    fn side(&self, step: usize, picture: Shape) -> usize {
        let at = step * 10_000 / self.steps;
        let halved = HALVINGS.iter().filter(|&&after| at > after).count();
        let share = f64::from(self.p_init) / f64::from(1_u32 << halved);
        let side = (share * picture.plane() as f64).sqrt().round() as usize;
        side.clamp(1, picture.h().min(picture.w()).saturating_sub(1).max(1))
    }
}

pub(super) async fn square<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    settings: &Square,
) -> Result<Tensor> {
    let (count, shape) = (run.count(), run.picture());
    let mut best: Vec<Vec<f32>> = (0..count).map(|at| row(run.start, at).to_vec()).collect();
    let mut values = vec![f32::NEG_INFINITY; count];
    let mut success = vec![false; count];
    let mut randoms: Vec<Random> = (0..count).map(|picture| run.random(picture, 0)).collect();
    let mut active: Vec<usize> = (0..count).collect();
    for step in 0..settings.steps {
        let side = settings.side(step, shape);
        let rows: Vec<Vec<f32>> = (active.iter())
            .map(|&picture| {
                let (start, random) = (row(run.start, picture), &mut randoms[picture]);
                let mut candidate = best[picture].clone();
                if step == 0 {
                    stripes(&mut candidate, shape, settings.epsilon, random);
                } else {
                    lay(&mut candidate, shape, side, 2.0 * settings.epsilon, random);
                }
                keep(&mut candidate, start, settings.epsilon, run.bounds);
                candidate
            })
            .collect();
        let logits = run.logits(&active, &batch(&rows, shape)?).await?;
        let (margins, reached) = (run.margins(&active, &logits), run.reached(&active, &logits));
        for (at, &picture) in active.iter().enumerate() {
            run.steps[picture] += 1;
            if margins[at] > values[picture] {
                (values[picture], success[picture]) = (margins[at], reached[at]);
                best[picture].clone_from(&rows[at]);
            }
        }
        let pictures = batch(&best, shape)?;
        let look = || Look::new(step + 1, &pictures, success.clone(), &values);
        let goes_on = run.show(step + 1, settings.steps, look).await?;
        if run.early_stop {
            active.retain(|&picture| !success[picture]);
        }
        if active.is_empty() || !goes_on {
            break;
        }
    }
    batch(&best, shape)
}

fn coin(random: &mut Random) -> f32 {
    if random.below(2) == 0 { -1.0 } else { 1.0 }
}

/// Every column of every channel brighter or darker.
fn stripes(picture: &mut [f32], shape: Shape, size: f32, random: &mut Random) {
    for channel in 0..shape.c() {
        for x in 0..shape.w() {
            let change = size * coin(random);
            for y in 0..shape.h() {
                picture[channel * shape.plane() + y * shape.w() + x] += change;
            }
        }
    }
}

/// A square somewhere, each channel brighter or darker.
fn lay(picture: &mut [f32], shape: Shape, side: usize, size: f32, random: &mut Random) {
    let top = random.below(shape.h() - side.min(shape.h()) + 1);
    let left = random.below(shape.w() - side.min(shape.w()) + 1);
    for channel in 0..shape.c() {
        let change = size * coin(random);
        for y in top..(top + side).min(shape.h()) {
            for x in left..(left + side).min(shape.w()) {
                picture[channel * shape.plane() + y * shape.w() + x] += change;
            }
        }
    }
}

/// Brings a picture back into its budget and bounds.
fn keep(picture: &mut [f32], start: &[f32], epsilon: f32, bounds: &Bounds) {
    super::Norm::Linf.project(picture, start, epsilon);
    bounds.clamp(picture);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of a picture that a square covers is halved after 10, 50, 200, … of 10,000 steps, and that many times more
    /// slowly or quickly where there are more or fewer.
    #[test]
    fn squares_shrink_by_the_schedule_of_the_paper() {
        let picture = Shape::new(1, 1, 224, 224);
        let sides = |steps: usize, at: &[usize]| -> Vec<usize> {
            let square = Square {
                steps,
                ..Square::default()
            };
            at.iter().map(|&step| square.side(step, picture)).collect()
        };
        // The root of 0.8 · 224² / 2^k.
        let expected = [200, 142, 100, 71, 50, 35, 25, 18, 13, 9];
        let at = [10, 11, 51, 201, 501, 1001, 2001, 4001, 6001, 8001];
        assert_eq!(sides(10_000, &at), expected);
        assert_eq!(
            sides(1000, &[1, 2, 6, 21, 51, 101, 201, 401, 601, 801]),
            expected
        );
    }
}
