//! Sums as dispatches. No workgroup memory: an invocation adds up to [`RUN`] values, and what it leaves is added by the
//! next dispatch, so that a sum always has the same order and no atomics are needed.

use super::{Expand, SumTo};
use crate::error::Result;
use crate::ops::binary;
use crate::ops::kernel::{Binding, Kernel, word};
use crate::tensor::Shape;

/// Values that one invocation adds up.
const RUN: usize = 128;
/// Scratch buffers of sums; an operator whose own partial sums go through [`finish`] leaves these alone.
const SCRATCH: [usize; 2] = [0, 1];

/// Dispatches of [`SumTo`].
pub fn sum_to(_op: &SumTo, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let x = inputs[0];
    let [_, c, h, w] = x.0;
    let strides = [c * h * w, h * w, w, 1];
    let kept: [bool; 4] = std::array::from_fn(|axis| output.0[axis] == x.0[axis]);
    let summed = std::array::from_fn(|axis| if kept[axis] { 1 } else { x.0[axis] });
    let first = Sum {
        out_extents: output.0,
        out_strides: std::array::from_fn(|axis| if kept[axis] { strides[axis] } else { 0 }),
        sum_extents: summed,
        sum_strides: strides,
    };
    Ok(chain(first, Binding::Input(0)))
}

/// Dispatches of [`Expand`].
pub fn expand(_op: &Expand, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    Ok(vec![binary::gpu::expand(inputs[0], output)])
}

/// Dispatches of [`super::Dot`].
pub fn dot(inputs: &[Shape]) -> Result<Vec<Kernel>> {
    let length = inputs[0].len();
    let parts = length.div_ceil(RUN);
    let target = partial(1, parts);
    let first = Kernel::linear(
        "dot",
        vec![Binding::Input(0), Binding::Input(1), target],
        vec![word(parts), word(length)],
        parts,
    )
    .with_cost(2 * length);
    let mut kernels = vec![first];
    kernels.extend(finish(1, parts));
    Ok(kernels)
}

/// Where an operator writes `sums` times `parts` partial sums for [`finish`] to add: the output itself for one part.
pub fn partial(sums: usize, parts: usize) -> Binding {
    if parts == 1 {
        Binding::Output
    } else {
        Binding::Scratch(SCRATCH[0], sums * parts)
    }
}

/// Parts for sums of `length` values each.
pub fn parts(length: usize) -> usize {
    length.div_ceil(RUN)
}

/// Adds partial sums laid out `[sums][parts]`; nothing for one part.
pub fn finish(sums: usize, parts: usize) -> Vec<Kernel> {
    if parts == 1 {
        return Vec::new();
    }
    chain(
        Sum::rows(sums, parts, parts, 1),
        Binding::Scratch(SCRATCH[0], sums * parts),
    )
}

/// Adds partial results laid out `[parts][sums]`, as split products leave them; nothing for one part.
pub fn finish_planes(sums: usize, parts: usize) -> Vec<Kernel> {
    if parts == 1 {
        return Vec::new();
    }
    chain(
        Sum::rows(sums, parts, 1, sums),
        Binding::Scratch(SCRATCH[0], sums * parts),
    )
}

/// Which values of x belong to which sum.
struct Sum {
    out_extents: [usize; 4],
    out_strides: [usize; 4],
    sum_extents: [usize; 4],
    sum_strides: [usize; 4],
}

impl Sum {
    /// `count` sums of `length` values each, with the step from sum to sum and from value to value.
    fn rows(count: usize, length: usize, sum_step: usize, value_step: usize) -> Self {
        Self {
            out_extents: [1, 1, 1, count],
            out_strides: [0, 0, 0, sum_step],
            sum_extents: [1, 1, 1, length],
            sum_strides: [0, 0, 0, value_step],
        }
    }
}

/// Sums until one part is left, between the two scratch buffers in turn.
fn chain(first: Sum, source: Binding) -> Vec<Kernel> {
    let sums: usize = first.out_extents.iter().product();
    let mut kernels = Vec::new();
    let (mut sum, mut source) = (first, source);
    loop {
        let length: usize = sum.sum_extents.iter().product();
        let parts = length.div_ceil(RUN);
        let target = match (parts, source) {
            (1, _) => Binding::Output,
            (_, Binding::Scratch(0, _)) => Binding::Scratch(SCRATCH[1], sums * parts),
            _ => Binding::Scratch(SCRATCH[0], sums * parts),
        };
        kernels.push(step(&sum, source, target, sums, parts, length));
        if parts == 1 {
            return kernels;
        }
        sum = Sum::rows(sums, parts, parts, 1);
        source = target;
    }
}

fn step(
    sum: &Sum,
    source: Binding,
    target: Binding,
    sums: usize,
    parts: usize,
    length: usize,
) -> Kernel {
    let params = [
        sum.out_extents,
        sum.out_strides,
        sum.sum_extents,
        sum.sum_strides,
        [sums * parts, parts, length, 0],
    ]
    .concat();
    Kernel::linear(
        "sum",
        vec![source, target],
        params.into_iter().map(word).collect(),
        sums * parts,
    )
    .with_cost(2 * sums * length)
}
