//! Sums: over broadcast extents, their adjoint, and the inner product.

pub(in crate::ops) mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::binary::Binary;
use crate::ops::{Kernel, Op, Operator, Real, View};
use crate::tensor::Shape;

/// Sums x over each axis along which `shape` has extent 1: global sums, bias gradients, the adjoint of broadcasting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SumTo {
    /// The output's extents: each 1 or the input's.
    pub shape: Shape,
}

impl Operator for SumTo {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] if x.broadcast(self.shape) == Some(*x) => Ok(self.shape),
            _ => Err(Error::bad_model(format!(
                "{inputs:?} cannot be summed to {}",
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
        Ok(vec![Some(graph.push(Expand { shape }, &[upstream])?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        let x = inputs[0];
        output.fill(T::zero());
        let strides = self.shape.broadcast_strides();
        for (row, values) in x.data.chunks_exact(x.shape.w()).enumerate() {
            let (n, c, h) = (
                row / (x.shape.c() * x.shape.h()),
                row / x.shape.h() % x.shape.c(),
                row % x.shape.h(),
            );
            let start = n * strides[0] + c * strides[1] + h * strides[2];
            if strides[3] == 0 {
                output[start] += values.iter().copied().sum();
            } else {
                output[start..]
                    .iter_mut()
                    .zip(values)
                    .for_each(|(sum, &x)| *sum += x);
            }
        }
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::sum_to(self, inputs, output)
    }
}

/// Repeats x along its extents of 1 until it has `shape`: the adjoint of [`SumTo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expand {
    /// The output's extents.
    pub shape: Shape,
}

impl Operator for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] if x.broadcast(self.shape) == Some(self.shape) => Ok(self.shape),
            _ => Err(Error::bad_model(format!(
                "{inputs:?} cannot be expanded to {}",
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
        Ok(vec![Some(graph.push(SumTo { shape }, &[upstream])?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        let x = inputs[0];
        let strides = x.shape.broadcast_strides();
        for (row, out) in output.chunks_exact_mut(shape.w()).enumerate() {
            let (n, c, h) = (
                row / (shape.c() * shape.h()),
                row / shape.h() % shape.c(),
                row % shape.h(),
            );
            let values = &x.data[n * strides[0] + c * strides[1] + h * strides[2]..];
            if strides[3] == 0 {
                out.fill(values[0]);
            } else {
                out.copy_from_slice(&values[..shape.w()]);
            }
        }
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::expand(self, inputs, output)
    }
}

/// Σ a · b over everything: one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dot;

impl Operator for Dot {
    fn name(&self) -> &'static str {
        "dot"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [a, b] if a == b => Ok(Shape::SCALAR),
            _ => Err(Error::bad_model(format!(
                "an inner product needs two tensors of one shape, not {inputs:?}"
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
        let (a, b) = (graph.input(node, 0), graph.input(node, 1));
        // Where the inner product is itself what is differentiated, there is nothing to multiply with.
        let is_last = matches!(&graph.node(upstream).op, Op::Constant(one) if one.value == 1.0);
        let mut side = |wanted: bool, other: NodeId| match (wanted, is_last) {
            (false, _) => Ok(None),
            (true, true) => Ok(Some(other)),
            (true, false) => graph.push(Binary::MUL, &[other, upstream]).map(Some),
        };
        Ok(vec![side(wanted[0], b)?, side(wanted[1], a)?])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        // Partial sums of 256 keep the rounding error of long sums small.
        let (a, b) = (inputs[0].data, inputs[1].data);
        output[0] = a
            .chunks(256)
            .zip(b.chunks(256))
            .map(|(a, b)| a.iter().zip(b).map(|(&a, &b)| a * b).sum::<T>())
            .sum();
    }

    fn gpu(&self, inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
        gpu::dot(inputs)
    }
}
