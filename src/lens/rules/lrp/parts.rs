//! The terms that each of LRP's rules deals a layer's relevance out to.

use super::LayerRule;
use super::affine::Affine;
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::ops::activation::{Activation, ActivationGrad, Function};
use crate::ops::binary::Binary;
use crate::ops::scale::Scale;

/// A term of what a layer's relevance is divided by: W a + b of other W, a and b than the layer's.
pub struct Term {
    /// Whether it is subtracted.
    pub is_subtracted: bool,
    /// a.
    pub input: NodeId,
    /// W.
    pub weight: NodeId,
    /// b.
    pub bias: Option<NodeId>,
}

/// Where a layer's relevance is dealt out by some terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Wherever it is.
    Everywhere,
    /// Where the layer's output is above 0.
    Above,
    /// Where it is below.
    Below,
}

/// What rules need to know beside the layer.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// γ.
    pub gamma: f32,
    /// The least picture.
    pub low: NodeId,
    /// The greatest picture.
    pub high: NodeId,
    /// Whether nothing but rectifiers reads the layer's output: its relevance is 0 wherever that is negative.
    pub is_rectified: bool,
}

/// The terms of a rule, for each side of the layer's output.
pub fn shares(
    graph: &mut Graph,
    layer: &Affine,
    rule: LayerRule,
    around: Surroundings,
) -> Result<Vec<(Side, Vec<Term>)>> {
    let gamma = Strength::By(around.gamma);
    Ok(match rule {
        LayerRule::Epsilon => vec![(Side::Everywhere, vec![whole(layer)])],
        LayerRule::ZPlus => vec![(Side::Everywhere, raising(graph, layer, Strength::Alone)?)],
        LayerRule::Gamma if around.is_rectified => {
            vec![(Side::Above, raising(graph, layer, gamma)?)]
        }
        LayerRule::Gamma => vec![
            (Side::Above, raising(graph, layer, gamma)?),
            (Side::Below, lowering(graph, layer, gamma)?),
        ],
        LayerRule::ZBox => vec![(Side::Everywhere, boxed(graph, layer, around)?)],
    })
}

/// W a + b itself.
fn whole(layer: &Affine) -> Term {
    Term {
        is_subtracted: false,
        input: layer.input,
        weight: layer.weight,
        bias: layer.bias,
    }
}

/// W x − W⁺ l − W⁻ h.
fn boxed(graph: &mut Graph, layer: &Affine, around: Surroundings) -> Result<Vec<Term>> {
    let mut terms = vec![whole(layer)];
    let bounds: [(NodeId, Part); 2] = [(around.low, positive), (around.high, negative)];
    for (input, part) in bounds {
        terms.push(Term {
            is_subtracted: true,
            input,
            weight: part(graph, layer.weight)?,
            bias: layer.bias.map(|bias| part(graph, bias)).transpose()?,
        });
    }
    Ok(terms)
}

/// The relevance on that side of a layer's output, 0 elsewhere.
pub fn masked(graph: &mut Graph, relevance: NodeId, output: NodeId, side: Side) -> Result<NodeId> {
    let sided = match side {
        Side::Everywhere => return Ok(relevance),
        Side::Above => output,
        Side::Below => graph.push(Scale { factor: -1.0 }, &[output])?,
    };
    let function = Function::Relu;
    graph.push(ActivationGrad { function }, &[relevance, sided])
}

/// Adds a term's value to a sum that starts at nothing; no first term is subtracted.
pub fn add(graph: &mut Graph, sum: &mut Option<NodeId>, term: &Term, value: NodeId) -> Result<()> {
    *sum = Some(match *sum {
        Some(sum) if term.is_subtracted => graph.push(Binary::SUB, &[sum, value])?,
        Some(sum) => graph.push(Binary::ADD, &[sum, value])?,
        None => value,
    });
    Ok(())
}

/// A positive or negative part.
type Part = fn(&mut Graph, NodeId) -> Result<NodeId>;

/// How the weights that raise a layer's output are preferred.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Strength {
    /// They count alone.
    Alone,
    /// They count 1 + γ.
    By(f32),
}

impl Strength {
    /// `part` of the weight (or bias) in full strength, beside the rest or alone.
    fn of(self, graph: &mut Graph, weight: NodeId, part: NodeId) -> Result<NodeId> {
        match self {
            Self::Alone => Ok(part),
            Self::By(gamma) => plus(graph, weight, gamma, part),
        }
    }
}

/// Terms in which whatever raises the output is preferred: positive weights on positive inputs, negative on negative ones.
fn raising(graph: &mut Graph, layer: &Affine, strength: Strength) -> Result<Vec<Term>> {
    preferring(graph, layer, strength, positive, negative)
}

/// Terms in which whatever lowers the output is preferred.
fn lowering(graph: &mut Graph, layer: &Affine, strength: Strength) -> Result<Vec<Term>> {
    preferring(graph, layer, strength, negative, positive)
}

/// Terms with `for_positive` of the weights preferred on positive inputs (and of the bias), `for_negative` on negative ones.
fn preferring(
    graph: &mut Graph,
    layer: &Affine,
    strength: Strength,
    for_positive: Part,
    for_negative: Part,
) -> Result<Vec<Term>> {
    let is_nonnegative = is_nonnegative(graph, layer.input);
    let mut prefer = |whole: NodeId, part: Part| {
        let part = part(graph, whole)?;
        strength.of(graph, whole, part)
    };
    let bias = layer
        .bias
        .map(|bias| prefer(bias, for_positive))
        .transpose()?;
    let mut terms = vec![Term {
        is_subtracted: false,
        input: layer.input,
        weight: prefer(layer.weight, for_positive)?,
        bias,
    }];
    if !is_nonnegative {
        let weight = prefer(layer.weight, for_negative)?;
        terms[0].input = positive(graph, layer.input)?;
        terms.push(Term {
            is_subtracted: false,
            input: negative(graph, layer.input)?,
            weight,
            bias: None,
        });
    }
    Ok(terms)
}

/// max(x, 0).
fn positive(graph: &mut Graph, x: NodeId) -> Result<NodeId> {
    let function = Function::Relu;
    graph.push(Activation { function }, &[x])
}

/// min(x, 0).
fn negative(graph: &mut Graph, x: NodeId) -> Result<NodeId> {
    let positive = positive(graph, x)?;
    graph.push(Binary::SUB, &[x, positive])
}

/// x + factor · y.
fn plus(graph: &mut Graph, x: NodeId, factor: f32, y: NodeId) -> Result<NodeId> {
    let scaled = graph.push(Scale { factor }, &[y])?;
    graph.push(Binary::ADD, &[x, scaled])
}

/// Whether a value can hold nothing below 0.
fn is_nonnegative(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    match &node.op {
        Op::Activation(activation) => matches!(
            activation.function,
            Function::Relu | Function::Relu6 | Function::Sigmoid
        ),
        Op::MaxPool2d(_)
        | Op::AvgPool2d(_)
        | Op::Reshape(_)
        | Op::Concat(_)
        | Op::Slice(_)
        | Op::Expand(_) => node
            .inputs
            .iter()
            .all(|&input| is_nonnegative(graph, input)),
        op => {
            (*op == Op::Binary(Binary::ADD) || *op == Op::Binary(Binary::MUL))
                && node
                    .inputs
                    .iter()
                    .all(|&input| is_nonnegative(graph, input))
        }
    }
}
