//! What is explained: a network's answer for pictures, and passes over changed copies of them.

use std::future::Future;

use crate::engine::control::Control;
use crate::engine::sweep::{self, InOrder, in_order};
use crate::error::Result;
use crate::net::objective::{self, Objective, Term};
use crate::net::passes::Pass;
use crate::net::{Net, Overrides};
use crate::tensor::{Shape, Tensor};

/// A network's answer for each of N pictures.
pub struct Subject<'a> {
    /// The network.
    pub net: &'a Net,
    /// The pictures, (N, C, H, W).
    pub images: &'a Tensor,
    /// The answer.
    pub target: Objective,
    /// Changes on the way.
    pub overrides: &'a Overrides,
    /// Who listens, and may stop the work.
    pub control: &'a Control,
    shape: Shape,
}

/// Some of a method's passes, which run together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// For each pass its number and the index of its picture.
    pub rows: Vec<(usize, usize)>,
    /// Passes done once this batch is.
    pub done: usize,
    /// Passes in all.
    pub total: usize,
}

/// What the network is given for a batch.
pub struct Inputs {
    /// The pictures, (rows, C, H, W).
    pub images: Tensor,
    /// The answer.
    pub target: Objective,
    /// Changes on the way.
    pub overrides: Overrides,
}

impl<'a> Subject<'a> {
    /// The answer `target` for pictures, by default each picture's own predicted class's logit.
    ///
    /// # Errors
    /// `bad_image` for pictures of another shape; those of [`Net::logits`] where the class is to be predicted.
    pub async fn new(
        net: &'a Net,
        images: &'a Tensor,
        target: Option<Objective>,
        overrides: &'a Overrides,
        control: &'a Control,
    ) -> Result<Self> {
        let shape = net.check_pictures(images)?;
        let target = match target {
            Some(target) => target,
            None => predicted(net, images, overrides, control).await?,
        };
        Ok(Self {
            net,
            images,
            target,
            overrides,
            control,
            shape,
        })
    }

    /// The pictures' extents.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The values of one picture.
    #[must_use]
    pub fn picture(&self, index: usize) -> &'a [f32] {
        &self.images.data()[index * self.shape.picture()..][..self.shape.picture()]
    }

    /// `count` passes of every picture, in order of passes, in batches.
    pub fn passes(&self, count: usize, pass: Pass) -> impl Iterator<Item = Batch> + use<> {
        let (pictures, size) = (self.shape.n(), self.net.batch_size(pass));
        let total = count * pictures;
        sweep::batches(total, size).map(move |range| Batch {
            done: range.end,
            total,
            rows: range.map(|row| (row / pictures, row % pictures)).collect(),
        })
    }

    /// What `run` makes of [`Self::passes`], batch by batch, with the help of those who share the network.
    pub fn sweep<'s, T, F>(
        &'s self,
        count: usize,
        pass: Pass,
        run: impl FnMut(Batch) -> F + 's,
    ) -> InOrder<'s, T>
    where
        F: Future<Output = Result<T>> + 's,
    {
        in_order(self.net.lanes(), self.passes(count, pass).map(run))
    }

    /// The gradients to the input, (rows, C, H, W), at copies of the pictures that `change` makes for `count` passes: it is
    /// given the pass, the picture's index and the picture's values to be changed, in order.
    pub fn gradients<'s>(
        &'s self,
        count: usize,
        mut change: impl FnMut(usize, usize, &mut [f32]) + 's,
    ) -> InOrder<'s, (Batch, Tensor)> {
        self.sweep(count, Pass::Backward, move |batch| {
            let inputs = self.inputs(&batch, &mut change);
            async move {
                let inputs = inputs?;
                let (_, mut gradients) = inputs.gradient(self, &["input"]).await?;
                Ok((batch, gradients.remove(0)))
            }
        })
    }

    /// The answers for copies of the pictures that `change` makes, as in [`Self::gradients`].
    pub fn values<'s>(
        &'s self,
        count: usize,
        mut change: impl FnMut(usize, usize, &mut [f32]) + 's,
    ) -> InOrder<'s, (Batch, Vec<f32>)> {
        self.sweep(count, Pass::Forward, move |batch| {
            let inputs = self.inputs(&batch, &mut change);
            async move { Ok((batch, inputs?.values(self).await?)) }
        })
    }

    /// The answer for each picture as it is.
    ///
    /// # Errors
    /// Those of [`Net::values`].
    pub async fn answers(&self) -> Result<Vec<f32>> {
        let mut answers = Vec::with_capacity(self.shape.n());
        let mut sweep = self.values(1, |_, _, _| {});
        while let Some((_, values)) = sweep.next().await? {
            answers.extend(values);
        }
        Ok(answers)
    }

    /// What the network is given for a batch, with the pictures as `change` makes them.
    ///
    /// # Errors
    /// Those of [`Net::overrides_for`].
    pub fn inputs(
        &self,
        batch: &Batch,
        change: impl FnMut(usize, usize, &mut [f32]),
    ) -> Result<Inputs> {
        let pictures: Vec<usize> = batch.rows.iter().map(|&(_, picture)| picture).collect();
        let count = self.shape.n();
        Ok(Inputs {
            images: self.copies(batch, change)?,
            target: self.net.objective_for(&self.target, &pictures, count)?,
            overrides: self.net.overrides_for(self.overrides, &pictures, count)?,
        })
    }

    /// Tells how far the passes have come.
    pub fn report(&self, batch: &Batch, partial: impl FnOnce() -> Option<Tensor>) {
        self.control.estimate(batch.done, batch.total, partial);
    }

    /// The pictures of a batch's rows, changed.
    fn copies(
        &self,
        batch: &Batch,
        mut change: impl FnMut(usize, usize, &mut [f32]),
    ) -> Result<Tensor> {
        let mut data = Vec::with_capacity(batch.rows.len() * self.shape.picture());
        for &(pass, picture) in &batch.rows {
            let start = data.len();
            data.extend_from_slice(self.picture(picture));
            change(pass, picture, &mut data[start..]);
        }
        Tensor::from_shape(data, self.shape.with_n(batch.rows.len()))
    }
}

impl Inputs {
    /// The answer, summed over the batch, and its gradients to `wrt`.
    ///
    /// # Errors
    /// Those of [`Net::gradient`].
    pub async fn gradient(
        &self,
        subject: &Subject<'_>,
        wrt: &[&str],
    ) -> Result<(f32, Vec<Tensor>)> {
        let (images, target, overrides) = (&self.images, &self.target, &self.overrides);
        let (net, control) = (subject.net, subject.control);
        net.gradient(images, target, wrt, overrides, control).await
    }

    /// The answer for each row.
    ///
    /// # Errors
    /// Those of [`Net::values`].
    pub async fn values(&self, subject: &Subject<'_>) -> Result<Vec<f32>> {
        let (images, target, overrides) = (&self.images, &self.target, &self.overrides);
        let (net, control) = (subject.net, subject.control);
        net.values(images, target, overrides, control).await
    }

    /// A layer's output.
    ///
    /// # Errors
    /// Those of [`Net::activations`].
    pub async fn activations(&self, subject: &Subject<'_>, layer: &str) -> Result<Vec<Tensor>> {
        let (net, control) = (subject.net, subject.control);
        net.activations(&self.images, &[layer], &self.overrides, control)
            .await
    }
}

/// The logit of each picture's own predicted class.
///
/// # Errors
/// Those of [`Net::logits`].
pub async fn predicted(
    net: &Net,
    images: &Tensor,
    overrides: &Overrides,
    control: &Control,
) -> Result<Objective> {
    let control = control.quiet();
    let logits = net.logits_of_set(images, overrides, &control).await?;
    let shape = logits.activation_shape();
    let mut one_hot = Vec::with_capacity(shape.len());
    for row in logits.data().chunks_exact(shape.c()) {
        let best = argmax(row);
        one_hot.extend((0..row.len()).map(|class| f32::from(u8::from(class == best))));
    }
    let layer = net
        .graph()
        .node(objective::logits(net.graph(), net.output()))
        .name
        .clone();
    let tensor = Tensor::new(one_hot, [shape.n(), shape.c()])?;
    Ok(vec![(Term::Dot { layer, tensor }, 1.0)])
}

/// The first index of the greatest value.
fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

/// Sums of maps in f64, one for each picture.
pub(super) struct Sums {
    values: Vec<f64>,
    shape: Shape,
}

impl Sums {
    /// Zeros of `shape`, (N, C, H, W).
    pub fn new(shape: Shape) -> Self {
        Self {
            values: vec![0.0; shape.len()],
            shape,
        }
    }

    /// The sums of one picture.
    pub fn of(&mut self, picture: usize) -> &mut [f64] {
        let length = self.shape.picture();
        &mut self.values[picture * length..][..length]
    }

    /// One sum.
    pub fn at(&self, index: usize) -> f64 {
        self.values[index]
    }

    /// All values, each made from its sum and index.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "summed in f64, returned as f32"
    )]
    pub fn map(&self, value: impl Fn(usize, f64) -> f64) -> Result<Tensor> {
        let values = self.values.iter().enumerate();
        let data = values
            .map(|(index, &sum)| value(index, sum) as f32)
            .collect();
        Tensor::from_shape(data, self.shape)
    }
}
