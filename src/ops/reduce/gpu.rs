//! Dispatches.

use super::{Expand, SumTo};
use crate::error::{Error, Result};
use crate::ops::Kernel;
use crate::tensor::Shape;

/// Not written yet.
pub fn sum_to(_op: &SumTo, _inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}

/// Not written yet.
pub fn expand(_op: &Expand, _inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}

/// Not written yet.
pub fn dot(_inputs: &[Shape]) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}
