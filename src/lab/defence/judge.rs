//! What a defended network says of pictures in the end.

use super::{Defence, Defended, detect};
use crate::engine::control::Control;
use crate::error::Result;
use crate::lab::attack::{Goal, Outcome, Victim, argmax, gather};
use crate::lab::filters::Pixels;
use crate::net::passes::Pass;
use crate::tensor::Tensor;

/// The class of each of the pictures (N, C, H, W), in attack units; `None` for those that the defence refuses. What is random
/// is drawn anew, not as an attack with the same `seed` saw it.
///
/// # Errors
/// Those of the victim and the filters; `aborted`.
pub async fn verdicts<V: Victim>(
    victim: &V,
    defence: Option<&Defence>,
    pixels: &Pixels,
    pictures: &Tensor,
    seed: u64,
    control: &Control,
) -> Result<Vec<Option<usize>>> {
    let count = pictures.activation_shape().n();
    let defended = defence.map(|defence| Defended::new(victim, defence, pixels, !seed));
    let mut verdicts = Vec::with_capacity(count);
    let mut sweep = victim.sweep(count, Pass::Forward, async |range| {
        let batch = gather(pictures, &range.collect::<Vec<_>>())?;
        let logits = match (&defended, defence) {
            (Some(defended), Some(Defence::Filter { .. } | Defence::Smoothing(_))) => {
                defended.logits(&batch).await?
            }
            _ => victim.logits(&batch).await?,
        };
        let classes = logits.data().chunks_exact(victim.classes()).map(argmax);
        if let Some(Defence::Squeezing(settings)) = defence {
            let (found, _) = detect(victim, &batch, pixels, settings).await?;
            let verdict = classes.zip(&found);
            Ok(verdict
                .map(|(class, found)| (!found.detected).then_some(class))
                .collect())
        } else {
            Ok(classes.map(Some).collect::<Vec<_>>())
        }
    });
    while let Some(some) = sweep.next().await? {
        control.step().await?;
        verdicts.extend(some);
    }
    Ok(verdicts)
}

/// The outcome of an attack on the network alone, judged on the defended one: its answers before and after, and whether they
/// serve the goal, which a refused picture does not.
///
/// # Errors
/// As [`verdicts`].
pub async fn judged<V: Victim>(
    victim: &V,
    defence: &Defence,
    pixels: &Pixels,
    start: &Tensor,
    mut outcome: Outcome,
    seed: u64,
    control: &Control,
) -> Result<Outcome> {
    let defended = Defended::new(victim, defence, pixels, !seed);
    for (pictures, answer) in [
        (start, &mut outcome.before),
        (&outcome.pictures, &mut outcome.after),
    ] {
        let count = pictures.activation_shape().n();
        let mut logits = Vec::with_capacity(count * victim.classes());
        let mut sweep = victim.sweep(count, Pass::Forward, async |range| {
            let batch = gather(pictures, &range.collect::<Vec<_>>())?;
            defended.logits(&batch).await
        });
        while let Some(some) = sweep.next().await? {
            control.step().await?;
            logits.extend(some.into_data());
        }
        *answer = Tensor::new(logits, [count, victim.classes()])?;
    }
    let found = verdicts(
        victim,
        Some(defence),
        pixels,
        &outcome.pictures,
        seed,
        control,
    )
    .await?;
    let serves = |(picture, verdict): (usize, &Option<usize>)| match &outcome.goal {
        Goal::Untargeted(labels) => verdict.is_some_and(|class| class != labels[picture]),
        Goal::Targeted(targets) => *verdict == Some(targets[picture]),
    };
    outcome.success = found.iter().enumerate().map(serves).collect();
    Ok(outcome)
}
