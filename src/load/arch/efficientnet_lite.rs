//! `EfficientNet-Lite0` (Tan and Le, 2019, without squeeze-and-excitation, with `ReLU6`) from its published state dict.
//!
//! Batch norm is folded into the convolution before it: w' = w · γ / √(σ² + ε), b' = β − μ · γ / √(σ² + ε).

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use serde_json::{Value, json};

use crate::error::{Error, Result};

/// Extent of the square input in pixels.
pub const SIZE: usize = 224;
/// Number of `ImageNet` classes.
pub const CLASSES: usize = 1000;
const STEM: usize = 32;
const HEAD: usize = 1280;
const EPSILON: f64 = 1e-3;

/// Blocks of one kind, the first of them with the stride and the new width.
struct Stage {
    repeats: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    out: usize,
}

const fn stage(
    repeats: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    out: usize,
) -> Stage {
    Stage {
        repeats,
        kernel,
        stride,
        expansion,
        out,
    }
}

const STAGES: [Stage; 7] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(2, 5, 2, 6, 40),
    stage(3, 3, 2, 6, 80),
    stage(3, 5, 1, 6, 112),
    stage(4, 5, 2, 6, 192),
    stage(1, 3, 1, 6, 320),
];

/// A network as data: its graph and its folded weights in f16.
pub struct Converted {
    /// The JSON form of the graph.
    pub graph: Value,
    /// Weights by the names that the graph uses.
    pub weights: HashMap<String, Tensor>,
}

/// Walks the architecture over the tensors of the published file.
///
/// # Errors
/// `bad_model` if a tensor is missing or has another shape; the message names it.
pub fn convert(tensors: HashMap<String, Tensor>) -> Result<Converted> {
    let file = VarBuilder::from_tensors(tensors, DType::F64, &Device::Cpu);
    let mut walk = Walk::default();
    walk.network(&file).map_err(|error| {
        Error::bad_model(format!(
            "these are not EfficientNet-Lite0's weights: {error}"
        ))
    })?;
    let graph = json!({
        "name": "efficientnet-lite0",
        "input": { "name": "image", "shape": [3, SIZE, SIZE] },
        "output": "logits",
        "folded": true,
        "nodes": walk.nodes,
    });
    Ok(Converted {
        graph,
        weights: walk.weights,
    })
}

/// A value on the way: the node that makes it, its channels and its extent in both axes.
#[derive(Clone)]
struct Feature {
    node: String,
    channels: usize,
    size: usize,
}

/// What a convolution does, but for its weights.
struct Convolution<'a> {
    node: &'a str,
    weights: &'a str,
    out: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
}

#[derive(Default)]
struct Walk {
    nodes: Vec<Value>,
    weights: HashMap<String, Tensor>,
}

impl Walk {
    fn network(&mut self, file: &VarBuilder<'_>) -> candle_core::Result<()> {
        let image = Feature {
            node: "image".into(),
            channels: 3,
            size: SIZE,
        };
        let stem = Convolution {
            node: "stem.conv",
            weights: "stem.conv",
            out: STEM,
            kernel: 3,
            stride: 2,
            groups: 1,
        };
        let x = self.convolution(&image, &stem, &file.pp("_conv_stem"), &file.pp("_bn0"))?;
        let mut x = self.relu6("stem", &x);
        let mut index = 0;
        for stage in &STAGES {
            for repeat in 0..stage.repeats {
                let stride = if repeat == 0 { stage.stride } else { 1 };
                x = self.block(
                    index,
                    &x,
                    stage,
                    stride,
                    &file.pp(format!("_blocks.{index}")),
                )?;
                index += 1;
            }
        }
        let head = Convolution {
            node: "head.conv",
            weights: "head.conv",
            out: HEAD,
            ..pointwise()
        };
        let x = self.convolution(&x, &head, &file.pp("_conv_head"), &file.pp("_bn1"))?;
        let x = self.relu6("head", &x);
        self.nodes
            .push(json!({ "name": "pool", "op": "global_avg_pool", "inputs": [x.node] }));
        let weight = file.get((CLASSES, HEAD), "_fc.weight")?;
        let bias = file.get(CLASSES, "_fc.bias")?;
        self.keep("logits", &weight, &bias)?;
        self.nodes.push(json!({
            "name": "logits", "op": "linear", "inputs": ["pool"], "weight": "logits.weight", "bias": "logits.bias",
        }));
        Ok(())
    }

    /// An inverted residual: expand, depthwise, project; the input is added where stride and width allow it.
    fn block(
        &mut self,
        index: usize,
        input: &Feature,
        stage: &Stage,
        stride: usize,
        file: &VarBuilder<'_>,
    ) -> candle_core::Result<Feature> {
        let name = |part: &str| format!("block{index}.{part}");
        let middle = input.channels * stage.expansion;
        let mut x = input.clone();
        if stage.expansion > 1 {
            let expand = Convolution {
                node: &name("expand"),
                weights: &name("expand"),
                out: middle,
                ..pointwise()
            };
            x = self.convolution(&x, &expand, &file.pp("_expand_conv"), &file.pp("_bn0"))?;
            x = self.relu6(&name("expand.relu6"), &x);
        }
        let depthwise = Convolution {
            node: &name("depthwise"),
            weights: &name("depthwise"),
            out: middle,
            kernel: stage.kernel,
            stride,
            groups: middle,
        };
        x = self.convolution(
            &x,
            &depthwise,
            &file.pp("_depthwise_conv"),
            &file.pp("_bn1"),
        )?;
        x = self.relu6(&name("depthwise.relu6"), &x);
        // The block's output carries the block's name: the sum, or the projection where nothing is added.
        let block = format!("block{index}");
        let residual = stride == 1 && input.channels == stage.out;
        let projection = name("project");
        let project = Convolution {
            node: if residual { &projection } else { &block },
            weights: &projection,
            out: stage.out,
            ..pointwise()
        };
        x = self.convolution(&x, &project, &file.pp("_project_conv"), &file.pp("_bn2"))?;
        if residual {
            self.nodes
                .push(json!({ "name": block, "op": "add", "inputs": [input.node, x.node] }));
            x.node = block;
        }
        Ok(x)
    }

    /// A convolution with "SAME" padding and the batch norm that follows it, as one node.
    fn convolution(
        &mut self,
        input: &Feature,
        conv: &Convolution<'_>,
        file: &VarBuilder<'_>,
        norm: &VarBuilder<'_>,
    ) -> candle_core::Result<Feature> {
        let &Convolution {
            out,
            kernel,
            stride,
            groups,
            ..
        } = conv;
        let weight = file.get((out, input.channels / groups, kernel, kernel), "weight")?;
        let scale =
            (norm.get(out, "weight")? / (norm.get(out, "running_var")? + EPSILON)?.sqrt()?)?;
        let bias = (norm.get(out, "bias")? - (norm.get(out, "running_mean")? * &scale)?)?;
        let weight = weight.broadcast_mul(&scale.reshape((out, 1, 1, 1))?)?;
        self.keep(conv.weights, &weight, &bias)?;
        let (before, after) = same_padding(input.size, kernel, stride);
        self.nodes.push(json!({
            "name": conv.node, "op": "conv2d", "inputs": [input.node],
            "weight": format!("{}.weight", conv.weights), "bias": format!("{}.bias", conv.weights),
            "stride": [stride, stride], "padding": [before, after, before, after], "groups": groups,
        }));
        Ok(Feature {
            node: conv.node.into(),
            channels: out,
            size: input.size.div_ceil(stride),
        })
    }

    fn relu6(&mut self, name: &str, x: &Feature) -> Feature {
        self.nodes
            .push(json!({ "name": name, "op": "relu6", "inputs": [x.node] }));
        Feature {
            node: name.into(),
            ..x.clone()
        }
    }

    /// Keeps weights in f16, rounded by way of f32: directly from f64, processors round differently.
    fn keep(&mut self, name: &str, weight: &Tensor, bias: &Tensor) -> candle_core::Result<()> {
        for (kind, tensor) in [("weight", weight), ("bias", bias)] {
            let rounded = tensor.to_dtype(DType::F32)?.to_dtype(DType::F16)?;
            self.weights.insert(format!("{name}.{kind}"), rounded);
        }
        Ok(())
    }
}

/// A 1×1 convolution; its names and width are the caller's.
const fn pointwise<'a>() -> Convolution<'a> {
    Convolution {
        node: "",
        weights: "",
        out: 0,
        kernel: 1,
        stride: 1,
        groups: 1,
    }
}

/// `TensorFlow`'s "SAME": (above, below), the smaller half above, so that the output has ⌈size / stride⌉ rows.
fn same_padding(size: usize, kernel: usize, stride: usize) -> (usize, usize) {
    let total = ((size.div_ceil(stride) - 1) * stride + kernel).saturating_sub(size);
    (total / 2, total - total / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_uneven_at_stride_2_and_even_at_stride_1() {
        assert_eq!(same_padding(224, 3, 2), (0, 1));
        assert_eq!(same_padding(56, 5, 2), (1, 2));
        assert_eq!(same_padding(7, 5, 1), (2, 2));
        assert_eq!(same_padding(7, 1, 1), (0, 0));
        assert_eq!(same_padding(8, 1, 4), (0, 0));
    }

    #[test]
    fn weights_of_another_network_are_refused_by_name() {
        let other = Tensor::zeros((16, 3, 3, 3), DType::F32, &Device::Cpu).expect("a tensor");
        let Err(error) = convert(HashMap::from([("_conv_stem.weight".to_owned(), other)])) else {
            panic!("a stem of 16 channels was taken");
        };
        assert_eq!(error.code.as_str(), "bad_model");
        assert!(
            error.message.contains("_conv_stem.weight"),
            "{}",
            error.message
        );
    }
}
