//! Runs a program on slices: the reference, and the fallback where there is no GPU.

use std::mem::take;
use std::sync::Arc;

use super::control::Control;
use super::program::Program;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Op, Operator as _, Real, View};

/// Memory of one program on the CPU, in f32 or f64.
#[derive(Debug, Default)]
pub struct CpuMemory<T> {
    slots: Vec<Vec<T>>,
    statics: Vec<Arc<Vec<T>>>,
}

impl<T: Real> CpuMemory<T> {
    /// Memory for `program`, zeroed.
    #[must_use]
    pub fn new(program: &Program) -> Self {
        let slots = program.slot_sizes.iter().map(|&size| vec![T::zero(); size]);
        Self {
            slots: slots.collect(),
            ..Self::statics_only(program)
        }
    }

    /// Memory for what [`Self::load`] computes and for nothing else.
    #[must_use]
    pub fn statics_only(program: &Program) -> Self {
        Self {
            slots: Vec::new(),
            statics: vec![Arc::default(); program.graph.len()],
        }
    }

    /// Computes what depends on parameters alone; `parameter` gives the values of a parameter by name.
    ///
    /// # Errors
    /// Those of `parameter`; `internal` if its number of values does not fit.
    pub fn load(
        &mut self,
        program: &Program,
        parameter: impl Fn(&str) -> Result<Arc<Vec<T>>>,
    ) -> Result<()> {
        for &id in &program.statics {
            let node = program.graph.node(id);
            self.statics[id.0] = if matches!(node.op, Op::Parameter(_)) {
                let values = parameter(&node.name)?;
                if values.len() != node.shape.len() {
                    return Err(misfit(&node.name, node.shape.len(), values.len()));
                }
                values
            } else {
                let mut output = vec![T::zero(); node.shape.len()];
                self.compute(program, id, &mut output);
                Arc::new(output)
            };
        }
        Ok(())
    }

    /// Gives a feed its values.
    ///
    /// # Errors
    /// `internal` if the number of values does not fit.
    pub fn feed<V: Copy + Into<f64>>(
        &mut self,
        program: &Program,
        id: NodeId,
        values: &[V],
    ) -> Result<()> {
        let node = program.graph.node(id);
        let Some(slot) = program.slots[id.0] else {
            return Err(Error::internal(format!(
                "feed '{}' has no memory",
                node.name
            )));
        };
        write(
            &mut self.slots[slot][..node.shape.len()],
            values,
            &node.name,
        )
    }

    /// Runs the steps, then gives the variables their next values.
    ///
    /// # Errors
    /// `aborted`.
    pub async fn run(&mut self, program: &Program, control: &Control) -> Result<()> {
        for &id in &program.steps {
            let Some(slot) = program.slots[id.0] else {
                continue;
            };
            let mut output = take(&mut self.slots[slot]);
            let length = program.graph.shape(id).len();
            self.compute(program, id, &mut output[..length]);
            self.slots[slot] = output;
            control.step().await?;
        }
        for &(feed, next) in &program.variables {
            let Some(slot) = program.slots[feed.0] else {
                continue;
            };
            let mut values = take(&mut self.slots[slot]);
            values[..program.graph.shape(feed).len()].copy_from_slice(self.values(program, next));
            self.slots[slot] = values;
        }
        Ok(())
    }

    /// A node's values; those of a static after [`Self::load`], others after [`Self::run`] where the memory plan kept them.
    #[must_use]
    pub fn values(&self, program: &Program, id: NodeId) -> &[T] {
        match program.slots[id.0] {
            Some(slot) => &self.slots[slot][..program.graph.shape(id).len()],
            None => &self.statics[id.0],
        }
    }

    fn compute(&self, program: &Program, id: NodeId, output: &mut [T]) {
        let graph: &Graph = &program.graph;
        let node = graph.node(id);
        let inputs: Vec<View<'_, T>> = node
            .inputs
            .iter()
            .map(|&input| View {
                data: self.values(program, input),
                shape: graph.shape(input),
            })
            .collect();
        node.op.cpu(&inputs, output, node.shape);
    }
}

fn write<T: Real, V: Copy + Into<f64>>(target: &mut [T], values: &[V], name: &str) -> Result<()> {
    if target.len() != values.len() {
        return Err(misfit(name, target.len(), values.len()));
    }
    for (target, &value) in target.iter_mut().zip(values) {
        *target = T::of(value.into());
    }
    Ok(())
}

fn misfit(name: &str, expected: usize, given: usize) -> Error {
    Error::internal(format!(
        "'{name}' holds {expected} values, {given} were given"
    ))
}
