//! Methods that read the gradient where the picture is, or along a line that leads to it.

use super::Settings;
use super::subject::{Subject, Sums};
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// ∂f/∂x, with its sign.
pub async fn gradient(subject: &Subject<'_>) -> Result<Tensor> {
    let mut gradients = Vec::with_capacity(subject.shape().len());
    let mut sweep = subject.gradients(1, |_, _, _| {});
    while let Some((batch, some)) = sweep.next().await? {
        gradients.extend(some.into_data());
        subject.report(&batch, || None);
    }
    Tensor::from_shape(gradients, subject.shape())
}

/// |∂f/∂x|, channels kept.
pub async fn saliency(subject: &Subject<'_>) -> Result<Tensor> {
    let mut map = gradient(subject).await?;
    map.data_mut().iter_mut().for_each(|g| *g = g.abs());
    Ok(map)
}

/// x · ∂f/∂x.
pub async fn input_x_gradient(subject: &Subject<'_>) -> Result<Tensor> {
    let mut map = gradient(subject).await?;
    let gradients = map.data_mut().iter_mut();
    gradients
        .zip(subject.images.data())
        .for_each(|(g, x)| *g *= x);
    Ok(map)
}

/// (x − x') · ∫₀¹ ∂f/∂x at x' + α (x − x') dα, by a rule's points α_s and weights w_s.
pub async fn integrated(subject: &Subject<'_>, settings: &Settings) -> Result<Tensor> {
    if !(1..=100_000).contains(&settings.steps) {
        return Err(Error::bad_argument(format!(
            "steps must be from 1 to 100000, not {}",
            settings.steps
        )));
    }
    let points = settings.rule.points(settings.steps)?;
    let baseline = settings.baseline.pictures(subject.images, settings.seed)?;
    let shape = subject.shape();
    let mut sums = Sums::new(shape);
    let mut weight_so_far = 0.0;
    let mut sweep = subject.gradients(points.len(), |step, picture, x| {
        let from = &baseline.data()[picture * shape.picture()..];
        for (x, &from) in x.iter_mut().zip(from) {
            *x = from + narrow(points[step].0) * (*x - from);
        }
    });
    while let Some((batch, gradients)) = sweep.next().await? {
        let rows = gradients.data().chunks_exact(shape.picture());
        for (&(step, picture), gradient) in batch.rows.iter().zip(rows) {
            let weight = points[step].1;
            weight_so_far += weight / shape.n() as f64;
            let sums = sums.of(picture).iter_mut();
            sums.zip(gradient)
                .for_each(|(sum, &g)| *sum += weight * f64::from(g));
        }
        let difference =
            |index: usize| f64::from(subject.images.data()[index] - baseline.data()[index]);
        subject.report(&batch, || {
            sums.map(|index, sum| difference(index) * sum / weight_so_far)
                .ok()
        });
    }
    sums.map(|index, sum| f64::from(subject.images.data()[index] - baseline.data()[index]) * sum)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a share between 0 and 1 that scales f32 values"
)]
const fn narrow(share: f64) -> f32 {
    share as f32
}
