//! Layers z = W a + b, whatever W is, with batch normalisation merged into the layer before it.

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::batch_norm::{BatchNormScale, BatchNormShift};
use crate::ops::binary::Binary;
use crate::ops::conv2d::{Conv2d, Conv2dInputGrad, Geometry};
use crate::ops::linear::{Linear, LinearInputGrad};
use crate::ops::reshape::Reshape;
use crate::ops::{Op, Operator as _};
use crate::tensor::Shape;

/// What kind of map W is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Map {
    /// A convolution.
    Convolution(Geometry),
    /// A full matrix.
    Linear,
    /// A factor for each channel: batch normalisation that follows no layer it could be merged into.
    Channels,
}

/// A layer z = W a + b.
#[derive(Debug, Clone, Copy)]
pub struct Affine {
    /// What W is.
    pub map: Map,
    /// a.
    pub input: NodeId,
    /// z.
    pub output: NodeId,
    /// W.
    pub weight: NodeId,
    /// b.
    pub bias: Option<NodeId>,
}

impl Affine {
    /// The layer at `node`, if it is one; `norm` is the batch normalisation merged into it.
    pub fn at(graph: &mut Graph, node: NodeId, norm: Option<NodeId>) -> Result<Option<Self>> {
        let inputs = graph.node(node).inputs.clone();
        let map = match &graph.node(node).op {
            Op::Conv2d(conv) => Map::Convolution(conv.geometry),
            Op::Linear(_) => Map::Linear,
            Op::BatchNorm(_) => {
                let (scale, shift) = scale_and_shift(graph, node, None)?;
                return Ok(Some(Self {
                    map: Map::Channels,
                    input: inputs[0],
                    output: node,
                    weight: scale,
                    bias: Some(shift),
                }));
            }
            _ => return Ok(None),
        };
        let layer = Self {
            map,
            input: inputs[0],
            output: node,
            weight: inputs[1],
            bias: inputs.get(2).copied(),
        };
        let Some(norm) = norm else {
            return Ok(Some(layer));
        };
        let (scale, shift) = scale_and_shift(graph, norm, layer.bias)?;
        let shape = Shape::new(graph.shape(scale).c(), 1, 1, 1);
        let column = graph.push(Reshape { shape }, &[scale])?;
        Ok(Some(Self {
            output: norm,
            weight: graph.push(Binary::MUL, &[layer.weight, column])?,
            bias: Some(shift),
            ..layer
        }))
    }

    /// W x + b for any x, W and b of this layer's shapes.
    pub fn apply(
        &self,
        graph: &mut Graph,
        x: NodeId,
        weight: NodeId,
        bias: Option<NodeId>,
    ) -> Result<NodeId> {
        let mut inputs = vec![x, weight];
        inputs.extend(bias);
        match self.map {
            Map::Convolution(geometry) => graph.push(Conv2d::plain(geometry), &inputs),
            Map::Linear => graph.push(Linear, &inputs),
            Map::Channels => {
                let scaled = graph.push(Binary::MUL, &inputs[..2])?;
                match bias {
                    Some(bias) => graph.push(Binary::ADD, &[scaled, bias]),
                    None => Ok(scaled),
                }
            }
        }
    }

    /// Wᵀ y for any y and W of this layer's shapes.
    pub fn adjoint(&self, graph: &mut Graph, y: NodeId, weight: NodeId) -> Result<NodeId> {
        match self.map {
            Map::Convolution(geometry) => {
                let input = graph.shape(self.input);
                graph.push(Conv2dInputGrad { geometry, input }, &[y, weight])
            }
            Map::Linear => graph.push(LinearInputGrad, &[y, weight]),
            Map::Channels => graph.push(Binary::MUL, &[y, weight]),
        }
    }
}

/// What batch normalisation multiplies each channel by and adds to it, after a layer with that bias.
fn scale_and_shift(
    graph: &mut Graph,
    norm: NodeId,
    bias: Option<NodeId>,
) -> Result<(NodeId, NodeId)> {
    let node = graph.node(norm);
    let (Op::BatchNorm(op), &[_, gamma, beta, mean, variance]) = (&node.op, node.inputs.as_slice())
    else {
        return Err(Error::internal(format!(
            "{} is no batch normalisation",
            node.op.name()
        )));
    };
    let epsilon = op.epsilon;
    let scale = graph.push(BatchNormScale { epsilon }, &[gamma, variance])?;
    let mut inputs = vec![beta, mean, scale];
    inputs.extend(bias);
    Ok((scale, graph.push(BatchNormShift, &inputs)?))
}
