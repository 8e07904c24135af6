//! Batch normalisation (Ioffe and Szegedy 2015) in evaluation and training mode, with its gradients and running statistics.
//!
//! Per-channel vectors are (1, C, 1, 1); batch statistics are (2, C, 1, 1): means, then biased variances.

mod cpu;
mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::binary::Binary;
use crate::ops::reduce::SumTo;
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

fn statistics_shape(channels: usize) -> Shape {
    Shape::new(2, channels, 1, 1)
}

/// Evaluation mode: y = γ (x − μ) / √(σ² + ε) + β with the running statistics; inputs x, γ, β, μ, σ².
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNorm {
    /// Added to the variance.
    pub epsilon: f32,
}

impl Operator for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        let [x, vectors @ ..] = inputs else {
            return Err(Error::bad_model("it takes x, γ, β, mean and variance"));
        };
        if vectors.len() != 4
            || vectors
                .iter()
                .any(|vector| *vector != Shape::channels(x.c()))
        {
            return Err(Error::bad_model(format!(
                "an input of {} channels with parameters {vectors:?}",
                x.c()
            )));
        }
        Ok(*x)
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let inputs = graph.node(node).inputs.clone();
        let vector = Shape::channels(graph.shape(node).c());
        let mut gradients = vec![None; 5];
        if wanted[0] {
            let scale = graph.push(
                BatchNormScale {
                    epsilon: self.epsilon,
                },
                &[inputs[1], inputs[4]],
            )?;
            gradients[0] = Some(graph.push(Binary::MUL, &[upstream, scale])?);
        }
        if wanted[1] {
            let one = graph.constant(1.0, vector)?;
            let zero = graph.constant(0.0, vector)?;
            let normalised = graph.push(*self, &[inputs[0], one, zero, inputs[3], inputs[4]])?;
            let product = graph.push(Binary::MUL, &[upstream, normalised])?;
            gradients[1] = Some(graph.push(SumTo { shape: vector }, &[product])?);
        }
        if wanted[2] {
            gradients[2] = Some(graph.push(SumTo { shape: vector }, &[upstream])?);
        }
        Ok(gradients)
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        cpu::evaluate(self.epsilon, inputs, output);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::evaluate(self, inputs, output)
    }
}

/// γ / √(σ² + ε) from γ and σ²: what batch normalisation multiplies each channel by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormScale {
    /// Added to the variance.
    pub epsilon: f32,
}

impl Operator for BatchNormScale {
    fn name(&self) -> &'static str {
        "batch_norm_scale"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [gamma, variance] if gamma == variance => Ok(*gamma),
            _ => Err(Error::bad_model(format!(
                "γ and variance differ: {inputs:?}"
            ))),
        }
    }

    fn backward(
        &self,
        _graph: &mut Graph,
        _node: NodeId,
        _upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Err(Error::unsupported_op(
            "no gradient passes through folded batch normalisation",
        ))
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        let epsilon = T::of(f64::from(self.epsilon));
        for ((scale, &gamma), &variance) in
            output.iter_mut().zip(inputs[0].data).zip(inputs[1].data)
        {
            *scale = gamma / (variance + epsilon).sqrt();
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::scale(self, output)
    }
}

/// β + (b − μ) · scale from β, μ, scale and optionally the bias b before the normalisation: what it adds to each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchNormShift;

impl Operator for BatchNormShift {
    fn name(&self) -> &'static str {
        "batch_norm_shift"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [beta, rest @ ..]
                if matches!(rest.len(), 2 | 3) && rest.iter().all(|other| other == beta) =>
            {
                Ok(*beta)
            }
            _ => Err(Error::bad_model(format!(
                "the parameters differ: {inputs:?}"
            ))),
        }
    }

    fn backward(
        &self,
        _graph: &mut Graph,
        _node: NodeId,
        _upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Err(Error::unsupported_op(
            "no gradient passes through folded batch normalisation",
        ))
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        for (c, shift) in output.iter_mut().enumerate() {
            let bias = inputs.get(3).map_or(T::zero(), |bias| bias.data[c]);
            *shift = inputs[0].data[c] + (bias - inputs[1].data[c]) * inputs[2].data[c];
        }
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::shift(inputs, output)
    }
}

/// Mean and biased variance of each channel over batch and positions: input x; output (2, C, 1, 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchStatistics;

impl Operator for BatchStatistics {
    fn name(&self) -> &'static str {
        "batch_statistics"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] => Ok(statistics_shape(x.c())),
            _ => Err(Error::bad_model("batch statistics take one input")),
        }
    }

    fn backward(
        &self,
        _graph: &mut Graph,
        _node: NodeId,
        _upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        // The gradient through the statistics is part of `BatchNormTrainInputGrad`.
        Ok(vec![None])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        cpu::statistics(inputs[0], output);
    }

    fn gpu(&self, inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
        gpu::statistics(inputs)
    }
}

/// Training mode: y = γ (x − m) / √(v + ε) + β with the batch's own statistics; inputs x, statistics, γ, β.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormTrain {
    /// Added to the variance.
    pub epsilon: f32,
}

impl Operator for BatchNormTrain {
    fn name(&self) -> &'static str {
        "batch_norm_train"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x, statistics, gamma, beta]
                if *statistics == statistics_shape(x.c())
                    && *gamma == Shape::channels(x.c())
                    && gamma == beta =>
            {
                Ok(*x)
            }
            _ => Err(Error::bad_model(format!(
                "the parameters do not fit: {inputs:?}"
            ))),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let inputs = graph.node(node).inputs.clone();
        let vector = Shape::channels(graph.shape(node).c());
        let mut gradients = vec![None; 4];
        if wanted[0] {
            let gradient = BatchNormTrainInputGrad {
                epsilon: self.epsilon,
            };
            gradients[0] =
                Some(graph.push(gradient, &[inputs[0], inputs[1], inputs[2], upstream])?);
        }
        if wanted[2] {
            let one = graph.constant(1.0, vector)?;
            let zero = graph.constant(0.0, vector)?;
            let normalised = graph.push(*self, &[inputs[0], inputs[1], one, zero])?;
            let product = graph.push(Binary::MUL, &[upstream, normalised])?;
            gradients[2] = Some(graph.push(SumTo { shape: vector }, &[product])?);
        }
        if wanted[3] {
            gradients[3] = Some(graph.push(SumTo { shape: vector }, &[upstream])?);
        }
        Ok(gradients)
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        cpu::train(self.epsilon, inputs, output);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::train(self, inputs, output)
    }
}

/// dx of [`BatchNormTrain`], through the statistics too; inputs x, statistics, γ, dy:
/// dx = γ / √(v + ε) · (dy − mean(dy) − x̂ · mean(dy · x̂)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormTrainInputGrad {
    /// Added to the variance.
    pub epsilon: f32,
}

impl Operator for BatchNormTrainInputGrad {
    fn name(&self) -> &'static str {
        "batch_norm_train_input_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x, statistics, gamma, dy]
                if *statistics == statistics_shape(x.c())
                    && *gamma == Shape::channels(x.c())
                    && dy == x =>
            {
                Ok(*x)
            }
            _ => Err(Error::bad_model(format!(
                "the gradient does not fit: {inputs:?}"
            ))),
        }
    }

    fn backward(
        &self,
        _graph: &mut Graph,
        _node: NodeId,
        _upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Err(Error::unsupported_op(
            "the second derivative of batch normalisation is not implemented",
        ))
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        cpu::train_input_grad(self.epsilon, inputs, output);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::train_input_grad(self, inputs, output)
    }
}

/// New running mean and variance: (1 − m) · running + m · batch, the batch's variance unbiased as in PyTorch;
/// inputs running and batch statistics, both (2, C, 1, 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunningStatistics {
    /// The weight of the batch.
    pub momentum: f32,
    /// Values a channel in the batch: N · H · W.
    pub count: usize,
}

impl Operator for RunningStatistics {
    fn name(&self) -> &'static str {
        "running_statistics"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [running, batch] if running == batch && running.n() == 2 => Ok(*running),
            _ => Err(Error::bad_model(format!(
                "running and batch statistics differ: {inputs:?}"
            ))),
        }
    }

    fn backward(
        &self,
        _graph: &mut Graph,
        _node: NodeId,
        _upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![None, None])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        let momentum = T::of(f64::from(self.momentum));
        let unbiased = T::of(self.unbiased());
        for (i, value) in output.iter_mut().enumerate() {
            let correction = if i < shape.c() { T::one() } else { unbiased };
            *value = (T::one() - momentum) * inputs[0].data[i]
                + momentum * correction * inputs[1].data[i];
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::running_statistics(self, output)
    }
}

impl RunningStatistics {
    /// n / (n − 1): from a biased to an unbiased variance; 1 for a single value.
    #[must_use]
    pub fn unbiased(&self) -> f64 {
        self.count as f64 / self.count.saturating_sub(1).max(1) as f64
    }
}
