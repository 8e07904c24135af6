//! Activations as dispatches.

use super::{Activation, ActivationGrad, ActivationSecant, Function};
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

/// Dispatches of [`ActivationSecant`].
pub fn secant(op: &ActivationSecant, output: Shape) -> Result<Vec<Kernel>> {
    let bindings = vec![
        Binding::Input(0),
        Binding::Input(1),
        Binding::Input(2),
        Binding::Output,
    ];
    let mut kernel = elementwise("activation_secant", bindings, op.function, output);
    let from_output = f64::from(u8::from(op.function.derivative_from_output()));
    kernel.constants.push(("FROM_OUTPUT", from_output));
    kernel.params.push(op.function.closest().to_bits());
    Ok(vec![kernel])
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
