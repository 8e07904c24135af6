//! What is explained: a network's answer for pictures, and passes over changed copies of them.

use crate::engine::control::Control;
use crate::engine::sweep;
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

    /// The gradients to the input, (rows, C, H, W), at copies of the pictures that `change` makes: it is given the pass,
    /// the picture's index and the picture's values to be changed.
    ///
    /// # Errors
    /// Those of [`Net::gradient`].
    pub async fn gradients(
        &self,
        batch: &Batch,
        change: impl FnMut(usize, usize, &mut [f32]),
    ) -> Result<Tensor> {
        let copies = self.copies(batch, change)?;
        let (target, overrides) = self.for_batch(batch)?;
        let (_, mut gradients) = self
            .net
            .gradient(&copies, &target, &["input"], &overrides, self.control)
            .await?;
        Ok(gradients.remove(0))
    }

    /// The answers for copies of the pictures that `change` makes, as in [`Self::gradients`].
    ///
    /// # Errors
    /// Those of [`Net::values`].
    pub async fn values(
        &self,
        batch: &Batch,
        change: impl FnMut(usize, usize, &mut [f32]),
    ) -> Result<Vec<f32>> {
        let copies = self.copies(batch, change)?;
        let (target, overrides) = self.for_batch(batch)?;
        self.net
            .values(&copies, &target, &overrides, self.control)
            .await
    }

    /// The answer for each picture as it is.
    ///
    /// # Errors
    /// Those of [`Net::values`].
    pub async fn answers(&self) -> Result<Vec<f32>> {
        let mut answers = Vec::with_capacity(self.shape.n());
        for batch in self.passes(1, Pass::Forward) {
            answers.extend(self.values(&batch, |_, _, _| {}).await?);
        }
        Ok(answers)
    }

    /// The target and the overrides for a batch's rows.
    ///
    /// # Errors
    /// Those of [`Net::overrides_for`].
    pub fn for_batch(&self, batch: &Batch) -> Result<(Objective, Overrides)> {
        let pictures: Vec<usize> = batch.rows.iter().map(|&(_, picture)| picture).collect();
        let count = self.shape.n();
        Ok((
            self.net.objective_for(&self.target, &pictures, count)?,
            self.net.overrides_for(self.overrides, &pictures, count)?,
        ))
    }

    /// Tells how far the passes have come.
    pub fn report(&self, batch: &Batch, partial: impl FnOnce() -> Option<Tensor>) {
        self.control.estimate(batch.done, batch.total, partial);
    }

    /// The pictures of a batch's rows, changed.
    ///
    /// # Errors
    /// None in practice; the signature is that of the tensor's constructor.
    pub fn copies(
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
    let shape = net.check_pictures(images)?;
    let mut one_hot = Vec::new();
    for range in sweep::batches(shape.n(), net.batch_size(Pass::Forward)) {
        let pictures: Vec<usize> = range.collect();
        let some = images.pictures(&pictures, shape.n(), shape.picture())?;
        let overrides = net.overrides_for(overrides, &pictures, shape.n())?;
        let logits = net.logits(&some, &overrides, control).await?;
        for row in logits.data().chunks_exact(logits.activation_shape().c()) {
            let best = argmax(row);
            one_hot.extend((0..row.len()).map(|class| f32::from(u8::from(class == best))));
        }
    }
    let classes = one_hot.len() / shape.n();
    let layer = net
        .graph()
        .node(objective::logits(net.graph(), net.output()))
        .name
        .clone();
    let tensor = Tensor::new(one_hot, [shape.n(), classes])?;
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
