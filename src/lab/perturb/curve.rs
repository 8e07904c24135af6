//! Curves over strength: how sure a network stays of its class, and how often it still names it.

use super::Settings;
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::lab::attack::Victim;
use crate::lab::statistics::wilson;
use crate::lens::prediction;
use crate::net::passes::Pass;
use crate::tensor::Tensor;

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// Pictures (N, C, H, W) in attack units.
    pub pictures: &'a Tensor,
    /// The class of each; without them, what the victim says of each as it is.
    pub labels: Option<&'a [usize]>,
    /// The perturbation.
    pub settings: &'a Settings,
    /// Its strengths, in any order.
    pub strengths: &'a [f32],
    /// Draws of each picture, from 1.
    pub repeats: usize,
    /// Of the draws.
    pub seed: u64,
}

/// A value with what lies around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// The mean.
    pub mean: f32,
    /// The lower edge of the band.
    pub low: f32,
    /// The upper edge.
    pub high: f32,
}

/// One strength.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The strength.
    pub strength: f32,
    /// The probability of the class: the mean over all pictures and draws, between the tenth and ninetieth percentile.
    pub confidence: Band,
    /// The share that is still named so, within Wilson's 95 % interval, as if all were drawn independently.
    pub accuracy: Band,
}

/// The points of a curve, each told to `on_point`, which says whether to go on. Every strength sees the same draws.
///
/// # Errors
/// `bad_argument` for a strength out of range, no strength, no repeat, or labels that do not fit; those of the victim.
pub async fn curve<V: Victim>(
    victim: &V,
    request: &Request<'_>,
    control: &Control,
    mut on_point: impl AsyncFnMut(&Point) -> Result<bool>,
) -> Result<Vec<Point>> {
    let shape = request.pictures.activation_shape();
    check(victim, request)?;
    let labels = match request.labels {
        Some(labels) => labels.to_vec(),
        None => answers(victim, request.pictures).await?,
    };
    let repeats = if request.settings.method.is_random() {
        request.repeats
    } else {
        1
    };
    let (passes, classes) = (repeats * shape.n(), victim.classes());
    let total = passes * request.strengths.len();
    let mut points = Vec::new();
    for (index, &strength) in request.strengths.iter().enumerate() {
        // Where nothing changes, draws do not differ.
        let passes_here = if strength == 0.0 { shape.n() } else { passes };
        let (mut probabilities, mut right) = (Vec::with_capacity(passes_here), 0);
        let mut sweep = victim.sweep(passes_here, Pass::Forward, async |batch| {
            control.step().await?;
            let mut copies = Vec::with_capacity(batch.len() * shape.picture());
            for pass in batch.clone() {
                let (draw, which) = (pass / shape.n(), pass % shape.n());
                let picture =
                    &request.pictures.data()[which * shape.picture()..][..shape.picture()];
                let mut random = super::stream(request.seed, draw, which);
                let settings = request.settings;
                copies.extend(settings.picture(picture, shape, strength, &mut random)?);
            }
            let copies = Tensor::from_shape(copies, shape.with_n(batch.len()))?;
            let rows = prediction::probabilities(&victim.logits(&copies).await?)?;
            Ok((batch, rows))
        });
        while let Some((batch, rows)) = sweep.next().await? {
            for (pass, row) in batch.clone().zip(rows.data().chunks_exact(classes)) {
                let label = labels[pass % shape.n()];
                probabilities.push(row[label]);
                right += usize::from(best(row) == label);
            }
            control.progress(index * passes + batch.end, total);
        }
        let point = Point {
            strength,
            confidence: spread(&mut probabilities),
            accuracy: share(right, passes_here),
        };
        let goes_on = on_point(&point).await?;
        points.push(point);
        if !goes_on {
            break;
        }
    }
    Ok(points)
}

fn check<V: Victim>(victim: &V, request: &Request<'_>) -> Result<()> {
    let count = request.pictures.activation_shape().n();
    if request.strengths.is_empty() || request.repeats == 0 || count == 0 {
        return Err(Error::bad_argument(
            "a curve needs at least one picture, one strength and one repeat",
        ));
    }
    for &strength in request.strengths {
        request.settings.check(strength)?;
    }
    let Some(labels) = request.labels else {
        return Ok(());
    };
    if labels.len() != count {
        return Err(Error::bad_argument(format!(
            "{} labels for {count} pictures; give one for each",
            labels.len()
        )));
    }
    match labels.iter().find(|&&label| label >= victim.classes()) {
        None => Ok(()),
        Some(label) => Err(Error::bad_argument(format!(
            "there is no class {label}; this network has classes 0 to {}",
            victim.classes() - 1
        ))),
    }
}

/// What a victim says of each picture.
async fn answers<V: Victim>(victim: &V, pictures: &Tensor) -> Result<Vec<usize>> {
    let shape = pictures.activation_shape();
    let mut answers = Vec::with_capacity(shape.n());
    let mut sweep = victim.sweep(shape.n(), Pass::Forward, async |batch| {
        let values = &pictures.data()[batch.start * shape.picture()..batch.end * shape.picture()];
        let some = Tensor::from_shape(values.to_vec(), shape.with_n(batch.len()))?;
        victim.logits(&some).await
    });
    while let Some(logits) = sweep.next().await? {
        answers.extend(logits.data().chunks_exact(victim.classes()).map(best));
    }
    Ok(answers)
}

/// The first of the greatest.
pub(super) fn best(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// The mean, and the tenth and ninetieth percentile (linear between values, as NumPy's).
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places within a list; summed in f64, returned as f32"
)]
fn spread(values: &mut [f32]) -> Band {
    values.sort_by(f32::total_cmp);
    let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
    let percentile = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (below, part) = (place.floor() as usize, place.fract());
        let above = (below + 1).min(values.len() - 1);
        (f64::from(values[below]) * (1.0 - part) + f64::from(values[above]) * part) as f32
    };
    Band {
        mean: (sum / values.len() as f64) as f32,
        low: percentile(0.1),
        high: percentile(0.9),
    }
}

/// A share with its 95 % interval.
#[allow(clippy::cast_possible_truncation, reason = "shares, returned as f32")]
fn share(right: usize, count: usize) -> Band {
    let [low, high] = wilson(right, count).map(|end| end as f32);
    Band {
        mean: right as f32 / count as f32,
        low,
        high,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_is_numpys_percentiles() {
        let band = spread(&mut [0.5, 0.1, 0.9, 0.3]);
        // numpy.percentile([.1, .3, .5, .9], [10, 90])
        assert!((band.low - 0.16).abs() < 1e-6 && (band.high - 0.78).abs() < 1e-6);
        assert!((band.mean - 0.45).abs() < 1e-6);
        let one = spread(&mut [0.25]);
        assert_eq!([one.mean, one.low, one.high], [0.25; 3]);
    }
}
