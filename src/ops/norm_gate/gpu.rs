//! Clipping of small norms as a dispatch.

use super::NormGate;
use crate::error::Result;
use crate::ops::kernel::{Binding, Kernel, word};
use crate::tensor::Shape;

/// Dispatches of [`NormGate`]: one invocation a pixel.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the shader computes in f32"
)]
pub fn forward(op: &NormGate, output: Shape) -> Result<Vec<Kernel>> {
    let pixels = output.n() * output.plane();
    let mut params = [pixels, output.c(), output.plane()].map(word).to_vec();
    params.push((op.factor(output) as f32).to_bits());
    let bindings = vec![Binding::Input(0), Binding::Input(1), Binding::Output];
    let kernel = Kernel::linear("norm_gate", bindings, params, pixels);
    Ok(vec![kernel.with_cost(2 * output.len())])
}
