//! One change for many pictures.

use super::iterative::{check_epsilon, check_steps};
use super::run::Run;
use super::space::row;
use super::{EPSILON, Look, Norm, Victim};
use crate::error::Result;
use crate::tensor::Tensor;

/// δ ← project(δ + α · step(Σ ∇ loss(x + δ))) (Shafahi et al. 2020), after Moosavi-Dezfooli et al. 2017.
#[derive(Debug, Clone, PartialEq)]
pub struct Universal {
    /// The budget, from 0.
    pub epsilon: f32,
    /// What it is measured in.
    pub norm: Norm,
    /// Steps, from 1.
    pub steps: usize,
    /// α; ε / 10 if not given.
    pub step_size: Option<f32>,
}

impl Default for Universal {
    fn default() -> Self {
        Self {
            epsilon: EPSILON,
            norm: Norm::Linf,
            steps: 50,
            step_size: None,
        }
    }
}

impl Universal {
    pub(super) fn check(&self) -> Result<()> {
        check_epsilon(self.epsilon)?;
        check_steps(self.steps, self.step_size)
    }
}

/// The change is kept in [`super::Extra::perturbation`]; the pictures come back with it, within their bounds.
pub(super) async fn universal<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    settings: &Universal,
) -> Result<Tensor> {
    let all: Vec<usize> = (0..run.count()).collect();
    let none = vec![0.0; run.picture().len()];
    let mut change = none.clone();
    for step in 0..settings.steps {
        let pictures = changed(run, &change);
        let climb = run.climb(&all, &pictures).await?;
        let success = run.reached(&all, &climb.logits);
        let is_done = run.early_stop && success.iter().all(|&reached| reached);
        let look = || Look::new(step, &pictures, success, &climb.values);
        if !run.show(step, settings.steps, look).await? || is_done {
            break;
        }
        let mut sum = none.clone();
        for picture in 0..run.count() {
            for (sum, g) in sum.iter_mut().zip(row(&climb.gradient, picture)) {
                *sum += g;
            }
        }
        let size = settings.step_size.unwrap_or(settings.epsilon / 10.0);
        for (change, step) in change.iter_mut().zip(settings.norm.steepest(&sum, size)) {
            *change += step;
        }
        settings.norm.project(&mut change, &none, settings.epsilon);
        run.steps.iter_mut().for_each(|steps| *steps += 1);
    }
    let pictures = changed(run, &change);
    run.extra.perturbation = Some(Tensor::from_shape(change, run.picture())?);
    Ok(pictures)
}

/// The pictures with a change, within their bounds.
fn changed<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &Run<'_, V, F>,
    change: &[f32],
) -> Tensor {
    let mut pictures = run.start.clone();
    for picture in pictures.data_mut().chunks_exact_mut(change.len()) {
        for (value, change) in picture.iter_mut().zip(change) {
            *value += change;
        }
        run.bounds.clamp(picture);
    }
    pictures
}
