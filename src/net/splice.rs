//! The network as a part of a larger graph: what it looks at is computed there, and its parameters stay its own.

use super::objective::{self, Feeds, Objective, Term};
use super::{Instance, KEPT_BYTES, KEPT_EXECUTABLES, Net, Overrides};
use crate::engine::program::Program;
use crate::engine::{Executable, Parameters};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::ops::leaf::{Constant, Feed};
use crate::ops::pool::{AvgPool2d, Window};
use crate::ops::reshape::Reshape;
use crate::tensor::Shape;

/// Where a network is attached, and what is asked of it.
pub(crate) struct Attachment<'a> {
    /// The pictures (N, C, H, W) in model space, of which an objective takes total variation and norm.
    pub picture: NodeId,
    /// What the network looks at: the pictures, or what was made of them.
    pub seen: NodeId,
    /// One objective for all pictures, or one for each, all of one structure.
    pub objectives: &'a [Objective],
    /// A layer whose node is wanted.
    pub layer: Option<&'a str>,
    /// Layers changed on the way.
    pub overrides: &'a Overrides,
}

/// A graph with a network in it.
pub(crate) struct Attached {
    /// The graph.
    pub graph: Graph,
    /// The objective, one number summed over the batch.
    pub value: NodeId,
    /// The layer that was asked for.
    pub layer: Option<NodeId>,
    /// What the network's and the objective's feeds hold.
    pub feeds: Feeds,
    /// What the graph depends on apart from numbers.
    pub key: String,
}

/// A graph with layers of a network in it.
pub(crate) struct AttachedLayers {
    /// The graph.
    pub graph: Graph,
    /// The layers' nodes, in the order in which they were asked for.
    pub layers: Vec<NodeId>,
    /// What the network's feeds hold.
    pub feeds: Feeds,
    /// What the graph depends on apart from numbers.
    pub key: String,
}

impl Net {
    /// Appends the part of the network that the objectives need to `graph`. Pictures may have another size than the
    /// network's own where nothing that is needed is bound to it.
    ///
    /// # Errors
    /// Those of the objectives and overrides; `bad_model` if a layer does not take this size.
    pub(crate) fn attach(&self, graph: Graph, at: &Attachment<'_>) -> Result<Attached> {
        let logits = objective::logits(&self.graph, self.output);
        let mut targets = Vec::new();
        for (term, _) in at.objectives.iter().flatten() {
            match term.layer() {
                Some(layer) => targets.push(self.layer_id(layer)?),
                None if term.reads_logits() => targets.push(logits),
                None => {}
            }
        }
        if let Some(layer) = at.layer {
            targets.push(self.layer_id(layer)?);
        }
        let pictures = graph.shape(at.seen).n();
        let mut instance = self.grafted(graph, at.seen, &targets, at.overrides)?;
        instance.input = at.picture;
        let layer = match at.layer {
            Some(name) => Some(instance.roles[self.layer_id(name)?.0]),
            None => None,
        };
        let feeds = self.feeds_for_each(&instance, at.objectives, pictures)?;
        let first = at
            .objectives
            .first()
            .ok_or_else(|| Error::bad_argument("an objective is needed"))?;
        let (value, _) = instance.objective(self, first)?;
        let key = format!("{}|{}", objective::structure(first), instance.key);
        Ok(Attached {
            graph: instance.graph,
            value,
            layer,
            feeds,
            key,
        })
    }

    /// Appends the part of the network that `layers` need to `graph`, of any number and size of pictures as [`Self::attach`].
    ///
    /// # Errors
    /// `bad_argument` for a layer that does not exist; those of the overrides; `bad_model` if a layer does not take this size.
    pub(crate) fn attach_layers(
        &self,
        graph: Graph,
        seen: NodeId,
        layers: &[&str],
        overrides: &Overrides,
    ) -> Result<AttachedLayers> {
        let ids = layers.iter().map(|name| self.layer_id(name));
        let ids = ids.collect::<Result<Vec<_>>>()?;
        let instance = self.grafted(graph, seen, &ids, overrides)?;
        Ok(AttachedLayers {
            layers: ids.iter().map(|id| instance.roles[id.0]).collect(),
            graph: instance.graph,
            feeds: instance.feeds,
            key: instance.key,
        })
    }

    /// `graph` with the part of the network that `targets` need, looking at `seen`.
    fn grafted(
        &self,
        graph: Graph,
        seen: NodeId,
        targets: &[NodeId],
        overrides: &Overrides,
    ) -> Result<Instance> {
        for layer in overrides.keys() {
            self.layer_id(layer)?;
        }
        let logits = objective::logits(&self.graph, self.output);
        let needed = self.graph.ancestors(targets);
        let shape = graph.shape(seen);
        let resized = self.resized(shape, &needed)?;
        let mut instance = Instance {
            graph,
            input: seen,
            logits: seen,
            roles: Vec::with_capacity(self.graph.len()),
            feeds: Vec::new(),
            key: format!("{shape}"),
        };
        for id in resized.ids() {
            let role = if id == self.input || !needed[id.0] {
                seen
            } else {
                let change = overrides.get(&resized.node(id).name);
                instance.copy(&resized, id, false, change)?
            };
            instance.roles.push(role);
        }
        instance.logits = instance.roles[logits.0];
        Ok(instance)
    }

    /// What the objectives' feeds hold for a batch in which each picture has its own, or all have the one.
    fn feeds_for_each(
        &self,
        instance: &Instance,
        objectives: &[Objective],
        pictures: usize,
    ) -> Result<Feeds> {
        let mut all: Option<(String, Feeds)> = None;
        for (picture, terms) in objectives.iter().enumerate() {
            let mut scratch = Instance {
                graph: instance.graph.clone(),
                roles: instance.roles.clone(),
                feeds: instance.feeds.clone(),
                key: String::new(),
                ..*instance
            };
            let (_, feeds) = scratch.objective(self, terms)?;
            let structure = objective::structure(terms);
            match &mut all {
                None => all = Some((structure, feeds)),
                Some((first, _)) if *first != structure => {
                    return Err(Error::bad_argument(format!(
                        "the objectives of a batch must be alike apart from classes, channels, weights and targets; objective {picture} differs from the first"
                    )));
                }
                Some((_, all)) => {
                    for ((name, values), (_, own)) in all.iter_mut().zip(feeds) {
                        if values.len() % pictures == 0 && name.starts_with("objective.") {
                            let length = values.len() / pictures;
                            let range = picture * length..(picture + 1) * length;
                            values[range.clone()].copy_from_slice(&own[range]);
                        } else if *values != own {
                            return Err(Error::bad_argument(
                                "weights of terms that are no sums over activations must be equal for all pictures of a batch",
                            ));
                        }
                    }
                }
            }
        }
        if objectives.len() > 1 && objectives.len() != pictures {
            return Err(Error::bad_argument(format!(
                "{} objectives for {pictures} pictures; give one for each, or one for all",
                objectives.len()
            )));
        }
        all.map(|(_, feeds)| feeds)
            .ok_or_else(|| Error::bad_argument("an objective is needed"))
    }

    /// The network's graph for pictures of another number and size; what is not needed is a placeholder.
    fn resized(&self, shape: Shape, needed: &[bool]) -> Result<Graph> {
        let expected = self.input_shape();
        if shape.c() != expected.c() {
            return Err(Error::bad_image(format!(
                "this network takes pictures of {} channels, not {}",
                expected.c(),
                shape.c()
            )));
        }
        let mut graph = Graph::default();
        for id in self.graph.ids() {
            let node = self.graph.node(id);
            let (op, inputs): (Op, &[NodeId]) = match &node.op {
                _ if id == self.input => (Feed { shape }.into(), &[]),
                _ if !needed[id.0] => {
                    let shape = Shape::SCALAR;
                    (Constant { value: 0.0, shape }.into(), &[])
                }
                Op::Reshape(reshape) => {
                    let shape = reshape.shape.with_n(shape.n());
                    (Reshape { shape }.into(), &node.inputs)
                }
                Op::AvgPool2d(pool) if pool.global => {
                    let window = Window::global(graph.shape(node.inputs[0]));
                    (AvgPool2d { window, ..*pool }.into(), &node.inputs)
                }
                op => (op.clone(), &node.inputs),
            };
            graph.add(&node.name, op, inputs)?;
        }
        Ok(graph)
    }

    /// The kept executable of `key`, or a new one.
    ///
    /// # Errors
    /// Those of building it.
    pub(crate) fn take_executable(
        &self,
        key: &str,
        build: impl FnOnce() -> Result<Program>,
    ) -> Result<Executable> {
        let kept = {
            let mut executables = self.executables.borrow_mut();
            executables
                .iter()
                .position(|(other, _)| other == key)
                .map(|index| executables.remove(index).1)
        };
        match kept {
            Some(executable) => Ok(executable),
            None => Executable::new(&self.engine, build()?),
        }
    }

    /// Keeps an executable for the next call of its structure; the oldest give way.
    pub(crate) fn keep_executable(&self, key: String, executable: Executable) {
        let mut executables = self.executables.borrow_mut();
        executables.push((key, executable));
        let bytes = |executables: &[(String, Executable)]| -> usize {
            executables.iter().map(|(_, kept)| kept.bytes()).sum()
        };
        while executables.len() > 1
            && (executables.len() > KEPT_EXECUTABLES || bytes(&executables) > KEPT_BYTES)
        {
            executables.remove(0);
        }
    }

    /// The parameters as they are now.
    pub(crate) fn parameters_now(&self) -> Parameters {
        self.parameters.borrow().clone()
    }
}

impl Term {
    /// The layer it reads.
    #[must_use]
    pub fn layer(&self) -> Option<&str> {
        match self {
            Self::Channel { layer, .. }
            | Self::Unit { layer, .. }
            | Self::Direction { layer, .. }
            | Self::Dot { layer, .. }
            | Self::Caricature { layer, .. }
            | Self::MeanSquare { layer }
            | Self::Content { layer, .. }
            | Self::Gram { layer, .. } => Some(layer),
            _ => None,
        }
    }

    /// Whether it reads the network's classes.
    const fn reads_logits(&self) -> bool {
        matches!(self, Self::Logit(_) | Self::Probability(_) | Self::Loss(_))
    }

    /// Whether it is a sum of values times a mask that is fed.
    pub(super) const fn is_masked(&self) -> bool {
        matches!(
            self,
            Self::Logit(_)
                | Self::Probability(_)
                | Self::Channel { .. }
                | Self::Unit { .. }
                | Self::Direction { .. }
                | Self::Dot { .. }
        )
    }
}
