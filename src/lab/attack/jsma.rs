//! The saliency map attack: pixels that serve the goal most, two by two, as few as will do.

use super::run::Run;
use super::space::{gather, row, row_mut};
use super::{Bounds, Look, Loss, Victim, counted, within};
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Beyond so many values pairs are looked for among those only that are the most salient alone.
const PAIRED: usize = 1024;

/// Papernot et al. 2016; without a target that of Wiyatno and Xu 2018, which leaves the label.
#[derive(Debug, Clone, PartialEq)]
pub struct Jsma {
    /// What is added to a value; negative to darken.
    pub theta: f32,
    /// Pixels that may change, from 1; a seventh of them if not given.
    pub max_pixels: Option<usize>,
}

impl Default for Jsma {
    fn default() -> Self {
        Self {
            theta: 1.0,
            max_pixels: None,
        }
    }
}

impl Jsma {
    pub(super) fn check(&self) -> Result<()> {
        within(
            "theta",
            self.theta,
            f32::MIN..=f32::MAX,
            "a number other than 0",
        )?;
        if self.theta == 0.0 {
            return Err(Error::bad_argument(
                "attack: theta must not be 0, as nothing would change",
            ));
        }
        counted("maxPixels", self.max_pixels.unwrap_or(1), 1, usize::MAX)
    }
}

pub(super) async fn jsma<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    settings: &Jsma,
) -> Result<Tensor> {
    let (count, classes, plane) = (run.count(), run.classes(), run.picture().plane());
    let most = settings.max_pixels.unwrap_or((plane / 7).max(1)).min(plane);
    let mut pictures = run.start.clone();
    let mut touched = vec![vec![false; plane]; count];
    let (mut success, mut values) = (vec![false; count], vec![0.0; count]);
    let mut active: Vec<usize> = (0..count).collect();
    for step in 0..=most {
        // One answer gives the gradient of the goal's class, another that of all logits together.
        let mut weights = vec![1.0; 2 * active.len() * classes];
        for (row, &picture) in weights.chunks_exact_mut(classes).zip(&active) {
            row.fill(0.0);
            row[run.goal.class(picture)] = 1.0;
        }
        let of = [active.as_slice(), &active].concat();
        let weights = Tensor::new(weights, [of.len(), classes])?;
        let slope = run
            .slope(&of, &gather(&pictures, &of)?, &Loss::Logits(weights))
            .await?;
        let half = active.len();
        let mut still = Vec::new();
        let mut changes = Vec::new();
        for (at, &picture) in active.iter().enumerate() {
            let logits = row(&slope.logits, at);
            success[picture] = run.goal.is_reached(picture, logits);
            values[picture] = run.margin(picture, logits);
            if success[picture] {
                continue;
            }
            let map = Map {
                own: row(&slope.gradient, at),
                all: row(&slope.gradient, half + at),
                sign: f64::from(settings.theta.signum())
                    * if run.goal.is_targeted() { 1.0 } else { -1.0 },
            };
            let used = touched[picture].iter().filter(|&&touched| touched).count();
            let domain = domain(row(&pictures, picture), run.bounds, settings.theta);
            if let Some(pair) = map.best(&domain, &touched[picture], most - used) {
                changes.push((picture, pair));
                still.push(picture);
            }
        }
        let look = || Look::new(step, &pictures, success.clone(), &values);
        if !run.show(step, most, look).await? || still.is_empty() || step == most {
            break;
        }
        for (picture, pair) in changes {
            let values = row_mut(&mut pictures, picture);
            for at in pair {
                let [low, high] = run.bounds.of(at / plane);
                values[at] = (values[at] + settings.theta).clamp(low, high);
                touched[picture][at % plane] = true;
            }
            run.steps[picture] += 1;
        }
        active = still;
    }
    Ok(pictures)
}

/// The values that can still be moved by θ.
fn domain(picture: &[f32], bounds: &Bounds, theta: f32) -> Vec<usize> {
    let plane = picture.len() / bounds.channels();
    (0..picture.len())
        .filter(|&at| {
            let [low, high] = bounds.of(at / plane);
            if theta > 0.0 {
                picture[at] < high
            } else {
                picture[at] > low
            }
        })
        .collect()
}

/// What moving each value does.
struct Map<'s> {
    /// The gradient of the goal's class.
    own: &'s [f32],
    /// That of all logits together.
    all: &'s [f32],
    /// Whether the class is to rise, times θ's sign.
    sign: f64,
}

impl Map<'_> {
    /// How much a value does for the class, and how much against the others.
    fn of(&self, at: usize) -> [f64; 2] {
        let own = f64::from(self.own[at]);
        [self.sign * own, self.sign * (own - f64::from(self.all[at]))]
    }

    /// The two values whose product of both sums is greatest, both positive, that touch at most `left` new pixels; one
    /// value where no more pixels are left for two.
    fn best(&self, domain: &[usize], touched: &[bool], left: usize) -> Option<Vec<usize>> {
        let plane = touched.len();
        let fresh = |at: usize| usize::from(!touched[at % plane]);
        let domain: Vec<usize> = (domain.iter().copied())
            .filter(|&at| fresh(at) <= left)
            .collect();
        let domain = self.salient(domain);
        let mut best = (0.0, None);
        for (index, &p) in domain.iter().enumerate() {
            let [for_p, against_p] = self.of(p);
            for &q in &domain[index + 1..] {
                let [for_q, against_q] = self.of(q);
                let (rise, fall) = (for_p + for_q, against_p + against_q);
                let product = rise * fall;
                let cost = if p % plane == q % plane {
                    fresh(p)
                } else {
                    fresh(p) + fresh(q)
                };
                if rise > 0.0 && fall > 0.0 && product > best.0 && cost <= left {
                    best = (product, Some(vec![p, q]));
                }
            }
        }
        if best.1.is_none() || left == 1 {
            for &p in &domain {
                let [rise, fall] = self.of(p);
                if rise > 0.0 && fall > 0.0 && 4.0 * rise * fall > best.0 {
                    best = (4.0 * rise * fall, Some(vec![p]));
                }
            }
        }
        best.1
    }

    /// Those that do most for the class and those that do most against the others, where there are too many.
    fn salient(&self, mut domain: Vec<usize>) -> Vec<usize> {
        if domain.len() <= PAIRED {
            return domain;
        }
        let mut chosen = Vec::new();
        for part in 0..2 {
            domain.sort_by(|&a, &b| self.of(b)[part].total_cmp(&self.of(a)[part]));
            chosen.extend(domain.drain(..PAIRED / 2));
        }
        chosen.sort_unstable();
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pixels of two channels, of which one more may change: a value alone counts as a pair with itself.
    #[test]
    fn a_value_alone_is_held_against_the_pairs_of_one_pixel() {
        let best = |own: [f32; 4], all: [f32; 4]| {
            let map = Map {
                own: &own,
                all: &all,
                sign: 1.0,
            };
            map.best(&[0, 1, 2, 3], &[false, false], 1)
        };
        let even = [0.0; 4];
        // (3 + 3)² against (2.5 + 2.5)², and against (3.5 + 3.5)².
        assert_eq!(best([3.0, 2.5, -1.0, 2.5], even), Some(vec![0]));
        assert_eq!(best([3.0, 3.5, -1.0, 3.0], even), Some(vec![1]));
        // One raises the class by 4, the other lowers the rest by 4: together (4 + ½)².
        let uneven = [0.0, 3.5, 0.0, -3.5];
        assert_eq!(best([1.0, 4.0, -1.0, 0.5], uneven), Some(vec![1, 3]));
        assert_eq!(best([-1.0; 4], even), None);
    }
}
