//! Stabilised division as a dispatch.

use super::SMALLEST;
use crate::error::Result;
use crate::ops::Kernel;
use crate::ops::kernel::{Binding, word};
use crate::tensor::Shape;

/// Dispatches of [`super::Quotient`].
pub fn forward(output: Shape) -> Result<Vec<Kernel>> {
    let count = output.len().div_ceil(4);
    let bindings = vec![
        Binding::Input(0),
        Binding::Input(1),
        Binding::Input(2),
        Binding::Output,
    ];
    let params = vec![word(count), SMALLEST.to_bits()];
    Ok(vec![
        Kernel::linear("quotient", bindings, params, count).with_cost(output.len()),
    ])
}
