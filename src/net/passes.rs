//! Many pictures at a time: how many fit a batch, and what an objective says of each.

use std::future::Future;

use super::objective::{self, Objective, Scene};
use super::share::{Turn, Wanted};
use super::{Net, Override, Overrides, first};
use crate::engine::control::Control;
use crate::engine::program::{Memory, Program};
use crate::engine::sweep;
use crate::error::{Error, Result};
use crate::graph::layers::is_layer;
use crate::ops::Operator as _;
use crate::tensor::{Shape, Tensor};

/// What a pass computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Values only.
    Forward,
    /// Values and gradients, for which every activation stays.
    Backward,
}

impl Net {
    /// How many pictures a batch of passes should hold, by memory and time; it depends on the network and engine alone,
    /// so that results repeat.
    #[must_use]
    pub fn batch_size(&self, pass: Pass) -> usize {
        let graph = &self.graph;
        let (mut macs, mut values) = (0, 0);
        for id in graph.ids().filter(|&id| is_layer(graph, id)) {
            let node = graph.node(id);
            macs += node.op.macs(&graph.input_shapes(id), node.shape);
            values += node.shape.len();
        }
        let passes = match pass {
            Pass::Forward => 1,
            Pass::Backward => 2,
        };
        sweep::batch_size(
            &self.engine,
            passes * macs,
            passes as usize * values * size_of::<f32>(),
        )
    }

    /// The value of an objective for each of the pictures (N, C, H, W).
    ///
    /// # Errors
    /// As [`Self::value`].
    pub async fn values(
        &self,
        images: &Tensor,
        objective: &Objective,
        overrides: &Overrides,
        control: &Control,
    ) -> Result<Vec<f32>> {
        let wanted = Wanted::Values(objective);
        let _here = match self.turn(images, overrides, wanted, control).await? {
            Turn::Here(here) => here,
            Turn::Answered(tensors) => return Ok(first(tensors)?.into_data()),
        };
        let mut instance = self.instance(images, overrides)?;
        let roles = &instance.roles;
        let layer = |name: &str| self.layer_id(name).ok().map(|id| roles[id.0]);
        let mut scene = Scene {
            graph: &mut instance.graph,
            input: instance.input,
            logits: instance.logits,
            layer: &layer,
        };
        let (values, mut feeds) = objective::build_each(&mut scene, objective)?;
        feeds.append(&mut instance.feeds);
        let key = format!(
            "values|{}|{}",
            objective::structure(objective),
            instance.key
        );
        let fetched = self
            .compute(key, &feeds, &[0], control, || {
                Program::new(&instance.graph, &[values], Memory::Loop)
            })
            .await?;
        Ok(first(fetched)?.into_data())
    }

    /// The logits (N, K) of any number of pictures, batch by batch.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub async fn logits_of_set(
        &self,
        images: &Tensor,
        overrides: &Overrides,
        control: &Control,
    ) -> Result<Tensor> {
        if self.is_one_batch(images) {
            return self.logits(images, overrides, control).await;
        }
        let run = async |images: Tensor, overrides: Overrides| {
            Ok(vec![self.logits(&images, &overrides, control).await?])
        };
        first(self.of_set(images, overrides, control, run).await?)
    }

    /// Outputs (N, C, H, W) of layers for any number of pictures, batch by batch.
    ///
    /// # Errors
    /// As [`Self::activations`].
    pub async fn activations_of_set(
        &self,
        images: &Tensor,
        names: &[&str],
        overrides: &Overrides,
        control: &Control,
    ) -> Result<Vec<Tensor>> {
        if self.is_one_batch(images) {
            return self.activations(images, names, overrides, control).await;
        }
        let run = async |images: Tensor, overrides: Overrides| {
            self.activations(&images, names, &overrides, control).await
        };
        self.of_set(images, overrides, control, run).await
    }

    fn is_one_batch(&self, images: &Tensor) -> bool {
        images.activation_shape().n() <= self.batch_size(Pass::Forward)
    }

    /// What `run` says of batches of pictures, put together.
    async fn of_set<'s, F>(
        &'s self,
        images: &'s Tensor,
        overrides: &'s Overrides,
        control: &Control,
        run: impl Fn(Tensor, Overrides) -> F + 's,
    ) -> Result<Vec<Tensor>>
    where
        F: Future<Output = Result<Vec<Tensor>>> + 's,
    {
        let shape = self.check_pictures(images)?;
        let batches = sweep::batches(shape.n(), self.batch_size(Pass::Forward));
        let run = &run;
        let work = batches.map(async |range| {
            let (end, pictures) = (range.end, range.collect::<Vec<usize>>());
            let some = images.pictures(&pictures, shape.n(), shape.picture())?;
            let overrides = self.overrides_for(overrides, &pictures, shape.n())?;
            Ok((end, run(some, overrides).await?))
        });
        let mut work = sweep::in_order(self.lanes(), work);
        let mut found: Vec<(Vec<f32>, Vec<usize>)> = Vec::new();
        while let Some((end, tensors)) = work.next().await? {
            found.resize_with(tensors.len(), Default::default);
            for ((values, extents), tensor) in found.iter_mut().zip(tensors) {
                extents.clear();
                extents.push(end);
                extents.extend(&tensor.shape()[1..]);
                values.extend(tensor.into_data());
            }
            control.progress(end, shape.n());
        }
        let tensors = found.into_iter();
        tensors
            .map(|(values, extents)| Tensor::new(values, extents))
            .collect()
    }

    /// The shape (1, C, H, W) of a layer's output for one picture.
    ///
    /// # Errors
    /// `bad_argument` for a layer that does not exist.
    pub fn layer_shape(&self, layer: &str) -> Result<Shape> {
        Ok(self.graph.shape(self.layer_id(layer)?))
    }

    /// An objective for a batch made of the pictures `pictures` of one of `count`.
    ///
    /// # Errors
    /// `internal` if a picture does not exist.
    pub fn objective_for(
        &self,
        objective: &Objective,
        pictures: &[usize],
        count: usize,
    ) -> Result<Objective> {
        let length = |layer: &str| self.layer_shape(layer).ok().map(|shape| shape.picture());
        objective::for_pictures(objective, pictures, count, &length)
    }

    /// Overrides for a batch made of the pictures `pictures` of one of `count`.
    ///
    /// # Errors
    /// `bad_argument` for a layer that does not exist; `internal` if a picture does not.
    pub fn overrides_for(
        &self,
        overrides: &Overrides,
        pictures: &[usize],
        count: usize,
    ) -> Result<Overrides> {
        overrides
            .iter()
            .map(|(layer, change)| {
                let change = match change {
                    Override::Replace(tensor) => {
                        let length = self.layer_shape(layer)?.picture();
                        Override::Replace(tensor.pictures(pictures, count, length)?)
                    }
                    Override::Scale(_) => change.clone(),
                };
                Ok((layer.clone(), change))
            })
            .collect()
    }

    /// Refuses what is no picture of this network.
    ///
    /// # Errors
    /// `bad_image` with both shapes.
    pub fn check_pictures(&self, images: &Tensor) -> Result<Shape> {
        let (shape, expected) = (images.activation_shape(), self.input_shape());
        if shape.is_empty() || shape.with_n(1) != expected {
            return Err(Error::bad_image(format!(
                "this network takes pictures [N, {}, {}, {}], this tensor is {:?}",
                expected.c(),
                expected.h(),
                expected.w(),
                images.shape()
            )));
        }
        Ok(shape)
    }
}
