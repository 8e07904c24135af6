//! Values that no operator computes: what is fed at each run, loaded parameters, and constants.

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// A value given anew at each run: a picture, a target, a seed of the backward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// Its extents.
    pub shape: Shape,
}

/// A loaded parameter, known by its node's name.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its extents.
    pub shape: Shape,
}

/// One number everywhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// The number.
    pub value: f32,
    /// The extents.
    pub shape: Shape,
}

macro_rules! leaf {
    ($operator:ty, $name:literal, |$self:ident, $output:ident| $cpu:expr) => {
        impl Operator for $operator {
            fn name(&self) -> &'static str {
                $name
            }
            fn shape(&self, _inputs: &[Shape]) -> Result<Shape> {
                if self.shape.is_empty() {
                    return Err(Error::bad_model(format!("its shape {} holds no value", self.shape)));
                }
                Ok(self.shape)
            }
            fn backward(
                &self,
                _graph: &mut Graph,
                _node: NodeId,
                _upstream: NodeId,
                _wanted: &[bool],
            ) -> Result<Vec<Option<NodeId>>> {
                Ok(Vec::new())
            }
            fn cpu<T: Real>(&$self, _inputs: &[View<'_, T>], $output: &mut [T], _shape: Shape) {
                $cpu
            }
            fn gpu(&self, _inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
                Ok(Vec::new())
            }
        }
    };
}

// Feeds and parameters are written by whoever runs the program; their kernels have nothing to do.
leaf!(Feed, "feed", |self, _output| {});
leaf!(Parameter, "parameter", |self, _output| {});
leaf!(Constant, "constant", |self, output| output
    .fill(T::of(f64::from(self.value))));
