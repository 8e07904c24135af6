//! What a person sees of a graph: its layers in order of execution.

use serde::Serialize;

use super::receptive_field::{ReceptiveField, receptive_fields};
use super::{Graph, NodeId};
use crate::ops::activation::{Activation, Function};
use crate::ops::{Op, Operator as _};

/// A layer as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// Its operator, as in networks as data.
    pub op: String,
    /// The layers (or the input) it reads.
    pub inputs: Vec<String>,
    /// (C, H, W) of its output; a vector's is (K, 1, 1).
    pub shape: [usize; 3],
    /// Of a convolution or pooling.
    pub kernel: Option<KernelInfo>,
    /// Loaded numbers it owns.
    pub params: usize,
    /// Multiply-adds for one picture.
    pub macs: u64,
    /// The block it belongs to: its name up to the last dot, or its own name.
    pub block: String,
    /// What one unit sees of the input.
    pub receptive_field: ReceptiveField,
    /// The name of its weight, if it has one.
    pub weight: Option<String>,
    /// The name of its bias, if it has one.
    pub bias: Option<String>,
    /// Of a batch norm in evaluation mode.
    pub statistics: Option<StatisticsInfo>,
    /// Of a leaky relu: its factor below zero.
    pub slope: Option<f32>,
}

/// What a batch norm subtracts and divides by, beside its weight and bias.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatisticsInfo {
    /// The name of its running means.
    pub mean: String,
    /// The name of its running variances.
    pub variance: String,
    /// Added to the variance.
    pub epsilon: f32,
}

/// The window of a convolution or pooling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelInfo {
    /// (out, in / groups, K_h, K_w) for a convolution, (K_h, K_w) for pooling.
    pub shape: Vec<usize>,
    /// Rows, columns.
    pub stride: [usize; 2],
    /// Top, bottom, left, right.
    pub padding: [usize; 4],
    /// Rows, columns.
    pub dilation: [usize; 2],
    /// Independent groups of channels.
    pub groups: usize,
}

/// The layers of a loaded graph.
#[must_use]
pub fn layers(graph: &Graph) -> Vec<Layer> {
    let fields = receptive_fields(graph);
    graph
        .ids()
        .filter(|&id| is_layer(graph, id))
        .map(|id| layer(graph, id, fields[id.0]))
        .collect()
}

/// Whether a node is a layer: neither the input nor a parameter.
#[must_use]
pub fn is_layer(graph: &Graph, id: NodeId) -> bool {
    !matches!(
        graph.node(id).op,
        Op::Feed(_) | Op::Parameter(_) | Op::Constant(_)
    )
}

fn layer(graph: &Graph, id: NodeId, receptive_field: ReceptiveField) -> Layer {
    let node = graph.node(id);
    let (parameters, inputs): (Vec<NodeId>, Vec<NodeId>) = node
        .inputs
        .iter()
        .partition(|&&input| matches!(graph.node(input).op, Op::Parameter(_)));
    let name_of = |id: &NodeId| graph.node(*id).name.clone();
    let shapes = graph.input_shapes(id);
    Layer {
        name: node.name.clone(),
        op: node.op.name().to_owned(),
        inputs: inputs.iter().map(name_of).collect(),
        shape: [node.shape.c(), node.shape.h(), node.shape.w()],
        kernel: kernel(graph, id),
        params: parameters.iter().map(|&p| graph.shape(p).len()).sum(),
        macs: node.op.macs(&shapes, node.shape),
        block: node
            .name
            .rsplit_once('.')
            .map_or(node.name.as_str(), |(block, _)| block)
            .to_owned(),
        receptive_field,
        weight: parameters.first().map(name_of),
        bias: parameters.get(1).map(name_of),
        statistics: match (&node.op, parameters.as_slice()) {
            (Op::BatchNorm(norm), [_, _, mean, variance]) => Some(StatisticsInfo {
                mean: name_of(mean),
                variance: name_of(variance),
                epsilon: norm.epsilon,
            }),
            _ => None,
        },
        slope: match node.op {
            Op::Activation(Activation {
                function: Function::LeakyRelu { slope },
            }) => Some(slope),
            _ => None,
        },
    }
}

fn kernel(graph: &Graph, id: NodeId) -> Option<KernelInfo> {
    let window = |window: &crate::ops::pool::Window| KernelInfo {
        shape: window.kernel.to_vec(),
        stride: window.stride,
        padding: window.padding.into(),
        dilation: [1, 1],
        groups: 1,
    };
    match &graph.node(id).op {
        Op::Conv2d(conv) => Some(KernelInfo {
            shape: graph.shape(graph.input(id, 1)).0.to_vec(),
            stride: conv.geometry.stride,
            padding: conv.geometry.padding.into(),
            dilation: conv.geometry.dilation,
            groups: conv.geometry.groups,
        }),
        Op::MaxPool2d(pool) => Some(window(&pool.window)),
        Op::AvgPool2d(pool) => Some(window(&pool.window)),
        _ => None,
    }
}
