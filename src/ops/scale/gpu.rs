//! Multiplication by a number as a dispatch.

use super::Scale;
use crate::error::Result;
use crate::ops::Kernel;
use crate::ops::kernel::{Binding, word};
use crate::tensor::Shape;

/// Dispatches of [`Scale`]; with factor 1 it copies.
pub fn forward(op: &Scale, output: Shape) -> Result<Vec<Kernel>> {
    let count = output.len().div_ceil(4);
    let kernel = Kernel::linear(
        "scale",
        vec![Binding::Input(0), Binding::Output],
        vec![word(count), op.factor.to_bits()],
        count,
    );
    Ok(vec![kernel.with_cost(output.len())])
}
