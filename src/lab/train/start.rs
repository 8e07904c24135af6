//! Weights to begin with.

use crate::engine::Parameter;
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::random::Random;
use crate::tensor::Tensor;

/// The weights that PyTorch's layers begin with (`reset_parameters`): uniform in ±1/√fan-in for convolutions and linear
/// layers (Kaiming-uniform with a = √5) and their biases; γ = 1, β = 0, mean 0, variance 1 for batch norms. Parameters of
/// other nodes are left out.
///
/// # Errors
/// None in practice: each tensor is as long as its shape says.
pub fn initial(
    graph: &Graph,
    shape: impl Fn(&str) -> Result<Vec<usize>>,
    seed: u64,
) -> Result<Vec<(String, Parameter)>> {
    let mut random = Random::new(seed);
    let mut weights = Vec::new();
    for node in graph.nodes() {
        let parameter = |index: usize| {
            let id = node.inputs.get(index).copied();
            id.filter(|&id: &NodeId| matches!(graph.node(id).op, Op::Parameter(_)))
        };
        let mut fill = |index: usize, mut value: Box<dyn FnMut() -> f32 + '_>| -> Result<()> {
            if let Some(id) = parameter(index) {
                let name = &graph.node(id).name;
                let values = (0..graph.shape(id).len()).map(|_| value()).collect();
                weights.push((name.clone(), Tensor::new(values, shape(name)?)?.into()));
            }
            Ok(())
        };
        match &node.op {
            Op::Conv2d(_) | Op::Linear(_) => {
                // Inputs of one output: channels a group times kernel, or the width of the layer before.
                let fan_in = graph.shape(node.inputs[1]).picture();
                let bound = 1.0 / (fan_in as f32).sqrt();
                for index in [1, 2] {
                    fill(index, Box::new(|| bound * (2.0 * random.uniform() - 1.0)))?;
                }
            }
            Op::BatchNorm(_) => {
                for (index, value) in [(1, 1.0), (2, 0.0), (3, 0.0), (4, 1.0)] {
                    fill(index, Box::new(move || value))?;
                }
            }
            _ => {}
        }
    }
    Ok(weights)
}
