//! Gram matrices as dispatches.

use super::{Gram, GramInputGrad};
use crate::error::Result;
use crate::ops::kernel::{Binding, Kernel};
use crate::ops::linear::gpu::Product;
use crate::tensor::Shape;

/// Dispatches of [`Gram`]: F Fᵀ.
pub fn forward(op: &Gram, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let x = inputs[0];
    let product = Product {
        a: (Binding::Input(0), [x.picture(), x.plane(), 1]),
        b: (Binding::Input(0), [x.picture(), 1, x.plane()]),
        bias: None,
        batch: x.n(),
        rows: output.c(),
        columns: output.c(),
        length: x.plane(),
        factor: op.factor,
    };
    Ok(product.kernels())
}

/// Dispatches of [`GramInputGrad`]: S F.
pub fn gradient(op: &GramInputGrad, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let channels = output.c();
    let product = Product {
        a: (Binding::Input(0), [channels * channels, channels, 1]),
        b: (Binding::Input(1), [output.picture(), output.plane(), 1]),
        bias: None,
        batch: output.n(),
        rows: channels,
        columns: output.plane(),
        length: channels,
        factor: op.factor,
    };
    Ok(product.kernels())
}
