//! A network in training mode, from a batch of pictures to the mean of their losses.

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::net::objective::{Feeds, logits};
use crate::ops::Op;
use crate::ops::batch_norm::{BatchNormTrain, BatchStatistics, RunningStatistics};
use crate::ops::cross_entropy::CrossEntropy;
use crate::ops::reduce::SumTo;
use crate::ops::scale::Scale;
use crate::tensor::Shape;

/// PyTorch's weight of a batch in the running statistics.
const MOMENTUM: f32 = 0.1;

const IMAGES: &str = "images";
const TARGETS: &str = "targets";

/// What a weight is to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// Given from outside before each run.
    Parameters,
    /// Feeds, so that a run can give them their next values.
    Feeds,
}

/// The graph from pictures to their loss, and where things are in it.
#[derive(Debug)]
pub struct Forward {
    /// The graph, which grows by gradients and more.
    pub graph: Graph,
    /// Mean cross-entropy of the batch.
    pub loss: NodeId,
    /// What the network says of each picture, (N, K, 1, 1).
    pub logits: NodeId,
    /// The weights that are learnt: all parameters but the running statistics.
    pub weights: Vec<(String, NodeId)>,
    /// The batch norms in the order of their nodes.
    pub norms: Vec<Norm>,
}

/// A batch norm and what it gathers.
#[derive(Debug)]
pub struct Norm {
    /// The names of the running mean and the running variance.
    pub names: [String; 2],
    /// Mean and biased variance of the batch, (2, C, 1, 1).
    pub batch: NodeId,
    /// How the batch moves what was gathered.
    pub running: RunningStatistics,
}

impl Forward {
    /// `network` from its input to its output over batches of `batch` pictures. Batch norms use the batch's statistics.
    ///
    /// # Errors
    /// `bad_argument` if the network gives no list of classes.
    pub fn new(
        network: &Graph,
        input: NodeId,
        output: NodeId,
        batch: usize,
        as_what: Weights,
    ) -> Result<Self> {
        let batched = network.with_batch(batch)?;
        let statistics: Vec<NodeId> = batched
            .nodes()
            .iter()
            .filter(|node| matches!(node.op, Op::BatchNorm(_)))
            .flat_map(|node| [node.inputs[3], node.inputs[4]])
            .collect();
        let mut graph = Graph::default();
        let mut roles: Vec<NodeId> = Vec::new();
        let (mut weights, mut norms) = (Vec::new(), Vec::new());
        for id in batched.ids() {
            let node = batched.node(id);
            let inputs: Vec<NodeId> = node.inputs.iter().map(|input| roles[input.0]).collect();
            let role = match &node.op {
                Op::BatchNorm(norm) => {
                    let own = graph.push(BatchStatistics, &[inputs[0]])?;
                    norms.push(Norm {
                        names: [3, 4].map(|index| batched.node(node.inputs[index]).name.clone()),
                        batch: own,
                        running: RunningStatistics {
                            momentum: MOMENTUM,
                            count: node.shape.n() * node.shape.plane(),
                        },
                    });
                    let op = BatchNormTrain {
                        epsilon: norm.epsilon,
                    };
                    graph.add(&node.name, op, &[inputs[0], own, inputs[1], inputs[2]])?
                }
                Op::Parameter(_) if !statistics.contains(&id) => {
                    let weight = match as_what {
                        Weights::Parameters => graph.parameter(&node.name, node.shape)?,
                        Weights::Feeds => graph.feed(&node.name, node.shape)?,
                    };
                    weights.push((node.name.clone(), weight));
                    weight
                }
                _ if id == input => graph.feed(IMAGES, node.shape)?,
                op => graph.add(&node.name, op.clone(), &inputs)?,
            };
            roles.push(role);
        }
        let logits = roles[logits(network, output).0];
        let targets = graph.feed(TARGETS, graph.shape(logits))?;
        let losses = graph.push(CrossEntropy, &[logits, targets])?;
        let shape = Shape::SCALAR;
        let total = graph.push(SumTo { shape }, &[losses])?;
        let factor = 1.0 / batch as f32;
        let loss = graph.push(Scale { factor }, &[total])?;
        Ok(Self {
            graph,
            loss,
            logits,
            weights,
            norms,
        })
    }

    /// How many classes the network tells apart.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.graph.shape(self.logits).c()
    }
}

/// What a run is fed: pictures in model space one after another, and a class each.
///
/// # Errors
/// `bad_argument` for a class that does not exist.
pub fn batch_feeds(pictures: Vec<f32>, labels: &[usize], classes: usize) -> Result<Feeds> {
    let mut targets = vec![0.0; labels.len() * classes];
    for (row, &label) in targets.chunks_exact_mut(classes).zip(labels) {
        let Some(target) = row.get_mut(label) else {
            return Err(Error::bad_argument(format!(
                "label {label}, but there are {classes} classes"
            )));
        };
        *target = 1.0;
    }
    Ok(vec![(IMAGES.into(), pictures), (TARGETS.into(), targets)])
}
