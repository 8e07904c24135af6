//! Copies and transposes as dispatches.

use crate::error::Result;
use crate::ops::Kernel;
use crate::ops::kernel::{Binding, word};
use crate::ops::scale::{self, Scale};
use crate::tensor::Shape;

/// Dispatches of [`super::Reshape`]: a copy.
pub fn reshape(output: Shape) -> Result<Vec<Kernel>> {
    scale::gpu::forward(&Scale { factor: 1.0 }, output)
}

/// Dispatches of [`super::Transpose`].
pub fn transpose(output: Shape) -> Result<Vec<Kernel>> {
    let params = [output.len(), output.c(), output.h()].map(word);
    Ok(vec![Kernel::linear(
        "transpose",
        vec![Binding::Input(0), Binding::Output],
        params.to_vec(),
        output.len(),
    )])
}
