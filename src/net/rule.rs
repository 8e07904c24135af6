//! Passes over a network that follow another backward rule than the gradient's: guided backpropagation, `DeepLIFT`, LRP.

use super::objective::{self, Feeds, Objective};
use super::{Net, Overrides};
use crate::engine::control::Control;
use crate::engine::program::{Memory, Program};
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::tensor::{Shape, Tensor};

/// The graph of one call, to which a rule appends its nodes.
pub struct Scene<'g> {
    /// The network for this batch, then the objective.
    pub graph: &'g mut Graph,
    /// The pictures.
    pub input: NodeId,
    /// The objective, one number summed over the batch.
    pub value: NodeId,
    /// The number of the network's nodes; those from here on are the objective's.
    pub network: usize,
}

/// A backward pass by other rules than the operators' own.
pub trait BackwardRule {
    /// What its program depends on beside the network and the objective; numbers that are fed do not belong to it.
    fn key(&self) -> String;

    /// How many tensors it fetches.
    fn fetches(&self) -> usize;

    /// What its own feeds hold, for pictures of that shape (N, C, H, W).
    ///
    /// # Errors
    /// `bad_argument` for options that do not fit the network or the pictures.
    fn feeds(&self, pictures: Shape) -> Result<Feeds>;

    /// Appends the pass; returns what it fetches.
    ///
    /// # Errors
    /// `unsupported_op` for an operator that the rule does not cover, `bad_argument` for options that do not fit.
    fn build(&self, scene: &mut Scene<'_>) -> Result<Vec<NodeId>>;
}

impl Net {
    /// What a backward rule computes of `objective` for pictures (N, C, H, W) in model space.
    ///
    /// # Errors
    /// As [`Net::gradient`], and those of the rule.
    pub async fn by_rule(
        &self,
        image: &Tensor,
        objective: &Objective,
        rule: &dyn BackwardRule,
        overrides: &Overrides,
        control: &Control,
    ) -> Result<Vec<Tensor>> {
        let mut instance = self.instance(image, overrides)?;
        let network = instance.graph.len();
        let pictures = instance.graph.shape(instance.input);
        let (value, mut feeds) = instance.objective(self, objective)?;
        feeds.extend(rule.feeds(pictures)?);
        let key = format!(
            "rule|{}|{}|{}",
            rule.key(),
            objective::structure(objective),
            instance.key
        );
        let mut scene = Scene {
            graph: &mut instance.graph,
            input: instance.input,
            value,
            network,
        };
        let indices: Vec<usize> = (0..rule.fetches()).collect();
        self.compute(key, &feeds, &indices, control, || {
            let fetches = rule.build(&mut scene)?;
            Program::new(scene.graph, &fetches, Memory::Loop)
        })
        .await
    }
}
