//! `DeepLIFT` with the rescale rule (Shrikumar, Greenside and Kundaje, "Learning Important Features Through Propagating
//! Activation Differences", 2017): each nonlinearity passes on Δout / Δin, the differences from what a baseline picture
//! gives there, so that the map Δx · m sums to f(x) − f(baseline).

use crate::engine::autodiff::gradient_with;
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::net::objective::{Feeds, Objective};
use crate::net::rule::{BackwardRule, Scene};
use crate::net::{Net, Overrides};
use crate::ops::activation::{Activation, ActivationSecant, Function};
use crate::ops::binary::{Binary, Operation};
use crate::ops::pool::{MaxPool2dArgmax, MaxPool2dInputGrad, Window};
use crate::ops::quotient::Quotient;
use crate::ops::scale::Scale;
use crate::ops::{Op, Operator as _};
use crate::tensor::{Shape, Tensor};

/// The feed of the baseline.
const BASELINE: &str = "baseline";

/// The rescale rule against a baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct DeepLift {
    /// The pictures' baselines in model space, (N, C, H, W), or one for all.
    pub baseline: Tensor,
}

/// What `DeepLIFT` finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Rescaled {
    /// Δx · m, (N, C, H, W).
    pub map: Tensor,
    /// f(x), summed over the batch.
    pub value: f32,
    /// f(baseline), summed over the batch; the map sums to the difference of both.
    pub baseline_value: f32,
}

impl BackwardRule for DeepLift {
    fn key(&self) -> String {
        "DeepLift".to_owned()
    }

    fn fetches(&self) -> usize {
        3
    }

    fn feeds(&self, pictures: Shape) -> Result<Feeds> {
        if !self.baseline.fits(pictures) {
            return Err(Error::bad_argument(format!(
                "the baseline is {:?}, the pictures are {pictures}; it must be of their size, one for all or one for each",
                self.baseline.shape()
            )));
        }
        let values = self.baseline.data();
        let repeated = values.repeat(pictures.len() / values.len());
        Ok(vec![(BASELINE.to_owned(), repeated)])
    }

    fn build(&self, scene: &mut Scene<'_>) -> Result<Vec<NodeId>> {
        let (input, value) = (scene.input, scene.value);
        let pictures = scene.graph.shape(input);
        let baseline = scene.graph.feed(BASELINE, pictures)?;
        let twins = Twins::new(scene.graph, input, baseline, value)?;
        let multipliers = gradient_with(
            scene.graph,
            value,
            &[input],
            &|graph, node, upstream, wanted| rescale(graph, &twins, node, upstream, wanted),
        )?;
        let difference = scene.graph.push(Binary::SUB, &[input, baseline])?;
        let map = scene
            .graph
            .push(Binary::MUL, &[difference, multipliers[0]])?;
        Ok(vec![map, value, twins.of(value)])
    }
}

/// The network's second forward pass, on the baseline.
struct Twins {
    twins: Vec<NodeId>,
}

impl Twins {
    /// Appends a copy of everything between the picture and `value` over the baseline; what does not depend on the picture
    /// is its own twin.
    fn new(graph: &mut Graph, input: NodeId, baseline: NodeId, value: NodeId) -> Result<Self> {
        let (reached, needed) = (graph.descendants(&[input]), graph.ancestors(&[value]));
        let mut twins: Vec<NodeId> = (0..=value.0).map(NodeId).collect();
        twins[input.0] = baseline;
        for id in (0..=value.0).map(NodeId) {
            if id == input || !reached[id.0] || !needed[id.0] {
                continue;
            }
            let node = graph.node(id);
            let op = node.op.clone();
            let inputs: Vec<NodeId> = node.inputs.iter().map(|i| twins[i.0]).collect();
            twins[id.0] = graph.push(op, &inputs)?;
        }
        Ok(Self { twins })
    }

    fn of(&self, id: NodeId) -> NodeId {
        self.twins[id.0]
    }
}

/// The multipliers of a node's inputs from that of its output; linear operators have their gradient.
fn rescale(
    graph: &mut Graph,
    twins: &Twins,
    node: NodeId,
    upstream: NodeId,
    wanted: &[bool],
) -> Result<Option<Vec<Option<NodeId>>>> {
    let op = graph.node(node).op.clone();
    match op {
        Op::Activation(Activation { function }) => {
            let x = graph.input(node, 0);
            let secant = ActivationSecant { function };
            let multiplier = graph.push(secant, &[upstream, x, twins.of(x)])?;
            Ok(Some(vec![Some(multiplier)]))
        }
        Op::MaxPool2d(pool) => {
            let multiplier = max_pool(graph, twins, pool.window, node, upstream)?;
            Ok(Some(vec![Some(multiplier)]))
        }
        Op::Binary(Binary {
            operation: Operation::Mul,
        })
        | Op::Dot(_)
            if wanted == [true, true] =>
        {
            product(graph, twins, &op, node, upstream).map(Some)
        }
        Op::Conv2d(_)
        | Op::Linear(_)
        | Op::BatchNorm(_)
        | Op::AvgPool2d(_)
        | Op::Binary(_)
        | Op::Dot(_)
        | Op::Scale(_)
        | Op::SumTo(_)
        | Op::Expand(_)
        | Op::Concat(_)
        | Op::Slice(_)
        | Op::Reshape(_)
        | Op::Transpose(_) => Ok(None),
        other => Err(Error::unsupported_op(format!(
            "deep_lift has no rule for {}; explain a logit, a unit or a channel that comes before it",
            other.name()
        ))),
    }
}

/// Δ(a·b) = Δa · (b + b′)/2 + Δb · (a + a′)/2: each factor's multiplier is the other's mean over both passes.
fn product(
    graph: &mut Graph,
    twins: &Twins,
    op: &Op,
    node: NodeId,
    upstream: NodeId,
) -> Result<Vec<Option<NodeId>>> {
    let factors = [graph.input(node, 0), graph.input(node, 1)];
    let mut means = [node; 2];
    for (mean, &factor) in means.iter_mut().zip(&factors) {
        let sum = graph.push(Binary::ADD, &[factor, twins.of(factor)])?;
        *mean = graph.push(Scale { factor: 0.5 }, &[sum])?;
    }
    // The product of the means has the gradients that are wanted.
    let at_means = graph.push(op.clone(), &means)?;
    op.backward(graph, at_means, upstream, &[true, true])
}

/// Max pooling rises from the baseline's maximum y′ to the larger of y and y′ at the place of the picture's maximum, and
/// falls from there to y at that of the baseline's; each place's share is divided by its own Δx (0 where that is 0).
fn max_pool(
    graph: &mut Graph,
    twins: &Twins,
    window: Window,
    node: NodeId,
    upstream: NodeId,
) -> Result<NodeId> {
    let relu = Activation {
        function: Function::Relu,
    };
    let x = graph.input(node, 0);
    let input = graph.shape(x);
    let mut shares = Vec::with_capacity(2);
    for (here, there) in [(x, twins.of(x)), (twins.of(x), x)] {
        let maxima = if here == x {
            [node, twins.of(node)]
        } else {
            [twins.of(node), node]
        };
        let difference = graph.push(Binary::SUB, &maxima)?;
        let excess = graph.push(relu, &[difference])?;
        let contribution = graph.push(Binary::MUL, &[upstream, excess])?;
        let argmax = graph.push(MaxPool2dArgmax { window }, &[here])?;
        let spread = graph.push(
            MaxPool2dInputGrad { window, input },
            &[contribution, argmax],
        )?;
        let distance = graph.push(Binary::SUB, &[here, there])?;
        let zero = graph.constant(0.0, Shape::SCALAR)?;
        shares.push(graph.push(Quotient, &[spread, distance, zero])?);
    }
    graph.push(Binary::ADD, &shares)
}

/// `DeepLIFT` of `objective` for pictures (N, C, H, W).
///
/// # Errors
/// `unsupported_op` for an operator or objective without a rule (softmax, cross-entropy, Gram matrices); those of
/// [`Net::gradient`].
pub async fn deep_lift(
    net: &Net,
    image: &Tensor,
    objective: &Objective,
    rule: &DeepLift,
    overrides: &Overrides,
    control: &Control,
) -> Result<Rescaled> {
    let found = net
        .by_rule(image, objective, rule, overrides, control)
        .await?;
    let [map, value, baseline_value] = <[Tensor; 3]>::try_from(found)
        .map_err(|_| Error::internal("DeepLIFT fetches a map and two values"))?;
    Ok(Rescaled {
        map,
        value: value.data()[0],
        baseline_value: baseline_value.data()[0],
    })
}
