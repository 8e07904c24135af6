//! Cross-entropy as dispatches.

use crate::error::Result;
use crate::ops::kernel::{Binding, Kernel};
use crate::ops::softmax::gpu::columns;
use crate::tensor::Shape;

/// Dispatches of [`super::CrossEntropy`].
pub fn forward(inputs: &[Shape]) -> Result<Vec<Kernel>> {
    let bindings = vec![Binding::Input(0), Binding::Input(1), Binding::Output];
    Ok(vec![columns("cross_entropy", bindings, inputs[0])])
}

/// Dispatches of [`super::CrossEntropyGrad`].
pub fn gradient(output: Shape) -> Result<Vec<Kernel>> {
    let bindings = vec![
        Binding::Input(0),
        Binding::Input(1),
        Binding::Input(2),
        Binding::Output,
    ];
    Ok(vec![columns("cross_entropy_grad", bindings, output)])
}
