//! One over the square root as a dispatch.

use super::InverseRoot;
use crate::error::Result;
use crate::ops::kernel::{Binding, Kernel, word};
use crate::tensor::Shape;

/// Dispatches of [`InverseRoot`].
pub fn forward(op: &InverseRoot, output: Shape) -> Result<Vec<Kernel>> {
    let params = vec![word(output.len()), op.epsilon.to_bits()];
    let bindings = vec![Binding::Input(0), Binding::Output];
    Ok(vec![Kernel::linear(
        "inverse_root",
        bindings,
        params,
        output.len(),
    )])
}
