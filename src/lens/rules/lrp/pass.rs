//! One backward pass: what stands at each kind of node instead of its gradient.

use std::cell::RefCell;

use super::affine::Affine;
use super::parts::{Surroundings, add, masked, shares};
use super::{LayerRule, Lrp};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::net::rule::Scene;
use crate::ops::activation::Function;
use crate::ops::binary::{Binary, Operation};
use crate::ops::quotient::Quotient;
use crate::ops::reduce::{Expand, SumTo};
use crate::ops::{Op, Operator as _};
use crate::tensor::Shape;

/// The feed of ε.
pub const EPSILON: &str = "lrp.epsilon";

/// The feed of the least value of each channel.
pub const LOW: &str = "lrp.low";

/// The feed of the greatest.
pub const HIGH: &str = "lrp.high";

/// Keeps the denominators of all rules but ε's away from 0, as in Zennit.
const STABILIZER: f32 = 1e-6;

/// One backward pass over one graph.
pub struct Pass<'l> {
    lrp: &'l Lrp,
    picture: NodeId,
    network: usize,
    /// The nodes that read each node, of those that the value depends on.
    readers: Vec<Vec<NodeId>>,
    epsilon: NodeId,
    stabilizer: NodeId,
    low: NodeId,
    high: NodeId,
    absorbed: RefCell<Vec<NodeId>>,
}

impl<'l> Pass<'l> {
    /// Prepares the pass over a scene.
    pub fn new(lrp: &'l Lrp, scene: &mut Scene<'_>) -> Result<Self> {
        let graph = &mut *scene.graph;
        let needed = graph.ancestors(&[scene.value]);
        let mut readers = vec![Vec::new(); graph.len()];
        for id in graph.ids().filter(|id| needed[id.0]) {
            for input in &graph.node(id).inputs {
                readers[input.0].push(id);
            }
        }
        let pictures = graph.shape(scene.input);
        let channels = Shape::channels(pictures.c());
        let epsilon = graph.feed(EPSILON, Shape::SCALAR)?;
        let stabilizer = graph.constant(STABILIZER, Shape::SCALAR)?;
        let [low, high] = [graph.feed(LOW, channels)?, graph.feed(HIGH, channels)?];
        let pass = Self {
            lrp,
            picture: scene.input,
            network: scene.network,
            readers,
            epsilon,
            stabilizer,
            low: graph.push(Expand { shape: pictures }, &[low])?,
            high: graph.push(Expand { shape: pictures }, &[high])?,
            absorbed: RefCell::default(),
        };
        pass.check_layer_rules(graph)?;
        Ok(pass)
    }

    fn check_layer_rules(&self, graph: &Graph) -> Result<()> {
        for (name, rule) in &self.lrp.layer_rules {
            let Some(id) = graph.find(name) else {
                return Err(Error::bad_argument(format!(
                    "lrp has a rule for layer '{name}', which is not in this network"
                )));
            };
            match graph.node(id).op {
                Op::BatchNorm(_) if self.merged_into(graph, id).is_some() => {
                    return Err(Error::bad_argument(format!(
                        "batch norm '{name}' is merged into '{}' before lrp; give that layer the rule",
                        graph.node(graph.input(id, 0)).name
                    )));
                }
                Op::Conv2d(_) | Op::Linear(_) | Op::BatchNorm(_) => {}
                _ => {
                    return Err(Error::bad_argument(format!(
                        "lrp takes rules for convolutions, linear layers and batch norms; '{name}' is {}",
                        graph.node(id).op.name()
                    )));
                }
            }
            if *rule == LayerRule::ZBox && graph.input(id, 0) != self.picture {
                return Err(Error::bad_argument(format!(
                    "the rule z_box is for layers that read the picture; '{name}' reads '{}'",
                    graph.node(graph.input(id, 0)).name
                )));
            }
        }
        Ok(())
    }

    /// The layer that a batch norm is merged into: the one before it, if nothing else reads that.
    fn merged_into(&self, graph: &Graph, norm: NodeId) -> Option<NodeId> {
        let before = graph.input(norm, 0);
        let is_layer = matches!(graph.node(before).op, Op::Conv2d(_) | Op::Linear(_));
        (is_layer && self.readers[before.0] == [norm]).then_some(before)
    }

    /// The batch norm that is merged into a layer.
    fn merged_norm(&self, graph: &Graph, layer: NodeId) -> Option<NodeId> {
        let [reader] = self.readers[layer.0].as_slice() else {
            return None;
        };
        (matches!(graph.node(*reader).op, Op::BatchNorm(_)) && graph.input(*reader, 0) == layer)
            .then_some(*reader)
    }

    /// The relevance of a node's inputs from that of its output.
    pub fn rule(
        &self,
        graph: &mut Graph,
        node: NodeId,
        relevance: NodeId,
        wanted: &[bool],
    ) -> Result<Option<Vec<Option<NodeId>>>> {
        if node.0 >= self.network {
            return objective(graph, node, relevance, wanted);
        }
        let op = graph.node(node).op.clone();
        match op {
            Op::BatchNorm(_) if self.merged_into(graph, node).is_some() => {
                Ok(Some(only_first(relevance, wanted.len())))
            }
            Op::Conv2d(_) | Op::Linear(_) | Op::BatchNorm(_) => {
                let norm = self.merged_norm(graph, node);
                let layer = Affine::at(graph, node, norm)?
                    .ok_or_else(|| Error::internal("a layer without weights"))?;
                let name = &graph.node(node).name;
                let rule = self.lrp.layer_rules.get(name).copied();
                let rule = rule.unwrap_or_else(|| self.lrp.rule.of(&layer, self.picture));
                let input = self.layer(graph, &layer, rule, relevance)?;
                Ok(Some(only_first(input, wanted.len())))
            }
            Op::Activation(_) => Ok(Some(vec![Some(relevance)])),
            Op::Binary(Binary {
                operation: Operation::Mul,
            }) if *wanted == [true, true] => gated(graph, node, relevance).map(Some),
            Op::AvgPool2d(_) | Op::Binary(_) | Op::Scale(_) | Op::SumTo(_) => self
                .by_contribution(graph, node, relevance, wanted)
                .map(Some),
            Op::MaxPool2d(_)
            | Op::Concat(_)
            | Op::Slice(_)
            | Op::Reshape(_)
            | Op::Expand(_)
            | Op::Transpose(_) => Ok(None),
            other => Err(Error::unsupported_op(format!(
                "lrp has no rule for {}",
                other.name()
            ))),
        }
    }

    /// The relevance of a layer's inputs by its rule: over the rule's terms, Σ a ⊙ Wᵀ(R / Σ (W a + b)).
    fn layer(
        &self,
        graph: &mut Graph,
        layer: &Affine,
        rule: LayerRule,
        relevance: NodeId,
    ) -> Result<NodeId> {
        let around = Surroundings {
            gamma: self.lrp.gamma,
            low: self.low,
            high: self.high,
            is_rectified: self.is_rectified(graph, layer.output),
        };
        let mut given = None;
        let mut left = relevance;
        for (side, terms) in shares(graph, layer, rule, around)? {
            let (mut z, mut biases) = (None, None);
            for term in &terms {
                let value = match rule {
                    LayerRule::Epsilon => layer.output,
                    _ => layer.apply(graph, term.input, term.weight, term.bias)?,
                };
                add(graph, &mut z, term, value)?;
                if let Some(bias) = term.bias {
                    add(graph, &mut biases, term, bias)?;
                }
            }
            let z = z.ok_or_else(|| Error::internal("a rule without terms"))?;
            let numerator = masked(graph, relevance, layer.output, side)?;
            let stabilizer = match rule {
                LayerRule::Epsilon => self.epsilon,
                _ => self.stabilizer,
            };
            let ratio = graph.push(Quotient, &[numerator, z, stabilizer])?;
            for term in &terms {
                let back = layer.adjoint(graph, ratio, term.weight)?;
                let share = graph.push(Binary::MUL, &[term.input, back])?;
                add(graph, &mut given, term, share)?;
            }
            let from_inputs = match biases {
                Some(biases) => graph.push(Binary::SUB, &[z, biases])?,
                None => z,
            };
            let dealt = graph.push(Binary::MUL, &[ratio, from_inputs])?;
            left = graph.push(Binary::SUB, &[left, dealt])?;
        }
        self.absorb(graph, left)?;
        given.ok_or_else(|| Error::internal("a rule without terms"))
    }

    /// Whether nothing but rectifiers reads a value: its relevance is 0 wherever it is negative.
    fn is_rectified(&self, graph: &Graph, id: NodeId) -> bool {
        let readers = &self.readers[id.0];
        readers.iter().all(|&reader| {
            matches!(&graph.node(reader).op, Op::Activation(activation)
                if matches!(activation.function, Function::Relu | Function::Relu6))
        })
    }

    /// Relevance of the inputs of a sum or average: each one's contribution / the result. What goes to inputs that do not
    /// depend on the picture is absorbed.
    fn by_contribution(
        &self,
        graph: &mut Graph,
        node: NodeId,
        relevance: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let ratio = graph.push(Quotient, &[relevance, node, self.stabilizer])?;
        let op = graph.node(node).op.clone();
        let dealt = graph.push(Binary::MUL, &[ratio, node])?;
        let left = graph.push(Binary::SUB, &[relevance, dealt])?;
        self.absorb(graph, left)?;
        let is_product = op == Op::Binary(Binary::MUL);
        let every = vec![true; wanted.len()];
        let dealt_to = if is_product { wanted } else { every.as_slice() };
        let mut shares = op.backward(graph, node, ratio, dealt_to)?;
        let inputs = graph.node(node).inputs.clone();
        for ((share, input), &wanted) in shares.iter_mut().zip(inputs).zip(wanted) {
            let Some(back) = *share else { continue };
            let contribution = graph.push(Binary::MUL, &[input, back])?;
            *share = wanted.then_some(contribution);
            if !wanted {
                self.absorb(graph, contribution)?;
            }
        }
        Ok(shares)
    }

    /// What biases and ε have taken so far, parts of (N, 1, 1, 1).
    pub fn absorbed(&self) -> Vec<NodeId> {
        self.absorbed.borrow().clone()
    }

    fn absorb(&self, graph: &mut Graph, left: NodeId) -> Result<()> {
        let pictures = graph.shape(self.picture).n();
        if graph.shape(left).n() == pictures {
            let shape = Shape::new(pictures, 1, 1, 1);
            let sum = graph.push(SumTo { shape }, &[left])?;
            self.absorbed.borrow_mut().push(sum);
        }
        Ok(())
    }
}

/// The relevance of what an objective reads, value · dobjective/dvalue: for objectives that are weighted sums of values.
fn objective(
    graph: &mut Graph,
    node: NodeId,
    upstream: NodeId,
    wanted: &[bool],
) -> Result<Option<Vec<Option<NodeId>>>> {
    match graph.node(node).op {
        Op::Dot(_) if *wanted != [true, true] => {
            let weighted =
                graph.push(Binary::MUL, &[graph.input(node, 0), graph.input(node, 1)])?;
            let relevance = graph.push(Binary::MUL, &[weighted, upstream])?;
            Ok(Some(
                wanted.iter().map(|&w| w.then_some(relevance)).collect(),
            ))
        }
        Op::Binary(_)
            if *wanted != [true, true] || graph.node(node).op == Op::Binary(Binary::ADD) =>
        {
            Ok(None)
        }
        _ => Err(Error::bad_argument(
            "lrp deals out a logit, a unit, a channel or a weighted sum of them; it cannot start from a probability, a loss or another curved objective",
        )),
    }
}

/// Signal takes it all (Arras et al. 2017): of a product's factors the gate gets none, which is a sigmoid's output or what
/// is broadcast over the other.
fn gated(graph: &mut Graph, node: NodeId, relevance: NodeId) -> Result<Vec<Option<NodeId>>> {
    let is_gate = |input: NodeId| {
        graph.shape(input) != graph.shape(node)
            || matches!(&graph.node(input).op, Op::Activation(activation)
                if activation.function == Function::Sigmoid)
    };
    match [graph.input(node, 0), graph.input(node, 1)].map(is_gate) {
        [false, true] => Ok(vec![Some(relevance), None]),
        [true, false] => Ok(vec![None, Some(relevance)]),
        _ => Err(Error::unsupported_op(format!(
            "lrp has no rule for the product '{}': neither factor is a gate (a sigmoid, or one number a channel)",
            graph.node(node).name
        ))),
    }
}

/// Relevance for a node's first input alone; the others are parameters.
fn only_first(relevance: NodeId, inputs: usize) -> Vec<Option<NodeId>> {
    let mut shares = vec![None; inputs];
    shares[0] = Some(relevance);
    shares
}
