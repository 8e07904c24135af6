//! The same values under other extents, and the exchange of two axes.

mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// Reads x under another shape of as many values; `flatten` is one to (N, C·H·W, 1, 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reshape {
    /// The output's extents.
    pub shape: Shape,
}

impl Operator for Reshape {
    fn name(&self) -> &'static str {
        "flatten"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] if x.len() == self.shape.len() => Ok(self.shape),
            _ => Err(Error::bad_model(format!(
                "{inputs:?} does not hold as many values as {}",
                self.shape
            ))),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let shape = graph.shape(graph.input(node, 0));
        Ok(vec![Some(graph.push(Self { shape }, &[upstream])?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        output.copy_from_slice(inputs[0].data);
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::reshape(output)
    }
}

/// Exchanges rows and channels of a (N, C, H, 1) tensor: output (N, H, C, 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transpose;

impl Operator for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] if x.w() == 1 => Ok(Shape::new(x.n(), x.h(), x.c(), 1)),
            _ => Err(Error::bad_model(format!("{inputs:?} is no matrix"))),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        _node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.push(Self, &[upstream])?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        let (rows, columns) = (shape.c(), shape.h());
        for (matrix, out) in inputs[0]
            .data
            .chunks_exact(rows * columns)
            .zip(output.chunks_exact_mut(rows * columns))
        {
            for row in 0..rows {
                for column in 0..columns {
                    out[row * columns + column] = matrix[column * rows + row];
                }
            }
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::transpose(output)
    }
}
