//! `fashion`: three convolutions with large, readable first kernels, global average pooling and a linear layer.

use std::collections::HashMap;

use candle_core::{Module as _, ModuleT as _, Tensor as CandleTensor};
use candle_nn::{BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, Linear, VarBuilder};
use serde_json::{Value, json};

use crate::random::Random;
use crate::tensor::Tensor;

/// Output channels and kernel extent of each convolution; the first two are followed by 2×2 max pooling.
pub const STAGES: [(usize, usize); 3] = [(16, 7), (32, 5), (64, 3)];

/// Its classes, in the order of the data set's labels.
pub const CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// Added to the variance by its batch norms.
const EPSILON: f64 = 1e-5;

/// The network as data: pictures (1, 28, 28), ten logits.
#[must_use]
pub fn graph(name: &str) -> Value {
    let mut nodes = Vec::new();
    let mut before = "x".to_owned();
    for (index, (_, kernel)) in STAGES.iter().enumerate() {
        let stage = index + 1;
        let half = kernel / 2;
        nodes.push(json!({
            "name": format!("conv{stage}"), "op": "conv2d", "inputs": [before], "weight": format!("conv{stage}.weight"),
            "stride": [1, 1], "padding": [half, half, half, half], "dilation": [1, 1], "groups": 1,
        }));
        nodes.push(json!({
            "name": format!("norm{stage}"), "op": "batch_norm", "inputs": [format!("conv{stage}")],
            "weight": format!("norm{stage}.weight"), "bias": format!("norm{stage}.bias"),
            "mean": format!("norm{stage}.running_mean"), "variance": format!("norm{stage}.running_var"), "epsilon": EPSILON,
        }));
        nodes.push(json!({ "name": format!("act{stage}"), "op": "relu", "inputs": [format!("norm{stage}")] }));
        before = format!("act{stage}");
        if stage < STAGES.len() {
            nodes.push(json!({
                "name": format!("pool{stage}"), "op": "max_pool2d", "inputs": [before], "kernel": [2, 2], "stride": [2, 2],
            }));
            before = format!("pool{stage}");
        }
    }
    nodes.push(json!({ "name": "mean", "op": "global_avg_pool", "inputs": [before] }));
    nodes.push(json!({
        "name": "logits", "op": "linear", "inputs": ["mean"], "weight": "fc.weight", "bias": "fc.bias",
    }));
    json!({ "name": name, "input": { "name": "x", "shape": [1, 28, 28] }, "output": "logits", "nodes": nodes })
}

/// Weights to begin training with: He et al. 2015 for convolutions, PyTorch's range for the linear layer.
///
/// # Errors
/// None in practice: every tensor is as long as its shape says.
pub fn initial_weights(seed: u64) -> crate::error::Result<HashMap<String, Tensor>> {
    let mut random = Random::new(seed);
    let mut weights = HashMap::new();
    let mut channels = 1;
    for (index, &(out, kernel)) in STAGES.iter().enumerate() {
        let stage = index + 1;
        let fan_in = channels * kernel * kernel;
        let deviation = (2.0 / fan_in as f32).sqrt();
        let values = (0..out * fan_in)
            .map(|_| deviation * random.normal())
            .collect();
        weights.insert(
            format!("conv{stage}.weight"),
            Tensor::new(values, [out, channels, kernel, kernel])?,
        );
        for (name, value) in [
            ("weight", 1.0),
            ("bias", 0.0),
            ("running_mean", 0.0),
            ("running_var", 1.0),
        ] {
            weights.insert(
                format!("norm{stage}.{name}"),
                Tensor::new(vec![value; out], [out])?,
            );
        }
        channels = out;
    }
    let bound = 1.0 / (channels as f32).sqrt();
    let mut uniform = |count: usize| {
        (0..count)
            .map(|_| bound * (2.0 * random.uniform() - 1.0))
            .collect()
    };
    weights.insert(
        "fc.weight".into(),
        Tensor::new(uniform(CLASSES.len() * channels), [CLASSES.len(), channels])?,
    );
    weights.insert(
        "fc.bias".into(),
        Tensor::new(uniform(CLASSES.len()), [CLASSES.len()])?,
    );
    Ok(weights)
}

/// The same network as candle-nn modules: an independent forward pass.
#[derive(Debug)]
pub struct Fashion {
    stages: Vec<(Conv2d, BatchNorm)>,
    head: Linear,
}

impl Fashion {
    /// Reads the weights under their names in the graph.
    ///
    /// # Errors
    /// candle's, where a weight is missing or has another shape.
    pub fn new(weights: &VarBuilder<'_>) -> candle_core::Result<Self> {
        let mut channels = 1;
        let mut stages = Vec::new();
        for (index, &(out, kernel)) in STAGES.iter().enumerate() {
            let config = Conv2dConfig {
                padding: kernel / 2,
                ..Conv2dConfig::default()
            };
            let conv = candle_nn::conv2d_no_bias(
                channels,
                out,
                kernel,
                config,
                weights.pp(format!("conv{}", index + 1)),
            )?;
            let config = BatchNormConfig {
                eps: EPSILON,
                ..BatchNormConfig::default()
            };
            stages.push((
                conv,
                candle_nn::batch_norm(out, config, weights.pp(format!("norm{}", index + 1)))?,
            ));
            channels = out;
        }
        Ok(Self {
            stages,
            head: candle_nn::linear(channels, CLASSES.len(), weights.pp("fc"))?,
        })
    }

    /// Logits (N, 10) of pictures (N, 1, 28, 28).
    ///
    /// # Errors
    /// candle's, for another shape.
    pub fn forward(&self, pictures: &CandleTensor) -> candle_core::Result<CandleTensor> {
        let mut x = pictures.clone();
        for (index, (conv, norm)) in self.stages.iter().enumerate() {
            x = norm.forward_t(&conv.forward(&x)?, false)?.relu()?;
            if index + 1 < self.stages.len() {
                x = x.max_pool2d(2)?;
            }
        }
        self.head.forward(&x.mean((2, 3))?)
    }
}
