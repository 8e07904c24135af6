//! A network behind a defence, as a victim of attacks that know the defence.

use std::cell::Cell;

use super::{Smoothing, Squeezing};
use crate::engine::sweep::Lanes;
use crate::error::Result;
use crate::lab::attack::{Loss, Slope, Victim};
use crate::lab::filters::{Filter, Pixels};
use crate::lens::prediction::probabilities;
use crate::net::passes::Pass;
use crate::random::Random;
use crate::tensor::{Shape, Tensor};

/// What stands before a network.
#[derive(Debug, Clone, PartialEq)]
pub enum Defence {
    /// It sees filtered pictures; of random filters the mean of several draws.
    Filter {
        /// The filter.
        filter: Filter,
        /// Draws that an answer takes; 1 where nothing is drawn.
        draws: usize,
    },
    /// It sees noisy pictures and the mean of its answers counts.
    Smoothing(Smoothing),
    /// It sees the picture and squeezed ones, and what it takes for different things is refused.
    Squeezing(Squeezing),
}

/// A network behind a defence. Its logits are the logarithm of the mean probabilities over what the network sees, and its
/// losses and gradients are means over the same: an expectation over what is random (EOT, Athalye et al. 2018), with the
/// gradient of each filter where it has one and straight through where it has none (BPDA, Athalye, Carlini and Wagner 2018).
pub struct Defended<'a, V> {
    victim: &'a V,
    defence: &'a Defence,
    pixels: &'a Pixels,
    seed: u64,
    /// Answers so far, so that each has draws of its own.
    answers: Cell<u64>,
}

/// One way in which the network sees pictures.
#[derive(Debug, Clone, Copy)]
enum View {
    Filtered(Filter, u64),
    Noisy(f32, u64),
    AsTheyAre,
}

impl<'a, V: Victim> Defended<'a, V> {
    /// `victim` behind `defence`, `pixels` being those of the victim's units.
    pub const fn new(victim: &'a V, defence: &'a Defence, pixels: &'a Pixels, seed: u64) -> Self {
        Self {
            victim,
            defence,
            pixels,
            seed,
            answers: Cell::new(0),
        }
    }

    /// What the network sees for the next answer.
    fn views(&self) -> Vec<View> {
        let answer = self.answers.get();
        self.answers.set(answer + 1);
        let draws = self.cost_of_draws() as u64;
        // Multiplied, so that the draws of neighbouring seeds have nothing in common.
        let first = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let seeds = (0..draws).map(|draw| first.wrapping_add(answer * draws + draw));
        match self.defence {
            Defence::Filter { filter, .. } => {
                seeds.map(|seed| View::Filtered(*filter, seed)).collect()
            }
            Defence::Smoothing(smoothing) => seeds
                .map(|seed| View::Noisy(smoothing.sigma, seed))
                .collect(),
            Defence::Squeezing(squeezing) => {
                let filters = squeezing.squeezers.iter();
                let squeezed = filters.map(|filter| View::Filtered(*filter, 0));
                std::iter::once(View::AsTheyAre).chain(squeezed).collect()
            }
        }
    }

    const fn cost_of_draws(&self) -> usize {
        match self.defence {
            Defence::Filter { filter, draws } if filter.is_random() => *draws,
            Defence::Filter { .. } => 1,
            Defence::Smoothing(smoothing) => smoothing.draws,
            Defence::Squeezing(squeezing) => squeezing.squeezers.len() + 1,
        }
    }

    fn seen(&self, view: View, pictures: &Tensor) -> Result<Tensor> {
        match view {
            View::Filtered(filter, seed) => filter.apply(pictures, self.pixels, seed),
            View::Noisy(sigma, seed) => Ok(noisy(pictures, sigma, &mut Random::new(seed))),
            View::AsTheyAre => Ok(pictures.clone()),
        }
    }
}

impl<V: Victim> Victim for Defended<'_, V> {
    fn shape(&self) -> Shape {
        self.victim.shape()
    }

    fn classes(&self) -> usize {
        self.victim.classes()
    }

    fn batch_size(&self, pass: Pass) -> usize {
        self.victim.batch_size(pass)
    }

    fn lanes(&self) -> Lanes {
        self.victim.lanes()
    }

    fn cost(&self) -> usize {
        self.cost_of_draws() * self.victim.cost()
    }

    async fn logits(&self, pictures: &Tensor) -> Result<Tensor> {
        let mut mean = Mean::default();
        for view in self.views() {
            let logits = self.victim.logits(&self.seen(view, pictures)?).await?;
            if self.cost_of_draws() == 1 {
                return Ok(logits);
            }
            mean.add(probabilities(&logits)?.data());
        }
        let shape = [pictures.activation_shape().n(), self.classes()];
        Tensor::new(mean.map(f64::ln), shape)
    }

    async fn slope(&self, pictures: &Tensor, loss: &Loss) -> Result<Slope> {
        let (mut answers, mut losses, mut gradients) =
            (Mean::default(), Mean::default(), Mean::default());
        for view in self.views() {
            let mut slope = self.victim.slope(&self.seen(view, pictures)?, loss).await?;
            if let View::Filtered(filter, seed) = view {
                slope.gradient = filter.pull(&slope.gradient, seed)?;
            }
            if self.cost_of_draws() == 1 {
                return Ok(slope);
            }
            answers.add(probabilities(&slope.logits)?.data());
            losses.add(&slope.losses);
            gradients.add(slope.gradient.data());
        }
        let shape = pictures.activation_shape();
        Ok(Slope {
            logits: Tensor::new(answers.map(f64::ln), [shape.n(), self.classes()])?,
            losses: losses.map(|loss| loss),
            gradient: Tensor::from_shape(gradients.map(|gradient| gradient), shape)?,
        })
    }
}

/// Pictures with normal noise of deviation `sigma` added to every value.
pub(super) fn noisy(pictures: &Tensor, sigma: f32, random: &mut Random) -> Tensor {
    let mut pictures = pictures.clone();
    for value in pictures.data_mut() {
        *value += sigma * random.normal();
    }
    pictures
}

/// A running mean, value by value.
#[derive(Default)]
struct Mean {
    sums: Vec<f64>,
    count: f64,
}

impl Mean {
    fn add(&mut self, values: &[f32]) {
        self.sums.resize(values.len(), 0.0);
        for (sum, &value) in self.sums.iter_mut().zip(values) {
            *sum += f64::from(value);
        }
        self.count += 1.0;
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "summed in f64, returned as f32"
    )]
    fn map(self, rule: impl Fn(f64) -> f64) -> Vec<f32> {
        // A class that no draw gave any probability is finitely unlikely, so that attacks still know a direction.
        let least = f64::from(f32::MIN_POSITIVE);
        let means = self.sums.iter().map(|sum| sum / self.count);
        means
            .map(|mean| rule(if mean == 0.0 { least } else { mean }) as f32)
            .collect()
    }
}
