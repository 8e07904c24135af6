//! A loaded network: what pages and tests ask of it, the same for both engines.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::engine::control::Control;
use crate::engine::program::{Memory, Program};
use crate::engine::{Engine, Executable, Parameter, Parameters, autodiff};
use crate::error::{Error, Result};
use crate::graph::layers::{Layer, is_layer, layers};
use crate::graph::{Graph, NodeId};
use crate::load::data::Loaded;
use crate::ops::Op;
use crate::ops::batch_norm::BatchNorm;
use crate::ops::binary::Binary;
use crate::tensor::{Shape, Tensor};

pub mod objective;
pub mod passes;
pub mod prepared;
mod randomize;
pub mod rule;
pub mod share;
pub mod slopes;
mod splice;
mod tuning;

use objective::{Feeds, Objective, Scene};
use share::{Sharing, Turn, Wanted};
pub(crate) use splice::{Attached, AttachedLayers, Attachment};

/// The feed that holds the picture.
const IMAGE: &str = "image";

/// Executables kept for the next call of the same structure.
const KEPT_EXECUTABLES: usize = 12;

/// Bytes of values that kept executables may hold together.
const KEPT_BYTES: usize = 400 << 20;

/// A layer's output changed on the way.
#[derive(Debug, Clone, PartialEq)]
pub enum Override {
    /// Channels multiplied by a factor; 0 switches one off.
    Scale(BTreeMap<usize, f32>),
    /// The output replaced, for one picture or the batch.
    Replace(Tensor),
}

/// Overrides by layer.
pub type Overrides = BTreeMap<String, Override>;

/// A loaded network on an engine.
pub struct Net {
    name: String,
    graph: Graph,
    input: NodeId,
    output: NodeId,
    folded: bool,
    engine: Engine,
    parameters: RefCell<Parameters>,
    loaded: Parameters,
    executables: RefCell<Vec<(String, Executable)>>,
    sharing: Sharing,
}

/// The graph for one call: batch size, overrides, and where things are in it.
struct Instance {
    graph: Graph,
    input: NodeId,
    logits: NodeId,
    /// The node that stands for each node of the loaded graph.
    roles: Vec<NodeId>,
    feeds: Feeds,
    key: String,
}

impl Instance {
    /// The name of the program for the logits.
    fn logits_key(&self) -> String {
        format!("logits|{}", self.key)
    }

    fn logits_program(&self) -> Result<Program> {
        Program::new(&self.graph, &[self.logits], Memory::Loop)
    }
}

impl Net {
    /// A network over its weights; parameters that the graph does not use are dropped.
    #[must_use]
    pub fn new(loaded: Loaded, mut weights: HashMap<String, Tensor>, engine: Engine) -> Self {
        let Loaded {
            name,
            graph,
            input,
            output,
            folded,
        } = loaded;
        weights.retain(|name, _| graph.find(name).is_some());
        let parameters = Parameters::new(weights);
        Self {
            name,
            graph,
            input,
            output,
            folded,
            engine,
            parameters: RefCell::new(parameters.clone()),
            loaded: parameters,
            executables: RefCell::default(),
            sharing: Sharing::default(),
        }
    }

    /// The name it was loaded under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The graph for one picture.
    #[must_use]
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The node of what the network says.
    #[must_use]
    pub const fn output(&self) -> NodeId {
        self.output
    }

    /// Whether the file came with batch norm folded into its convolutions.
    #[must_use]
    pub const fn is_folded(&self) -> bool {
        self.folded
    }

    /// The node of the picture.
    #[must_use]
    pub const fn input(&self) -> NodeId {
        self.input
    }

    /// What runs it.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The parameters as they are now.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        self.parameters.borrow().clone()
    }

    /// Replaces parameters, which must be of this network and keep their extents.
    pub fn set_parameters(&self, changed: Vec<(String, Parameter)>) {
        let mut parameters = self.parameters.borrow_mut();
        for (name, parameter) in changed {
            parameters.set(&name, parameter);
        }
    }

    /// The picture's extents, (1, C, H, W).
    #[must_use]
    pub fn input_shape(&self) -> Shape {
        self.graph.shape(self.input)
    }

    /// How many classes it tells apart.
    ///
    /// # Errors
    /// `bad_argument` if its output is no list of classes.
    pub fn classes(&self) -> Result<usize> {
        let shape = self
            .graph
            .shape(objective::logits(&self.graph, self.output));
        if shape.plane() == 1 {
            Ok(shape.c())
        } else {
            Err(Error::bad_argument(format!(
                "this network's output is {shape}, which is no list of classes"
            )))
        }
    }

    /// The layers in order of execution, as loaded.
    #[must_use]
    pub fn layers(&self) -> Vec<Layer> {
        layers(&self.graph)
    }

    /// A loaded parameter, as it is now.
    ///
    /// # Errors
    /// `bad_argument` if there is none of that name.
    pub fn weights(&self, name: &str) -> Result<Tensor> {
        let parameters = self.parameters.borrow();
        let parameter = parameters.get(name)?;
        Tensor::new(parameter.values.to_vec(), parameter.shape.clone())
    }

    /// Replaces a parameter; everything computed from now on follows.
    ///
    /// # Errors
    /// `bad_argument` if there is none of that name, the shape differs or a value is not finite.
    pub fn set_weights(&self, name: &str, tensor: Tensor) -> Result<()> {
        let expected = self.parameters.borrow().get(name)?.shape.clone();
        if tensor.shape() != expected {
            return Err(Error::bad_argument(format!(
                "weight '{name}' has shape {expected:?}, not {:?}",
                tensor.shape()
            )));
        }
        if let Some(position) = tensor.data().iter().position(|value| !value.is_finite()) {
            return Err(Error::bad_argument(format!(
                "weight '{name}' would hold {} at position {position}; only finite numbers are taken",
                tensor.data()[position]
            )));
        }
        self.parameters.borrow_mut().set(name, tensor.into());
        Ok(())
    }

    /// Whether a parameter differs from the loaded one.
    #[must_use]
    pub fn is_modified(&self) -> bool {
        let parameters = self.parameters.borrow();
        self.loaded.iter().any(|(name, loaded)| {
            !parameters
                .get(name)
                .is_ok_and(|now| Arc::ptr_eq(&now.values, &loaded.values))
        })
    }

    /// A number that grows whenever a parameter changes.
    #[must_use]
    pub fn weights_version(&self) -> u64 {
        self.parameters.borrow().version()
    }

    /// Brings the loaded parameters back.
    pub fn restore(&self) {
        let mut parameters = self.parameters.borrow_mut();
        for (name, loaded) in self.loaded.iter() {
            if !parameters
                .get(name)
                .is_ok_and(|now| Arc::ptr_eq(&now.values, &loaded.values))
            {
                parameters.set(name, loaded.clone());
            }
        }
    }

    /// Frees the memory of kept programs.
    pub fn forget_executables(&self) {
        self.executables.borrow_mut().clear();
    }

    /// The logits (N, K) of pictures (N, C, H, W) in model space.
    ///
    /// # Errors
    /// `bad_image` for another shape; `bad_argument` if the network's output is no vector of classes or an override does
    /// not fit; those of the engine.
    pub async fn logits(
        &self,
        image: &Tensor,
        overrides: &Overrides,
        control: &Control,
    ) -> Result<Tensor> {
        let wanted = Wanted::Logits;
        let _here = match self.turn(image, overrides, wanted, control).await? {
            Turn::Here(here) => here,
            Turn::Answered(tensors) => return first(tensors),
        };
        let instance = self.instance(image, overrides)?;
        let shape = instance.graph.shape(instance.logits);
        if shape.plane() != 1 {
            return Err(Error::bad_argument(format!(
                "this network's output is {shape}, which is no list of classes; ask for activations instead"
            )));
        }
        let feeds = instance.feeds.clone();
        let values = self
            .compute(instance.logits_key(), &feeds, &[0], control, || {
                instance.logits_program()
            })
            .await?;
        first(values)?.reshape([shape.n(), shape.c()])
    }

    /// Has a device begin with the pipelines of the first picture's logits, so that they compile while the picture is
    /// still on its way. The CPU engine has nothing to make ready.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn warm_up(&self) -> Result<()> {
        if matches!(self.engine, Engine::Cpu) {
            return Ok(());
        }
        let shape = self.input_shape();
        let image = Tensor::from_shape(vec![0.0; shape.len()], shape)?;
        let instance = self.instance(&image, &Overrides::new())?;
        let key = instance.logits_key();
        let executable = self.take_executable(&key, || instance.logits_program())?;
        self.keep_executable(key, executable);
        Ok(())
    }

    /// Outputs (N, C, H, W) of layers, all from one forward pass.
    ///
    /// # Errors
    /// As [`Self::logits`]; `bad_argument` for a layer that does not exist.
    pub async fn activations(
        &self,
        image: &Tensor,
        names: &[&str],
        overrides: &Overrides,
        control: &Control,
    ) -> Result<Vec<Tensor>> {
        let wanted = Wanted::Activations(names);
        let _here = match self.turn(image, overrides, wanted, control).await? {
            Turn::Here(here) => here,
            Turn::Answered(tensors) => return Ok(tensors),
        };
        let instance = self.instance(image, overrides)?;
        let asked = names
            .iter()
            .map(|name| self.layer_id(name))
            .collect::<Result<Vec<_>>>()?;
        let feeds = instance.feeds.clone();
        if instance.graph.shape(instance.input).n() == 1 {
            // One picture: every layer stays, so that looking at another one runs nothing.
            let all = self.layer_ids();
            let indices = positions(&all, &asked)?;
            let key = format!("look|{}", instance.key);
            let fetches: Vec<NodeId> = all.iter().map(|id| instance.roles[id.0]).collect();
            return self
                .compute(key, &feeds, &indices, control, || {
                    Program::new(&instance.graph, &fetches, Memory::Look)
                })
                .await;
        }
        let key = format!("activations|{names:?}|{}", instance.key);
        let fetches: Vec<NodeId> = asked.iter().map(|id| instance.roles[id.0]).collect();
        let indices: Vec<usize> = (0..fetches.len()).collect();
        self.compute(key, &feeds, &indices, control, || {
            Program::new(&instance.graph, &fetches, Memory::Loop)
        })
        .await
    }

    /// The value of an objective, summed over the batch.
    ///
    /// # Errors
    /// As [`Self::logits`], and those of the objective.
    pub async fn value(
        &self,
        image: &Tensor,
        objective: &Objective,
        overrides: &Overrides,
        control: &Control,
    ) -> Result<f32> {
        let (value, _) = self
            .gradient(image, objective, &[], overrides, control)
            .await?;
        Ok(value)
    }

    /// The value of an objective and its gradients to `wrt`: "input", layers' outputs or weights.
    ///
    /// # Errors
    /// As [`Self::value`]; `bad_argument` for a name that is neither, or for running statistics, which have no gradient.
    pub async fn gradient(
        &self,
        image: &Tensor,
        objective: &Objective,
        wrt: &[&str],
        overrides: &Overrides,
        control: &Control,
    ) -> Result<(f32, Vec<Tensor>)> {
        let wanted = Wanted::Gradient(objective, wrt);
        let _here = match self.turn(image, overrides, wanted, control).await? {
            Turn::Here(here) => here,
            Turn::Answered(mut tensors) => {
                let gradients = tensors.split_off(1);
                return Ok((first(tensors)?.data()[0], gradients));
            }
        };
        let mut instance = self.instance(image, overrides)?;
        let asked = wrt
            .iter()
            .map(|name| self.wrt_id(name))
            .collect::<Result<Vec<_>>>()?;
        let is_look = instance.graph.shape(instance.input).n() == 1
            && asked.iter().any(|id| is_layer(&self.graph, *id));
        // One picture and a layer: every layer's gradient stays, so that looking at another one runs nothing.
        let mut targets = if is_look {
            vec![self.input]
        } else {
            Vec::new()
        };
        if is_look {
            targets.extend(self.layer_ids());
        }
        for id in &asked {
            if !targets.contains(id) {
                targets.push(*id);
            }
        }
        let memory = if is_look { Memory::Look } else { Memory::Loop };
        let (value, feeds) = instance.objective(self, objective)?;
        let names: Vec<usize> = targets.iter().map(|id| id.0).collect();
        let key = format!(
            "gradient|{}|{names:?}|{}",
            objective::structure(objective),
            instance.key
        );
        let mut indices = vec![0];
        indices.extend(
            positions(&targets, &asked)?
                .into_iter()
                .map(|index| index + 1),
        );
        let mut values = self
            .compute(key, &feeds, &indices, control, || {
                let wrt: Vec<NodeId> = targets.iter().map(|id| instance.roles[id.0]).collect();
                let mut fetches = vec![value];
                fetches.extend(autodiff::gradient(&mut instance.graph, value, &wrt)?);
                Program::new(&instance.graph, &fetches, memory)
            })
            .await?;
        let gradients = values.split_off(1);
        Ok((
            first(values)?.data()[0],
            gradients
                .into_iter()
                .zip(&asked)
                .map(|(g, id)| self.as_loaded(g, *id))
                .collect::<Result<_>>()?,
        ))
    }

    /// The Gram matrix (C, C) of a layer for one picture: F Fᵀ / (H·W), or F Fᵀ if not `normalize`.
    ///
    /// # Errors
    /// As [`Self::activations`]; `bad_argument` for more than one picture.
    pub async fn gram(
        &self,
        image: &Tensor,
        layer: &str,
        normalize: bool,
        overrides: &Overrides,
        control: &Control,
    ) -> Result<Tensor> {
        let mut instance = self.instance(image, overrides)?;
        if instance.graph.shape(instance.input).n() != 1 {
            return Err(Error::bad_argument("a Gram matrix is that of one picture"));
        }
        let id = instance.roles[self.layer_id(layer)?.0];
        let shape = instance.graph.shape(id);
        let factor = if normalize {
            1.0 / shape.plane() as f32
        } else {
            1.0
        };
        let gram = instance
            .graph
            .push(crate::ops::gram::Gram { factor }, &[id])?;
        let key = format!("gram|{layer}|{normalize}|{}", instance.key);
        let feeds = instance.feeds.clone();
        let values = self
            .compute(key, &feeds, &[0], control, || {
                Program::new(&instance.graph, &[gram], Memory::Loop)
            })
            .await?;
        first(values)?.reshape([shape.c(), shape.c()])
    }

    /// Runs the program of `key`, built by `build` if it is not kept, and returns the fetches asked for.
    async fn compute(
        &self,
        key: String,
        feeds: &Feeds,
        fetches: &[usize],
        control: &Control,
        build: impl FnOnce() -> Result<Program>,
    ) -> Result<Vec<Tensor>> {
        control.step().await?;
        let mut executable = self.take_executable(&key, build)?;
        let parameters = self.parameters.borrow().clone();
        let result = match executable.run(&parameters, feeds, control).await {
            Ok(()) => executable.fetch(fetches).await,
            Err(error) => Err(error),
        };
        self.keep_executable(key, executable);
        result
    }

    /// The layers and nothing else.
    fn layer_ids(&self) -> Vec<NodeId> {
        self.graph
            .ids()
            .filter(|&id| is_layer(&self.graph, id))
            .collect()
    }

    fn layer_id(&self, name: &str) -> Result<NodeId> {
        self.graph
            .find(name)
            .filter(|&id| is_layer(&self.graph, id))
            .ok_or_else(|| {
                Error::bad_argument(format!(
                    "there is no layer '{name}' in this network; `layers` lists them"
                ))
            })
    }

    fn wrt_id(&self, name: &str) -> Result<NodeId> {
        if name == "input" {
            return Ok(self.input);
        }
        let id = self.graph.find(name).ok_or_else(|| {
            Error::bad_argument(format!(
                "'{name}' is neither \"input\" nor a layer nor a weight of this network"
            ))
        })?;
        let is_statistic = self.graph.nodes().iter().any(|node| {
            matches!(node.op, Op::BatchNorm(BatchNorm { .. })) && node.inputs[3..].contains(&id)
        });
        if is_statistic {
            return Err(Error::bad_argument(format!(
                "'{name}' is a running statistic, which has no gradient"
            )));
        }
        Ok(id)
    }

    /// A gradient under the extents its parameter was loaded with; those of activations are left as they are.
    fn as_loaded(&self, gradient: Tensor, id: NodeId) -> Result<Tensor> {
        match self.graph.node(id).op {
            Op::Parameter(_) => {
                let shape = self
                    .parameters
                    .borrow()
                    .get(&self.graph.node(id).name)?
                    .shape
                    .clone();
                gradient.reshape(shape)
            }
            _ => Ok(gradient),
        }
    }

    fn instance(&self, image: &Tensor, overrides: &Overrides) -> Result<Instance> {
        let shape = self.check_pictures(image)?;
        for layer in overrides.keys() {
            self.layer_id(layer)?;
        }
        let mut instance = Instance {
            graph: Graph::default(),
            input: self.input,
            logits: self.output,
            roles: Vec::with_capacity(self.graph.len()),
            feeds: vec![(IMAGE.to_owned(), image.data().to_vec())],
            key: format!("n={}", shape.n()),
        };
        let batch = self.graph.with_batch(shape.n())?;
        for id in batch.ids() {
            let role = instance.copy(
                &batch,
                id,
                id == self.input,
                overrides.get(&batch.node(id).name),
            )?;
            instance.roles.push(role);
        }
        instance.input = instance.roles[self.input.0];
        instance.logits = instance.roles[objective::logits(&self.graph, self.output).0];
        Ok(instance)
    }
}

impl Instance {
    /// Appends node `id` of `batch`, changed by its override; returns the node that stands for it.
    fn copy(
        &mut self,
        batch: &Graph,
        id: NodeId,
        is_input: bool,
        change: Option<&Override>,
    ) -> Result<NodeId> {
        let node = batch.node(id);
        if is_input {
            return self.graph.feed(IMAGE, node.shape);
        }
        let feed = format!("override.{}", node.name);
        if let Some(Override::Replace(tensor)) = change {
            let values = match tensor.data().len() {
                length if length == node.shape.len() && tensor.fits(node.shape) => {
                    tensor.data().to_vec()
                }
                length if length == node.shape.picture() && tensor.fits(node.shape) => {
                    tensor.data().repeat(node.shape.n())
                }
                _ => {
                    return Err(Error::bad_argument(format!(
                        "the override of layer '{}' is {:?}, its output {}",
                        node.name,
                        tensor.shape(),
                        node.shape
                    )));
                }
            };
            self.key += &format!("|replace {}", node.name);
            self.feeds.push((feed.clone(), values));
            return self.graph.feed(&feed, node.shape);
        }
        let inputs: Vec<NodeId> = node
            .inputs
            .iter()
            .map(|input| self.roles[input.0])
            .collect();
        let copy = self.graph.add(&node.name, node.op.clone(), &inputs)?;
        let Some(Override::Scale(factors)) = change else {
            return Ok(copy);
        };
        let mut values = vec![1.0; node.shape.c()];
        for (&channel, &factor) in factors {
            let Some(value) = values.get_mut(channel) else {
                return Err(Error::bad_argument(format!(
                    "layer '{}' has no channel {channel}; it has channels 0 to {}",
                    node.name,
                    node.shape.c() - 1
                )));
            };
            if !factor.is_finite() {
                return Err(Error::bad_argument(format!(
                    "channel {channel} of '{}' cannot be scaled by {factor}",
                    node.name
                )));
            }
            *value = factor;
        }
        self.key += &format!("|scale {}", node.name);
        self.feeds.push((feed.clone(), values));
        let scale = self.graph.feed(&feed, Shape::channels(node.shape.c()))?;
        self.graph.push(Binary::MUL, &[copy, scale])
    }

    /// Appends an objective; returns its value and all feeds.
    fn objective(&mut self, net: &Net, objective: &Objective) -> Result<(NodeId, Feeds)> {
        let roles = &self.roles;
        let layer = |name: &str| net.layer_id(name).ok().map(|id| roles[id.0]);
        let mut scene = Scene {
            graph: &mut self.graph,
            input: self.input,
            logits: self.logits,
            layer: &layer,
        };
        let (value, mut feeds) = objective::build(&mut scene, objective)?;
        feeds.extend(self.feeds.iter().cloned());
        Ok((value, feeds))
    }
}

/// Where each of `asked` stands in `all`.
fn positions(all: &[NodeId], asked: &[NodeId]) -> Result<Vec<usize>> {
    asked
        .iter()
        .map(|id| {
            all.iter()
                .position(|other| other == id)
                .ok_or_else(|| Error::internal(format!("node {} is not fetched", id.0)))
        })
        .collect()
}

fn first(values: Vec<Tensor>) -> Result<Tensor> {
    values
        .into_iter()
        .next()
        .ok_or_else(|| Error::internal("a program returned nothing"))
}
