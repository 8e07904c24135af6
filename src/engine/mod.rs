//! Graph → numbers and gradients: what a program computes, on the CPU or on a GPU.

use std::collections::HashMap;
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::graph::NodeId;
use crate::tensor::Tensor;

pub mod autodiff;
pub mod control;
pub mod cpu;
pub mod gpu;
pub mod lower;
pub mod program;

use control::Control;
use cpu::CpuMemory;
use program::Program;

/// Bytes beyond which a program is refused on the CPU: wasm addresses 4 GiB, and pictures and weights need room too.
const CPU_BYTES: usize = 2 << 30;

/// The loaded parameters of a network, with a version that tells caches when they changed.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    tensors: HashMap<String, Rc<Tensor>>,
    version: u64,
}

impl Parameters {
    /// The tensors under their names.
    #[must_use]
    pub fn new(tensors: HashMap<String, Tensor>) -> Self {
        Self {
            tensors: tensors
                .into_iter()
                .map(|(name, tensor)| (name, Rc::new(tensor)))
                .collect(),
            version: 0,
        }
    }

    /// A parameter.
    ///
    /// # Errors
    /// `bad_argument` if there is none of that name.
    pub fn get(&self, name: &str) -> Result<&Rc<Tensor>> {
        self.tensors.get(name).ok_or_else(|| {
            Error::bad_argument(format!("there is no weight '{name}' in this network"))
        })
    }

    /// Replaces a parameter.
    pub fn set(&mut self, name: &str, tensor: Rc<Tensor>) {
        self.tensors.insert(name.to_owned(), tensor);
        self.version += 1;
    }

    /// Names and tensors.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Rc<Tensor>)> {
        self.tensors.iter()
    }
}

/// Which engine runs programs.
#[derive(Debug, Clone)]
pub enum Engine {
    /// Slices and this crate's own kernels.
    Cpu,
}

/// A program with its memory on an engine.
#[derive(Debug)]
pub struct Executable {
    program: Program,
    memory: CpuMemory<f32>,
    loaded: Option<u64>,
    last_feeds: Option<Vec<(String, Vec<f32>)>>,
}

impl Engine {
    /// Makes a program ready to run.
    ///
    /// # Errors
    /// `out_of_memory` if it cannot be held.
    pub fn prepare(&self, program: Program) -> Result<Executable> {
        if program.bytes() > CPU_BYTES {
            return Err(Error::out_of_memory(format!(
                "this needs {} MB for its values, more than the CPU engine takes; use fewer or smaller pictures",
                program.bytes() >> 20
            )));
        }
        let memory = CpuMemory::new(&program);
        Ok(Executable {
            program,
            memory,
            loaded: None,
            last_feeds: None,
        })
    }
}

impl Executable {
    /// Bytes of its values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.program.bytes()
    }

    /// Runs the program unless its last run had the same parameters and feeds.
    ///
    /// # Errors
    /// `aborted`; `device_lost`; `internal` where a feed is missing.
    pub async fn run(
        &mut self,
        parameters: &Parameters,
        feeds: &[(String, Vec<f32>)],
        control: &Control,
    ) -> Result<()> {
        if self.loaded == Some(parameters.version) && self.last_feeds.as_deref() == Some(feeds) {
            return Ok(());
        }
        self.last_feeds = None;
        if self.loaded != Some(parameters.version) {
            self.memory
                .load(&self.program, |name| Ok(parameters.get(name)?.data()))?;
            self.loaded = Some(parameters.version);
        }
        for (name, values) in feeds {
            // A feed that nothing asked for depends on was dropped by the lowering.
            if let Some(&id) = self.program.feeds.get(name) {
                self.memory.feed(&self.program, id, values)?;
            }
        }
        self.memory.run(&self.program, control).await?;
        self.last_feeds = Some(feeds.to_vec());
        Ok(())
    }

    /// Fetched values of the last run, by their index among the program's fetches.
    ///
    /// # Errors
    /// `internal` for an index out of range.
    #[allow(
        clippy::unused_async,
        reason = "reading back from a GPU takes a promise"
    )]
    pub async fn fetch(&self, indices: &[usize]) -> Result<Vec<Tensor>> {
        indices
            .iter()
            .map(|&index| {
                let id: NodeId =
                    *self.program.fetches.get(index).ok_or_else(|| {
                        Error::internal(format!("the program has no fetch {index}"))
                    })?;
                Tensor::from_shape(
                    self.memory.values(&self.program, id).to_vec(),
                    self.program.graph.shape(id),
                )
            })
            .collect()
    }
}
