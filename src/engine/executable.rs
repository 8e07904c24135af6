//! A program with its memory on an engine.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::control::Control;
use super::cpu::CpuMemory;
use super::gpu::{Buffer, Gpu, Recording};
use super::program::Program;
use super::{Engine, Parameters};

use crate::error::{Error, Result};
use crate::graph::NodeId;
use crate::ops::scale::Scale;
use crate::ops::{Kernel, Op, Operator as _};
use crate::tensor::Tensor;

/// Bytes beyond which a program is refused on the CPU: wasm addresses 4 GiB, and pictures and weights need room too.
const CPU_BYTES: usize = 2 << 30;

/// A program with its memory, ready to run as often as wanted.
#[derive(Debug)]
pub struct Executable {
    program: Program,
    memory: ProgramMemory,
    loaded: Option<u64>,
    last_feeds: Option<Vec<(String, Vec<f32>)>>,
}

#[derive(Debug)]
enum ProgramMemory {
    Cpu(CpuMemory<f32>),
    Gpu(Box<GpuMemory>),
}

impl Executable {
    /// Makes a program ready to run on `engine`.
    ///
    /// # Errors
    /// `out_of_memory` if it cannot be held, `unsupported_op` if the engine lacks a kernel.
    pub fn new(engine: &Engine, program: Program) -> Result<Self> {
        let memory = match engine {
            Engine::Cpu if program.bytes() > CPU_BYTES => {
                return Err(Error::out_of_memory(format!(
                    "this needs {} MB for its values, more than the CPU engine takes; use fewer or smaller pictures",
                    program.bytes() >> 20
                )));
            }
            Engine::Cpu => ProgramMemory::Cpu(CpuMemory::new(&program)),
            Engine::Gpu(gpu, weights) => {
                ProgramMemory::Gpu(Box::new(GpuMemory::new(gpu, weights, &program)?))
            }
        };
        Ok(Self {
            program,
            memory,
            loaded: None,
            last_feeds: None,
        })
    }

    /// Bytes of its values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.program.bytes()
    }

    /// How many values can be fetched.
    #[must_use]
    pub const fn fetches(&self) -> usize {
        self.program.fetches.len()
    }

    /// Runs the program, unless its last run had the same parameters and feeds and it has no variables. A feed that is not
    /// given keeps its values, a variable those that the last run left.
    ///
    /// # Errors
    /// `aborted`; `device_lost`; `out_of_memory` and `internal` for what the device refuses.
    pub async fn run(
        &mut self,
        parameters: &Parameters,
        feeds: &[(String, Vec<f32>)],
        control: &Control,
    ) -> Result<()> {
        if self.loaded == Some(parameters.version()) && self.last_feeds.as_deref() == Some(feeds) {
            return Ok(());
        }
        self.load(parameters)?;
        self.feed(feeds)?;
        match &mut self.memory {
            ProgramMemory::Cpu(memory) => memory.run(&self.program, control).await?,
            ProgramMemory::Gpu(memory) => memory.gpu.run(&memory.recording, control).await?,
        }
        if self.program.variables.is_empty() {
            self.last_feeds = Some(feeds.to_vec());
        }
        Ok(())
    }

    /// Runs the program `times` over with the feeds that it has, and answers when all of it is computed.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn repeat(
        &mut self,
        parameters: &Parameters,
        times: usize,
        control: &Control,
    ) -> Result<()> {
        self.load(parameters)?;
        match &mut self.memory {
            ProgramMemory::Cpu(memory) => {
                for _ in 0..times {
                    memory.run(&self.program, control).await?;
                }
                Ok(())
            }
            ProgramMemory::Gpu(memory) => {
                memory.gpu.repeat(&memory.recording, times, control).await?;
                memory.gpu.finish().await
            }
        }
    }

    /// Gives feeds their values for the next runs.
    ///
    /// # Errors
    /// `internal` if the number of values does not fit.
    pub fn feed(&mut self, feeds: &[(String, Vec<f32>)]) -> Result<()> {
        self.last_feeds = None;
        for (name, values) in feeds {
            // A feed that nothing asked for depends on was dropped by the lowering.
            if let Some(&id) = self.program.feeds.get(name) {
                match &mut self.memory {
                    ProgramMemory::Cpu(memory) => memory.feed(&self.program, id, values)?,
                    ProgramMemory::Gpu(memory) => memory.feed(id, values)?,
                }
            }
        }
        Ok(())
    }

    /// Brings the parameters to their present version.
    fn load(&mut self, parameters: &Parameters) -> Result<()> {
        if self.loaded == Some(parameters.version()) {
            return Ok(());
        }
        let parameter = |name: &str| Ok(Arc::clone(&parameters.get(name)?.values));
        match &mut self.memory {
            ProgramMemory::Cpu(memory) => memory.load(&self.program, parameter)?,
            ProgramMemory::Gpu(memory) => memory.load(&self.program, parameter)?,
        }
        self.loaded = Some(parameters.version());
        Ok(())
    }

    /// Fetched values of the last run, by their index among the program's fetches.
    ///
    /// # Errors
    /// `internal` for an index out of range; `device_lost`.
    pub async fn fetch(&self, indices: &[usize]) -> Result<Vec<Tensor>> {
        let ids = indices
            .iter()
            .map(|&index| {
                let id = self.program.fetches.get(index).copied();
                id.ok_or_else(|| Error::internal(format!("the program has no fetch {index}")))
            })
            .collect::<Result<Vec<NodeId>>>()?;
        let values = match &self.memory {
            ProgramMemory::Cpu(memory) => ids
                .iter()
                .map(|&id| memory.values(&self.program, id).to_vec())
                .collect(),
            ProgramMemory::Gpu(memory) => memory.read(&self.program, &ids).await?,
        };
        let shapes = ids.iter().map(|&id| self.program.graph.shape(id));
        values
            .into_iter()
            .zip(shapes)
            .map(|(values, shape)| Tensor::from_shape(values, shape))
            .collect()
    }
}

/// A program's buffers on a device, and its kernels bound to them.
#[derive(Debug)]
struct GpuMemory {
    gpu: Gpu,
    /// The buffer of each node that has one: its slot's, or its own for a static that the steps or fetches read.
    buffers: Vec<Option<Buffer>>,
    recording: Recording,
    /// Statics are computed on the CPU, once a version of the parameters.
    statics: CpuMemory<f32>,
    weights: GpuWeights,
}

/// The parameters of one network on a device, shared by its programs.
#[derive(Debug, Clone, Default)]
pub struct GpuWeights(Rc<RefCell<HashMap<String, GpuWeight>>>);

#[derive(Debug)]
struct GpuWeight {
    buffer: Buffer,
    /// What the buffer holds.
    values: Option<Arc<Vec<f32>>>,
}

impl GpuWeights {
    /// The buffer of a parameter.
    fn buffer(&self, gpu: &Gpu, name: &str, length: usize) -> Result<Buffer> {
        let mut weights = self.0.borrow_mut();
        if let Some(weight) = weights.get(name) {
            return Ok(weight.buffer.clone());
        }
        let buffer = gpu.allocate(length)?;
        weights.insert(
            name.to_owned(),
            GpuWeight {
                buffer: buffer.clone(),
                values: None,
            },
        );
        Ok(buffer)
    }

    /// Makes a parameter's buffer hold `values`.
    fn upload(&self, gpu: &Gpu, name: &str, values: Arc<Vec<f32>>) {
        if let Some(weight) = self.0.borrow_mut().get_mut(name)
            && !weight
                .values
                .as_ref()
                .is_some_and(|held| Arc::ptr_eq(held, &values))
        {
            gpu.upload(&weight.buffer, &values);
            weight.values = Some(values);
        }
    }
}

impl GpuMemory {
    fn new(gpu: &Gpu, weights: &GpuWeights, program: &Program) -> Result<Self> {
        let graph = &program.graph;
        let slots = program
            .slot_sizes
            .iter()
            .map(|&size| gpu.allocate(size))
            .collect::<Result<Vec<Buffer>>>()?;
        let mut buffers: Vec<Option<Buffer>> = program
            .slots
            .iter()
            .map(|slot| slot.map(|slot| slots[slot].clone()))
            .collect();
        let inputs = program
            .steps
            .iter()
            .flat_map(|&id| graph.node(id).inputs.iter());
        let nexts = program.variables.iter().map(|(_, next)| next);
        for &id in inputs.chain(&program.fetches).chain(nexts) {
            if buffers[id.0].is_none() {
                let node = graph.node(id);
                buffers[id.0] = Some(match node.op {
                    Op::Parameter(_) => weights.buffer(gpu, &node.name, node.shape.len())?,
                    _ => gpu.allocate(node.shape.len())?,
                });
            }
        }
        let recording = gpu.compile(&bind(gpu, program, &buffers)?)?;
        Ok(Self {
            gpu: gpu.clone(),
            buffers,
            recording,
            statics: CpuMemory::statics_only(program),
            weights: weights.clone(),
        })
    }

    fn load(
        &mut self,
        program: &Program,
        parameter: impl Fn(&str) -> Result<Arc<Vec<f32>>>,
    ) -> Result<()> {
        self.statics.load(program, &parameter)?;
        for &id in &program.statics {
            let node = program.graph.node(id);
            match &self.buffers[id.0] {
                Some(_) if matches!(node.op, Op::Parameter(_)) => {
                    self.weights
                        .upload(&self.gpu, &node.name, parameter(&node.name)?);
                }
                Some(buffer) => self.gpu.upload(buffer, self.statics.values(program, id)),
                None => {}
            }
        }
        Ok(())
    }

    fn feed(&self, id: NodeId, values: &[f32]) -> Result<()> {
        let buffer = self.buffers[id.0]
            .as_ref()
            .ok_or_else(|| Error::internal(format!("feed {} has no buffer", id.0)))?;
        self.gpu.upload(buffer, values);
        Ok(())
    }

    async fn read(&self, program: &Program, ids: &[NodeId]) -> Result<Vec<Vec<f32>>> {
        let buffers = ids
            .iter()
            .map(|&id| {
                let buffer = self.buffers[id.0].as_ref();
                let length = program.graph.shape(id).len();
                buffer
                    .map(|buffer| (buffer, length))
                    .ok_or_else(|| Error::internal(format!("fetch {} has no buffer", id.0)))
            })
            .collect::<Result<Vec<(&Buffer, usize)>>>()?;
        self.gpu.read(&buffers).await
    }
}

/// The kernels of a program's steps, each beside its operator's inputs and output.
fn bind(
    gpu: &Gpu,
    program: &Program,
    buffers: &[Option<Buffer>],
) -> Result<Vec<(Kernel, Vec<Buffer>)>> {
    let graph = &program.graph;
    let mut kernels = Vec::new();
    for &id in &program.steps {
        let node = graph.node(id);
        let operands = node
            .inputs
            .iter()
            .chain(std::iter::once(&id))
            .map(|id| {
                buffers[id.0]
                    .clone()
                    .ok_or_else(|| Error::internal(format!("node {} has no buffer", id.0)))
            })
            .collect::<Result<Vec<Buffer>>>()?;
        for kernel in gpu.kernels(&program.layer(id))? {
            kernels.push((kernel, operands.clone()));
        }
    }
    for &(feed, next) in &program.variables {
        let operands = [next, feed]
            .map(|id| buffers[id.0].clone())
            .into_iter()
            .collect::<Option<Vec<Buffer>>>()
            .ok_or_else(|| Error::internal("a variable has no buffer"))?;
        let copy = Scale { factor: 1.0 };
        let shape = graph.shape(feed);
        for kernel in copy.gpu(&[shape], shape)? {
            kernels.push((kernel, operands.clone()));
        }
    }
    Ok(kernels)
}
