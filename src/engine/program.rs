//! What an engine runs: the steps of a lowered graph over slots of memory, with feeds in, fetches out, and variables
//! that go from one run to the next.

use std::collections::HashMap;

use super::gpu::Layer;
use super::lower::lower;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::Op;

/// How long values live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// A value's memory is used again after its last use: for loops and large batches.
    Loop,
    /// Every fetched value stays until the next run, so that looking at another layer runs nothing.
    Look,
}

/// A lowered graph with an order of execution and a memory plan.
#[derive(Debug, Clone)]
pub struct Program {
    /// The lowered graph.
    pub graph: Graph,
    /// Nodes that depend on parameters and constants alone, in order: computed once a version of the parameters.
    pub statics: Vec<NodeId>,
    /// Nodes that are computed at each run, in order.
    pub steps: Vec<NodeId>,
    /// The feeds by name.
    pub feeds: HashMap<String, NodeId>,
    /// What comes back, in the order asked for.
    pub fetches: Vec<NodeId>,
    /// Feeds that a run itself gives their next values: (the feed, the node whose value it takes when the run ends).
    pub variables: Vec<(NodeId, NodeId)>,
    /// The slot of each node that is no static.
    pub slots: Vec<Option<usize>>,
    /// Values that each slot holds.
    pub slot_sizes: Vec<usize>,
}

impl Program {
    /// Plans the computation of `fetches`.
    ///
    /// # Errors
    /// Those of the lowering.
    pub fn new(graph: &Graph, fetches: &[NodeId], memory: Memory) -> Result<Self> {
        Self::with_variables(graph, fetches, &[], memory)
    }

    /// Plans the computation of `fetches` with variables: feeds by name, each with the node of its shape whose value it
    /// takes at the end of every run, and so a later run starts from.
    ///
    /// # Errors
    /// Those of the lowering; `internal` for a variable that is no feed, or whose next value has another shape or is a feed.
    pub fn with_variables(
        graph: &Graph,
        fetches: &[NodeId],
        variables: &[(&str, NodeId)],
        memory: Memory,
    ) -> Result<Self> {
        let mut kept = fetches.to_vec();
        for &(name, next) in variables {
            let feed = graph.find(name).filter(|&feed| {
                matches!(graph.node(feed).op, Op::Feed(_))
                    && !matches!(graph.node(next).op, Op::Feed(_))
                    && graph.shape(feed) == graph.shape(next)
            });
            kept.push(feed.ok_or_else(|| {
                Error::internal(format!("'{name}' cannot be a variable of this program"))
            })?);
            kept.push(next);
        }
        let lowered = lower(graph, &kept)?;
        let (graph, mut fetches) = (lowered.graph, lowered.fetches);
        let places = fetches.split_off(fetches.len() - 2 * variables.len());
        let variables = places.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        let variables: Vec<(NodeId, NodeId)> = variables.collect();
        let mut kept = fetches.clone();
        kept.extend(places);
        let is_static = static_nodes(&graph);
        let feeds: HashMap<String, NodeId> = graph
            .ids()
            .filter(|&id| matches!(graph.node(id).op, Op::Feed(_)))
            .map(|id| (graph.node(id).name.clone(), id))
            .collect();
        let (statics, steps): (Vec<NodeId>, Vec<NodeId>) =
            graph.ids().partition(|id| is_static[id.0]);
        let steps: Vec<NodeId> = steps
            .into_iter()
            .filter(|&id| !matches!(graph.node(id).op, Op::Feed(_)))
            .collect();
        let (slots, slot_sizes) = plan_slots(&graph, &is_static, &kept, memory);
        Ok(Self {
            graph,
            statics,
            steps,
            feeds,
            fetches,
            variables,
            slots,
            slot_sizes,
        })
    }

    /// A node as what a device computes.
    #[must_use]
    pub fn layer(&self, id: NodeId) -> Layer {
        let node = self.graph.node(id);
        Layer {
            op: node.op.clone(),
            inputs: self.graph.input_shapes(id),
            output: node.shape,
        }
    }

    /// Bytes that the slots take in f32.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slot_sizes.iter().sum::<usize>() * size_of::<f32>()
    }
}

fn static_nodes(graph: &Graph) -> Vec<bool> {
    let mut is_static = vec![false; graph.len()];
    for id in graph.ids() {
        let node = graph.node(id);
        is_static[id.0] = match node.op {
            Op::Feed(_) => false,
            Op::Parameter(_) | Op::Constant(_) => true,
            _ => node.inputs.iter().all(|input| is_static[input.0]),
        };
    }
    is_static
}

/// Gives each value that is no static a slot: the smallest free one that holds it, else the largest free one enlarged.
/// Feeds keep theirs, so that a run may leave some of them as they are; a node's output never shares its inputs' slots.
fn plan_slots(
    graph: &Graph,
    is_static: &[bool],
    kept: &[NodeId],
    memory: Memory,
) -> (Vec<Option<usize>>, Vec<usize>) {
    let mut last_use: Vec<usize> = (0..graph.len()).collect();
    for id in graph.ids() {
        for input in &graph.node(id).inputs {
            last_use[input.0] = id.0;
        }
    }
    for id in kept {
        last_use[id.0] = usize::MAX;
    }
    let mut slots: Vec<Option<usize>> = vec![None; graph.len()];
    let mut sizes: Vec<usize> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    for id in graph.ids().filter(|id| !is_static[id.0]) {
        let node = graph.node(id);
        let size = node.shape.len();
        let is_feed = matches!(node.op, Op::Feed(_));
        let reuse = if is_feed || memory == Memory::Look {
            None
        } else {
            let fitting = free
                .iter()
                .copied()
                .filter(|&slot| sizes[slot] >= size)
                .min_by_key(|&slot| sizes[slot]);
            fitting.or_else(|| free.iter().copied().max_by_key(|&slot| sizes[slot]))
        };
        let slot = reuse.unwrap_or(sizes.len());
        if slot == sizes.len() {
            sizes.push(size);
        } else {
            free.retain(|&other| other != slot);
            sizes[slot] = sizes[slot].max(size);
        }
        slots[id.0] = Some(slot);
        // What was used here for the last time is free from the next node on.
        let mut dying: Vec<NodeId> = node.inputs.clone();
        dying.push(id);
        dying.sort_unstable();
        dying.dedup();
        for value in dying {
            if last_use[value.0] == id.0
                && !matches!(graph.node(value).op, Op::Feed(_))
                && let Some(slot) = slots[value.0]
            {
                free.push(slot);
            }
        }
    }
    (slots, sizes)
}
