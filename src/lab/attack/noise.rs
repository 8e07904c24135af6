//! Random changes: what a network must bear before an attack is worth its name.

use super::iterative::check_epsilon;
use super::run::Run;
use super::space::{gather, length, row, row_mut, scaled};
use super::{EPSILON, Look, MOST_STEPS, Victim, counted};
use crate::error::{Error, Result};
use crate::random::Random;
use crate::tensor::Tensor;

/// How noise is drawn; each keeps to ε.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Every value anywhere from −ε to ε.
    Uniform,
    /// Every value −ε or ε, as FGSM's.
    Sign,
    /// A direction drawn evenly, of length ε.
    Sphere,
}

impl Distribution {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Uniform, Self::Sign, Self::Sphere];

    /// Its name as in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Sign => "sign",
            Self::Sphere => "sphere",
        }
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "lengths are rounded to the engine's f32"
    )]
    fn draw(self, random: &mut Random, len: usize, epsilon: f32) -> Vec<f32> {
        match self {
            Self::Uniform => (0..len)
                .map(|_| epsilon * (2.0 * random.uniform() - 1.0))
                .collect(),
            Self::Sign => (0..len)
                .map(|_| {
                    if random.below(2) == 0 {
                        -epsilon
                    } else {
                        epsilon
                    }
                })
                .collect(),
            Self::Sphere => {
                let direction: Vec<f32> = (0..len).map(|_| random.normal()).collect();
                let length = length(&direction).max(f64::MIN_POSITIVE);
                scaled(&direction, f64::from(epsilon) / length)
            }
        }
    }
}

impl std::str::FromStr for Distribution {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        (Self::ALL.into_iter().find(|each| each.name() == name)).ok_or_else(|| {
            Error::bad_argument(format!(
                "attack: distribution must be \"uniform\", \"sign\" or \"sphere\", not '{name}'"
            ))
        })
    }
}

/// The best of several random changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    /// The budget, from 0.
    pub epsilon: f32,
    /// How it is drawn.
    pub distribution: Distribution,
    /// Draws, from 1.
    pub samples: usize,
}

impl Default for Noise {
    fn default() -> Self {
        Self {
            epsilon: EPSILON,
            distribution: Distribution::Uniform,
            samples: 1,
        }
    }
}

impl Noise {
    pub(super) fn check(&self) -> Result<()> {
        check_epsilon(self.epsilon)?;
        counted("samples", self.samples, 1, MOST_STEPS)
    }
}

/// Of each picture's draws the one that lies nearest to the goal; its margin says how near.
pub(super) async fn noise<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    settings: &Noise,
) -> Result<Tensor> {
    let mut best = run.start.clone();
    let (mut values, mut success) = (
        vec![f32::NEG_INFINITY; run.count()],
        vec![false; run.count()],
    );
    let mut open: Vec<usize> = (0..run.count()).collect();
    for sample in 0..settings.samples {
        let mut pictures = gather(run.start, &open)?;
        for (at, &picture) in open.iter().enumerate() {
            let values = row_mut(&mut pictures, at);
            let mut random = run.random(picture, sample);
            let change = settings
                .distribution
                .draw(&mut random, values.len(), settings.epsilon);
            for (value, change) in values.iter_mut().zip(change) {
                *value += change;
            }
            run.bounds.clamp(values);
        }
        let logits = run.logits(&open, &pictures).await?;
        let (reached, margins) = (run.reached(&open, &logits), run.margins(&open, &logits));
        for (at, &picture) in open.iter().enumerate() {
            run.steps[picture] += 1;
            if margins[at] > values[picture] {
                (values[picture], success[picture]) = (margins[at], reached[at]);
                row_mut(&mut best, picture).copy_from_slice(row(&pictures, at));
            }
        }
        let look = || Look::new(sample + 1, &best, success.clone(), &values);
        let goes_on = run.show(sample + 1, settings.samples, look).await?;
        if run.early_stop {
            open.retain(|&picture| !success[picture]);
        }
        if open.is_empty() || !goes_on {
            break;
        }
    }
    Ok(best)
}
