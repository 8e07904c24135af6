//! Reverse-mode differentiation: graph and scalar value → more nodes of the same graph.

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::Operator as _;
use crate::ops::binary::Binary;
use crate::tensor::Shape;

/// A backward rule that may stand in for a node's own: (graph, node, upstream gradient, wanted inputs) → gradients, or
/// `None` to leave the node to its own rule. Guided backpropagation, LRP and their like are such rules.
pub type Rule<'a> =
    dyn Fn(&mut Graph, NodeId, NodeId, &[bool]) -> Result<Option<Vec<Option<NodeId>>>> + 'a;

/// Appends the nodes that compute d `value` / d w for each w of `wrt` and returns them in that order.
/// A w that does not influence `value` has the gradient 0.
///
/// # Errors
/// `bad_argument` if `value` is no single number; `unsupported_op` if a node on the way has no gradient.
pub fn gradient(graph: &mut Graph, value: NodeId, wrt: &[NodeId]) -> Result<Vec<NodeId>> {
    gradient_with(graph, value, wrt, &|_, _, _, _| Ok(None))
}

/// [`gradient`] with another rule for the nodes that `rule` claims.
///
/// # Errors
/// As [`gradient`], and those of `rule`.
pub fn gradient_with(
    graph: &mut Graph,
    value: NodeId,
    wrt: &[NodeId],
    rule: &Rule<'_>,
) -> Result<Vec<NodeId>> {
    if graph.shape(value) != Shape::SCALAR {
        return Err(Error::bad_argument(format!(
            "only a single number can be differentiated, this value is {}",
            graph.shape(value)
        )));
    }
    let influenced = graph.descendants(wrt);
    let mut upstream: Vec<Option<NodeId>> = vec![None; value.0 + 1];
    upstream[value.0] = Some(graph.constant(1.0, Shape::SCALAR)?);

    for id in (0..=value.0).rev().map(NodeId) {
        let Some(gradient) = upstream[id.0] else {
            continue;
        };
        let wanted: Vec<bool> = graph
            .node(id)
            .inputs
            .iter()
            .map(|input| influenced[input.0])
            .collect();
        if !wanted.contains(&true) {
            continue;
        }
        let contributions = match rule(graph, id, gradient, &wanted)? {
            Some(contributions) => contributions,
            None => graph
                .node(id)
                .op
                .clone()
                .backward(graph, id, gradient, &wanted)?,
        };
        let inputs = graph.node(id).inputs.clone();
        for ((input, contribution), wanted) in inputs.into_iter().zip(contributions).zip(wanted) {
            if let (Some(contribution), true) = (contribution, wanted) {
                let sum = match upstream[input.0] {
                    Some(earlier) => graph.push(Binary::ADD, &[earlier, contribution])?,
                    None => contribution,
                };
                upstream[input.0] = Some(sum);
            }
        }
    }
    wrt.iter()
        .map(|&w| match upstream.get(w.0).copied().flatten() {
            Some(gradient) => Ok(gradient),
            None => graph.constant(0.0, graph.shape(w)),
        })
        .collect()
}
