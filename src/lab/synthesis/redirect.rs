//! Gradients past rectifiers that let nothing through, after Lucid's `redirected_relu_grad`.

use super::step::REDIRECT;
use crate::engine::autodiff;
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::ops::activation::{Activation, ActivationGrad, Function};
use crate::ops::binary::Binary;
use crate::ops::inverse_root::InverseRoot;
use crate::ops::reduce::SumTo;
use crate::ops::scale::Scale;
use crate::tensor::Shape;

/// Sums of squares below this count as 0.
const NOTHING: f32 = 1e-30;

/// d `value` / d w for each w of `wrt`, where a rectifier whose whole gradient for a picture is 0 passes on what would move
/// its inputs back to where it has a slope; all this times a feed, [`REDIRECT`].
pub fn gradient(graph: &mut Graph, value: NodeId, wrt: &[NodeId]) -> Result<Vec<NodeId>> {
    let switch = graph.feed(REDIRECT, Shape::SCALAR)?;
    autodiff::gradient_with(graph, value, wrt, &|graph, node, upstream, _| {
        let Op::Activation(Activation { function }) = graph.node(node).op else {
            return Ok(None);
        };
        let back = match function {
            Function::Relu => relu(graph, upstream)?,
            Function::Relu6 => back_from_either_side(graph, node, upstream)?,
            _ => return Ok(None),
        };
        let own = graph.push(ActivationGrad { function }, &[upstream, node])?;
        let blocked = is_zero(graph, own)?;
        let share = graph.push(Binary::MUL, &[blocked, switch])?;
        let redirected = graph.push(Binary::MUL, &[back, share])?;
        Ok(Some(vec![Some(
            graph.push(Binary::ADD, &[own, redirected])?,
        )]))
    })
}

fn relu(graph: &mut Graph, x: NodeId) -> Result<NodeId> {
    let function = Function::Relu;
    graph.push(Activation { function }, &[x])
}

/// relu(g) where y = 0 and −relu(−g) where y = 6. Where 0 < y < 6, g is 0 whenever this is used.
fn back_from_either_side(graph: &mut Graph, y: NodeId, g: NodeId) -> Result<NodeId> {
    let up = relu(graph, g)?;
    let negative = graph.push(Scale { factor: -1.0 }, &[g])?;
    let down = relu(graph, negative)?;
    let sum = graph.push(Binary::ADD, &[up, down])?;
    let at_ceiling = graph.push(Scale { factor: 1.0 / 6.0 }, &[y])?;
    let taken = graph.push(Binary::MUL, &[sum, at_ceiling])?;
    graph.push(Binary::SUB, &[up, taken])
}

/// 1 for each picture (N, 1, 1, 1) of which all values are 0, else 0 but for rounding.
fn is_zero(graph: &mut Graph, x: NodeId) -> Result<NodeId> {
    let shape = Shape::new(graph.shape(x).n(), 1, 1, 1);
    let squares = graph.push(Binary::MUL, &[x, x])?;
    let sums = graph.push(SumTo { shape }, &[squares])?;
    let inverse = graph.push(InverseRoot { epsilon: NOTHING }, &[sums])?;
    let root = graph.push(Binary::MUL, &[sums, inverse])?;
    let any = graph.push(Binary::MUL, &[root, inverse])?;
    let one = graph.constant(1.0, shape)?;
    graph.push(Binary::SUB, &[one, any])
}
