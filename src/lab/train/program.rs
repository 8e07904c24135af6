//! Loss and gradients to every weight from one program, with batch norm in training mode.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::autodiff;
use crate::engine::control::Control;
use crate::engine::cpu::CpuMemory;
use crate::engine::program::{Memory, Program};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::net::objective::{Feeds, logits};
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
    /// Plans training of a network from its input to its output with batches of `batch` pictures. Batch norms use the batch's statistics.
    ///
    /// # Errors
    /// `unsupported_op` if a node has no gradient; `bad_argument` if the network gives no list of classes.
    pub fn new(network: &Graph, input: NodeId, output: NodeId, batch: usize) -> Result<Self> {
        let mut graph = Graph::default();
        let mut roles: Vec<NodeId> = Vec::new();
        let mut weights = Vec::new();
        let mut statistics = Vec::new();
        let mut batch_statistics = Vec::new();
        let mut counts = Vec::new();
        let batched = network.with_batch(batch)?;
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
                _ if id == input => graph.feed(IMAGES, node.shape)?,
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
        let logits = roles[logits(network, output).0];
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

    /// The program, for an engine.
    #[must_use]
    pub fn program(&self) -> Program {
        self.program.clone()
    }

    /// What a pass is fed: pictures in model space one after another, and a class each.
    ///
    /// # Errors
    /// `bad_argument` for a class that does not exist.
    pub fn feeds(&self, pictures: Vec<f32>, labels: &[usize]) -> Result<Feeds> {
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
        Ok(vec![(IMAGES.into(), pictures), (TARGETS.into(), targets)])
    }

    /// What a pass gave, from the program's fetches in their order.
    ///
    /// # Errors
    /// `internal` if a fetch is missing.
    pub fn pass(&self, fetched: Vec<Vec<f32>>) -> Result<Pass> {
        let mut fetched = fetched.into_iter();
        let mut next = || {
            let values = fetched.next();
            values.ok_or_else(|| Error::internal("a value of the training program is missing"))
        };
        let loss = next()?[0];
        let logits = next()?;
        let gradients = self.weights.iter().map(|_| next()).collect::<Result<_>>()?;
        let statistics = self.counts.iter().map(|_| next()).collect::<Result<_>>()?;
        Ok(Pass {
            loss,
            logits,
            gradients,
            statistics,
        })
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
        for (name, values) in self.feeds(pictures, labels)? {
            memory.feed(&self.program, self.program.feeds[&name], &values)?;
        }
        memory.run(&self.program, control).await?;
        let fetches = self.program.fetches.iter();
        self.pass(
            fetches
                .map(|&id| memory.values(&self.program, id).to_vec())
                .collect(),
        )
    }

    /// Moves the running statistics towards those of a batch, as PyTorch does: `change` gives each of them, by its name, to
    /// the function that it is handed.
    pub fn update_statistics(
        &self,
        statistics: &[Vec<f32>],
        mut change: impl FnMut(&str, &dyn Fn(&mut [f32])),
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
                change(name, &|running| {
                    for (running, &batch) in running.iter_mut().zip(batch) {
                        *running = (1.0 - MOMENTUM) * *running + MOMENTUM * correction * batch;
                    }
                });
            }
        }
    }
}
