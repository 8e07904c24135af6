//! The counterfactual: what becomes of the answers when a region is painted over.

use crate::engine::control::Control;
use crate::engine::sweep;
use crate::error::Result;
use crate::lab::shortcut::Mark;
use crate::lab::train::Examples;
use crate::lens::prediction;
use crate::net::passes::Pass;
use crate::net::{Net, Overrides};
use crate::tensor::Tensor;

/// How a network answers for the pictures of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The share that it takes for their class.
    pub accuracy: f32,
    /// The mean probability of their class.
    pub confidence: f32,
    /// The share that it takes for each class.
    pub predicted: Vec<f32>,
}

/// The answers for the pictures of one class as they are, and painted over.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// The class.
    pub class: usize,
    /// Its pictures.
    pub count: usize,
    /// As they are.
    pub before: Outcome,
    /// Painted over.
    pub after: Outcome,
}

/// Answers before and after `mark` is painted over every picture, for each class that has pictures.
///
/// # Errors
/// Those of [`Net::logits`]; `bad_argument` for examples that do not fit.
pub async fn contrast(
    net: &Net,
    examples: &Examples,
    mark: &Mark,
    control: &Control,
) -> Result<Vec<Contrast>> {
    examples.check(net)?;
    let shape = examples.images().activation_shape();
    let count = examples.labels().len();
    let classes = net.classes()?;
    let mut before = vec![Tally::new(classes); classes];
    let mut after = before.clone();
    let batches = sweep::batches(count, net.batch_size(Pass::Forward));
    let overrides = Overrides::new();
    // Each batch as it is, then painted over.
    let both = batches.flat_map(|batch| [(batch.clone(), false), (batch, true)]);
    let work = both.map(async |(batch, is_painted)| {
        let pictures =
            &examples.images().data()[batch.start * shape.picture()..batch.end * shape.picture()];
        let mut pictures = pictures.to_vec();
        if is_painted {
            for picture in pictures.chunks_exact_mut(shape.picture()) {
                mark.paint(picture, shape.h(), shape.w());
            }
        }
        let pictures = Tensor::from_shape(pictures, shape.with_n(batch.len()))?;
        let logits = net.logits(&pictures, &overrides, control).await?;
        let probabilities = prediction::probabilities(&logits)?;
        Ok((batch, is_painted, probabilities))
    });
    let mut work = sweep::in_order(net.lanes(), work);
    while let Some((batch, is_painted, probabilities)) = work.next().await? {
        let tallies = if is_painted { &mut after } else { &mut before };
        let rows = probabilities.data().chunks_exact(classes);
        for (row, &label) in rows.zip(&examples.labels()[batch.clone()]) {
            tallies[label].add(row, label);
        }
        if is_painted {
            control.progress(batch.end, count);
        }
    }
    let pairs = before.iter().zip(&after).enumerate();
    Ok(pairs
        .filter(|(_, (before, _))| before.count > 0)
        .map(|(class, (before, after))| Contrast {
            class,
            count: before.count,
            before: before.outcome(class),
            after: after.outcome(class),
        })
        .collect())
}

#[derive(Debug, Clone)]
struct Tally {
    count: usize,
    confidence: f32,
    predicted: Vec<usize>,
}

impl Tally {
    fn new(classes: usize) -> Self {
        Self {
            count: 0,
            confidence: 0.0,
            predicted: vec![0; classes],
        }
    }

    fn add(&mut self, probabilities: &[f32], label: usize) {
        let best = |best: usize, i: usize| {
            if probabilities[i] > probabilities[best] {
                i
            } else {
                best
            }
        };
        self.predicted[(1..probabilities.len()).fold(0, best)] += 1;
        self.confidence += probabilities[label];
        self.count += 1;
    }

    fn outcome(&self, class: usize) -> Outcome {
        let share = |count: usize| count as f32 / self.count as f32;
        Outcome {
            accuracy: share(self.predicted[class]),
            confidence: self.confidence / self.count as f32,
            predicted: self.predicted.iter().map(|&count| share(count)).collect(),
        }
    }
}
