//! One over the square root, which makes lengths 1.

mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::binary::Binary;
use crate::ops::scale::Scale;
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// y = 1 / √(x + epsilon), for x ≥ 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InverseRoot {
    /// Above 0: keeps y finite at x = 0.
    pub epsilon: f32,
}

impl Operator for InverseRoot {
    fn name(&self) -> &'static str {
        "inverse_root"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] => Ok(*x),
            _ => Err(Error::bad_model("an inverse root takes one input")),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        // dy/dx = −y³ / 2.
        let square = graph.push(Binary::MUL, &[node, node])?;
        let cube = graph.push(Binary::MUL, &[square, node])?;
        let slope = graph.push(Scale { factor: -0.5 }, &[cube])?;
        Ok(vec![Some(graph.push(Binary::MUL, &[slope, upstream])?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        let epsilon = T::of(f64::from(self.epsilon));
        for (y, &x) in output.iter_mut().zip(inputs[0].data) {
            *y = (x + epsilon).sqrt().recip();
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::forward(self, output)
    }
}
