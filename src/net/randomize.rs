//! Weights forgotten on purpose: a map that does not change when they go does not explain the network.

use super::Net;
use crate::error::Result;
use crate::ops::Op;
use crate::random::Random;
use crate::tensor::Tensor;

impl Net {
    /// Re-initialises the weights and biases of `layers`: each tensor is drawn from a normal with the loaded tensor's own mean
    /// and deviation, so that a network whose norms were folded keeps its scale. Running statistics stay, and layers without
    /// weights. A tensor's draw depends on its name and the seed alone, whichever other layers go with it.
    ///
    /// # Errors
    /// `bad_argument` for a layer that does not exist.
    pub fn randomize(&self, layers: &[&str], seed: u64) -> Result<()> {
        for layer in layers {
            let id = self.layer_id(layer)?;
            let node = self.graph.node(id);
            // Inputs, weight, bias; a batch norm's statistics follow.
            let learned = node.inputs.iter().take(3);
            for &input in learned {
                let parameter = self.graph.node(input);
                if matches!(parameter.op, Op::Parameter(_)) {
                    let loaded = self.loaded.get(&parameter.name)?;
                    let values = draw(&loaded.values, &parameter.name, seed);
                    let tensor = Tensor::new(values, loaded.shape.clone())?;
                    self.set_weights(&parameter.name, tensor)?;
                }
            }
        }
        Ok(())
    }
}

/// As many values from a normal with the mean and deviation of these.
#[allow(
    clippy::cast_possible_truncation,
    reason = "moments are computed in f64, weights are f32"
)]
fn draw(values: &[f32], name: &str, seed: u64) -> Vec<f32> {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2));
    let deviation = (squares.sum::<f64>() / count).sqrt();
    let mut random = Random::new(seed ^ hash(name));
    values
        .iter()
        .map(|_| (mean + deviation * f64::from(random.normal())) as f32)
        .collect()
}

/// FNV-1a: a stream of its own for each name.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
