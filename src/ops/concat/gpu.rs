//! Concatenation and slicing as dispatches.

use super::Slice;
use crate::error::Result;
use crate::ops::Kernel;
use crate::ops::kernel::{Binding, word};
use crate::tensor::Shape;

/// Dispatches of [`super::Concat`]: one copy an input.
pub fn concat(inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let mut start = 0;
    let mut kernels = Vec::with_capacity(inputs.len());
    for (index, x) in inputs.iter().enumerate() {
        let run = x.picture();
        kernels.push(copy(index, x.n(), run, (0, run), (start, output.picture())));
        start += run;
    }
    Ok(kernels)
}

/// Dispatches of [`Slice`].
pub fn slice(op: &Slice, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let run = output.picture();
    let from = (op.start * output.plane(), inputs[0].picture());
    Ok(vec![copy(0, output.n(), run, from, (0, run))])
}

/// Copies `run` values a picture between (start, stride) and (start, stride).
fn copy(
    input: usize,
    pictures: usize,
    run: usize,
    from: (usize, usize),
    to: (usize, usize),
) -> Kernel {
    let count = pictures * run;
    let params = [count, run, from.0, from.1, to.0, to.1].map(word);
    Kernel::linear(
        "copy_runs",
        vec![Binding::Input(input), Binding::Output],
        params.to_vec(),
        count,
    )
}
