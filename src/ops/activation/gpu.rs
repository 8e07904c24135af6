//! Activations as dispatches.

use super::{Activation, ActivationGrad, Function};
use crate::error::Result;
use crate::ops::Kernel;
use crate::ops::kernel::{Binding, word};
use crate::tensor::Shape;

/// Dispatches of [`Activation`].
pub fn forward(op: &Activation, output: Shape) -> Result<Vec<Kernel>> {
    Ok(vec![apply(op.function, Binding::Input(0), output)])
}

/// f of whatever stands in a binding.
pub fn apply(function: Function, x: Binding, output: Shape) -> Kernel {
    elementwise("activation", vec![x, Binding::Output], function, output)
}

/// Dispatches of [`ActivationGrad`].
pub fn gradient(op: &ActivationGrad, output: Shape) -> Result<Vec<Kernel>> {
    Ok(vec![elementwise(
        "activation_grad",
        vec![Binding::Input(0), Binding::Input(1), Binding::Output],
        op.function,
        output,
    )])
}

fn elementwise(
    shader: &'static str,
    bindings: Vec<Binding>,
    function: Function,
    shape: Shape,
) -> Kernel {
    let count = shape.len().div_ceil(4);
    let params = vec![word(count), function.slope().to_bits()];
    Kernel {
        constants: vec![("FUNCTION", f64::from(function.code()))],
        ..Kernel::linear(shader, bindings, params, count).with_cost(shape.len())
    }
}
