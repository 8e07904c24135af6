//! Dispatches.

use crate::error::{Error, Result};
use crate::ops::Kernel;
use crate::tensor::Shape;

/// Not written yet.
pub fn forward(_inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}

/// Not written yet.
pub fn input_grad(_inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}

/// Not written yet.
pub fn weight_grad(_inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}
