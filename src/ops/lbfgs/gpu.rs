//! The step of L-BFGS as a dispatch.

use crate::ops::kernel::{Binding, Kernel, word};
use crate::tensor::Shape;

/// Dispatches of [`super::LbfgsStep`].
pub fn step(output: Shape) -> Vec<Kernel> {
    let mut bindings: Vec<Binding> = (0..3).map(Binding::Input).collect();
    bindings.push(Binding::Output);
    let params = vec![word(output.c())];
    let kernel = Kernel::linear("lbfgs_step", bindings, params, 1);
    vec![kernel.with_cost(4 * output.c() * output.c())]
}
