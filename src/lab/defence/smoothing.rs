//! Randomised smoothing (Cohen, Rosenfeld and Kolter 2019): the class that the network names most often under normal noise,
//! and how far in L2 that answer is proved to hold.

use super::defended::noisy;
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::lab::attack::Victim;
use crate::lab::statistics::{clopper_pearson_lower, normal_quantile};
use crate::net::passes::Pass;
use crate::random::Random;
use crate::tensor::Tensor;

/// How to smooth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing {
    /// σ of the noise, in attack units.
    pub sigma: f32,
    /// Noisy copies that count; the paper's n.
    pub samples: usize,
    /// Noisy copies that choose the class beforehand; the paper's n₀.
    pub guesses: usize,
    /// The chance that a radius is wrong.
    pub alpha: f64,
    /// Noisy copies of one answer where the smoothed network is attacked.
    pub draws: usize,
}

impl Default for Smoothing {
    fn default() -> Self {
        Self {
            sigma: 0.25,
            samples: 1000,
            guesses: 100,
            alpha: 0.001,
            draws: 10,
        }
    }
}

impl Smoothing {
    /// One noisy copy of each of the pictures, as the network sees them.
    #[must_use]
    pub fn copy(&self, pictures: &Tensor, seed: u64) -> Tensor {
        noisy(pictures, self.sigma, &mut Random::new(seed))
    }
}

/// What is certain of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// The smoothed network's answer; `None` where it abstains.
    pub class: Option<usize>,
    /// Within this L2 distance no picture is answered otherwise, but for the chance `alpha`; 0 where it abstains.
    pub radius: f64,
    /// The lower bound on the share of noisy copies that are taken for the class.
    pub lower: f64,
    /// How many of the copies that count were taken for each class.
    pub votes: Vec<usize>,
}

/// σ · Φ⁻¹(p) for a lower bound p above ½; `None` where the bound says nothing.
#[must_use]
pub fn radius(sigma: f32, lower: f64) -> Option<f64> {
    (lower > 0.5).then(|| f64::from(sigma) * normal_quantile(lower))
}

/// Certifies each of the pictures (N, C, H, W), in attack units: the class most often named for `guesses` noisy copies, then
/// a lower bound on its share among `samples` others.
///
/// # Errors
/// Those of the victim; `aborted`.
pub async fn certify<V: Victim>(
    victim: &V,
    pictures: &Tensor,
    settings: &Smoothing,
    seed: u64,
    control: &Control,
) -> Result<Vec<Certificate>> {
    let shape = pictures.activation_shape();
    let total = shape.n() * (settings.guesses + settings.samples);
    let mut random = Random::new(seed);
    let mut certificates = Vec::with_capacity(shape.n());
    for picture in pictures.data().chunks_exact(shape.picture()) {
        let picture = Tensor::from_shape(picture.to_vec(), shape.with_n(1))?;
        let mut counts = [vec![0; victim.classes()], vec![0; victim.classes()]];
        let begun = certificates.len() * (settings.guesses + settings.samples);
        let phases = [
            (settings.guesses, begun),
            (settings.samples, begun + settings.guesses),
        ];
        for (votes, (copies, done)) in counts.iter_mut().zip(phases) {
            let mut sweep = victim.sweep(copies, Pass::Forward, |range| {
                let many = Tensor::from_shape(
                    picture.data().repeat(range.len()),
                    shape.with_n(range.len()),
                );
                let many = many.map(|many| noisy(&many, settings.sigma, &mut random));
                async move { Ok((range, victim.logits(&many?).await?)) }
            });
            while let Some((range, logits)) = sweep.next().await? {
                control.step().await?;
                for row in logits.data().chunks_exact(victim.classes()) {
                    votes[greatest(row)] += 1;
                }
                control.progress(done + range.end, total);
            }
        }
        let [guesses, votes] = counts;
        let class = (0..guesses.len())
            .rev()
            .max_by_key(|&class| guesses[class])
            .ok_or_else(|| Error::internal("a network without classes"))?;
        let lower = clopper_pearson_lower(votes[class], settings.samples, settings.alpha);
        let certain = radius(settings.sigma, lower);
        certificates.push(Certificate {
            class: certain.is_some().then_some(class),
            radius: certain.unwrap_or(0.0),
            lower,
            votes,
        });
    }
    Ok(certificates)
}

fn greatest(row: &[f32]) -> usize {
    (1..row.len()).fold(
        0,
        |best, class| if row[class] > row[best] { class } else { best },
    )
}
