//! Deletion and insertion curves (Petsiuk, Das and Saenko 2018): what the answer does as the picture's most important pixels
//! go, or come back first.

use serde::Serialize;

use super::attribution::{Baseline, Subject, resized};
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::net::objective::Objective;
use crate::net::{Net, Overrides};
use crate::random::Random;
use crate::tensor::Tensor;

/// What curves may be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What is followed; without it, the predicted class's probability.
    pub target: Option<Objective>,
    /// Steps from the whole picture to none, from 1.
    pub steps: usize,
    /// What stands where pixels are missing.
    pub baseline: Baseline,
    /// Of the random order, and of a baseline that is drawn.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: None,
            steps: 28,
            baseline: Baseline::Zero,
            seed: 0,
        }
    }
}

/// The answer by the share of pixels changed, from none to all in equal steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// One more than there are steps.
    pub values: Vec<f32>,
    /// The area under it by the trapezoidal rule, the shares going from 0 to 1.
    pub area: f64,
}

impl Curve {
    fn new(values: Vec<f32>) -> Self {
        let pairs = values.iter().zip(&values[1..]);
        let sum: f64 = pairs
            .map(|(&a, &b)| 0.5 * (f64::from(a) + f64::from(b)))
            .sum();
        Self {
            area: sum / (values.len() - 1) as f64,
            values,
        }
    }
}

/// Both curves for one order of pixels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curves {
    /// Pixels go, the first of the order first.
    pub deletion: Curve,
    /// Pixels come back, the first of the order first.
    pub insertion: Curve,
}

/// A map's curves beside those it has to beat.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Faithfulness {
    /// Pixels by falling value of the map.
    pub map: Curves,
    /// Pixels at random.
    pub random: Curves,
    /// Pixels by rising value.
    pub reversed: Curves,
}

/// The curves of `map`, (1, C, h, w) for any C, for one picture (1, C, H, W): a pixel's value is the sum over its channels,
/// and a map of another size is resized; of equal values the first pixel comes first.
///
/// # Errors
/// `bad_argument` for more than one picture, a map that is none or steps out of range; those of [`Net::values`].
pub async fn faithfulness(
    net: &Net,
    image: &Tensor,
    map: &Tensor,
    settings: &Settings,
    overrides: &Overrides,
    control: &Control,
) -> Result<Faithfulness> {
    let target = match &settings.target {
        Some(target) => target.clone(),
        None => probability(net, image, overrides, control).await?,
    };
    let subject = Subject::new(net, image, Some(target), overrides, control).await?;
    let shape = subject.shape();
    if shape.n() != 1 {
        return Err(Error::bad_argument(
            "curves are drawn for one picture at a time",
        ));
    }
    if !(1..=10_000).contains(&settings.steps) {
        return Err(Error::bad_argument(format!(
            "steps must be from 1 to 10000, not {}",
            settings.steps
        )));
    }
    let falling = order(&pixel_values(map, &subject)?);
    let rising: Vec<usize> = falling.iter().rev().copied().collect();
    let mut random = falling.clone();
    Random::new(settings.seed).shuffle(&mut random);
    let baseline = settings.baseline.pictures(image, settings.seed)?;
    let orders = [falling, random, rising];
    let points = settings.steps + 1;

    // Pass by pass: three orders, each with deletion and insertion, each from 0 to all pixels.
    let mut answers = Vec::with_capacity(6 * points);
    let mut sweep = subject.values(6 * points, |pass, _, x| {
        let (curve, step) = (pass / points, pass % points);
        let (order, is_insertion) = (&orders[curve / 2], curve % 2 == 1);
        let changed = &order[..step * order.len() / settings.steps];
        if is_insertion {
            x.copy_from_slice(baseline.data());
        }
        let source = if is_insertion { image } else { &baseline };
        for &pixel in changed {
            for channel in 0..shape.c() {
                let index = channel * shape.plane() + pixel;
                x[index] = source.data()[index];
            }
        }
    });
    while let Some((batch, values)) = sweep.next().await? {
        answers.extend(values);
        subject.report(&batch, || None);
    }
    let mut curves = answers
        .chunks_exact(points)
        .map(|values| Curve::new(values.to_vec()));
    let mut both = || -> Result<Curves> {
        let missing = || Error::internal("a curve was not computed");
        Ok(Curves {
            deletion: curves.next().ok_or_else(missing)?,
            insertion: curves.next().ok_or_else(missing)?,
        })
    };
    Ok(Faithfulness {
        map: both()?,
        random: both()?,
        reversed: both()?,
    })
}

/// The probability of the predicted class.
async fn probability(
    net: &Net,
    image: &Tensor,
    overrides: &Overrides,
    control: &Control,
) -> Result<Objective> {
    use crate::net::objective::Term;
    let logits = net.logits(image, overrides, control).await?;
    let best = super::prediction::top(&logits, 1);
    let class = best
        .first()
        .and_then(|list| list.first())
        .map_or(0, |&(class, _)| class);
    Ok(vec![(Term::Probability(class), 1.0)])
}

/// One value a pixel at the picture's size.
fn pixel_values(map: &Tensor, subject: &Subject<'_>) -> Result<Vec<f32>> {
    let (given, shape) = (map.activation_shape(), subject.shape());
    if given.n() != 1 || given.is_empty() || map.shape().len() != 4 {
        return Err(Error::bad_argument(format!(
            "the map of one picture is [1, C, h, w], not {:?}",
            map.shape()
        )));
    }
    if map.data().iter().any(|value| !value.is_finite()) {
        return Err(Error::bad_argument(
            "the map holds values that are not finite",
        ));
    }
    let map = if (given.h(), given.w()) == (shape.h(), shape.w()) {
        map.clone()
    } else {
        resized(map, shape)?
    };
    let mut values = vec![0.0; shape.plane()];
    for plane in map.data().chunks_exact(shape.plane()) {
        values.iter_mut().zip(plane).for_each(|(sum, v)| *sum += v);
    }
    Ok(values)
}

/// Positions by falling value; of equals, the first.
fn order(values: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_of_a_line_is_its_mean_height() {
        let curve = Curve::new(vec![1.0, 0.5, 0.0]);
        assert!((curve.area - 0.5).abs() < 1e-12);
        assert!((Curve::new(vec![3.0, 3.0]).area - 3.0).abs() < 1e-12);
    }

    #[test]
    fn pixels_come_by_falling_value_and_equals_in_order() {
        assert_eq!(order(&[0.0, 2.0, -1.0, 2.0]), [1, 3, 0, 2]);
    }
}
