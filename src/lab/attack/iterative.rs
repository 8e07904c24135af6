//! Steps along the gradient of the cross-entropy: FGSM, PGD and MI-FGSM.

use super::run::Run;
use super::space::{gather, row, row_mut, scaled};
use super::{Attack, EPSILON, Look, MOST_STEPS, Norm, Victim, counted, within};
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// x₀ + ε · sign(∇ loss) (Goodfellow, Shlens and Szegedy 2015).
#[derive(Debug, Clone, PartialEq)]
pub struct Fgsm {
    /// The greatest change of a value, from 0.
    pub epsilon: f32,
}

impl Default for Fgsm {
    fn default() -> Self {
        Self { epsilon: EPSILON }
    }
}

/// Projected gradient ascent (Madry et al. 2018; without random starts, BIM of Kurakin, Goodfellow and Bengio 2017).
#[derive(Debug, Clone, PartialEq)]
pub struct Pgd {
    /// The budget, from 0.
    pub epsilon: f32,
    /// What it is measured in.
    pub norm: Norm,
    /// Steps, from 1.
    pub steps: usize,
    /// The length of a step; ε / 30 if not given.
    pub step_size: Option<f32>,
    /// Runs, of which each picture keeps the best; those after the first start at random.
    pub restarts: usize,
    /// Whether the first run starts at random, too.
    pub random_start: bool,
}

impl Default for Pgd {
    fn default() -> Self {
        Self {
            epsilon: EPSILON,
            norm: Norm::Linf,
            steps: 40,
            step_size: None,
            restarts: 1,
            random_start: false,
        }
    }
}

/// Steps along a running mean of gradients (Dong et al. 2018): m ← μ · m + g / ‖g‖₁, x ← x + α · sign(m).
#[derive(Debug, Clone, PartialEq)]
pub struct MiFgsm {
    /// The greatest change of a value, from 0.
    pub epsilon: f32,
    /// Steps, from 1.
    pub steps: usize,
    /// α; ε / steps if not given.
    pub step_size: Option<f32>,
    /// μ, from 0.
    pub momentum: f32,
}

impl Default for MiFgsm {
    fn default() -> Self {
        Self {
            epsilon: EPSILON,
            steps: 10,
            step_size: None,
            momentum: 1.0,
        }
    }
}

impl Fgsm {
    pub(super) fn check(&self) -> Result<()> {
        check_epsilon(self.epsilon)
    }
}

impl Pgd {
    pub(super) fn check(&self) -> Result<()> {
        check_epsilon(self.epsilon)?;
        check_steps(self.steps, self.step_size)?;
        counted("restarts", self.restarts, 1, 1000)
    }
}

impl MiFgsm {
    pub(super) fn check(&self) -> Result<()> {
        check_epsilon(self.epsilon)?;
        check_steps(self.steps, self.step_size)?;
        within(
            "momentum",
            self.momentum,
            0.0..=1000.0,
            "a number from 0 to 1000",
        )
    }
}

pub(super) fn check_epsilon(epsilon: f32) -> Result<()> {
    within("epsilon", epsilon, 0.0..=f32::MAX, "a number from 0")
}

pub(super) fn check_steps(steps: usize, step_size: Option<f32>) -> Result<()> {
    counted("steps", steps, 1, MOST_STEPS)?;
    step_size.map_or(Ok(()), |size| {
        within(
            "stepSize",
            size,
            f32::MIN_POSITIVE..=f32::MAX,
            "a number above 0",
        )
    })
}

/// What the three have in common.
struct Course<'s> {
    /// For each of the run's pictures.
    epsilon: &'s [f32],
    /// For each of the run's pictures.
    step_size: Vec<f32>,
    steps: usize,
    norm: Norm,
    momentum: f32,
    /// Steps of all restarts.
    total: usize,
}

/// Each picture with a budget of its own, in place of the attack's.
pub(super) async fn with_budgets<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    attack: &Attack,
    epsilon: &[f32],
) -> Result<Tensor> {
    match attack {
        Attack::Fgsm(_) => fgsm(run, epsilon).await,
        Attack::Pgd(settings) => pgd(run, settings, epsilon).await,
        Attack::MiFgsm(settings) => mi_fgsm(run, settings, epsilon).await,
        other => Err(Error::bad_argument(format!(
            "smallestEpsilon: {} has no budget to be searched; take fgsm, pgd or mi_fgsm",
            other.method().name()
        ))),
    }
}

async fn fgsm<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    epsilon: &[f32],
) -> Result<Tensor> {
    let course = Course {
        epsilon,
        step_size: epsilon.to_vec(),
        steps: 1,
        norm: Norm::Linf,
        momentum: 0.0,
        total: 1,
    };
    course.ascend_all(run).await
}

async fn mi_fgsm<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    settings: &MiFgsm,
    epsilon: &[f32],
) -> Result<Tensor> {
    let share = |epsilon: &f32| {
        settings
            .step_size
            .unwrap_or(epsilon / settings.steps as f32)
    };
    let course = Course {
        epsilon,
        step_size: epsilon.iter().map(share).collect(),
        steps: settings.steps,
        norm: Norm::Linf,
        momentum: settings.momentum,
        total: settings.steps,
    };
    course.ascend_all(run).await
}

async fn pgd<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    settings: &Pgd,
    epsilon: &[f32],
) -> Result<Tensor> {
    let share = |epsilon: &f32| settings.step_size.unwrap_or(epsilon / 30.0);
    let course = Course {
        epsilon,
        step_size: epsilon.iter().map(share).collect(),
        steps: settings.steps,
        norm: settings.norm,
        momentum: 0.0,
        total: settings.steps * settings.restarts,
    };
    if settings.restarts == 1 && !settings.random_start {
        return course.ascend_all(run).await;
    }
    let mut best = run.start.clone();
    let mut values = vec![f32::NEG_INFINITY; run.count()];
    let mut open: Vec<usize> = (0..run.count()).collect();
    for restart in 0..settings.restarts {
        let mut pictures = gather(run.start, &open)?;
        if restart > 0 || settings.random_start {
            for (at, &picture) in open.iter().enumerate() {
                let mut random = run.random(picture, restart);
                let len = run.picture().len();
                let change = course.norm.draw(&mut random, len, epsilon[picture]);
                course.go(run, picture, row_mut(&mut pictures, at), &change);
            }
        }
        let goes_on = course
            .ascend(run, &open, &mut pictures, restart * settings.steps, &best)
            .await?;
        if settings.restarts == 1 {
            return Ok(pictures);
        }
        // A picture keeps the run that succeeds, or comes nearest to it.
        let end = run.climb(&open, &pictures).await?;
        let reached = run.reached(&open, &end.logits);
        for (at, &picture) in open.iter().enumerate() {
            if reached[at] || end.values[at] > values[picture] {
                values[picture] = end.values[at];
                row_mut(&mut best, picture).copy_from_slice(row(&pictures, at));
            }
        }
        let still = open.iter().zip(&reached).filter(|(_, reached)| !**reached);
        open = still.map(|(&picture, _)| picture).collect();
        if open.is_empty() || !goes_on {
            break;
        }
    }
    Ok(best)
}

impl Course<'_> {
    /// Ascends from where the pictures start, with all of them.
    async fn ascend_all<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
        &self,
        run: &mut Run<'_, V, F>,
    ) -> Result<Tensor> {
        let all: Vec<usize> = (0..run.count()).collect();
        let mut pictures = run.start.clone();
        let start = run.start;
        self.ascend(run, &all, &mut pictures, 0, start).await?;
        Ok(pictures)
    }

    /// Moves `pictures`, each the one of `of` in the same place, after `done` steps of earlier restarts; `shown` stands for
    /// those that are not among them. Returns whether to go on.
    async fn ascend<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
        &self,
        run: &mut Run<'_, V, F>,
        of: &[usize],
        pictures: &mut Tensor,
        done: usize,
        shown: &Tensor,
    ) -> Result<bool> {
        let mut moments = vec![Vec::new(); of.len()];
        let (mut success, mut values) = (vec![true; run.count()], vec![0.0; run.count()]);
        let mut active: Vec<usize> = (0..of.len()).collect();
        for step in 0..self.steps {
            let moved: Vec<usize> = active.iter().map(|&at| of[at]).collect();
            let climb = run.climb(&moved, &gather(pictures, &active)?).await?;
            let reached = run.reached(&moved, &climb.logits);
            for (index, &picture) in moved.iter().enumerate() {
                (success[picture], values[picture]) = (reached[index], climb.values[index]);
            }
            let look = || {
                let mut all = shown.clone();
                for (at, &picture) in of.iter().enumerate() {
                    row_mut(&mut all, picture).copy_from_slice(row(pictures, at));
                }
                Look::new(done + step, &all, success.clone(), &values)
            };
            if !run.show(done + step, self.total, look).await? {
                return Ok(false);
            }
            if run.early_stop {
                let still = active
                    .iter()
                    .zip(&reached)
                    .filter(|(_, reached)| !**reached);
                active = still.map(|(&at, _)| at).collect();
            }
            for (index, &picture) in moved.iter().enumerate() {
                if run.early_stop && reached[index] {
                    continue;
                }
                let at = of.partition_point(|&each| each < picture);
                let direction = self.direction(&mut moments[at], row(&climb.gradient, index));
                let change = self.norm.steepest(&direction, self.step_size[picture]);
                self.go(run, picture, row_mut(pictures, at), &change);
                run.steps[picture] += 1;
            }
            if active.is_empty() {
                break;
            }
        }
        Ok(true)
    }

    /// The gradient, or with momentum its running mean m ← μ · m + g / ‖g‖₁.
    fn direction(&self, moment: &mut Vec<f32>, gradient: &[f32]) -> Vec<f32> {
        if self.momentum == 0.0 {
            return gradient.to_vec();
        }
        let norm: f64 = gradient.iter().map(|&g| f64::from(g.abs())).sum();
        let gradient = scaled(gradient, 1.0 / norm.max(f64::MIN_POSITIVE));
        if moment.is_empty() {
            *moment = gradient;
        } else {
            for (moment, gradient) in moment.iter_mut().zip(gradient) {
                *moment = self.momentum * *moment + gradient;
            }
        }
        moment.clone()
    }

    /// x ← clamp(x₀ + clip(x + change − x₀, ε), min, max).
    fn go<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
        &self,
        run: &Run<'_, V, F>,
        picture: usize,
        values: &mut [f32],
        change: &[f32],
    ) {
        for (value, change) in values.iter_mut().zip(change) {
            *value += change;
        }
        let start = row(run.start, picture);
        self.norm.project(values, start, self.epsilon[picture]);
        run.bounds.clamp(values);
    }
}
