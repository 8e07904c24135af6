//! Where class activation maps look: the layer, and the head behind it.

use crate::error::{Error, Result};
use crate::graph::layers::is_layer;
use crate::graph::{Graph, NodeId};
use crate::net::Net;
use crate::net::objective::{self, Objective, Term};
use crate::ops::Op;
use crate::ops::pool::{AvgPool2d, Window};
use crate::tensor::Tensor;

/// The layer of that name, by default the activation of the last convolution that still has positions (one behind a global
/// mean has none to tell apart).
///
/// # Errors
/// `bad_argument` for a layer that does not exist, or a network without convolutions.
pub fn layer(net: &Net, name: Option<&str>) -> Result<String> {
    if let Some(name) = name {
        net.layer_shape(name)?;
        return Ok(name.to_owned());
    }
    let graph = net.graph();
    let convolutions: Vec<NodeId> = graph
        .ids()
        .filter(|&id| matches!(graph.node(id).op, Op::Conv2d(_)))
        .collect();
    let last = convolutions
        .iter()
        .rfind(|id| graph.shape(**id).plane() > 1)
        .or(convolutions.last())
        .copied()
        .ok_or_else(|| {
            Error::bad_argument("this network has no convolution; say which layer to look at")
        })?;
    Ok(graph.node(activation_of(graph, last)).name.clone())
}

/// The activation behind a convolution, past its norm and a residual sum; the convolution or its norm where there is none.
fn activation_of(graph: &Graph, conv: NodeId) -> NodeId {
    let (mut at, mut best) = (conv, conv);
    loop {
        let mut readers = graph
            .ids()
            .filter(|&id| is_layer(graph, id) && graph.node(id).inputs.contains(&at));
        let (Some(reader), None) = (readers.next(), readers.next()) else {
            return best;
        };
        match graph.node(reader).op {
            Op::Activation(_) => return reader,
            Op::BatchNorm(_) => (at, best) = (reader, reader),
            Op::Binary(_) => at = reader,
            _ => return best,
        }
    }
}

/// A head that is a global mean and one linear layer: what is before it can be read off its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearHead {
    /// The layer that is averaged.
    pub layer: String,
    /// (K, C).
    pub weights: Tensor,
    /// K numbers.
    pub bias: Vec<f32>,
}

impl LinearHead {
    /// The head of a network, if it is one.
    #[must_use]
    pub fn of(net: &Net) -> Option<Self> {
        let graph = net.graph();
        let logits = objective::logits(graph, net.output());
        if !matches!(graph.node(logits).op, Op::Linear(_)) {
            return None;
        }
        let mut mean = graph.input(logits, 0);
        while matches!(graph.node(mean).op, Op::Reshape(_)) && graph.shape(mean).plane() == 1 {
            mean = graph.input(mean, 0);
        }
        let Op::AvgPool2d(AvgPool2d { window, .. }) = graph.node(mean).op else {
            return None;
        };
        let layer = graph.input(mean, 0);
        let whole = Window::global(graph.shape(layer));
        if (window.kernel, window.padding) != (whole.kernel, whole.padding)
            || !is_layer(graph, layer)
        {
            return None;
        }
        let parameter = |index: usize| {
            let id = *graph.node(logits).inputs.get(index)?;
            net.weights(&graph.node(id).name).ok()
        };
        let classes = graph.shape(logits).c();
        Some(Self {
            layer: graph.node(layer).name.clone(),
            weights: parameter(1)?,
            bias: parameter(2).map_or_else(|| vec![0.0; classes], Tensor::into_data),
        })
    }
}

/// What an answer adds up from logits: a number for each class of each of `pictures` pictures, (N, K); `None` where it is no
/// weighted sum of logits.
#[must_use]
pub fn logit_weights(net: &Net, target: &Objective, pictures: usize) -> Option<Tensor> {
    let graph = net.graph();
    let logits = objective::logits(graph, net.output());
    let (name, classes) = (&graph.node(logits).name, graph.shape(logits).c());
    let mut sums = vec![0.0; pictures * classes];
    for (term, weight) in target {
        match term {
            Term::Logit(class) if *class < classes => sums
                .iter_mut()
                .skip(*class)
                .step_by(classes)
                .for_each(|sum| *sum += weight),
            Term::Dot { layer, tensor } if layer == name => sums
                .iter_mut()
                .zip(tensor.data().iter().cycle())
                .for_each(|(sum, value)| *sum += weight * value),
            _ => return None,
        }
    }
    Tensor::new(sums, [pictures, classes]).ok()
}
