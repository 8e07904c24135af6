//! What a network is: nodes in an order of execution, each with an operator, inputs, a shape and a name a person knows.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::ops::reshape::Reshape;
use crate::ops::{Op, Operator as _, leaf};
use crate::tensor::Shape;

pub mod layers;
pub mod receptive_field;

/// Index of a node in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// One value of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// A name a person knows (`layer1.0.conv2`); empty for values that only passes made.
    pub name: String,
    /// What computes it.
    pub op: Op,
    /// What it is computed from.
    pub inputs: Vec<NodeId>,
    /// Its extents.
    pub shape: Shape,
}

/// Nodes in topological order: a node comes after its inputs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
    names: HashMap<String, NodeId>,
}

impl Graph {
    /// Appends a node with a name of its own.
    ///
    /// # Errors
    /// `bad_model` if the name is taken or the operator refuses its inputs; the message names the node.
    pub fn add(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        let op = op.into();
        if self.names.contains_key(name) {
            return Err(Error::bad_model(format!(
                "two nodes are called '{name}'; give each a name of its own"
            )));
        }
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.shape(input)).collect();
        let shape = op.shape(&shapes).map_err(|error| Error {
            code: error.code,
            message: format!("{} '{name}': {}", op.name(), error.message),
        })?;
        let id = NodeId(self.nodes.len());
        if !name.is_empty() {
            self.names.insert(name.to_owned(), id);
        }
        self.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs: inputs.to_vec(),
            shape,
        });
        Ok(id)
    }

    /// Appends a node that only passes know.
    ///
    /// # Errors
    /// `bad_model` if the operator refuses its inputs.
    pub fn push(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        self.add("", op, inputs)
    }

    /// Appends a value that is given anew at each run.
    ///
    /// # Errors
    /// `bad_model` if the name is taken.
    pub fn feed(&mut self, name: &str, shape: Shape) -> Result<NodeId> {
        self.add(name, leaf::Feed { shape }, &[])
    }

    /// Appends a loaded parameter.
    ///
    /// # Errors
    /// `bad_model` if the name is taken.
    pub fn parameter(&mut self, name: &str, shape: Shape) -> Result<NodeId> {
        self.add(name, leaf::Parameter { shape }, &[])
    }

    /// Appends a tensor that holds one number everywhere.
    ///
    /// # Errors
    /// None in practice; the signature is that of the other constructors.
    pub fn constant(&mut self, value: f32, shape: Shape) -> Result<NodeId> {
        self.push(leaf::Constant { value, shape }, &[])
    }

    /// The nodes in order of execution.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Ids in order of execution.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// A node's extents.
    #[must_use]
    pub fn shape(&self, id: NodeId) -> Shape {
        self.nodes[id.0].shape
    }

    /// A node's input of that index.
    #[must_use]
    pub fn input(&self, id: NodeId, index: usize) -> NodeId {
        self.nodes[id.0].inputs[index]
    }

    /// The extents of a node's inputs.
    #[must_use]
    pub fn input_shapes(&self, id: NodeId) -> Vec<Shape> {
        self.nodes[id.0]
            .inputs
            .iter()
            .map(|&input| self.shape(input))
            .collect()
    }

    /// The node of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).copied()
    }

    /// Which nodes are needed to compute `targets`.
    #[must_use]
    pub fn ancestors(&self, targets: &[NodeId]) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for &target in targets {
            needed[target.0] = true;
        }
        for id in (0..self.nodes.len()).rev() {
            if needed[id] {
                for input in &self.nodes[id].inputs {
                    needed[input.0] = true;
                }
            }
        }
        needed
    }

    /// Which nodes change when one of `sources` does.
    #[must_use]
    pub fn descendants(&self, sources: &[NodeId]) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        for &source in sources {
            reached[source.0] = true;
        }
        for id in 0..self.nodes.len() {
            if self.nodes[id].inputs.iter().any(|input| reached[input.0]) {
                reached[id] = true;
            }
        }
        reached
    }

    /// The same graph for batches of `n` pictures.
    ///
    /// # Errors
    /// `bad_model` if an operator refuses the batch.
    pub fn with_batch(&self, n: usize) -> Result<Self> {
        let mut graph = Self::default();
        for node in &self.nodes {
            let op = match &node.op {
                Op::Feed(feed) => leaf::Feed {
                    shape: feed.shape.with_n(n),
                }
                .into(),
                Op::Reshape(reshape) => Reshape {
                    shape: reshape.shape.with_n(n),
                }
                .into(),
                op => op.clone(),
            };
            graph.add(&node.name, op, &node.inputs)?;
        }
        Ok(graph)
    }
}
