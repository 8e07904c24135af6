//! Training by this crate's own reverse mode: loss and gradients to every weight from one program, and an optimiser.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::autodiff;
use crate::engine::control::Control;
use crate::engine::cpu::CpuMemory;
use crate::engine::program::{Memory, Program};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::load::data::Loaded;
use crate::net::objective::logits;
use crate::ops::Op;
use crate::ops::batch_norm::{BatchNormTrain, BatchStatistics, RunningStatistics};
use crate::ops::cross_entropy::CrossEntropy;
use crate::ops::reduce::SumTo;
use crate::ops::scale::Scale;
use crate::tensor::{Shape, Tensor};

/// PyTorch's weight of a batch in the running statistics.
const MOMENTUM: f32 = 0.1;

const IMAGES: &str = "images";
const TARGETS: &str = "targets";

/// One forward and backward pass in training mode over batches of a fixed size.
#[derive(Debug)]
pub struct TrainingProgram {
    program: Program,
    weights: Vec<String>,
    statistics: Vec<[String; 2]>,
    counts: Vec<usize>,
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
    /// Plans training of a loaded network with batches of `batch` pictures. Batch norms use the batch's statistics.
    ///
    /// # Errors
    /// `unsupported_op` if a node has no gradient; `bad_argument` if the network gives no list of classes.
    pub fn new(network: &Loaded, batch: usize) -> Result<Self> {
        let mut graph = Graph::default();
        let mut roles: Vec<NodeId> = Vec::new();
        let mut weights = Vec::new();
        let mut statistics = Vec::new();
        let mut batch_statistics = Vec::new();
        let mut counts = Vec::new();
        let batched = network.graph.with_batch(batch)?;
        for id in batched.ids() {
            let node = batched.node(id);
            let inputs: Vec<NodeId> = node.inputs.iter().map(|input| roles[input.0]).collect();
            let role = match &node.op {
                Op::BatchNorm(norm) => {
                    let own = graph.push(BatchStatistics, &[inputs[0]])?;
                    batch_statistics.push(own);
                    counts.push(node.shape.n() * node.shape.plane());
                    statistics
                        .push([3, 4].map(|input| batched.node(node.inputs[input]).name.clone()));
                    let op = BatchNormTrain {
                        epsilon: norm.epsilon,
                    };
                    graph.add(&node.name, op, &[inputs[0], own, inputs[1], inputs[2]])?
                }
                _ if id == network.input => graph.feed(IMAGES, node.shape)?,
                op => graph.add(&node.name, op.clone(), &inputs)?,
            };
            roles.push(role);
        }
        for node in batched.nodes() {
            let is_statistic = statistics.iter().flatten().any(|name| *name == node.name);
            if matches!(node.op, Op::Parameter(_)) && !is_statistic {
                weights.push(node.name.clone());
            }
        }
        let logits = roles[logits(&network.graph, network.output).0];
        let classes = graph.shape(logits).c();
        let targets = graph.feed(TARGETS, graph.shape(logits))?;
        let losses = graph.push(CrossEntropy, &[logits, targets])?;
        let total = graph.push(
            SumTo {
                shape: Shape::SCALAR,
            },
            &[losses],
        )?;
        let loss = graph.push(
            Scale {
                factor: 1.0 / batch as f32,
            },
            &[total],
        )?;
        let wrt: Vec<NodeId> = weights
            .iter()
            .map(|name| {
                graph
                    .find(name)
                    .ok_or_else(|| Error::internal(format!("weight '{name}' was lost")))
            })
            .collect::<Result<_>>()?;
        let mut fetches = vec![loss, logits];
        fetches.extend(autodiff::gradient(&mut graph, loss, &wrt)?);
        fetches.extend(batch_statistics);
        let program = Program::new(&graph, &fetches, Memory::Loop)?;
        Ok(Self {
            program,
            weights,
            statistics,
            counts,
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

    /// One pass over a batch: pictures in model space one after another, and a class each.
    ///
    /// # Errors
    /// `bad_argument` for a class that does not exist or a batch of another size; `aborted`.
    pub async fn pass(
        &self,
        memory: &mut CpuMemory<f32>,
        parameters: &HashMap<String, Tensor>,
        pictures: &[f32],
        labels: &[usize],
        control: &Control,
    ) -> Result<Pass> {
        let mut targets = vec![0.0; labels.len() * self.classes];
        for (row, &label) in targets.chunks_exact_mut(self.classes).zip(labels) {
            let Some(target) = row.get_mut(label) else {
                return Err(Error::bad_argument(format!(
                    "label {label}, but there are {} classes",
                    self.classes
                )));
            };
            *target = 1.0;
        }
        memory.load(&self.program, |name| {
            parameters
                .get(name)
                .map(|tensor| Arc::new(tensor.data().to_vec()))
                .ok_or_else(|| Error::bad_argument(format!("there is no weight '{name}'")))
        })?;
        memory.feed(&self.program, self.program.feeds[IMAGES], pictures)?;
        memory.feed(&self.program, self.program.feeds[TARGETS], &targets)?;
        memory.run(&self.program, control).await?;
        let fetch = |index: usize| {
            memory
                .values(&self.program, self.program.fetches[index])
                .to_vec()
        };
        let end = 2 + self.weights.len();
        Ok(Pass {
            loss: fetch(0)[0],
            logits: fetch(1),
            gradients: (2..end).map(fetch).collect(),
            statistics: (end..end + self.statistics.len()).map(fetch).collect(),
        })
    }

    /// Moves the running statistics towards those of a batch, as PyTorch does.
    pub fn update_statistics(
        &self,
        parameters: &mut HashMap<String, Tensor>,
        statistics: &[Vec<f32>],
    ) {
        for ((names, batch), &count) in self.statistics.iter().zip(statistics).zip(&self.counts) {
            let unbiased = RunningStatistics {
                momentum: MOMENTUM,
                count,
            }
            .unbiased() as f32;
            let channels = batch.len() / 2;
            for ((name, batch), correction) in names
                .iter()
                .zip(batch.chunks_exact(channels))
                .zip([1.0, unbiased])
            {
                if let Some(running) = parameters.get_mut(name) {
                    for (running, &batch) in running.data_mut().iter_mut().zip(batch) {
                        *running = (1.0 - MOMENTUM) * *running + MOMENTUM * correction * batch;
                    }
                }
            }
        }
    }
}

/// Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019).
#[derive(Debug, Clone)]
pub struct Adam {
    /// Shrinks weights of two or more extents by learning rate × this at each step.
    pub weight_decay: f32,
    moments: Vec<(Vec<f32>, Vec<f32>)>,
    step: i32,
}

impl Adam {
    /// No step taken yet.
    #[must_use]
    pub const fn new(weight_decay: f32) -> Self {
        Self {
            weight_decay,
            moments: Vec::new(),
            step: 0,
        }
    }

    /// One step: each named weight against its gradient.
    pub fn step(
        &mut self,
        learning_rate: f32,
        names: &[String],
        parameters: &mut HashMap<String, Tensor>,
        gradients: &[Vec<f32>],
    ) {
        const BETAS: (f32, f32) = (0.9, 0.999);
        const EPSILON: f32 = 1e-8;
        if self.moments.is_empty() {
            self.moments = gradients
                .iter()
                .map(|g| (vec![0.0; g.len()], vec![0.0; g.len()]))
                .collect();
        }
        self.step += 1;
        let corrections = (1.0 - BETAS.0.powi(self.step), 1.0 - BETAS.1.powi(self.step));
        for ((name, gradient), (first, second)) in
            names.iter().zip(gradients).zip(&mut self.moments)
        {
            let Some(weight) = parameters.get_mut(name) else {
                continue;
            };
            let decay = if weight.shape().len() > 1 {
                learning_rate * self.weight_decay
            } else {
                0.0
            };
            let moments = first.iter_mut().zip(second.iter_mut());
            for ((w, &g), (m, v)) in weight.data_mut().iter_mut().zip(gradient).zip(moments) {
                *m = BETAS.0 * *m + (1.0 - BETAS.0) * g;
                *v = BETAS.1 * *v + (1.0 - BETAS.1) * g * g;
                let update = (*m / corrections.0) / ((*v / corrections.1).sqrt() + EPSILON);
                *w -= decay * *w + learning_rate * update;
            }
        }
    }
}
