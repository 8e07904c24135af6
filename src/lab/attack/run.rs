//! An attack under way: what it may ask of the victim, and who is told how far it is.

use super::space::{batch, gather, row};
use super::{Bounds, Extra, Goal, Look, Request};
use super::{Loss, Slope, Victim};
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::net::passes::Pass;
use crate::random::Random;
use crate::tensor::{Shape, Tensor};

/// One attack on N pictures.
pub(super) struct Run<'a, V, F> {
    victim: &'a V,
    control: &'a Control,
    on_look: F,
    every: usize,
    /// Where the pictures start, in attack units.
    pub start: &'a Tensor,
    /// What no pixel may leave.
    pub bounds: &'a Bounds,
    /// Whether a picture's run ends at its first success.
    pub early_stop: bool,
    seed: u64,
    /// By what the pictures' random numbers are drawn.
    names: Vec<usize>,
    /// The logits (N, K) that the pictures start with.
    pub before: Tensor,
    /// What came of the run beside the pictures.
    pub extra: Extra,
    /// What counts as success.
    pub goal: Goal,
    /// How often the victim was asked about each picture.
    pub queries: Vec<usize>,
    /// Steps taken for each picture.
    pub steps: Vec<usize>,
    /// Steps that the run may take, once it has begun.
    total: usize,
}

/// Where pictures stand, and which way leads to the goal.
pub(super) struct Climb {
    /// (N, K).
    pub logits: Tensor,
    /// What is raised, for each picture: the cross-entropy against its label, or minus that against its target.
    pub values: Vec<f32>,
    /// Its gradient, (N, C, H, W).
    pub gradient: Tensor,
}

impl<'a, V: Victim, F: AsyncFnMut(Look) -> Result<bool>> Run<'a, V, F> {
    pub fn new(victim: &'a V, request: &'a Request, control: &'a Control, on_look: F) -> Self {
        let count = request.pictures.activation_shape().n();
        Self {
            victim,
            control,
            on_look,
            every: request.every,
            start: &request.pictures,
            bounds: &request.bounds,
            early_stop: request.early_stop,
            seed: request.seed,
            names: (0..count).collect(),
            before: Tensor::zeros(Shape::SCALAR),
            extra: Extra::default(),
            goal: Goal::Untargeted(vec![0; count]),
            queries: vec![0; count],
            steps: vec![0; count],
            total: 0,
        }
    }

    /// How many pictures are attacked.
    pub fn count(&self) -> usize {
        self.start.activation_shape().n()
    }

    /// The extents of one picture.
    pub fn picture(&self) -> Shape {
        self.start.activation_shape().with_n(1)
    }

    /// How many classes the victim tells apart.
    pub fn classes(&self) -> usize {
        self.victim.classes()
    }

    /// The random numbers of a picture's `draw`th use of them, whatever other pictures there are.
    pub fn random(&self, picture: usize, draw: usize) -> Random {
        let mut mixed = self.seed;
        for part in [self.names[picture] as u64, draw as u64] {
            // SplitMix64 (Steele, Lea and Flood 2014), so that neighbouring numbers give streams without likeness.
            mixed = mixed.wrapping_add(part).wrapping_add(0x9e37_79b9_7f4a_7c15);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
        }
        Random::new(mixed)
    }

    /// How many pictures a batch of passes holds.
    pub fn batch_size(&self, pass: Pass) -> usize {
        self.victim.batch_size(pass)
    }

    /// Asks what the victim takes the pictures for, and so finds the goal.
    pub async fn begin(&mut self, request: &Request) -> Result<()> {
        let all: Vec<usize> = (0..self.count()).collect();
        self.before = self.logits(&all, self.start).await?;
        self.goal = super::goal(request, &self.before, self.classes(), self.count())?;
        self.queries.fill(0);
        Ok(())
    }

    /// Goes on with some of another run's pictures, which are this one's.
    pub fn continue_for<G>(&mut self, other: &Run<'_, V, G>, some: &[usize]) -> Result<()> {
        self.names = some.iter().map(|&picture| other.names[picture]).collect();
        self.goal = other.goal.of(some);
        self.before = gather(&other.before, some)?;
        Ok(())
    }

    /// The logits (M, K) of M pictures, each made of one of the N.
    pub async fn logits(&mut self, of: &[usize], pictures: &Tensor) -> Result<Tensor> {
        self.answers(of, |at| row(pictures, at).to_vec()).await
    }

    /// As [`Self::logits`] for pictures that are made when they are asked about, so that few are there at a time.
    pub async fn answers(
        &mut self,
        of: &[usize],
        picture: impl Fn(usize) -> Vec<f32>,
    ) -> Result<Tensor> {
        let (size, classes) = (self.victim.batch_size(Pass::Forward), self.classes());
        let mut data = Vec::with_capacity(of.len() * classes);
        let (victim, shape) = (self.victim, self.picture());
        let mut sweep = victim.sweep(of.len(), Pass::Forward, async |range| {
            let places = padded(range.clone(), size);
            let rows: Vec<Vec<f32>> = places.into_iter().map(&picture).collect();
            Ok((range, victim.logits(&batch(&rows, shape)?).await?))
        });
        while let Some((range, logits)) = sweep.next().await? {
            self.control.step().await?;
            data.extend_from_slice(&logits.data()[..range.len() * classes]);
        }
        self.count_queries(of);
        finite(Tensor::new(data, [of.len(), classes])?)
    }

    /// Logits, losses and gradients of M pictures, each made of one of the N.
    pub async fn slope(&mut self, of: &[usize], pictures: &Tensor, loss: &Loss) -> Result<Slope> {
        let (size, classes) = (self.victim.batch_size(Pass::Backward), self.classes());
        let (mut logits, mut losses, mut gradient) = (Vec::new(), Vec::new(), Vec::new());
        let victim = self.victim;
        let mut sweep = victim.sweep(of.len(), Pass::Backward, async |range| {
            let places = padded(range.clone(), size);
            let loss = match loss {
                Loss::CrossEntropy(classes) => {
                    Loss::CrossEntropy(places.iter().map(|&at| classes[at]).collect())
                }
                Loss::Logits(weights) => Loss::Logits(chosen(weights, &places)?),
            };
            let slope = victim.slope(&chosen(pictures, &places)?, &loss).await?;
            Ok((range, slope))
        });
        while let Some((range, slope)) = sweep.next().await? {
            self.control.step().await?;
            logits.extend_from_slice(&slope.logits.data()[..range.len() * classes]);
            losses.extend_from_slice(&slope.losses[..range.len()]);
            let length = self.picture().len();
            gradient.extend_from_slice(&slope.gradient.data()[..range.len() * length]);
        }
        self.count_queries(of);
        Ok(Slope {
            logits: finite(Tensor::new(logits, [of.len(), classes])?)?,
            losses,
            gradient: finite(Tensor::from_shape(
                gradient,
                self.picture().with_n(of.len()),
            )?)?,
        })
    }

    /// Which way the goal lies, by the cross-entropy.
    pub async fn climb(&mut self, of: &[usize], pictures: &Tensor) -> Result<Climb> {
        let classes = of.iter().map(|&picture| self.goal.class(picture)).collect();
        let slope = self
            .slope(of, pictures, &Loss::CrossEntropy(classes))
            .await?;
        let (mut values, mut gradient) = (slope.losses, slope.gradient);
        if self.goal.is_targeted() {
            for value in values.iter_mut().chain(gradient.data_mut()) {
                *value = -*value;
            }
        }
        Ok(Climb {
            logits: slope.logits,
            values,
            gradient,
        })
    }

    /// Which of M pictures, each made of one of the N, reach the goal.
    pub fn reached(&self, of: &[usize], logits: &Tensor) -> Vec<bool> {
        (of.iter().zip(logits.data().chunks_exact(self.classes())))
            .map(|(&picture, row)| self.goal.is_reached(picture, row))
            .collect()
    }

    /// How far each of M pictures, made of one of the N, is beyond the boundary to its goal, in logits: the greatest logit
    /// that serves the goal less the greatest that does not.
    pub fn margins(&self, of: &[usize], logits: &Tensor) -> Vec<f32> {
        (of.iter().zip(logits.data().chunks_exact(self.classes())))
            .map(|(&picture, row)| self.margin(picture, row))
            .collect()
    }

    /// As [`Self::margins`], for one.
    pub fn margin(&self, picture: usize, logits: &[f32]) -> f32 {
        let class = self.goal.class(picture);
        let margin = logits[rival(logits, class)] - logits[class];
        if self.goal.is_targeted() {
            -margin
        } else {
            margin
        }
    }

    /// Says that `step` of `total` steps are done, and shows what there is if it is time to; `false` ends the run.
    pub async fn show(
        &mut self,
        step: usize,
        total: usize,
        look: impl FnOnce() -> Look,
    ) -> Result<bool> {
        self.total = total;
        self.control.progress(step, total);
        self.control.step().await?;
        if self.every == 0 || !step.is_multiple_of(self.every) {
            return Ok(true);
        }
        (self.on_look)(look()).await
    }

    /// Says that everything is done.
    pub fn finish(&self) {
        self.control.progress(self.total, self.total);
    }

    fn count_queries(&mut self, of: &[usize]) {
        for &picture in of {
            self.queries[picture] += self.victim.cost();
        }
    }
}

/// The places of a batch, filled up to a power of two with its last one, so that few programs serve all batches.
fn padded(range: std::ops::Range<usize>, size: usize) -> Vec<usize> {
    let whole = range.len().next_power_of_two().min(size.max(range.len()));
    let last = range.end - 1;
    (range.start..range.start + whole)
        .map(|place| place.min(last))
        .collect()
}

/// Rows of a batch.
fn chosen(rows: &Tensor, places: &[usize]) -> Result<Tensor> {
    let list: Vec<Vec<f32>> = places.iter().map(|&at| row(rows, at).to_vec()).collect();
    batch(&list, rows.activation_shape())
}

/// Refuses numbers that are none.
fn finite(tensor: Tensor) -> Result<Tensor> {
    if tensor.data().iter().all(|value| value.is_finite()) {
        Ok(tensor)
    } else {
        Err(Error::bad_model(
            "attack: the network answers with numbers that are not finite, so that there is no way to go; check its weights and the picture's values",
        ))
    }
}

/// The greatest value's place; of equals, the first.
#[must_use]
pub fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, &value) in values.iter().enumerate() {
        if value > values[best] {
            best = index;
        }
    }
    best
}

/// The likeliest class beside another.
pub(super) fn rival(logits: &[f32], class: usize) -> usize {
    let mut best = usize::from(class == 0);
    for (index, &logit) in logits.iter().enumerate() {
        if index != class && logit > logits[best] {
            best = index;
        }
    }
    best
}

/// The likeliest class of each row of logits (N, K).
pub(super) fn classes_of(logits: &Tensor) -> Vec<usize> {
    let classes = logits.activation_shape().c();
    logits.data().chunks_exact(classes).map(argmax).collect()
}
