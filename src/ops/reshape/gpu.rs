//! Dispatches.

use crate::error::{Error, Result};
use crate::ops::Kernel;
use crate::tensor::Shape;

/// Not written yet.
pub fn reshape(_output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}

/// Not written yet.
pub fn transpose(_output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}
