//! Methods that are one backward pass by other rules than the gradient's.

use super::Settings;
use super::subject::{Batch, Subject};
use crate::error::Result;
use crate::lens::rules::{DeepLift, Rectified, deep_lift, lrp, rectified};
use crate::net::Overrides;
use crate::net::objective::Objective;
use crate::net::passes::Pass;
use crate::tensor::Tensor;

/// Guided backpropagation or the deconvnet.
pub async fn rectifying(subject: &Subject<'_>, rule: Rectified) -> Result<Tensor> {
    let mut maps = Maps::new(subject);
    for batch in subject.passes(1, Pass::Backward) {
        let (images, target, overrides) = maps.inputs(&batch)?;
        let control = subject.control;
        let map = rectified(subject.net, &images, &target, rule, &overrides, control).await?;
        maps.keep(&batch, map);
    }
    maps.finish()
}

/// (x − baseline) · multipliers of the rescale rule.
pub async fn rescaling(subject: &Subject<'_>, settings: &Settings) -> Result<Tensor> {
    let baseline = settings.baseline.pictures(subject.images, settings.seed)?;
    let mut maps = Maps::new(subject);
    for batch in subject.passes(1, Pass::Backward) {
        let (images, target, overrides) = maps.inputs(&batch)?;
        let rows: Vec<usize> = batch.rows.iter().map(|&(_, picture)| picture).collect();
        let shape = subject.shape();
        let rule = DeepLift {
            baseline: baseline.pictures(&rows, shape.n(), shape.picture())?,
        };
        let control = subject.control;
        let found = deep_lift(subject.net, &images, &target, &rule, &overrides, control).await?;
        maps.keep(&batch, found.map);
    }
    maps.finish()
}

/// The picture's relevance.
pub async fn relevance(subject: &Subject<'_>, settings: &Settings) -> Result<Tensor> {
    let mut maps = Maps::new(subject);
    for batch in subject.passes(1, Pass::Backward) {
        let (images, target, overrides) = maps.inputs(&batch)?;
        let (rule, control) = (&settings.lrp, subject.control);
        let found = lrp(subject.net, &images, &target, rule, &overrides, control).await?;
        maps.keep(&batch, found.map);
    }
    maps.finish()
}

/// The maps of all pictures, batch after batch.
struct Maps<'s, 'a> {
    subject: &'s Subject<'a>,
    values: Vec<f32>,
}

impl<'s, 'a> Maps<'s, 'a> {
    fn new(subject: &'s Subject<'a>) -> Self {
        Self {
            subject,
            values: Vec::with_capacity(subject.shape().len()),
        }
    }

    /// Pictures, target and overrides of a batch.
    fn inputs(&self, batch: &Batch) -> Result<(Tensor, Objective, Overrides)> {
        let images = self.subject.copies(batch, |_, _, _| {})?;
        let (target, overrides) = self.subject.for_batch(batch)?;
        Ok((images, target, overrides))
    }

    fn keep(&mut self, batch: &Batch, map: Tensor) {
        self.values.extend(map.into_data());
        self.subject.report(batch, || None);
    }

    fn finish(self) -> Result<Tensor> {
        Tensor::from_shape(self.values, self.subject.shape())
    }
}
