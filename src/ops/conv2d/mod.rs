//! Two-dimensional convolution (cross-correlation, as PyTorch's `conv2d`) with its gradients to input and weights.

mod cpu;
mod geometry;
mod gpu;

pub use geometry::{Geometry, Padding};

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::activation::{ActivationGrad, Function};
use crate::ops::reduce::SumTo;
use crate::ops::{Kernel, Operator, Real, View, Way};
use crate::tensor::Shape;

/// Convolution: inputs x (N, C_in, H, W), weight (C_out, C_in / groups, K_h, K_w), optionally bias (1, C_out, 1, 1) and, with
/// `residual`, a last one of the output's shape; output (N, C_out, H_out, W_out). The residual is added and an activation
/// applied at its end where a lowering fused them; loaded graphs have neither.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2d {
    /// Stride, padding, dilation, groups.
    pub geometry: Geometry,
    /// Whether the last input is added, before the activation.
    pub residual: bool,
    /// Applied last.
    pub activation: Option<Function>,
}

impl Conv2d {
    /// A convolution with nothing fused into its end.
    #[must_use]
    pub const fn plain(geometry: Geometry) -> Self {
        Self {
            geometry,
            residual: false,
            activation: None,
        }
    }

    /// Which of `count` inputs are the bias and the residual.
    fn at_end(&self, count: usize) -> (Option<usize>, Option<usize>) {
        let bias = (count > 2 + usize::from(self.residual)).then_some(2);
        (bias, self.residual.then_some(count - 1))
    }
}

impl Operator for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        let loaded = inputs.len().saturating_sub(usize::from(self.residual));
        let (&[x, weight, ..], 2..=3) = (inputs, loaded) else {
            return Err(Error::bad_model(
                "a convolution takes a picture, a weight and at most a bias",
            ));
        };
        let (bias, residual) = self.at_end(inputs.len());
        if let Some(bias) = bias.map(|index| inputs[index])
            && bias != Shape::channels(weight.n())
        {
            return Err(Error::bad_model(format!(
                "bias of {} values for {} output channels",
                bias.len(),
                weight.n()
            )));
        }
        let (height, width) = self.geometry.output_size(x, weight)?;
        let output = Shape::new(x.n(), weight.n(), height, width);
        match residual.map(|index| inputs[index]) {
            Some(residual) if residual != output => Err(Error::bad_model(format!(
                "{residual} cannot be added to {output} at a convolution's end"
            ))),
            _ => Ok(output),
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
        let (x, weight) = (inputs[0], inputs[1]);
        let upstream = match self.activation {
            Some(function) => graph.push(ActivationGrad { function }, &[upstream, node])?,
            None => upstream,
        };
        let geometry = self.geometry;
        let mut gradients = vec![None; inputs.len()];
        if wanted[0] {
            let input = graph.shape(x);
            gradients[0] =
                Some(graph.push(Conv2dInputGrad { geometry, input }, &[upstream, weight])?);
        }
        if wanted[1] {
            let weight = graph.shape(weight);
            gradients[1] = Some(graph.push(Conv2dWeightGrad { geometry, weight }, &[x, upstream])?);
        }
        let (bias, residual) = self.at_end(inputs.len());
        if let Some(index) = bias.filter(|&index| wanted[index]) {
            let shape = graph.shape(inputs[index]);
            gradients[index] = Some(graph.push(SumTo { shape }, &[upstream])?);
        }
        if let Some(index) = residual.filter(|&index| wanted[index]) {
            gradients[index] = Some(upstream);
        }
        Ok(gradients)
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        cpu::forward(self, inputs, output, shape);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        Ok(preferred(gpu::forward(self, inputs, output)))
    }

    fn gpu_ways(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Way>> {
        Ok(gpu::forward(self, inputs, output))
    }

    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        (output.len() * inputs[1].picture()) as u64
    }
}

/// Gradient to a convolution's input: inputs dy (N, C_out, H_out, W_out) and weight; output of the input's shape.
/// It is the adjoint of [`Conv2d`] in x, so it is also transposed convolution.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2dInputGrad {
    /// That of the convolution.
    pub geometry: Geometry,
    /// The extents of the convolution's input.
    pub input: Shape,
}

impl Operator for Conv2dInputGrad {
    fn name(&self) -> &'static str {
        "conv2d_input_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        let &[upstream, weight] = inputs else {
            return Err(Error::bad_model(
                "the gradient to a convolution's input takes a gradient and a weight",
            ));
        };
        self.geometry.check_upstream(self.input, weight, upstream)?;
        Ok(self.input)
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (dy, weight) = (graph.input(node, 0), graph.input(node, 1));
        let geometry = self.geometry;
        let mut gradients = vec![None; 2];
        if wanted[0] {
            gradients[0] = Some(graph.push(Conv2d::plain(geometry), &[upstream, weight])?);
        }
        if wanted[1] {
            let weight = graph.shape(weight);
            gradients[1] =
                Some(graph.push(Conv2dWeightGrad { geometry, weight }, &[upstream, dy])?);
        }
        Ok(gradients)
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        cpu::input_grad(&self.geometry, inputs[0], inputs[1], output, shape);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        Ok(preferred(gpu::input_grad(self, inputs, output)))
    }

    fn gpu_ways(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Way>> {
        Ok(gpu::input_grad(self, inputs, output))
    }

    fn macs(&self, inputs: &[Shape], _output: Shape) -> u64 {
        (inputs[0].len() * inputs[1].picture()) as u64
    }
}

/// Gradient to a convolution's weight: inputs x and dy; output of the weight's shape, summed over the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2dWeightGrad {
    /// That of the convolution.
    pub geometry: Geometry,
    /// The extents of the weight.
    pub weight: Shape,
}

impl Operator for Conv2dWeightGrad {
    fn name(&self) -> &'static str {
        "conv2d_weight_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        let &[x, upstream] = inputs else {
            return Err(Error::bad_model(
                "the gradient to a convolution's weight takes its input and a gradient",
            ));
        };
        self.geometry.check_upstream(x, self.weight, upstream)?;
        Ok(self.weight)
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (x, dy) = (graph.input(node, 0), graph.input(node, 1));
        let geometry = self.geometry;
        let mut gradients = vec![None; 2];
        if wanted[0] {
            let input = graph.shape(x);
            gradients[0] = Some(graph.push(Conv2dInputGrad { geometry, input }, &[dy, upstream])?);
        }
        if wanted[1] {
            gradients[1] = Some(graph.push(Conv2d::plain(geometry), &[x, upstream])?);
        }
        Ok(gradients)
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        cpu::weight_grad(&self.geometry, inputs[0], inputs[1], output, shape);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        Ok(preferred(gpu::weight_grad(self, inputs, output)))
    }

    fn gpu_ways(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Way>> {
        Ok(gpu::weight_grad(self, inputs, output))
    }

    fn macs(&self, inputs: &[Shape], _output: Shape) -> u64 {
        (inputs[1].len() * self.weight.picture()) as u64
    }
}

/// The dispatches of the first way.
fn preferred(ways: Vec<Way>) -> Vec<Kernel> {
    ways.into_iter()
        .next()
        .map_or_else(Vec::new, |way| way.kernels)
}
