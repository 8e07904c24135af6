//! Linear layers with their gradients.

mod cpu;
pub(in crate::ops) mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::reduce::SumTo;
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// y = x Wᵀ + b: inputs x (N, K, 1, 1), weight (M, K, 1, 1) and optionally bias (1, M, 1, 1); output (N, M, 1, 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear;

impl Operator for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        let (&[x, weight] | &[x, weight, _]) = inputs else {
            return Err(Error::bad_model(
                "a linear layer takes a vector, a weight and at most a bias",
            ));
        };
        if x.plane() != 1 || weight.plane() != 1 || x.c() != weight.c() {
            return Err(Error::bad_model(format!(
                "an input {x} does not fit a weight of {} rows and {} columns; flatten it first",
                weight.n(),
                weight.c()
            )));
        }
        if inputs
            .get(2)
            .is_some_and(|bias| *bias != Shape::channels(weight.n()))
        {
            return Err(Error::bad_model(format!(
                "bias {} for {} outputs",
                inputs[2],
                weight.n()
            )));
        }
        Ok(Shape::new(x.n(), weight.n(), 1, 1))
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let inputs = graph.node(node).inputs.clone();
        let mut gradients = vec![None; inputs.len()];
        if wanted[0] {
            gradients[0] = Some(graph.push(LinearInputGrad, &[upstream, inputs[1]])?);
        }
        if wanted[1] {
            gradients[1] = Some(graph.push(LinearWeightGrad, &[inputs[0], upstream])?);
        }
        if inputs.len() == 3 && wanted[2] {
            let shape = graph.shape(inputs[2]);
            gradients[2] = Some(graph.push(SumTo { shape }, &[upstream])?);
        }
        Ok(gradients)
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        cpu::forward(
            inputs[0],
            inputs[1],
            inputs.get(2).map(|bias| bias.data),
            output,
        );
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::forward(inputs, output)
    }

    fn macs(&self, inputs: &[Shape], _output: Shape) -> u64 {
        (inputs[0].n() * inputs[1].len()) as u64
    }
}

/// dx = dy W: inputs dy (N, M, 1, 1) and weight (M, K, 1, 1); output (N, K, 1, 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearInputGrad;

impl Operator for LinearInputGrad {
    fn name(&self) -> &'static str {
        "linear_input_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [dy, weight] if dy.c() == weight.n() && dy.plane() == 1 => {
                Ok(Shape::new(dy.n(), weight.c(), 1, 1))
            }
            _ => Err(Error::bad_model(format!(
                "the gradient does not fit the weight: {inputs:?}"
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
        let (dy, weight) = (graph.input(node, 0), graph.input(node, 1));
        let first = wanted[0]
            .then(|| graph.push(Linear, &[upstream, weight]))
            .transpose()?;
        let second = wanted[1]
            .then(|| graph.push(LinearWeightGrad, &[upstream, dy]))
            .transpose()?;
        Ok(vec![first, second])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        cpu::input_grad(inputs[0], inputs[1], output);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::input_grad(inputs, output)
    }

    fn macs(&self, inputs: &[Shape], _output: Shape) -> u64 {
        (inputs[0].n() * inputs[1].len()) as u64
    }
}

/// dW = dyᵀ x, summed over the batch: inputs x (N, K, 1, 1) and dy (N, M, 1, 1); output (M, K, 1, 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearWeightGrad;

impl Operator for LinearWeightGrad {
    fn name(&self) -> &'static str {
        "linear_weight_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x, dy] if x.n() == dy.n() && x.plane() == 1 && dy.plane() == 1 => {
                Ok(Shape::new(dy.c(), x.c(), 1, 1))
            }
            _ => Err(Error::bad_model(format!(
                "the gradient does not fit the input: {inputs:?}"
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
        let (x, dy) = (graph.input(node, 0), graph.input(node, 1));
        let first = wanted[0]
            .then(|| graph.push(LinearInputGrad, &[dy, upstream]))
            .transpose()?;
        let second = wanted[1]
            .then(|| graph.push(Linear, &[x, upstream]))
            .transpose()?;
        Ok(vec![first, second])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        cpu::weight_grad(inputs[0], inputs[1], output);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::weight_grad(inputs, output)
    }

    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        (inputs[0].n() * output.len()) as u64
    }
}
