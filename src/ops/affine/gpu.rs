//! Affine sampling as dispatches.

use crate::error::Result;
use crate::ops::kernel::{Binding, Kernel, word};
use crate::tensor::Shape;

/// Dispatches of [`super::AffineSample`].
pub fn forward(x: Shape, output: Shape) -> Result<Vec<Kernel>> {
    Ok(vec![kernel("affine_sample", x, output, 8)])
}

/// Dispatches of [`super::AffineSampleInputGrad`].
pub fn input_grad(dy: Shape, output: Shape) -> Result<Vec<Kernel>> {
    Ok(vec![kernel("affine_sample_grad", dy, output, 40)])
}

fn kernel(shader: &'static str, input: Shape, output: Shape, cost: usize) -> Kernel {
    let params = [
        output.len(),
        output.c(),
        output.h(),
        output.w(),
        input.h(),
        input.w(),
    ];
    let bindings = vec![Binding::Input(0), Binding::Input(1), Binding::Output];
    Kernel::linear(shader, bindings, params.map(word).to_vec(), output.len())
        .with_cost(cost * output.len())
}
