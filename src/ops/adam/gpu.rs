//! Steps of Adam as dispatches.

use super::AdamMoment;
use crate::error::Result;
use crate::ops::kernel::{Binding, Kernel, word};
use crate::tensor::Shape;

/// Dispatches of [`AdamMoment`].
pub fn moment(op: &AdamMoment, output: Shape) -> Result<Vec<Kernel>> {
    let count = output.len().div_ceil(4);
    let params = vec![word(count), op.decay.to_bits(), u32::from(op.squared)];
    let bindings = vec![Binding::Input(0), Binding::Input(1), Binding::Output];
    let kernel = Kernel::linear("adam_moment", bindings, params, count);
    Ok(vec![kernel.with_cost(output.len())])
}

/// Dispatches of [`super::AdamUpdate`].
pub fn update(output: Shape) -> Result<Vec<Kernel>> {
    let count = output.len().div_ceil(4);
    let mut bindings: Vec<Binding> = (0..4).map(Binding::Input).collect();
    bindings.push(Binding::Output);
    let kernel = Kernel::linear("adam_update", bindings, vec![word(count)], count);
    Ok(vec![kernel.with_cost(4 * output.len())])
}
