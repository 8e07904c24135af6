//! Convolution as dispatches.

use super::{Conv2d, Conv2dInputGrad, Conv2dWeightGrad};
use crate::error::{Error, Result};
use crate::ops::Kernel;
use crate::tensor::Shape;

/// Dispatches of [`Conv2d`].
pub fn forward(op: &Conv2d, _inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op(format!("{op:?} has no shader")))
}

/// Dispatches of [`Conv2dInputGrad`].
pub fn input_grad(op: &Conv2dInputGrad, _inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op(format!("{op:?} has no shader")))
}

/// Dispatches of [`Conv2dWeightGrad`].
pub fn weight_grad(
    op: &Conv2dWeightGrad,
    _inputs: &[Shape],
    _output: Shape,
) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op(format!("{op:?} has no shader")))
}
