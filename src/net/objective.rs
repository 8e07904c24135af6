//! Objectives: what is differentiated, raised or lowered. Whatever is a number (class, weight, target) is a feed, so a
//! program depends on an objective's structure alone.

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::ops::activation::{Activation, Function};
use crate::ops::binary::Binary;
use crate::ops::cross_entropy::CrossEntropy;
use crate::ops::gram::Gram;
use crate::ops::inverse_root::InverseRoot;
use crate::ops::reduce::{Dot, SumTo};
use crate::ops::softmax::Softmax;
use crate::ops::total_variation::{TotalVariation, TotalVariationGrad};
use crate::tensor::{Shape, Tensor};

/// One term of an objective, summed over the batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// A class's logit.
    Logit(usize),
    /// A class's probability.
    Probability(usize),
    /// Cross-entropy against a class.
    Loss(usize),
    /// Mean of a feature map.
    Channel {
        /// The layer.
        layer: String,
        /// The channel.
        channel: usize,
    },
    /// One unit.
    Unit {
        /// The layer.
        layer: String,
        /// The channel.
        channel: usize,
        /// The row.
        y: usize,
        /// The column.
        x: usize,
    },
    /// Mean over positions of the projection on a direction in channel space.
    Direction {
        /// The layer.
        layer: String,
        /// One number a channel.
        direction: Vec<f32>,
    },
    /// Σ tensor · activation.
    Dot {
        /// The layer.
        layer: String,
        /// Of the activation's shape, for one picture or the batch.
        tensor: Tensor,
    },
    /// Caricature (Olah et al. 2018): ⟨a, t⟩ / |t| · max(0.1, cos(a, t))^power for activations a, over the whole layer of a
    /// picture: along t, and along nothing else.
    Caricature {
        /// The layer.
        layer: String,
        /// The activations t to exaggerate, for one picture or the batch.
        target: Tensor,
        /// How much the direction counts against the length.
        power: usize,
    },
    /// `DeepDream`: mean square of the layer.
    MeanSquare {
        /// The layer.
        layer: String,
    },
    /// Squared difference of the activations.
    Content {
        /// The layer.
        layer: String,
        /// The activations aimed at, for one picture or the batch.
        target: Tensor,
        /// Mean (true) or sum.
        mean: bool,
    },
    /// Squared difference of Gram matrices.
    Gram {
        /// The layer.
        layer: String,
        /// The Gram matrix aimed at, (C, C).
        target: Tensor,
        /// Mean (true) or sum.
        mean: bool,
        /// Divide the Gram matrix by H · W.
        normalize: bool,
    },
    /// Total variation of the picture.
    TotalVariation {
        /// The factor.
        factor: f32,
        /// Means (true) or sums.
        mean: bool,
    },
    /// Sum of squares of the picture.
    L2 {
        /// The factor.
        factor: f32,
        /// Mean (true) or sum.
        mean: bool,
    },
}

/// Cosines count as at least this much in a caricature, so that a start that points elsewhere has a gradient (Lucid).
const LEAST_COSINE: f32 = 0.1;

/// A weighted sum of terms.
pub type Objective = Vec<(Term, f32)>;

/// Values of feeds by name.
pub type Feeds = Vec<(String, Vec<f32>)>;

/// Where an objective finds its values in a graph.
pub struct Scene<'g> {
    /// The graph, to which nodes are appended.
    pub graph: &'g mut Graph,
    /// The picture.
    pub input: NodeId,
    /// The logits (N, K, 1, 1).
    pub logits: NodeId,
    /// The node that stands for a layer (overrides included).
    pub layer: &'g dyn Fn(&str) -> Option<NodeId>,
}

/// What an objective depends on apart from numbers: equal keys need equal programs.
#[must_use]
pub fn structure(objective: &Objective) -> String {
    let mut key = String::new();
    for (term, _) in objective {
        key += &match term {
            Term::Logit(_) => "logit;".to_owned(),
            Term::Probability(_) => "probability;".to_owned(),
            Term::Loss(_) => "loss;".to_owned(),
            Term::Channel { layer, .. }
            | Term::Unit { layer, .. }
            | Term::Direction { layer, .. }
            | Term::Dot { layer, .. } => format!("dot@{layer};"),
            Term::Caricature { layer, power, .. } => format!("caricature@{layer},{power};"),
            Term::MeanSquare { layer } => format!("square@{layer};"),
            Term::Content { layer, mean, .. } => format!("content@{layer},{mean};"),
            Term::Gram {
                layer,
                mean,
                normalize,
                ..
            } => format!("gram@{layer},{mean},{normalize};"),
            Term::TotalVariation { mean, .. } => format!("tv,{mean};"),
            Term::L2 { mean, .. } => format!("l2,{mean};"),
        };
    }
    key
}

/// Appends the nodes of `objective`; returns the value (one number, summed over the batch) and what its feeds hold.
///
/// # Errors
/// `bad_argument` for a class, layer, channel, position or tensor that does not exist or fit.
pub fn build(scene: &mut Scene<'_>, objective: &Objective) -> Result<(NodeId, Feeds)> {
    Builder {
        scene,
        sums: Sums::All,
    }
    .build(objective)
}

/// As [`build`], with a value for each picture, (N, 1, 1, 1).
///
/// # Errors
/// As [`build`].
pub fn build_each(scene: &mut Scene<'_>, objective: &Objective) -> Result<(NodeId, Feeds)> {
    Builder {
        scene,
        sums: Sums::Each,
    }
    .build(objective)
}

/// Over what terms are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sums {
    /// The batch.
    All,
    /// Each picture for itself.
    Each,
}

struct Builder<'s, 'g> {
    scene: &'s mut Scene<'g>,
    sums: Sums,
}

impl Builder<'_, '_> {
    fn build(&mut self, objective: &Objective) -> Result<(NodeId, Feeds)> {
        if objective.is_empty() {
            return Err(Error::bad_argument("an objective needs at least one term"));
        }
        let mut feeds = Vec::new();
        let mut total = None;
        for (index, (term, weight)) in objective.iter().enumerate() {
            let (value, factor) = self.term(term, index, &mut feeds)?;
            let factor = factor * weight;
            let mask = feeds.last_mut().filter(|_| term.is_masked());
            let value = if let Some((_, mask)) = mask {
                // The weight of Σ mask · value goes into the mask: nothing is computed for it, and each picture of a batch may
                // have its own.
                mask.iter_mut().for_each(|value| *value *= factor);
                value
            } else {
                let name = format!("objective.{index}.weight");
                let weight = self.scene.graph.feed(&name, Shape::SCALAR)?;
                feeds.push((name, vec![factor]));
                self.scene.graph.push(Binary::MUL, &[value, weight])?
            };
            total = Some(match total {
                Some(sum) => self.scene.graph.push(Binary::ADD, &[sum, value])?,
                None => value,
            });
        }
        total
            .map(|total| (total, feeds))
            .ok_or_else(|| Error::internal("an objective without a value"))
    }

    /// Σ a · b, over the batch or for each picture.
    fn inner(&mut self, a: NodeId, b: NodeId) -> Result<NodeId> {
        let pictures = self.scene.graph.shape(a).n();
        if self.sums == Sums::All || pictures == 1 {
            return self.scene.graph.push(Dot, &[a, b]);
        }
        let products = self.scene.graph.push(Binary::MUL, &[a, b])?;
        let shape = Shape::new(pictures, 1, 1, 1);
        self.scene.graph.push(SumTo { shape }, &[products])
    }

    /// The term's node and a factor that goes into its weight.
    fn term(&mut self, term: &Term, index: usize, feeds: &mut Feeds) -> Result<(NodeId, f32)> {
        match term {
            Term::Logit(class) => {
                let seed = self.class(*class, index, feeds)?;
                Ok((self.inner(self.scene.logits, seed)?, 1.0))
            }
            Term::Probability(class) => {
                let seed = self.class(*class, index, feeds)?;
                let probabilities = self.scene.graph.push(Softmax, &[self.scene.logits])?;
                Ok((self.inner(probabilities, seed)?, 1.0))
            }
            Term::Loss(class) => {
                let target = self.class(*class, index, feeds)?;
                let losses = self
                    .scene
                    .graph
                    .push(CrossEntropy, &[self.scene.logits, target])?;
                let ones = self
                    .scene
                    .graph
                    .constant(1.0, self.scene.graph.shape(losses))?;
                Ok((self.inner(losses, ones)?, 1.0))
            }
            Term::Channel { layer, channel } => {
                let (node, shape) = self.layer(layer)?;
                check("channel", *channel, shape.c(), layer)?;
                let mut mask = vec![0.0; shape.picture()];
                mask[channel * shape.plane()..][..shape.plane()].fill(1.0 / shape.plane() as f32);
                self.dot(node, &mask, index, feeds)
            }
            Term::Unit {
                layer,
                channel,
                y,
                x,
            } => {
                let (node, shape) = self.layer(layer)?;
                check("channel", *channel, shape.c(), layer)?;
                check("row", *y, shape.h(), layer)?;
                check("column", *x, shape.w(), layer)?;
                let mut mask = vec![0.0; shape.picture()];
                mask[(channel * shape.h() + y) * shape.w() + x] = 1.0;
                self.dot(node, &mask, index, feeds)
            }
            Term::Direction { layer, direction } => {
                let (node, shape) = self.layer(layer)?;
                if direction.len() != shape.c() {
                    return Err(Error::bad_argument(format!(
                        "a direction of {} numbers for layer '{layer}' of {} channels",
                        direction.len(),
                        shape.c()
                    )));
                }
                let scale = 1.0 / shape.plane() as f32;
                let mask: Vec<f32> = direction
                    .iter()
                    .flat_map(|&d| std::iter::repeat_n(d * scale, shape.plane()))
                    .collect();
                self.dot(node, &mask, index, feeds)
            }
            Term::Dot { layer, tensor } => {
                let (node, shape) = self.layer(layer)?;
                check_tensor("dot", tensor, shape)?;
                self.dot(node, tensor.data(), index, feeds)
            }
            Term::Caricature {
                layer,
                target,
                power,
            } => {
                let (node, shape) = self.layer(layer)?;
                check_tensor("caricature", target, shape)?;
                Ok((self.caricature(node, target, *power, index, feeds)?, 1.0))
            }
            Term::MeanSquare { layer } => {
                let (node, shape) = self.layer(layer)?;
                Ok((self.inner(node, node)?, 1.0 / shape.picture() as f32))
            }
            Term::Content {
                layer,
                target,
                mean,
            } => {
                let (node, shape) = self.layer(layer)?;
                check_tensor("content", target, shape)?;
                self.squared_difference(node, target.data(), index, feeds, *mean, shape.picture())
            }
            Term::Gram {
                layer,
                target,
                mean,
                normalize,
            } => {
                let (node, shape) = self.layer(layer)?;
                let factor = if *normalize {
                    1.0 / shape.plane() as f32
                } else {
                    1.0
                };
                let gram = self.scene.graph.push(Gram { factor }, &[node])?;
                check_tensor("gram", target, self.scene.graph.shape(gram))?;
                self.squared_difference(
                    gram,
                    target.data(),
                    index,
                    feeds,
                    *mean,
                    shape.c() * shape.c(),
                )
            }
            Term::TotalVariation { factor, mean } => {
                let shape = self.scene.graph.shape(self.scene.input);
                let count = |differences: usize| {
                    if *mean {
                        1.0 / differences.max(1) as f32
                    } else {
                        1.0
                    }
                };
                let op = TotalVariation {
                    vertical: count(shape.c() * (shape.h() - 1) * shape.w()),
                    horizontal: count(shape.c() * shape.h() * (shape.w() - 1)),
                    squared: false,
                };
                Ok((self.variation(op)?, *factor))
            }
            Term::L2 { factor, mean } => {
                let shape = self.scene.graph.shape(self.scene.input);
                let scale = if *mean {
                    1.0 / shape.picture() as f32
                } else {
                    1.0
                };
                Ok((
                    self.inner(self.scene.input, self.scene.input)?,
                    factor * scale,
                ))
            }
        }
    }

    fn layer(&self, name: &str) -> Result<(NodeId, Shape)> {
        let node = (self.scene.layer)(name).ok_or_else(|| {
            Error::bad_argument(format!(
                "there is no layer '{name}' in this network; `layers` lists them"
            ))
        })?;
        Ok((node, self.scene.graph.shape(node)))
    }

    /// A feed that is 1 at the class of each picture.
    fn class(&mut self, class: usize, index: usize, feeds: &mut Feeds) -> Result<NodeId> {
        let shape = self.scene.graph.shape(self.scene.logits);
        if shape.plane() != 1 {
            return Err(Error::bad_argument(format!(
                "this network's output is {shape}, it has no classes; take a layer and channel instead"
            )));
        }
        if class >= shape.c() {
            return Err(Error::bad_argument(format!(
                "there is no class {class}; this network has classes 0 to {}",
                shape.c() - 1
            )));
        }
        let mut one_hot = vec![0.0; shape.len()];
        one_hot
            .iter_mut()
            .skip(class)
            .step_by(shape.c())
            .for_each(|value| *value = 1.0);
        self.feed(index, shape, &one_hot, feeds)
    }

    fn dot(
        &mut self,
        node: NodeId,
        values: &[f32],
        index: usize,
        feeds: &mut Feeds,
    ) -> Result<(NodeId, f32)> {
        let mask = self.feed(index, self.scene.graph.shape(node), values, feeds)?;
        Ok((self.inner(node, mask)?, 1.0))
    }

    fn caricature(
        &mut self,
        node: NodeId,
        target: &Tensor,
        power: usize,
        index: usize,
        feeds: &mut Feeds,
    ) -> Result<NodeId> {
        let shape = self.scene.graph.shape(node);
        let units: Vec<f32> = target
            .data()
            .chunks_exact(shape.picture())
            .flat_map(|picture| {
                let square: f32 = picture.iter().map(|t| t * t).sum();
                let length = square.sqrt().max(f32::MIN_POSITIVE);
                picture.iter().map(move |t| t / length)
            })
            .collect();
        let unit = self.feed(index, shape, &units, feeds)?;
        let graph = &mut *self.scene.graph;
        let each = Shape::new(shape.n(), 1, 1, 1);
        let mut sum = |a: NodeId, b: NodeId| {
            let products = graph.push(Binary::MUL, &[a, b])?;
            graph.push(SumTo { shape: each }, &[products])
        };
        let (along, square) = (sum(node, unit)?, sum(node, node)?);
        let inverse = graph.push(InverseRoot { epsilon: 1e-12 }, &[square])?;
        let cosine = graph.push(Binary::MUL, &[along, inverse])?;
        let floor = graph.constant(LEAST_COSINE, Shape::SCALAR)?;
        let above = graph.push(Binary::SUB, &[cosine, floor])?;
        let function = Function::Relu;
        let above = graph.push(Activation { function }, &[above])?;
        let cosine = graph.push(Binary::ADD, &[above, floor])?;
        let mut value = along;
        for _ in 0..power {
            value = graph.push(Binary::MUL, &[value, cosine])?;
        }
        if self.sums == Sums::Each || shape.n() == 1 {
            return Ok(value);
        }
        let shape = Shape::SCALAR;
        self.scene.graph.push(SumTo { shape }, &[value])
    }

    fn squared_difference(
        &mut self,
        node: NodeId,
        target: &[f32],
        index: usize,
        feeds: &mut Feeds,
        mean: bool,
        count: usize,
    ) -> Result<(NodeId, f32)> {
        let target = self.feed(index, self.scene.graph.shape(node), target, feeds)?;
        let difference = self.scene.graph.push(Binary::SUB, &[node, target])?;
        let squares = self.inner(difference, difference)?;
        Ok((squares, if mean { 1.0 / count as f32 } else { 1.0 }))
    }

    /// A feed with values for the batch, or for one picture, which are repeated.
    fn feed(
        &mut self,
        index: usize,
        shape: Shape,
        values: &[f32],
        feeds: &mut Feeds,
    ) -> Result<NodeId> {
        let values = if values.len() == shape.len() {
            values.to_vec()
        } else if values.len() == shape.picture() {
            values.repeat(shape.n())
        } else {
            return Err(Error::bad_argument(format!(
                "the objective's tensor holds {} values, the layer's output is {shape}",
                values.len()
            )));
        };
        let name = format!("objective.{index}");
        let node = self.scene.graph.feed(&name, shape)?;
        feeds.push((name, values));
        Ok(node)
    }

    /// The total variation; that of each picture by Euler's theorem, TV(x) = x · dTV/dx, as it is homogeneous.
    fn variation(&mut self, op: TotalVariation) -> Result<NodeId> {
        let input = self.scene.input;
        if self.sums == Sums::All || self.scene.graph.shape(input).n() == 1 {
            return self.scene.graph.push(op, &[input]);
        }
        let gradient = TotalVariationGrad {
            vertical: op.vertical,
            horizontal: op.horizontal,
            squared: op.squared,
        };
        let gradient = self.scene.graph.push(gradient, &[input])?;
        self.inner(input, gradient)
    }
}

/// The objective for a batch made of the pictures `pictures` of one of `count`: tensors that hold something for each
/// picture follow, all else stays.
///
/// # Errors
/// `internal` if a picture does not exist.
pub fn for_pictures(
    objective: &Objective,
    pictures: &[usize],
    count: usize,
    picture_length: &dyn Fn(&str) -> Option<usize>,
) -> Result<Objective> {
    let follow = |layer: &str, tensor: &Tensor| match picture_length(layer) {
        Some(length) => tensor.pictures(pictures, count, length),
        None => Ok(tensor.clone()),
    };
    objective
        .iter()
        .map(|(term, weight)| {
            let term = match term {
                Term::Dot { layer, tensor } => Term::Dot {
                    layer: layer.clone(),
                    tensor: follow(layer, tensor)?,
                },
                Term::Content {
                    layer,
                    target,
                    mean,
                } => Term::Content {
                    layer: layer.clone(),
                    target: follow(layer, target)?,
                    mean: *mean,
                },
                term => term.clone(),
            };
            Ok((term, *weight))
        })
        .collect()
}

fn check_tensor(what: &str, tensor: &Tensor, shape: Shape) -> Result<()> {
    if tensor.fits(shape) {
        Ok(())
    } else {
        Err(Error::bad_argument(format!(
            "the objective's {what} is {:?}, what it is compared with is {shape}",
            tensor.shape()
        )))
    }
}

fn check(what: &str, index: usize, count: usize, layer: &str) -> Result<()> {
    if index < count {
        Ok(())
    } else {
        Err(Error::bad_argument(format!(
            "layer '{layer}' has no {what} {index}; it has {what}s 0 to {}",
            count - 1
        )))
    }
}

/// The node of a network's logits: its output, or what its last softmax reads.
#[must_use]
pub fn logits(graph: &Graph, output: NodeId) -> NodeId {
    if matches!(graph.node(output).op, Op::Softmax(_)) {
        graph.input(output, 0)
    } else {
        output
    }
}
