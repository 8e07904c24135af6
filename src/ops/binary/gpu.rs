//! Sums, differences and products as dispatches.

use super::{Binary, Operation};
use crate::error::Result;
use crate::ops::Kernel;
use crate::ops::kernel::{Binding, word};
use crate::tensor::Shape;

/// Dispatches of [`Binary`].
pub fn forward(op: &Binary, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let operation = match op.operation {
        Operation::Add => 0,
        Operation::Sub => 1,
        Operation::Mul => 2,
    };
    let bindings = vec![Binding::Input(0), Binding::Input(1), Binding::Output];
    if inputs[0] == inputs[1] {
        let count = output.len().div_ceil(4);
        let kernel = Kernel::linear("binary", bindings, vec![word(count), operation], count);
        return Ok(vec![kernel.with_cost(output.len())]);
    }
    Ok(vec![broadcast(
        bindings,
        [inputs[0], inputs[1]],
        output,
        operation,
    )])
}

/// Repeats x until it has the output's extents.
pub fn expand(x: Shape, output: Shape) -> Kernel {
    let bindings = vec![Binding::Input(0), Binding::Input(0), Binding::Output];
    broadcast(bindings, [x, x], output, 3)
}

fn broadcast(bindings: Vec<Binding>, [a, b]: [Shape; 2], output: Shape, operation: u32) -> Kernel {
    let mut params: Vec<u32> = [output.0, a.broadcast_strides(), b.broadcast_strides()]
        .concat()
        .into_iter()
        .map(word)
        .collect();
    params.extend([word(output.len()), operation]);
    Kernel::linear("binary_broadcast", bindings, params, output.len())
}
