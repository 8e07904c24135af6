//! `HopSkipJump`: along the boundary towards the picture, by the network's decisions alone.

use super::run::Run;
use super::space::{difference, length, row, row_mut, scaled, sign};
use super::{Look, MOST_STEPS, Norm, Victim, counted};
use crate::error::{Error, Result};
use crate::random::Random;
use crate::tensor::Tensor;

/// Random pictures that are tried to start from.
const STARTS: usize = 1000;

/// Halvings of a step that still leads back, after which there is none.
const HALVINGS: usize = 40;

/// Chen, Jordan and Wainwright 2020.
#[derive(Debug, Clone, PartialEq)]
pub struct HopSkipJump {
    /// What the distance is measured in.
    pub norm: Norm,
    /// Steps, from 1.
    pub steps: usize,
    /// Answers for the first estimate of the boundary's direction, from 1; the t-th takes √t times as many.
    pub initial_queries: usize,
    /// Answers for an estimate at most.
    pub max_queries: usize,
    /// Where to start, (1 or N, C, H, W): pictures that reach the goal. Random ones, if not given.
    pub start: Option<Tensor>,
}

impl Default for HopSkipJump {
    fn default() -> Self {
        Self {
            norm: Norm::L2,
            steps: 64,
            initial_queries: 100,
            max_queries: 10_000,
            start: None,
        }
    }
}

impl HopSkipJump {
    pub(super) fn check(&self, pictures: &Tensor, targeted: bool) -> Result<()> {
        counted("steps", self.steps, 1, MOST_STEPS)?;
        counted("initialQueries", self.initial_queries, 1, MOST_STEPS)?;
        counted(
            "maxQueries",
            self.max_queries,
            self.initial_queries,
            MOST_STEPS,
        )?;
        match &self.start {
            Some(start) if !start.fits(pictures.activation_shape()) => {
                Err(Error::bad_argument(format!(
                    "attack: start is {:?}, the pictures are {:?}",
                    start.shape(),
                    pictures.shape()
                )))
            }
            None if targeted => Err(Error::bad_argument(
                "attack: hop_skip_jump cannot find a picture of the target by chance; give one as start",
            )),
            _ => Ok(()),
        }
    }
}

pub(super) async fn hop_skip_jump<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    settings: &HopSkipJump,
) -> Result<Tensor> {
    let total = run.count() * settings.steps;
    let mut pictures = run.start.clone();
    let mut success = vec![false; run.count()];
    let mut values = vec![f32::NEG_INFINITY; run.count()];
    for picture in 0..run.count() {
        let mut walk = Walk {
            picture,
            origin: row(run.start, picture).to_vec(),
            norm: settings.norm,
            random: run.random(picture, 0),
        };
        let Some(start) = walk.beginning(run, settings).await? else {
            continue;
        };
        let mut here = walk.to_boundary(run, start).await?;
        let mut best = (walk.distance(&here), here.clone());
        success[picture] = true;
        for step in 0..settings.steps {
            values[picture] = -best.0 as f32;
            row_mut(&mut pictures, picture).copy_from_slice(&best.1);
            let done = picture * settings.steps + step;
            let look = || Look::new(done, &pictures, success.clone(), &values);
            if !run.show(done, total, look).await? {
                return Ok(pictures);
            }
            if run.early_stop || best.0 == 0.0 {
                break;
            }
            here = walk.step(run, settings, here, step).await?;
            run.steps[picture] += 1;
            let distance = walk.distance(&here);
            if distance < best.0 {
                best = (distance, here.clone());
            }
        }
        row_mut(&mut pictures, picture).copy_from_slice(&best.1);
    }
    Ok(pictures)
}

/// One picture's way.
struct Walk {
    picture: usize,
    origin: Vec<f32>,
    norm: Norm,
    random: Random,
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "shares are rounded to the engine's f32"
)]
impl Walk {
    fn distance(&self, picture: &[f32]) -> f64 {
        let change = difference(picture, &self.origin);
        match self.norm {
            Norm::L2 => length(&change),
            Norm::Linf => change
                .iter()
                .fold(0.0, |most, c| f64::max(most, f64::from(c.abs()))),
        }
    }

    /// θ: how near to the boundary counts as on it, and what a step's width follows from.
    fn nearness(&self) -> f64 {
        let size = self.origin.len() as f64;
        match self.norm {
            Norm::L2 => 1.0 / (size.sqrt() * size),
            Norm::Linf => 1.0 / (size * size),
        }
    }

    /// Whether pictures reach the goal.
    async fn decisions<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
        &self,
        run: &mut Run<'_, V, F>,
        rows: &[Vec<f32>],
    ) -> Result<Vec<bool>> {
        let of = vec![self.picture; rows.len()];
        let logits = run.answers(&of, |at| rows[at].clone()).await?;
        Ok(run.reached(&of, &logits))
    }

    async fn decision<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
        &self,
        run: &mut Run<'_, V, F>,
        picture: &[f32],
    ) -> Result<bool> {
        Ok(self.decisions(run, &[picture.to_vec()]).await?[0])
    }

    /// A picture that reaches the goal: itself, the one that was given, or an even random one.
    async fn beginning<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
        &mut self,
        run: &mut Run<'_, V, F>,
        settings: &HopSkipJump,
    ) -> Result<Option<Vec<f32>>> {
        let own = self.origin.clone();
        if self.decision(run, &own).await? {
            return Ok(Some(own));
        }
        if let Some(start) = &settings.start {
            let length = self.origin.len();
            let place = if start.data().len() == length {
                0
            } else {
                self.picture
            };
            let mut given = start.data()[place * length..(place + 1) * length].to_vec();
            run.bounds.clamp(&mut given);
            return Ok(self.decision(run, &given).await?.then_some(given));
        }
        let [low, high] = range(&self.origin);
        let plane = run.picture().plane();
        for _ in 0..STARTS {
            let mut noise = Vec::with_capacity(self.origin.len());
            for at in 0..self.origin.len() {
                let bounds = run.bounds.of(at / plane);
                // Without bounds the picture's own range says what is likely.
                let [low, high] = if bounds.iter().all(|bound| bound.is_finite()) {
                    bounds
                } else {
                    [low, high]
                };
                noise.push(low + (high - low) * self.random.uniform());
            }
            if self.decision(run, &noise).await? {
                return Ok(Some(noise));
            }
        }
        Ok(None)
    }

    /// Towards the origin as far as the goal stays reached, by bisection.
    async fn to_boundary<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
        &self,
        run: &mut Run<'_, V, F>,
        picture: Vec<f32>,
    ) -> Result<Vec<f32>> {
        let (mut low, mut high, width) = match self.norm {
            Norm::L2 => (0.0, 1.0, self.nearness()),
            Norm::Linf => {
                let distance = self.distance(&picture);
                (
                    0.0,
                    distance,
                    (distance * self.nearness()).min(self.nearness()),
                )
            }
        };
        let mut kept = picture.clone();
        while high - low > width {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                break;
            }
            let candidate = self.toward(&picture, middle);
            if self.decision(run, &candidate).await? {
                high = middle;
                kept = candidate;
            } else {
                low = middle;
            }
        }
        Ok(kept)
    }

    /// The origin with a share of the change, or with no change greater than that.
    fn toward(&self, picture: &[f32], share: f64) -> Vec<f32> {
        let mut moved = picture.to_vec();
        match self.norm {
            Norm::Linf => self.norm.project(&mut moved, &self.origin, share as f32),
            Norm::L2 => {
                for (value, &origin) in moved.iter_mut().zip(&self.origin) {
                    *value = (f64::from(origin) * (1.0 - share) + f64::from(*value) * share) as f32;
                }
            }
        }
        moved
    }

    /// Which way the goal lies at the boundary, from random neighbours' decisions.
    async fn direction<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
        &mut self,
        run: &mut Run<'_, V, F>,
        here: &[f32],
        count: usize,
        width: f64,
    ) -> Result<Vec<f32>> {
        let mut rows = Vec::with_capacity(count);
        for _ in 0..count {
            let draw = |_| match self.norm {
                Norm::L2 => self.random.normal(),
                Norm::Linf => 2.0 * self.random.uniform() - 1.0,
            };
            let change: Vec<f32> = (0..here.len()).map(draw).collect();
            let change = scaled(&change, width / length(&change).max(f64::MIN_POSITIVE));
            let mut moved: Vec<f32> = here.iter().zip(&change).map(|(a, b)| a + b).collect();
            run.bounds.clamp(&mut moved);
            rows.push(moved);
        }
        let decisions = self.decisions(run, &rows).await?;
        let votes: Vec<f64> = (decisions.iter())
            .map(|&yes| if yes { 1.0 } else { -1.0 })
            .collect();
        let mean = votes.iter().sum::<f64>() / count as f64;
        let mut sum = vec![0f64; here.len()];
        for (moved, vote) in rows.iter().zip(&votes) {
            // Where all agree there is nothing to compare with.
            let weight = if mean.abs() == 1.0 {
                *vote
            } else {
                vote - mean
            };
            for (sum, (moved, here)) in sum.iter_mut().zip(moved.iter().zip(here)) {
                *sum += weight * f64::from(moved - here);
            }
        }
        let sum: Vec<f32> = sum.into_iter().map(|value| value as f32).collect();
        Ok(match self.norm {
            Norm::L2 => scaled(&sum, 1.0 / length(&sum).max(f64::MIN_POSITIVE)),
            Norm::Linf => sum.into_iter().map(sign).collect(),
        })
    }

    /// Away from the boundary as far as the goal stays reached, then back to it.
    async fn step<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
        &mut self,
        run: &mut Run<'_, V, F>,
        settings: &HopSkipJump,
        here: Vec<f32>,
        step: usize,
    ) -> Result<Vec<f32>> {
        let (distance, size) = (self.distance(&here), self.origin.len() as f64);
        let width = match self.norm {
            _ if step == 0 => 0.1 * f64::from(span(run.bounds.of(0), &self.origin)),
            Norm::L2 => size.sqrt() * self.nearness() * distance,
            Norm::Linf => size * self.nearness() * distance,
        };
        let turn = ((step + 1) as f64).sqrt();
        let count = (settings.initial_queries as f64 * turn) as usize;
        let direction = self
            .direction(run, &here, count.min(settings.max_queries), width)
            .await?;
        let mut length = distance / turn;
        for _ in 0..HALVINGS {
            let mut moved = here.clone();
            for (value, direction) in moved.iter_mut().zip(&direction) {
                *value += length as f32 * direction;
            }
            run.bounds.clamp(&mut moved);
            if self.decision(run, &moved).await? {
                return self.to_boundary(run, moved).await;
            }
            length /= 2.0;
        }
        Ok(here)
    }
}

fn range(values: &[f32]) -> [f32; 2] {
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    [least, most]
}

/// How wide values range: between the bounds, or where there are none, in the picture.
fn span([low, high]: [f32; 2], picture: &[f32]) -> f32 {
    if (high - low).is_finite() {
        high - low
    } else {
        let [low, high] = range(picture);
        high - low
    }
}
