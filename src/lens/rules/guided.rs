//! Guided backpropagation (Springenberg et al., "Striving for Simplicity", 2015) and the deconvnet (Zeiler and Fergus,
//! "Visualizing and Understanding Convolutional Networks", 2014): gradients that no rectifier lets pass where they are
//! negative.

use crate::engine::autodiff::gradient_with;
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::graph::NodeId;
use crate::net::objective::{Feeds, Objective};
use crate::net::rule::{BackwardRule, Scene};
use crate::net::{Net, Overrides};
use crate::ops::activation::{Activation, Function};
use crate::ops::{Op, Operator as _};
use crate::tensor::{Shape, Tensor};

/// What a rectifier (relu, relu6, leaky relu) lets pass of the gradient g that arrives at its output, f its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rectified {
    /// max(g, 0) · f′: guided backpropagation.
    Guided,
    /// max(g, 0), wherever the forward pass went: the deconvnet.
    Deconvnet,
}

impl BackwardRule for Rectified {
    fn key(&self) -> String {
        format!("{self:?}")
    }

    fn fetches(&self) -> usize {
        1
    }

    fn feeds(&self, _pictures: Shape) -> Result<Feeds> {
        Ok(Feeds::new())
    }

    fn build(&self, scene: &mut Scene<'_>) -> Result<Vec<NodeId>> {
        gradient_with(
            scene.graph,
            scene.value,
            &[scene.input],
            &|graph, node, upstream, wanted| {
                let op = match &graph.node(node).op {
                    Op::Activation(op) if op.function.is_rectifier() => *op,
                    _ => return Ok(None),
                };
                let function = Function::Relu;
                let positive = graph.push(Activation { function }, &[upstream])?;
                match self {
                    Self::Guided => Ok(Some(op.backward(graph, node, positive, wanted)?)),
                    Self::Deconvnet => Ok(Some(vec![Some(positive)])),
                }
            },
        )
    }
}

/// The map (N, C, H, W) of `objective`, with its sign. In a network without rectifiers it is the gradient.
///
/// # Errors
/// Those of [`Net::gradient`].
pub async fn rectified(
    net: &Net,
    image: &Tensor,
    objective: &Objective,
    rule: Rectified,
    overrides: &Overrides,
    control: &Control,
) -> Result<Tensor> {
    let maps = net
        .by_rule(image, objective, &rule, overrides, control)
        .await?;
    maps.into_iter()
        .next()
        .ok_or_else(|| Error::internal("a backward pass without a result"))
}
