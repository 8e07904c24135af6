//! Softmax as dispatches.

use crate::error::Result;
use crate::ops::kernel::{Binding, Kernel, word};
use crate::tensor::Shape;

/// Dispatches of [`super::Softmax`].
pub fn forward(output: Shape) -> Result<Vec<Kernel>> {
    let bindings = vec![Binding::Input(0), Binding::Output];
    Ok(vec![columns("softmax", bindings, output)])
}

/// Dispatches of [`super::SoftmaxGrad`].
pub fn gradient(output: Shape) -> Result<Vec<Kernel>> {
    let bindings = vec![Binding::Input(0), Binding::Input(1), Binding::Output];
    Ok(vec![columns("softmax_grad", bindings, output)])
}

/// A workgroup for the channels of each picture and position.
pub fn columns(shader: &'static str, bindings: Vec<Binding>, shape: Shape) -> Kernel {
    let columns = shape.n() * shape.plane();
    Kernel {
        shader,
        constants: Vec::new(),
        bindings,
        prepared: None,
        params: vec![word(shape.c()), word(shape.plane())],
        workgroups: [columns as u64, 1, 1],
        cost: 8 * shape.len() as u64,
    }
}
