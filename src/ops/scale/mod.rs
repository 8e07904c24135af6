//! Multiplication by a number that is part of the program's structure.

pub(in crate::ops) mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// y = factor · x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The number.
    pub factor: f32,
}

impl Operator for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] => Ok(*x),
            _ => Err(Error::bad_model("scaling takes one input")),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        _node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.push(*self, &[upstream])?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        let factor = T::of(f64::from(self.factor));
        for (y, &x) in output.iter_mut().zip(inputs[0].data) {
            *y = factor * x;
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::forward(self, output)
    }
}
