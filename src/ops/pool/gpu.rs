//! Dispatches.

use super::Window;
use crate::error::{Error, Result};
use crate::ops::Kernel;
use crate::tensor::Shape;

/// Not written yet.
pub fn max(_window: &Window, _x: Shape, _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}

/// Not written yet.
pub fn argmax(_window: &Window, _x: Shape, _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}

/// Not written yet.
pub fn max_input_grad(_window: &Window, _dy: Shape, _output: Shape) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}

/// Not written yet.
pub fn average(
    _window: &Window,
    _count_include_pad: bool,
    _x: Shape,
    _output: Shape,
) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}

/// Not written yet.
pub fn average_input_grad(
    _window: &Window,
    _count_include_pad: bool,
    _dy: Shape,
    _output: Shape,
) -> Result<Vec<Kernel>> {
    Err(Error::unsupported_op("no shader"))
}
