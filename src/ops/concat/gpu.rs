//! Dispatches.

use super::Slice;
use crate::error::{Error, Result};
use crate::ops::Kernel;
use crate::tensor::Shape;

/// Not written yet.
pub fn concat(_inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}

/// Not written yet.
pub fn slice(_op: &Slice, _inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}
