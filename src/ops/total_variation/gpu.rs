//! Total variation as dispatches.

use super::{TotalVariation, TotalVariationGrad};
use crate::error::Result;
use crate::ops::kernel::{Binding, Kernel, word};
use crate::ops::reduce::gpu::{finish, partial, parts};
use crate::tensor::Shape;

/// Dispatches of [`TotalVariation`].
pub fn forward(op: &TotalVariation, inputs: &[Shape]) -> Result<Vec<Kernel>> {
    let x = inputs[0];
    let parts = parts(x.len());
    let mut params = [parts, x.len(), x.h(), x.w()].map(word).to_vec();
    params.extend([
        op.vertical.to_bits(),
        op.horizontal.to_bits(),
        u32::from(op.squared),
    ]);
    let bindings = vec![Binding::Input(0), partial(1, parts)];
    let first = Kernel::linear("total_variation", bindings, params, parts);
    let mut kernels = vec![first.with_cost(4 * x.len())];
    kernels.extend(finish(1, parts));
    Ok(kernels)
}

/// Dispatches of [`TotalVariationGrad`].
pub fn gradient(op: &TotalVariationGrad, output: Shape) -> Result<Vec<Kernel>> {
    let mut params = [output.len(), output.h(), output.w()].map(word).to_vec();
    params.extend([
        op.vertical.to_bits(),
        op.horizontal.to_bits(),
        u32::from(op.squared),
    ]);
    let bindings = vec![Binding::Input(0), Binding::Output];
    let kernel = Kernel::linear("total_variation_grad", bindings, params, output.len());
    Ok(vec![kernel.with_cost(5 * output.len())])
}
