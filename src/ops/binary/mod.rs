//! Sum, difference and product of two tensors, with broadcasting of extents of 1.

pub(in crate::ops) mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::reduce::SumTo;
use crate::ops::scale::Scale;
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// Which operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// a · b.
    Mul,
}

/// a ∘ b, element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binary {
    /// Which operation.
    pub operation: Operation,
}

impl Binary {
    /// a + b.
    pub const ADD: Self = Self {
        operation: Operation::Add,
    };
    /// a − b.
    pub const SUB: Self = Self {
        operation: Operation::Sub,
    };
    /// a · b.
    pub const MUL: Self = Self {
        operation: Operation::Mul,
    };
}

/// `gradient` summed over the extents along which an input of that shape was broadcast.
fn unbroadcast(graph: &mut Graph, gradient: NodeId, shape: Shape) -> Result<NodeId> {
    if graph.shape(gradient) == shape {
        Ok(gradient)
    } else {
        graph.push(SumTo { shape }, &[gradient])
    }
}

impl Operator for Binary {
    fn name(&self) -> &'static str {
        match self.operation {
            Operation::Add => "add",
            Operation::Sub => "sub",
            Operation::Mul => "mul",
        }
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        let &[a, b] = inputs else {
            return Err(Error::bad_model(format!(
                "it takes two inputs, not {}",
                inputs.len()
            )));
        };
        a.broadcast(b)
            .ok_or_else(|| Error::bad_model(format!("{a} and {b} do not broadcast")))
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let inputs = [graph.input(node, 0), graph.input(node, 1)];
        let mut gradients = vec![None; 2];
        for side in 0..2 {
            if !wanted[side] {
                continue;
            }
            let gradient = match (self.operation, side) {
                (Operation::Add, _) | (Operation::Sub, 0) => upstream,
                (Operation::Sub, _) => graph.push(Scale { factor: -1.0 }, &[upstream])?,
                (Operation::Mul, _) => graph.push(Self::MUL, &[upstream, inputs[1 - side]])?,
            };
            let shape = graph.shape(inputs[side]);
            gradients[side] = Some(unbroadcast(graph, gradient, shape)?);
        }
        Ok(gradients)
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        match self.operation {
            Operation::Add => apply(inputs, output, shape, |a, b| a + b),
            Operation::Sub => apply(inputs, output, shape, |a, b| a - b),
            Operation::Mul => apply(inputs, output, shape, |a, b| a * b),
        }
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::forward(self, inputs, output)
    }
}

/// Rows are visited with the strides of each input; a stride of 0 repeats what was broadcast.
fn apply<T: Real>(inputs: &[View<'_, T>], output: &mut [T], shape: Shape, f: impl Fn(T, T) -> T) {
    let (a, b) = (inputs[0], inputs[1]);
    if a.shape == b.shape {
        for ((y, &a), &b) in output.iter_mut().zip(a.data).zip(b.data) {
            *y = f(a, b);
        }
        return;
    }
    let (sa, sb) = (a.shape.broadcast_strides(), b.shape.broadcast_strides());
    let rows = output.chunks_exact_mut(shape.w());
    for (row, out) in rows.enumerate() {
        let (n, c, h) = (
            row / (shape.c() * shape.h()),
            row / shape.h() % shape.c(),
            row % shape.h(),
        );
        let a_row = &a.data[n * sa[0] + c * sa[1] + h * sa[2]..];
        let b_row = &b.data[n * sb[0] + c * sb[1] + h * sb[2]..];
        match (sa[3], sb[3]) {
            (1, 0) => out
                .iter_mut()
                .zip(a_row)
                .for_each(|(y, &a)| *y = f(a, b_row[0])),
            (0, 1) => out
                .iter_mut()
                .zip(b_row)
                .for_each(|(y, &b)| *y = f(a_row[0], b)),
            (0, 0) => out.fill(f(a_row[0], b_row[0])),
            _ => out
                .iter_mut()
                .zip(a_row)
                .zip(b_row)
                .for_each(|((y, &a), &b)| *y = f(a, b)),
        }
    }
}
