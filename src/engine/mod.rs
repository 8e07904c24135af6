//! Graph → numbers and gradients: what a program computes, on the CPU or on a GPU.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::tensor::Tensor;

pub mod autodiff;
pub mod control;
pub mod cpu;
mod executable;
pub mod gpu;
pub mod lower;
pub mod program;
pub mod sweep;

pub use executable::{Executable, GpuWeights};

use gpu::Gpu;

/// A loaded parameter; its values are shared with the programs that read them.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The values in row-major order.
    pub values: Arc<Vec<f32>>,
    /// The extents it was loaded under.
    pub shape: Vec<usize>,
}

impl From<Tensor> for Parameter {
    fn from(tensor: Tensor) -> Self {
        let shape = tensor.shape().to_vec();
        Self {
            values: Arc::new(tensor.into_data()),
            shape,
        }
    }
}

/// The loaded parameters of a network, with a version that tells caches when they changed.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    tensors: HashMap<String, Parameter>,
    /// The version in which a parameter was last replaced.
    changes: HashMap<String, u64>,
    version: u64,
}

impl Parameters {
    /// The tensors under their names.
    #[must_use]
    pub fn new(tensors: HashMap<String, Tensor>) -> Self {
        let tensors = tensors
            .into_iter()
            .map(|(name, tensor)| (name, tensor.into()));
        Self {
            tensors: tensors.collect(),
            changes: HashMap::new(),
            version: 0,
        }
    }

    /// A parameter.
    ///
    /// # Errors
    /// `bad_argument` if there is none of that name.
    pub fn get(&self, name: &str) -> Result<&Parameter> {
        self.tensors.get(name).ok_or_else(|| {
            Error::bad_argument(format!("there is no weight '{name}' in this network"))
        })
    }

    /// Replaces a parameter.
    pub fn set(&mut self, name: &str, parameter: Parameter) {
        self.tensors.insert(name.to_owned(), parameter);
        self.version += 1;
        self.changes.insert(name.to_owned(), self.version);
    }

    /// Names and parameters that were replaced after a version.
    pub fn since(&self, version: u64) -> impl Iterator<Item = (&String, &Parameter)> {
        self.tensors
            .iter()
            .filter(move |(name, _)| self.changes.get(*name).is_some_and(|&at| at > version))
    }

    /// Names and parameters.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Parameter)> {
        self.tensors.iter()
    }

    /// A number that grows with each change.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }
}

/// Which engine runs programs. Clones share the device and the weights on it.
#[derive(Debug, Clone)]
pub enum Engine {
    /// Slices and this crate's own kernels.
    Cpu,
    /// `WebGPU`, with the weights of one network.
    Gpu(Gpu, GpuWeights),
}

impl Engine {
    /// The engine for one network on a device.
    #[must_use]
    pub fn gpu(gpu: &Gpu) -> Self {
        Self::Gpu(gpu.clone(), GpuWeights::default())
    }
}
