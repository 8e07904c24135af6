//! A pass bound to its picture: what it reads and what it computes stay on the engine until somebody asks for it.

use super::objective::{Feeds, Objective};
use super::{Net, Overrides, positions};
use crate::engine::control::Control;
use crate::engine::program::{Memory, Program};
use crate::engine::{Executable, autodiff};
use crate::error::{Error, Result};
use crate::graph::NodeId;
use crate::tensor::Tensor;

/// What a prepared pass computes.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// Outputs of layers.
    Layers(&'a [&'a str]),
    /// Gradients of an objective to "input", layers' outputs or weights, without the objective's value.
    Gradients(&'a Objective, &'a [&'a str]),
}

/// A pass with its operands on the engine; see [`Net::prepare`].
pub struct Prepared {
    executable: Executable,
    /// The names asked for, with their nodes in the loaded graph.
    asked: Vec<(String, NodeId)>,
    /// Where each of them stands among the fetches.
    indices: Vec<usize>,
    /// What the first run starts with; nothing after it.
    feeds: Feeds,
    has_run: bool,
}

impl Net {
    /// Binds a pass to pictures (N, C, H, W), an objective and overrides.
    ///
    /// # Errors
    /// As [`Net::gradient`]; `bad_argument` if nothing is asked for.
    pub fn prepare(
        &self,
        image: &Tensor,
        wanted: Wanted<'_>,
        overrides: &Overrides,
    ) -> Result<Prepared> {
        let mut instance = self.instance(image, overrides)?;
        let (names, asked) = match wanted {
            Wanted::Layers(names) => (names, ids(names, |name| self.layer_id(name))?),
            Wanted::Gradients(_, names) => (names, ids(names, |name| self.wrt_id(name))?),
        };
        let mut targets = asked.clone();
        targets.sort_unstable();
        targets.dedup();
        let roles: Vec<NodeId> = targets.iter().map(|id| instance.roles[id.0]).collect();
        let (fetches, feeds) = match wanted {
            Wanted::Layers(_) => (roles, instance.feeds.clone()),
            Wanted::Gradients(objective, _) => {
                let (value, feeds) = instance.objective(self, objective)?;
                let fetches = autodiff::gradient(&mut instance.graph, value, &roles)?;
                (fetches, feeds)
            }
        };
        let program = Program::new(&instance.graph, &fetches, Memory::Loop)?;
        Ok(Prepared {
            executable: Executable::new(self.engine(), program)?,
            indices: positions(&targets, &asked)?,
            asked: names
                .iter()
                .map(|&name| name.to_owned())
                .zip(asked)
                .collect(),
            feeds,
            has_run: false,
        })
    }
}

impl Prepared {
    /// Runs it `times` over with the weights that `net` has now, and answers when all of it is computed.
    ///
    /// # Errors
    /// `aborted`; `device_lost`; `out_of_memory` and `internal` for what the device refuses.
    pub async fn run(&mut self, net: &Net, times: usize, control: &Control) -> Result<()> {
        control.step().await?;
        self.executable.feed(&std::mem::take(&mut self.feeds))?;
        let parameters = net.parameters();
        self.executable.repeat(&parameters, times, control).await?;
        self.has_run = true;
        Ok(())
    }

    /// What the last run computed, by the names asked for.
    ///
    /// # Errors
    /// `bad_argument` before the first run; `device_lost`.
    pub async fn read(&self, net: &Net) -> Result<Vec<(String, Tensor)>> {
        if !self.has_run {
            return Err(Error::bad_argument(
                "a prepared pass has nothing to read before its first run",
            ));
        }
        let values = self.executable.fetch(&self.indices).await?;
        values
            .into_iter()
            .zip(&self.asked)
            .map(|(value, (name, id))| Ok((name.clone(), net.as_loaded(value, *id)?)))
            .collect()
    }
}

fn ids(names: &[&str], find: impl Fn(&str) -> Result<NodeId>) -> Result<Vec<NodeId>> {
    if names.is_empty() {
        return Err(Error::bad_argument(
            "prepare: at least one layer, or one name in wrt, is needed",
        ));
    }
    names.iter().map(|name| find(name)).collect()
}
