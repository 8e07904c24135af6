//! Division that survives a denominator near 0: what LRP and `DeepLIFT` share relevance with.

mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// y = a / (b + ε · sign b), element by element, with sign 0 = 1 and y = 0 where that denominator is 0; inputs a and b of
/// one shape and ε ≥ 0, one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotient;

/// Denominators smaller than this count as 0: the smallest normal f32, below which GPUs may round to 0.
pub(in crate::ops) const SMALLEST: f32 = f32::MIN_POSITIVE;

impl Operator for Quotient {
    fn name(&self) -> &'static str {
        "quotient"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [a, b, epsilon] if a == b && *epsilon == Shape::SCALAR => Ok(*a),
            _ => Err(Error::bad_model(format!(
                "a quotient takes two tensors of one shape and a number, not {inputs:?}"
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
        Err(Error::unsupported_op(
            "no gradient passes through a backward rule's quotient",
        ))
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        let epsilon = inputs[2].data[0];
        let smallest = T::of(f64::from(SMALLEST));
        for ((y, &a), &b) in output.iter_mut().zip(inputs[0].data).zip(inputs[1].data) {
            let denominator = if b < T::zero() {
                b - epsilon
            } else {
                b + epsilon
            };
            *y = if denominator.abs() < smallest {
                T::zero()
            } else {
                a / denominator
            };
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::forward(output)
    }
}

#[cfg(test)]
mod tests {
    use super::Quotient;
    use crate::ops::Operator as _;
    use crate::ops::testing::view;
    use crate::tensor::Shape;

    #[test]
    fn epsilon_moves_the_denominator_away_from_zero_and_zero_gives_zero() {
        let shape = Shape::new(1, 4, 1, 1);
        let (a, b) = ([6.0, 6.0, 6.0, 6.0], [2.0, -2.0, 0.0, -0.0]);
        let mut y = [f64::NAN; 4];
        let divide = |epsilon: f64, y: &mut [f64]| {
            let epsilon = [epsilon];
            let inputs = [
                view(&a, shape),
                view(&b, shape),
                view(&epsilon, Shape::SCALAR),
            ];
            Quotient.cpu(&inputs, y, shape);
        };
        divide(1.0, &mut y);
        assert_eq!(y, [2.0, -2.0, 6.0, 6.0]);
        divide(0.0, &mut y);
        assert_eq!(y, [3.0, -3.0, 0.0, 0.0]);
    }
}
