//! Kernels bound to buffers once, then run any number of times: nothing is created after the first run.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::rc::{Rc, Weak};

use super::arena::{Arena, Buffer};
use super::pipelines::{Pipeline, Pipelines};
use crate::error::{Error, Result};
use crate::ops::kernel::{Binding, Kernel, Preparation};

/// Uniform blocks stand at multiples of this, which every WebGPU device accepts as an offset.
const BLOCK: usize = 256;
/// What starting a dispatch costs, in multiply-adds.
const DISPATCH_COST: u64 = 20_000;

/// Runs that share a submit at most.
const MAX_TOGETHER: usize = 64;

/// The answer to an error scope, which arrives later on the web.
pub type Check = Pin<Box<dyn Future<Output = Option<wgpu::Error>>>>;

/// Kernels with their buffers, pipelines and bind groups, ready to be run; see [`super::Gpu::compile`].
pub struct Recording {
    /// In order of execution.
    pub(super) steps: Vec<Step>,
    /// What is submitted together: ranges of dispatches, as (step, dispatch).
    pub(super) submits: Vec<Range<usize>>,
    /// How many runs one submit may hold: 1 unless a run is short.
    pub(super) together: usize,
    /// All dispatches in order: (index of the step, index of the dispatch in it).
    pub(super) dispatches: Vec<(usize, usize)>,
    /// What has to be computed again when a parameter changes.
    pub(super) preparations: Vec<(Rc<Prepared>, Step)>,
    /// Buffers that a run writes.
    pub(super) written: Vec<Buffer>,
    /// Error scopes around the compilation, until somebody looked.
    pub(super) checks: RefCell<Vec<Check>>,
    /// What they said.
    pub(super) failed: RefCell<Option<Error>>,
    uniforms: wgpu::Buffer,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Recording of {} dispatches in {} submits",
            self.dispatches.len(),
            self.submits.len()
        )
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.uniforms.destroy();
    }
}

impl Recording {
    /// How many dispatches one run makes, preparations aside.
    #[must_use]
    pub fn dispatches(&self) -> usize {
        self.dispatches.len()
    }

    /// How many submits one run makes.
    #[must_use]
    pub fn submits(&self) -> usize {
        self.submits.len()
    }
}

/// One kernel with everything bound.
pub struct Step {
    pipeline: Rc<Pipeline>,
    bind_group: wgpu::BindGroup,
    /// The kernel's dispatch, split where it would be too large or too long.
    pub(super) dispatches: Vec<Dispatch>,
    /// Keeps what is bound alive.
    _buffers: Vec<Buffer>,
}

/// One call of `dispatch_workgroups`.
#[derive(Debug, Clone, Copy)]
pub struct Dispatch {
    offset: u32,
    workgroups: [u32; 3],
    cost: u64,
}

impl Step {
    /// Puts one of its dispatches into a pass.
    pub(super) fn encode(&self, pass: &mut wgpu::ComputePass<'_>, dispatch: usize) {
        let Some(&Dispatch {
            offset,
            workgroups: [x, y, z],
            ..
        }) = self.dispatches.get(dispatch)
        else {
            return;
        };
        pass.set_pipeline(&self.pipeline.raw);
        pass.set_bind_group(0, &self.bind_group, &[offset]);
        pass.dispatch_workgroups(x, y, z);
    }
}

/// A prepared buffer, shared by all recordings that need the same from the same inputs.
#[derive(Debug)]
pub struct Prepared {
    buffer: Buffer,
    sources: Vec<Buffer>,
    versions: RefCell<Option<Vec<u64>>>,
}

impl Prepared {
    /// Whether an input changed since the last call; the caller then computes it.
    pub(super) fn claim(&self) -> bool {
        let current: Vec<u64> = self.sources.iter().map(Buffer::version).collect();
        let mut versions = self.versions.borrow_mut();
        let stale = versions.as_ref() != Some(&current);
        *versions = Some(current);
        stale
    }
}

/// What makes a preparation: the shader, its parameters and the buffers it reads.
type PreparedKey = (&'static str, Vec<u32>, Vec<u64>);

/// Binds kernels; keeps what recordings share.
pub struct Recorder {
    device: wgpu::Device,
    queue: wgpu::Queue,
    arena: Rc<Arena>,
    pipelines: Rc<Pipelines>,
    prepared: RefCell<HashMap<PreparedKey, Weak<Prepared>>>,
    /// Multiply-adds that fit one dispatch, and one submit.
    pub(super) budget: Cell<u64>,
    max_workgroups: u64,
}

impl Recorder {
    /// A recorder that splits nothing but what the device cannot dispatch at once.
    pub fn new(
        device: wgpu::Device,
        queue: wgpu::Queue,
        arena: Rc<Arena>,
        pipelines: Rc<Pipelines>,
        max_workgroups: u32,
    ) -> Self {
        Self {
            device,
            queue,
            arena,
            pipelines,
            prepared: RefCell::default(),
            budget: Cell::new(u64::MAX / 4),
            max_workgroups: u64::from(max_workgroups),
        }
    }

    /// Binds kernels to buffers: for each kernel the operator's inputs in order, then its output.
    ///
    /// # Errors
    /// `internal` for a binding without a buffer or an unknown shader, `out_of_memory` for scratch that does not fit.
    pub fn compile(&self, kernels: &[(Kernel, Vec<Buffer>)]) -> Result<Recording> {
        let scopes = [
            wgpu::ErrorFilter::Validation,
            wgpu::ErrorFilter::OutOfMemory,
        ]
        .map(|filter| self.device.push_error_scope(filter));
        let bound = self.bind(kernels);
        let mut checks: Vec<Check> = Vec::new();
        for scope in scopes.into_iter().rev() {
            checks.push(Box::pin(scope.pop()));
        }
        let recording = bound?;
        *recording.checks.borrow_mut() = checks;
        Ok(recording)
    }

    fn bind(&self, kernels: &[(Kernel, Vec<Buffer>)]) -> Result<Recording> {
        let scratch = self.scratch(kernels)?;
        let blocks = Cell::new(Vec::<u8>::new());
        let uniforms_size = kernels
            .iter()
            .flat_map(|(kernel, _)| {
                std::iter::once(kernel)
                    .chain(kernel.prepared.as_deref().map(|prepared| &prepared.kernel))
            })
            .map(|kernel| block_bytes(kernel) * self.split(kernel).len())
            .sum::<usize>()
            .max(BLOCK);
        let uniforms = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("uniform blocks"),
            size: uniforms_size as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut steps = Vec::with_capacity(kernels.len());
        let mut preparations: Vec<(Rc<Prepared>, Step)> = Vec::new();
        let mut written: Vec<Buffer> = Vec::new();
        let outputs: HashSet<u64> = kernels
            .iter()
            .filter_map(|(_, buffers)| buffers.last().map(Buffer::id))
            .collect();
        for (kernel, buffers) in kernels {
            let mut prepared_buffer = None;
            if let Some(preparation) = kernel.prepared.as_deref() {
                let (prepared, changes) = self.prepare(preparation, buffers, &outputs)?;
                let mut bound = buffers.clone();
                bound.pop();
                bound.push(prepared.buffer.clone());
                let step = self.step(
                    &preparation.kernel,
                    &bound,
                    &scratch,
                    None,
                    &uniforms,
                    &blocks,
                )?;
                if changes {
                    steps.push(step);
                } else if !preparations
                    .iter()
                    .any(|(other, _)| Rc::ptr_eq(other, &prepared))
                {
                    preparations.push((Rc::clone(&prepared), step));
                }
                prepared_buffer = Some(prepared.buffer.clone());
            }
            steps.push(self.step(
                kernel,
                buffers,
                &scratch,
                prepared_buffer.as_ref(),
                &uniforms,
                &blocks,
            )?);
            if let Some(output) = buffers.last()
                && !written.iter().any(|other| other.id() == output.id())
            {
                written.push(output.clone());
            }
        }
        let blocks = blocks.take();
        if !blocks.is_empty() {
            self.queue.write_buffer(&uniforms, 0, &blocks);
        }
        let dispatches: Vec<(usize, usize)> = steps
            .iter()
            .enumerate()
            .flat_map(|(step, bound)| (0..bound.dispatches.len()).map(move |index| (step, index)))
            .collect();
        let costs = dispatches
            .iter()
            .map(|&(step, index)| steps[step].dispatches[index].cost + DISPATCH_COST);
        let budget = self.budget.get();
        let total: u64 = costs.clone().sum();
        Ok(Recording {
            submits: group(costs, budget),
            together: usize::try_from(budget / total.max(1))
                .unwrap_or(MAX_TOGETHER)
                .clamp(1, MAX_TOGETHER),
            dispatches,
            steps,
            preparations,
            written,
            checks: RefCell::default(),
            failed: RefCell::default(),
            uniforms,
        })
    }

    /// One buffer for each scratch index, large enough for every kernel: kernels run one after another.
    fn scratch(&self, kernels: &[(Kernel, Vec<Buffer>)]) -> Result<Vec<Buffer>> {
        let mut sizes: Vec<usize> = Vec::new();
        let bindings = kernels.iter().flat_map(|(kernel, _)| {
            let prepared = kernel.prepared.iter().flat_map(|p| &p.kernel.bindings);
            kernel.bindings.iter().chain(prepared)
        });
        for binding in bindings {
            if let &Binding::Scratch(index, values) = binding {
                if sizes.len() <= index {
                    sizes.resize(index + 1, 0);
                }
                sizes[index] = sizes[index].max(values);
            }
        }
        sizes
            .into_iter()
            .map(|size| self.arena.allocate(size))
            .collect()
    }

    /// The buffer of a preparation, and whether this recording itself changes what it is computed from, so that it has
    /// to be computed at its place in every run.
    fn prepare(
        &self,
        preparation: &Preparation,
        buffers: &[Buffer],
        outputs: &HashSet<u64>,
    ) -> Result<(Rc<Prepared>, bool)> {
        let sources = preparation
            .kernel
            .bindings
            .iter()
            .filter_map(|binding| match binding {
                Binding::Input(index) => Some(buffers.get(*index).cloned().ok_or_else(unbound)),
                _ => None,
            })
            .collect::<Result<Vec<Buffer>>>()?;
        if sources.iter().any(|source| outputs.contains(&source.id())) {
            let prepared = Prepared {
                buffer: self.arena.allocate(preparation.values)?,
                sources,
                versions: RefCell::default(),
            };
            return Ok((Rc::new(prepared), true));
        }
        let key = (
            preparation.kernel.shader,
            preparation.kernel.params.clone(),
            sources.iter().map(Buffer::id).collect(),
        );
        let mut shared = self.prepared.borrow_mut();
        if let Some(prepared) = shared.get(&key).and_then(Weak::upgrade) {
            return Ok((prepared, false));
        }
        shared.retain(|_, prepared| prepared.strong_count() > 0);
        let prepared = Rc::new(Prepared {
            buffer: self.arena.allocate(preparation.values)?,
            sources,
            versions: RefCell::default(),
        });
        shared.insert(key, Rc::downgrade(&prepared));
        Ok((prepared, false))
    }

    fn step(
        &self,
        kernel: &Kernel,
        buffers: &[Buffer],
        scratch: &[Buffer],
        prepared: Option<&Buffer>,
        uniforms: &wgpu::Buffer,
        blocks: &Cell<Vec<u8>>,
    ) -> Result<Step> {
        let pipeline = self.pipelines.get(kernel)?;
        let bound = kernel
            .bindings
            .iter()
            .map(|binding| {
                match *binding {
                    Binding::Input(index) => buffers.get(index),
                    Binding::Output => buffers.last(),
                    Binding::Scratch(index, _) => scratch.get(index),
                    Binding::Prepared => prepared,
                }
                .cloned()
                .ok_or_else(unbound)
            })
            .collect::<Result<Vec<Buffer>>>()?;
        let mut entries: Vec<wgpu::BindGroupEntry<'_>> = bound
            .iter()
            .zip(0..)
            .map(|(buffer, binding)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.raw().as_entire_binding(),
            })
            .collect();
        let block = block_bytes(kernel);
        entries.push(wgpu::BindGroupEntry {
            binding: u32::try_from(entries.len()).unwrap_or(u32::MAX),
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: uniforms,
                offset: 0,
                size: std::num::NonZeroU64::new(block as u64),
            }),
        });
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.shader),
            layout: &pipeline.layout,
            entries: &entries,
        });
        let mut bytes = blocks.take();
        let dispatches = self
            .split(kernel)
            .into_iter()
            .map(|(base, workgroups, cost)| {
                let offset = bytes.len();
                for word in base.iter().chain(&[0]).chain(&kernel.params) {
                    bytes.extend_from_slice(&word.to_le_bytes());
                }
                bytes.resize(offset + block, 0);
                Dispatch {
                    offset: u32::try_from(offset).unwrap_or(u32::MAX),
                    workgroups,
                    cost,
                }
            })
            .collect();
        blocks.set(bytes);
        Ok(Step {
            pipeline,
            bind_group,
            dispatches,
            _buffers: bound,
        })
    }

    /// (first workgroup, workgroups, cost) of each part of a dispatch.
    fn split(&self, kernel: &Kernel) -> Vec<([u32; 3], [u32; 3], u64)> {
        split(
            kernel.workgroups,
            kernel.cost,
            self.budget.get(),
            self.max_workgroups,
        )
    }
}

fn unbound() -> Error {
    Error::internal("a kernel binds a buffer that its operator was not given")
}

/// Bytes of a kernel's uniform block with the base in front, rounded up.
fn block_bytes(kernel: &Kernel) -> usize {
    (16 + kernel.params.len() * 4).div_ceil(BLOCK) * BLOCK
}

/// Cuts a dispatch so that no part has more than `max` workgroups along an axis, nor, as far as whole workgroups along
/// its longest axis allow, costs more than `budget`.
fn split(workgroups: [u64; 3], cost: u64, budget: u64, max: u64) -> Vec<([u32; 3], [u32; 3], u64)> {
    let total: u64 = workgroups.iter().product();
    if total == 0 {
        return Vec::new();
    }
    let longest = (0..3)
        .max_by_key(|&axis| workgroups[axis])
        .unwrap_or_default();
    let mut step = workgroups.map(|count| count.min(max));
    let parts = cost.div_ceil(budget.max(1)).max(1);
    step[longest] = step[longest]
        .min(workgroups[longest].div_ceil(parts))
        .max(1);
    let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let starts = |axis: usize| {
        (0..workgroups[axis]).step_by(usize::try_from(step[axis]).unwrap_or(usize::MAX))
    };
    let mut pieces = Vec::new();
    for z in starts(2) {
        for y in starts(1) {
            for x in starts(0) {
                let base = [x, y, z];
                let counts: [u64; 3] =
                    std::array::from_fn(|axis| step[axis].min(workgroups[axis] - base[axis]));
                let share = counts.iter().product::<u64>() as f64 / total as f64;
                pieces.push((
                    base.map(narrow),
                    counts.map(narrow),
                    (cost as f64 * share) as u64,
                ));
            }
        }
    }
    pieces
}

/// Ranges of consecutive dispatches that together cost at most `budget`, or are one.
fn group(costs: impl Iterator<Item = u64>, budget: u64) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut sum = 0;
    for (index, cost) in costs.enumerate() {
        match ranges.last_mut() {
            Some(range) if sum + cost <= budget => {
                range.end = index + 1;
                sum += cost;
            }
            _ => {
                ranges.push(index..index + 1);
                sum = cost;
            }
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::{group, split};

    #[test]
    fn a_split_dispatch_covers_every_workgroup_once() {
        for (workgroups, cost, budget, max) in [
            ([7, 1, 1], 10, 100, 65_535),
            ([200_000, 1, 1], 10, 100, 65_535),
            ([10, 3, 5], 1000, 90, 65_535),
            ([9, 9, 9], 1_000_000, 10, 4),
        ] {
            let mut seen = std::collections::HashSet::new();
            for (base, counts, part) in split(workgroups, cost, budget, max) {
                assert!(
                    counts.iter().all(|&count| u64::from(count) <= max),
                    "too many workgroups: {counts:?}"
                );
                assert!(part <= cost, "a part cannot cost more than the whole");
                for z in 0..counts[2] {
                    for y in 0..counts[1] {
                        for x in 0..counts[0] {
                            let group = [base[0] + x, base[1] + y, base[2] + z];
                            assert!(seen.insert(group), "{group:?} runs twice");
                        }
                    }
                }
            }
            assert_eq!(
                seen.len() as u64,
                workgroups.iter().product::<u64>(),
                "some workgroups do not run"
            );
        }
    }

    #[test]
    fn a_long_dispatch_is_cut_to_the_budget() {
        let pieces = split([64, 4, 1], 1_000, 100, 65_535);
        assert!(
            pieces.len() >= 10,
            "{} pieces for ten times the budget",
            pieces.len()
        );
        assert!(
            pieces.iter().all(|&(_, _, cost)| cost <= 110),
            "a piece is over budget: {pieces:?}"
        );
    }

    #[test]
    fn submits_hold_neighbours_within_the_budget() {
        assert_eq!(
            group([10, 10, 30, 5, 50, 1].into_iter(), 40),
            vec![0..2, 2..4, 4..5, 5..6],
            "greedy in order"
        );
    }
}
