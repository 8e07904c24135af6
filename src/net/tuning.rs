//! Which ways of computing a network's layers are fastest on its device.

use super::{Net, objective};
use crate::engine::Engine;
use crate::engine::autodiff;
use crate::engine::control::Control;
use crate::engine::gpu::Layer;
use crate::engine::program::{Memory, Program};
use crate::error::Result;
use crate::graph::NodeId;
use crate::ops::reduce::SumTo;
use crate::tensor::Shape;

impl Net {
    /// Measures the ways to compute its layers, forward and to the input, on its device for at most about that long; see
    /// [`crate::engine::gpu::Gpu::tune`]. On the CPU engine there is nothing to choose.
    ///
    /// # Errors
    /// Those of [`crate::engine::gpu::Gpu::tune`] and of the gradient.
    pub async fn tune(&self, milliseconds: f64, control: &Control) -> Result<()> {
        let Engine::Gpu(gpu, _) = &self.engine else {
            return Ok(());
        };
        gpu.tune(&self.device_layers()?, milliseconds, control)
            .await
    }

    /// What a device computes for the outputs of one picture and the gradient of their sum to it.
    fn device_layers(&self) -> Result<Vec<Layer>> {
        let mut graph = self.graph.clone();
        let outputs = objective::logits(&graph, self.output);
        let shape = Shape::new(1, 1, 1, 1);
        let sum = graph.push(SumTo { shape }, &[outputs])?;
        let mut fetches: Vec<NodeId> = vec![outputs];
        fetches.extend(autodiff::gradient(&mut graph, sum, &[self.input])?);
        let program = Program::new(&graph, &fetches, Memory::Loop)?;
        Ok(program.steps.iter().map(|&id| program.layer(id)).collect())
    }
}
