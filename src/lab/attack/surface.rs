//! The loss around a picture: along its gradient's signs and along random ones.

use super::run::{Run, classes_of};
use super::space::{row, sign};
use super::{Look, Request, Victim, check, counted, within};
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// What lies around a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Surface {
    /// (size, size): the cross-entropy against the label, or the target. Rows go along the random direction, columns along
    /// the gradient's, both from −ε to ε.
    pub losses: Tensor,
    /// The class that each point is taken for, row by row.
    pub classes: Vec<usize>,
}

/// `size` × `size` points x + a · sign(∇ loss) + b · r with |a|, |b| ≤ ε, r of random signs, within the bounds.
///
/// # Errors
/// `bad_argument` for several pictures, or numbers out of range; as [`super::attack`].
pub async fn loss_surface<V: Victim>(
    victim: &V,
    request: &Request,
    size: usize,
    epsilon: f32,
    control: &Control,
) -> Result<Surface> {
    let shape = check(victim, request)?;
    if shape.n() != 1 {
        return Err(Error::bad_argument(format!(
            "lossSurface: the surface is that of one picture, not of {}",
            shape.n()
        )));
    }
    counted("size", size, 2, 501)?;
    within(
        "epsilon",
        epsilon,
        f32::MIN_POSITIVE..=f32::MAX,
        "a number above 0",
    )?;
    let mut run = Run::new(victim, request, control, async |_: Look| Ok(true));
    run.begin(request).await?;
    let climb = run.climb(&[0], run.start).await?;
    let mut random = run.random(0, 0);
    let start = row(run.start, 0);
    let up: Vec<f32> = row(&climb.gradient, 0).iter().map(|&g| sign(g)).collect();
    let aside: Vec<f32> = (0..start.len())
        .map(|_| if random.below(2) == 0 { -1.0 } else { 1.0 })
        .collect();
    let share = |at: usize| 2.0 * at as f32 / (size - 1) as f32 - 1.0;
    let bounds = run.bounds;
    let class = run.goal.class(0);
    let (mut losses, mut classes) = (Vec::new(), Vec::new());
    for line in 0..size {
        let logits = run
            .answers(&vec![0; size], |at| {
                let (a, b) = (epsilon * share(at), epsilon * share(line));
                let mut point: Vec<f32> = (start.iter().zip(up.iter().zip(&aside)))
                    .map(|(x, (up, aside))| x + a * up + b * aside)
                    .collect();
                bounds.clamp(&mut point);
                point
            })
            .await?;
        losses.extend((0..size).map(|at| cross_entropy(row(&logits, at), class)));
        classes.extend(classes_of(&logits));
        control.progress(line + 1, size);
    }
    Ok(Surface {
        losses: Tensor::new(losses, [size, size])?,
        classes,
    })
}

/// ln Σ_k exp(z_k − z_class), also where the sum is all but 1.
#[allow(
    clippy::cast_possible_truncation,
    reason = "computed in f64, returned as f32"
)]
fn cross_entropy(logits: &[f32], class: usize) -> f32 {
    let own = f64::from(logits[class]);
    let others = logits.iter().enumerate().filter(|(at, _)| *at != class);
    let most = logits.iter().copied().fold(f32::MIN, f32::max);
    let most = f64::from(most);
    let sum: f64 = others.map(|(_, &z)| (f64::from(z) - most).exp()).sum();
    // ln(exp(own) + Σ others) − own, with the greatest taken out of the sum.
    if own >= most {
        sum.ln_1p() as f32
    } else {
        ((sum + (own - most).exp()).ln() + most - own) as f32
    }
}
