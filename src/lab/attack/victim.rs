//! What is attacked: pictures in, logits and slopes out. A defended network is a victim too, so that every attack is
//! written once; one whose defence has no gradient passes it straight through (BPDA, Athalye, Carlini, Wagner 2018), one
//! that is random answers with a mean over its draws (EOT, Athalye et al. 2018).

use std::future::Future;
use std::ops::Range;

use crate::engine::control::Control;
use crate::engine::sweep::{InOrder, Lanes, batches, in_order};
use crate::error::{Error, Result};
use crate::net::passes::Pass;
use crate::net::slopes::{Loss, Slope};
use crate::net::{Net, Overrides};
use crate::tensor::{Shape, Tensor};

/// Something that sorts pictures into classes. Its pictures are in attack units: pixels from 0 to 1 for pictures, a
/// tensor's own units for tensors.
#[allow(
    async_fn_in_trait,
    reason = "one thread runs all; nobody needs a future that can be sent"
)]
pub trait Victim {
    /// The extents of one picture, (1, C, H, W).
    fn shape(&self) -> Shape;

    /// How many classes it tells apart.
    fn classes(&self) -> usize;

    /// How many pictures a batch of passes should hold.
    fn batch_size(&self, pass: Pass) -> usize;

    /// How many batches may be under way together.
    fn lanes(&self) -> Lanes {
        Lanes::ONE
    }

    /// What `run` makes of `count` pictures, batch by batch, in order.
    fn sweep<'s, T: 's, F>(
        &self,
        count: usize,
        pass: Pass,
        run: impl FnMut(Range<usize>) -> F + 's,
    ) -> InOrder<'s, T>
    where
        F: Future<Output = Result<T>> + 's,
    {
        in_order(self.lanes(), batches(count, self.batch_size(pass)).map(run))
    }

    /// Answers of the network that one answer of the victim takes; above 1 where it draws several times.
    fn cost(&self) -> usize {
        1
    }

    /// The logits (N, K) of pictures (N, C, H, W).
    async fn logits(&self, pictures: &Tensor) -> Result<Tensor>;

    /// Logits, losses, and the losses' gradients to the pictures.
    async fn slope(&self, pictures: &Tensor, loss: &Loss) -> Result<Slope>;
}

/// How attack units become what the network takes: (x − mean) / std, channel by channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Units {
    /// What is subtracted.
    pub mean: Vec<f32>,
    /// What the rest is divided by.
    pub std: Vec<f32>,
}

impl Units {
    /// Those of tensors, which are taken as they are.
    #[must_use]
    pub fn own(channels: usize) -> Self {
        Self {
            mean: vec![0.0; channels],
            std: vec![1.0; channels],
        }
    }

    /// Pictures (N, C, H, W) as the network takes them.
    ///
    /// # Errors
    /// `bad_image` for another number of channels.
    pub fn to_model(&self, pictures: &Tensor) -> Result<Tensor> {
        self.map(pictures, |value, mean, std| (value - mean) / std)
    }

    /// What the network takes as pictures in attack units.
    ///
    /// # Errors
    /// As [`Self::to_model`].
    pub fn from_model(&self, pictures: &Tensor) -> Result<Tensor> {
        self.map(pictures, |value, mean, std| value * std + mean)
    }

    /// Gradients to what the network takes as gradients to pictures in attack units.
    ///
    /// # Errors
    /// As [`Self::to_model`].
    pub fn gradient(&self, gradient: &Tensor) -> Result<Tensor> {
        self.map(gradient, |value, _, std| value / std)
    }

    /// Each value with its channel's mean and deviation, in f64, rounded once.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "computed in f64, returned as f32"
    )]
    fn map(&self, tensor: &Tensor, rule: impl Fn(f64, f64, f64) -> f64) -> Result<Tensor> {
        let shape = tensor.activation_shape();
        if shape.c() != self.mean.len() || self.std.len() != self.mean.len() {
            return Err(Error::bad_image(format!(
                "this picture has {} channels, the rule for pixels {}",
                shape.c(),
                self.mean.len()
            )));
        }
        let plane = shape.plane();
        let mut data = Vec::with_capacity(shape.len());
        for (index, values) in tensor.data().chunks_exact(plane).enumerate() {
            let channel = index % shape.c();
            let (mean, std) = (f64::from(self.mean[channel]), f64::from(self.std[channel]));
            data.extend(
                values
                    .iter()
                    .map(|&value| rule(f64::from(value), mean, std) as f32),
            );
        }
        Tensor::from_shape(data, shape)
    }
}

/// A network as it is.
pub struct Plain<'a> {
    /// The network.
    pub net: &'a Net,
    /// From attack units to the network's.
    pub units: Units,
    /// Layers changed on the way.
    pub overrides: &'a Overrides,
    /// Who may stop the work.
    pub control: &'a Control,
    classes: usize,
}

impl<'a> Plain<'a> {
    /// A network whose pictures are given in `units`.
    ///
    /// # Errors
    /// `bad_argument` if its output is no list of classes.
    pub fn new(
        net: &'a Net,
        units: Units,
        overrides: &'a Overrides,
        control: &'a Control,
    ) -> Result<Self> {
        Ok(Self {
            classes: net.classes()?,
            net,
            units,
            overrides,
            control,
        })
    }
}

impl Victim for Plain<'_> {
    fn shape(&self) -> Shape {
        self.net.input_shape()
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn batch_size(&self, pass: Pass) -> usize {
        self.net.batch_size(pass)
    }

    fn lanes(&self) -> Lanes {
        self.net.lanes()
    }

    async fn logits(&self, pictures: &Tensor) -> Result<Tensor> {
        let pictures = self.units.to_model(pictures)?;
        self.net
            .logits(&pictures, self.overrides, self.control)
            .await
    }

    async fn slope(&self, pictures: &Tensor, loss: &Loss) -> Result<Slope> {
        let pictures = self.units.to_model(pictures)?;
        let mut slope = self
            .net
            .slopes(&pictures, loss, self.overrides, self.control)
            .await?;
        slope.gradient = self.units.gradient(&slope.gradient)?;
        Ok(slope)
    }
}
