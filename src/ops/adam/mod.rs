//! One step of Adam (Kingma and Ba 2015) as operators of a program, with variables for its moments.

mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// What keeps the step finite where a gradient was always 0.
pub const EPSILON: f32 = 1e-8;

/// A running mean of gradients or of their squares: inputs the mean so far and the gradient g, output
/// decay · mean + (1 − decay) · g, or · g².
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamMoment {
    /// Weight of the mean so far, in [0, 1).
    pub decay: f32,
    /// Whether gradients are squared.
    pub squared: bool,
}

/// x + r₀ · r₁ m / (√(r₂ v) + 10⁻⁸): inputs x, the means m and v, and the rates r (1, 3, 1, 1): the learning rate (negative
/// to descend) and both corrections 1 / (1 − decay^step).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdamUpdate;

/// The sentence for what is never differentiated.
fn no_gradient(name: &str) -> Error {
    Error::unsupported_op(format!(
        "{name} is a step of an optimiser, it has no gradient"
    ))
}

impl Operator for AdamMoment {
    fn name(&self) -> &'static str {
        "adam_moment"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [mean, gradient] if mean == gradient => Ok(*mean),
            _ => Err(Error::bad_model(format!(
                "a running mean and a gradient of one shape are needed, not {inputs:?}"
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
        Err(no_gradient(self.name()))
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        let decay = T::of(f64::from(self.decay));
        let fresh = T::one() - decay;
        let pairs = inputs[0].data.iter().zip(inputs[1].data);
        for (y, (&mean, &g)) in output.iter_mut().zip(pairs) {
            *y = decay * mean + fresh * if self.squared { g * g } else { g };
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::moment(self, output)
    }
}

impl Operator for AdamUpdate {
    fn name(&self) -> &'static str {
        "adam_update"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x, first, second, rates]
                if x == first && x == second && *rates == Shape::channels(3) =>
            {
                Ok(*x)
            }
            _ => Err(Error::bad_model(format!(
                "a value, two means of its shape and three rates are needed, not {inputs:?}"
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
        Err(no_gradient(self.name()))
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        let [x, first, second, rates] = [0, 1, 2, 3].map(|index: usize| inputs[index].data);
        let epsilon = T::of(f64::from(EPSILON));
        let moments = first.iter().zip(second);
        for ((y, &x), (&m, &v)) in output.iter_mut().zip(x).zip(moments) {
            *y = x + rates[0] * rates[1] * m / ((rates[2] * v).sqrt() + epsilon);
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::update(output)
    }
}
