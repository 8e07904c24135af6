//! Graph → graph: what is not needed is dropped, equal values are computed once, batch norm is folded into the convolution
//! before it, and a residual's addition and an activation into the convolution's end. A value that someone asks for is a
//! barrier to all of it.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::ops::batch_norm::{BatchNormScale, BatchNormShift};
use crate::ops::binary::Binary;
use crate::ops::conv2d::Conv2d;
use crate::ops::reshape::Reshape;
use crate::ops::{Op, Operator as _};
use crate::tensor::Shape;

/// A lowered graph.
#[derive(Debug, Clone)]
pub struct Lowered {
    /// The nodes that are left.
    pub graph: Graph,
    /// Where each fetched node went, in the order asked for.
    pub fetches: Vec<NodeId>,
}

/// Lowers `graph` to what computes `fetches`.
///
/// # Errors
/// Those of building a graph, which would be a defect of this pass.
pub fn lower(graph: &Graph, fetches: &[NodeId]) -> Result<Lowered> {
    let needed = graph.ancestors(fetches);
    let plan = Plan::new(graph, fetches, &needed);
    let mut builder = Builder {
        graph: Graph::default(),
        known: HashMap::new(),
    };
    let mut placed: Vec<Option<NodeId>> = vec![None; graph.len()];
    for id in graph
        .ids()
        .filter(|id| needed[id.0] && !plan.absorbed[id.0])
    {
        placed[id.0] = Some(emit(graph, &plan, &placed, &mut builder, id)?);
    }
    let fetches = fetches.iter().filter_map(|id| placed[id.0]).collect();
    Ok(Lowered {
        graph: builder.graph,
        fetches,
    })
}

/// Which nodes disappear into a later one.
struct Plan {
    absorbed: Vec<bool>,
}

impl Plan {
    fn new(graph: &Graph, fetches: &[NodeId], needed: &[bool]) -> Self {
        let mut uses = vec![0_usize; graph.len()];
        for id in graph.ids().filter(|id| needed[id.0]) {
            for input in &graph.node(id).inputs {
                uses[input.0] += 1;
            }
        }
        for fetch in fetches {
            // A fetched value must exist as it is.
            uses[fetch.0] += 2;
        }
        let mut plan = Self {
            absorbed: vec![false; graph.len()],
        };
        for id in graph.ids().filter(|id| needed[id.0]) {
            let mut inputs = graph.node(id).inputs.clone();
            // Of two convolutions that are added the later one: the other is computed by then.
            inputs.sort_unstable_by_key(|input| Reverse(input.0));
            let mut alone = inputs.into_iter().filter(|input| uses[input.0] == 1);
            if let Some(input) = alone.find(|&input| plan.absorbs(graph, id, input)) {
                plan.absorbed[input.0] = true;
            }
        }
        plan
    }

    /// Whether an input that nothing else needs disappears into a node.
    fn absorbs(&self, graph: &Graph, id: NodeId, input: NodeId) -> bool {
        let node = graph.node(id);
        let is_first = node.inputs[0] == input;
        match &node.op {
            Op::BatchNorm(_) => is_first && is_plain_conv(graph, input),
            Op::Binary(Binary::ADD) => {
                let mut operands = node.inputs.iter();
                operands.all(|&operand| graph.shape(operand) == node.shape)
                    && self.is_normed_conv(graph, input)
            }
            Op::Activation(_) => {
                let is_sum = graph.node(input).op == Op::Binary(Binary::ADD)
                    && self.absorbed_input(graph, input).is_some();
                is_sum || self.is_normed_conv(graph, input)
            }
            Op::Conv2dInputGrad(_) => is_first && is_channel_scaling(graph, input),
            _ => false,
        }
    }

    /// Whether a node is a convolution, or a batch norm into which one disappears.
    fn is_normed_conv(&self, graph: &Graph, id: NodeId) -> bool {
        is_plain_conv(graph, id)
            || (matches!(graph.node(id).op, Op::BatchNorm(_))
                && self.absorbed_input(graph, id).is_some())
    }

    /// The input that disappears into a node.
    fn absorbed_input(&self, graph: &Graph, id: NodeId) -> Option<NodeId> {
        let mut inputs = graph.node(id).inputs.iter().copied();
        inputs.find(|input| self.absorbed[input.0])
    }
}

fn is_plain_conv(graph: &Graph, id: NodeId) -> bool {
    matches!(&graph.node(id).op, Op::Conv2d(conv) if *conv == Conv2d::plain(conv.geometry))
}

/// dy · scale of a batch norm, the scale one number a channel made from parameters.
fn is_channel_scaling(graph: &Graph, id: NodeId) -> bool {
    graph.node(id).op == Op::Binary(Binary::MUL)
        && matches!(graph.node(graph.input(id, 1)).op, Op::BatchNormScale(_))
}

/// Appends nodes, each distinct (operator, inputs) once.
struct Builder {
    graph: Graph,
    known: HashMap<String, NodeId>,
}

impl Builder {
    fn push(&mut self, name: &str, op: Op, inputs: &[NodeId]) -> Result<NodeId> {
        if matches!(op, Op::Feed(_) | Op::Parameter(_)) {
            return self.graph.add(name, op, inputs);
        }
        let key = format!("{op:?} {inputs:?}");
        if let Some(&known) = self.known.get(&key) {
            return Ok(known);
        }
        let id = self.graph.add(name, op, inputs)?;
        self.known.insert(key, id);
        Ok(id)
    }

    /// weight · scale, the scale (1, C_out, 1, 1) taken along the weight's output channels.
    fn scale_weight(&mut self, weight: NodeId, scale: NodeId) -> Result<NodeId> {
        let shape = Shape::new(self.graph.shape(scale).c(), 1, 1, 1);
        let column = self.push("", Reshape { shape }.into(), &[scale])?;
        self.push("", Binary::MUL.into(), &[weight, column])
    }
}

fn emit(
    graph: &Graph,
    plan: &Plan,
    placed: &[Option<NodeId>],
    builder: &mut Builder,
    id: NodeId,
) -> Result<NodeId> {
    let node = graph.node(id);
    if let Some(before) = plan.absorbed_input(graph, id) {
        if !matches!(node.op, Op::Conv2dInputGrad(_)) {
            return emit_convolution(graph, plan, placed, builder, id);
        }
        // Conv2dInputGrad(dy · scale, w) = Conv2dInputGrad(dy, w · scale).
        let dy = at(placed, graph.input(before, 0))?;
        let scale = at(placed, graph.input(before, 1))?;
        let weight = at(placed, node.inputs[1])?;
        let weight = builder.scale_weight(weight, scale)?;
        return builder.push(&node.name, node.op.clone(), &[dy, weight]);
    }
    let inputs = node
        .inputs
        .iter()
        .map(|&input| at(placed, input))
        .collect::<Result<Vec<_>>>()?;
    builder.push(&node.name, node.op.clone(), &inputs)
}

/// A convolution with the batch norm, the addition and the activation that it disappears into, under the name of the last.
fn emit_convolution(
    graph: &Graph,
    plan: &Plan,
    placed: &[Option<NodeId>],
    builder: &mut Builder,
    last: NodeId,
) -> Result<NodeId> {
    let (mut norm, mut residual, mut activation) = (None, None, None);
    let mut conv = last;
    while let Some(before) = plan.absorbed_input(graph, conv) {
        let node = graph.node(conv);
        match &node.op {
            Op::BatchNorm(op) => norm = Some((*op, conv)),
            Op::Activation(op) => activation = Some(op.function),
            _ => residual = node.inputs.iter().find(|&&input| input != before),
        }
        conv = before;
    }
    let node = graph.node(conv);
    let Op::Conv2d(op) = &node.op else {
        return Err(crate::error::Error::internal(format!(
            "{} was planned as a convolution",
            node.op.name()
        )));
    };
    let mut inputs = node
        .inputs
        .iter()
        .map(|&input| at(placed, input))
        .collect::<Result<Vec<_>>>()?;
    if let Some((norm, id)) = norm {
        let parameters = graph.node(id).inputs[1..]
            .iter()
            .map(|&p| at(placed, p))
            .collect::<Result<Vec<_>>>()?;
        let [gamma, beta, mean, variance] = parameters[..] else {
            return Err(crate::error::Error::internal(
                "batch norm without its four parameters",
            ));
        };
        let scale = builder.push(
            "",
            BatchNormScale {
                epsilon: norm.epsilon,
            }
            .into(),
            &[gamma, variance],
        )?;
        let mut shift = vec![beta, mean, scale];
        shift.extend(inputs.get(2));
        let shift = builder.push("", BatchNormShift.into(), &shift)?;
        let weight = builder.scale_weight(inputs[1], scale)?;
        inputs = vec![inputs[0], weight, shift];
    }
    if let Some(&residual) = residual {
        inputs.push(at(placed, residual)?);
    }
    let fused = Conv2d {
        geometry: op.geometry,
        residual: residual.is_some(),
        activation,
    };
    builder.push(&graph.node(last).name, fused.into(), &inputs)
}

fn at(placed: &[Option<NodeId>], id: NodeId) -> Result<NodeId> {
    placed[id.0].ok_or_else(|| {
        crate::error::Error::internal(format!("node {} was dropped but is needed", id.0))
    })
}
