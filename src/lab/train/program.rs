//! Loss and gradients to every weight from one program, with batch norm in training mode.

use std::collections::HashMap;
use std::sync::Arc;

use super::forward::{Forward, Norm, Weights, batch_feeds};
use crate::engine::autodiff;
use crate::engine::control::Control;
use crate::engine::cpu::CpuMemory;
use crate::engine::program::{Memory, Program};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::batch_norm::RunningStatistics;
use crate::tensor::Tensor;

/// One forward and backward pass in training mode over batches of a fixed size.
#[derive(Debug)]
pub struct TrainingProgram {
    program: Program,
    weights: Vec<String>,
    norms: Vec<Norm>,
    classes: usize,
}

/// What a pass over one batch gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// Mean cross-entropy of the batch.
    pub loss: f32,
    /// Logits (N, K), row by row.
    pub logits: Vec<f32>,
    /// Gradient of the loss to each weight, in the order of [`TrainingProgram::weights`].
    pub gradients: Vec<Vec<f32>>,
    /// Batch means and biased variances of each batch norm, in the order of its nodes.
    pub statistics: Vec<Vec<f32>>,
}

impl TrainingProgram {
    /// Plans training of a network from its input to its output with batches of `batch` pictures. Batch norms use the batch's statistics.
    ///
    /// # Errors
    /// `unsupported_op` if a node has no gradient; `bad_argument` if the network gives no list of classes.
    pub fn new(network: &Graph, input: NodeId, output: NodeId, batch: usize) -> Result<Self> {
        let forward = Forward::new(network, input, output, batch, Weights::Parameters)?;
        let classes = forward.classes();
        let Forward {
            mut graph,
            loss,
            logits,
            weights,
            norms,
        } = forward;
        let (weights, wrt): (Vec<String>, Vec<NodeId>) = weights.into_iter().unzip();
        let mut fetches = vec![loss, logits];
        fetches.extend(autodiff::gradient(&mut graph, loss, &wrt)?);
        fetches.extend(norms.iter().map(|norm| norm.batch));
        let program = Program::new(&graph, &fetches, Memory::Loop)?;
        Ok(Self {
            program,
            weights,
            norms,
            classes,
        })
    }

    /// The names of the weights that have gradients.
    #[must_use]
    pub fn weights(&self) -> &[String] {
        &self.weights
    }

    /// Memory for passes.
    #[must_use]
    pub fn memory(&self) -> CpuMemory<f32> {
        CpuMemory::new(&self.program)
    }

    /// One pass over a batch on the CPU.
    ///
    /// # Errors
    /// `bad_argument` for a class that does not exist or a batch of another size; `aborted`.
    pub async fn pass_on_cpu(
        &self,
        memory: &mut CpuMemory<f32>,
        parameters: &HashMap<String, Tensor>,
        pictures: Vec<f32>,
        labels: &[usize],
        control: &Control,
    ) -> Result<Pass> {
        memory.load(&self.program, |name| {
            parameters
                .get(name)
                .map(|tensor| Arc::new(tensor.data().to_vec()))
                .ok_or_else(|| Error::bad_argument(format!("there is no weight '{name}'")))
        })?;
        for (name, values) in batch_feeds(pictures, labels, self.classes)? {
            memory.feed(&self.program, self.program.feeds[&name], &values)?;
        }
        memory.run(&self.program, control).await?;
        let values = |id: &NodeId| memory.values(&self.program, *id).to_vec();
        let [loss, logits, rest @ ..] = self.program.fetches.as_slice() else {
            return Err(Error::internal("the training program has no loss"));
        };
        let (gradients, statistics) = rest.split_at(self.weights.len());
        Ok(Pass {
            loss: values(loss)[0],
            logits: values(logits),
            gradients: gradients.iter().map(values).collect(),
            statistics: statistics.iter().map(values).collect(),
        })
    }

    /// Moves the running statistics towards those of a batch, as PyTorch does: `change` gives each of them, by its name, to
    /// the function that it is handed.
    pub fn update_statistics(
        &self,
        statistics: &[Vec<f32>],
        mut change: impl FnMut(&str, &dyn Fn(&mut [f32])),
    ) {
        for (norm, batch) in self.norms.iter().zip(statistics) {
            let RunningStatistics { momentum, .. } = norm.running;
            let unbiased = norm.running.unbiased() as f32;
            let channels = batch.len() / 2;
            for ((name, batch), correction) in norm
                .names
                .iter()
                .zip(batch.chunks_exact(channels))
                .zip([1.0, unbiased])
            {
                change(name, &|running| {
                    for (running, &batch) in running.iter_mut().zip(batch) {
                        *running = (1.0 - momentum) * *running + momentum * correction * batch;
                    }
                });
            }
        }
    }
}
