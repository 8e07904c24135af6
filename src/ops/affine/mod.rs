//! Bilinear sampling at affinely mapped positions: shifts, scalings and rotations of a picture, with their adjoint.
//!
//! A matrix (N, 6, 1, 1) gives a picture's map in pixel indices: output position (i, j) reads the input at row
//! m₀·i + m₁·j + m₂ and column m₃·i + m₄·j + m₅. What lies outside the input is 0.

mod cpu;
mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// Numbers of one picture's map.
const MATRIX: usize = 6;

/// y[i, j] = x at the mapped position, between its four neighbours: inputs x (N, C, H, W) and the matrix (N, 6, 1, 1);
/// output (N, C, height, width). The matrix has no gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AffineSample {
    /// Rows of the output.
    pub height: usize,
    /// Columns of the output.
    pub width: usize,
}

/// The adjoint of [`AffineSample`]: inputs dy (N, C, h, w) and the matrix; output (N, C, height, width). Each value gathers
/// from the output positions that read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AffineSampleInputGrad {
    /// Rows of the sampled picture.
    pub height: usize,
    /// Columns of the sampled picture.
    pub width: usize,
}

fn sampled(inputs: &[Shape], height: usize, width: usize) -> Result<Shape> {
    match inputs {
        [x, matrix] if *matrix == Shape::new(x.n(), MATRIX, 1, 1) && height * width > 0 => {
            Ok(Shape::new(x.n(), x.c(), height, width))
        }
        _ => Err(Error::bad_model(format!(
            "sampling to {height} × {width} takes pictures and six numbers for each, not {inputs:?}"
        ))),
    }
}

impl Operator for AffineSample {
    fn name(&self) -> &'static str {
        "affine_sample"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        sampled(inputs, self.height, self.width)
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (x, matrix) = (graph.input(node, 0), graph.input(node, 1));
        let shape = graph.shape(x);
        let op = AffineSampleInputGrad {
            height: shape.h(),
            width: shape.w(),
        };
        Ok(vec![Some(graph.push(op, &[upstream, matrix])?), None])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        cpu::forward(inputs[0], inputs[1].data, output, shape);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::forward(inputs[0], output)
    }
}

impl Operator for AffineSampleInputGrad {
    fn name(&self) -> &'static str {
        "affine_sample_input_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        sampled(inputs, self.height, self.width)
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (dy, matrix) = (graph.input(node, 0), graph.input(node, 1));
        let shape = graph.shape(dy);
        let op = AffineSample {
            height: shape.h(),
            width: shape.w(),
        };
        Ok(vec![Some(graph.push(op, &[upstream, matrix])?), None])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        cpu::input_grad(inputs[0], inputs[1].data, output, shape);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::input_grad(inputs[0], output)
    }
}
