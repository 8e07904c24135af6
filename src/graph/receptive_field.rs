//! Which pixels a unit can see (the recurrences of Araujo, Norris and Sim, "Computing receptive fields of CNNs", 2019).

use serde::Serialize;

use super::{Graph, NodeId};
use crate::ops::Op;
use crate::ops::conv2d::Padding;

/// A unit at (y, x) of a layer sees the input's rows `start[0] + y · stride[0] .. + size[0]`, and columns likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReceptiveField {
    /// Rows and columns seen.
    pub size: [i64; 2],
    /// Pixels between neighbouring units.
    pub stride: [i64; 2],
    /// The first row and column that unit (0, 0) sees; negative in the padding.
    pub start: [i64; 2],
}

const ONE_PIXEL: ReceptiveField = ReceptiveField {
    size: [1, 1],
    stride: [1, 1],
    start: [0, 0],
};

/// The receptive field of every node on the input; parameters have that of one pixel.
#[must_use]
pub fn receptive_fields(graph: &Graph) -> Vec<ReceptiveField> {
    let mut fields: Vec<ReceptiveField> = Vec::with_capacity(graph.len());
    for id in graph.ids() {
        fields.push(field(graph, id, &fields));
    }
    fields
}

fn field(graph: &Graph, id: NodeId, fields: &[ReceptiveField]) -> ReceptiveField {
    let node = graph.node(id);
    let Some(&first) = node.inputs.first() else {
        return ONE_PIXEL;
    };
    let below = fields[first.0];
    match &node.op {
        Op::Conv2d(conv) => {
            let weight = graph.shape(node.inputs[1]);
            let geometry = conv.geometry;
            windowed(
                below,
                [weight.h(), weight.w()],
                geometry.stride,
                geometry.dilation,
                geometry.padding,
            )
        }
        Op::MaxPool2d(pool) => windowed(
            below,
            pool.window.kernel,
            pool.window.stride,
            [1, 1],
            pool.window.padding,
        ),
        Op::AvgPool2d(pool) => windowed(
            below,
            pool.window.kernel,
            pool.window.stride,
            [1, 1],
            pool.window.padding,
        ),
        // A vector's entry sees whatever any position below sees.
        Op::Linear(_) | Op::Reshape(_) => {
            let shape = graph.shape(first);
            windowed(
                below,
                [shape.h(), shape.w()],
                [shape.h(), shape.w()],
                [1, 1],
                Padding::default(),
            )
        }
        Op::Binary(_) | Op::Concat(_) => node
            .inputs
            .iter()
            .map(|input| fields[input.0])
            .reduce(union)
            .unwrap_or(ONE_PIXEL),
        _ => below,
    }
}

fn windowed(
    below: ReceptiveField,
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    padding: Padding,
) -> ReceptiveField {
    let int = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let before = [int(padding.top), int(padding.left)];
    let mut field = below;
    for axis in 0..2 {
        field.size[axis] += (int(kernel[axis]) - 1) * int(dilation[axis]) * below.stride[axis];
        field.stride[axis] *= int(stride[axis]);
        field.start[axis] -= before[axis] * below.stride[axis];
    }
    field
}

/// The smallest field that covers both, on the coarser grid.
fn union(a: ReceptiveField, b: ReceptiveField) -> ReceptiveField {
    let mut field = a;
    for axis in 0..2 {
        let start = a.start[axis].min(b.start[axis]);
        let end = (a.start[axis] + a.size[axis]).max(b.start[axis] + b.size[axis]);
        field.start[axis] = start;
        field.size[axis] = end - start;
        field.stride[axis] = a.stride[axis].max(b.stride[axis]);
    }
    field
}
