//! Dispatches.

use super::Binary;
use crate::error::{Error, Result};
use crate::ops::Kernel;
use crate::tensor::Shape;

/// Not written yet.
pub fn forward(_op: &Binary, _inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}
