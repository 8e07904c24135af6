//! WebGPU: kernels of the operators on buffers of one device.
//!
//! [`Gpu`] opens a device, hands out buffers, binds kernels to them as a [`Recording`] and runs that as often as wanted;
//! a run creates no buffer, pipeline or bind group. Everything that waits for the device is async, because on the web
//! only promises answer.

mod arena;
mod calibrate;
mod device;
mod pipelines;
mod read;
mod recorder;
pub mod shader;
mod tuning;
mod wait;

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;

pub use arena::Buffer;
pub use device::{AdapterInfo, Limits};
pub use recorder::Recording;
pub use shader::all_shaders;
pub use tuning::{Choices, Layer};

use crate::engine::control::Control;
use crate::error::Result;
use crate::ops::Kernel;
use arena::Arena;
use device::Faults;
use pipelines::Pipelines;
use read::Staging;
use recorder::{Check, Recorder};

/// What a device holds at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Bytes of all buffers, idle ones in the pool too.
    pub gpu_bytes: u64,
    /// How many buffers these are.
    pub buffers: usize,
    /// How many pipelines were compiled.
    pub pipelines: usize,
}

/// A device and what was made on it. Clones share it.
#[derive(Clone)]
pub struct Gpu(Rc<Inner>);

struct Inner {
    device: wgpu::Device,
    queue: wgpu::Queue,
    info: AdapterInfo,
    faults: Faults,
    arena: Rc<Arena>,
    pipelines: Rc<Pipelines>,
    recorder: Recorder,
    choices: RefCell<Choices>,
    staging: Staging,
    /// Error scopes around allocations, until the next run looks at them.
    allocations: RefCell<Vec<Check>>,
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gpu on {}", self.0.info.name)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.device.destroy();
    }
}

impl Gpu {
    /// Opens the best adapter and finds roughly how fast it multiplies, which says how long a dispatch may be.
    ///
    /// # Errors
    /// `no_webgpu` if there is no adapter, or only a software one and `software_allowed` is false.
    pub async fn open(software_allowed: bool) -> Result<Self> {
        let opened = device::open(software_allowed).await?;
        let arena = Arena::new(opened.device.clone(), opened.info.limits);
        let pipelines = Rc::new(Pipelines::new(opened.device.clone()));
        let recorder = Recorder::new(
            opened.device.clone(),
            opened.queue.clone(),
            Rc::clone(&arena),
            Rc::clone(&pipelines),
            opened.info.limits.max_workgroups,
        );
        let staging = Staging::new(opened.device.clone(), opened.queue.clone());
        let gpu = Self(Rc::new(Inner {
            device: opened.device,
            queue: opened.queue,
            info: opened.info,
            faults: opened.faults,
            arena,
            pipelines,
            recorder,
            choices: RefCell::default(),
            staging,
            allocations: RefCell::default(),
        }));
        let rate = calibrate::multiply_adds_per_millisecond(&gpu).await?;
        gpu.0.recorder.budget.set(calibrate::budget(rate));
        Ok(gpu)
    }

    /// What it runs on.
    #[must_use]
    pub fn adapter(&self) -> AdapterInfo {
        self.0.info.clone()
    }

    /// Why the device went away, if it did. It does not come back: open another one.
    #[must_use]
    pub fn is_lost(&self) -> Option<String> {
        self.0.faults.lost()
    }

    /// A buffer for that many f32 values, holding whatever was there before.
    ///
    /// # Errors
    /// `out_of_memory` if the device cannot hold it in one piece. That its memory ran out is told by the next run.
    pub fn allocate(&self, values: usize) -> Result<Buffer> {
        let scope = self
            .0
            .device
            .push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let created = self.0.arena.buffers();
        let buffer = self.0.arena.allocate(values);
        let check = scope.pop();
        if self.0.arena.buffers() > created {
            self.0.allocations.borrow_mut().push(Box::pin(check));
        }
        buffer
    }

    /// Writes values to the start of a buffer; values past its end are ignored.
    pub fn upload(&self, buffer: &Buffer, data: &[f32]) {
        let data = &data[..data.len().min(buffer.values())];
        if !data.is_empty() {
            buffer.touch();
            self.0
                .queue
                .write_buffer(buffer.raw(), 0, bytemuck::cast_slice(data));
        }
    }

    /// Gives up a handle. The memory goes back to the pool when recordings that use it are gone, too.
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unused_self,
        reason = "taking the handle is the point"
    )]
    pub fn release(&self, buffer: Buffer) {
        drop(buffer);
    }

    /// Reads the first values of some buffers, in one submit.
    ///
    /// # Errors
    /// `device_lost`, or `bad_argument` for more values than a buffer has.
    pub async fn read(&self, buffers: &[(&Buffer, usize)]) -> Result<Vec<Vec<f32>>> {
        self.0.faults.check()?;
        let values = self
            .0
            .staging
            .read(buffers, self.0.info.limits.max_buffer_size)
            .await;
        self.0.faults.check()?;
        values
    }

    /// Binds kernels to buffers once: pipelines, bind groups, uniform blocks and scratch. The buffers that stand beside
    /// a kernel are its operator's inputs in order, then its output. Dispatches that are too large for the device or too
    /// long for a page are split.
    ///
    /// # Errors
    /// `internal` for a binding without a buffer or an unknown shader, `out_of_memory` for scratch that does not fit.
    pub fn compile(&self, kernels: &[(Kernel, Vec<Buffer>)]) -> Result<Recording> {
        self.0.recorder.compile(kernels)
    }

    /// Runs a recording: one submit, or several where it takes long, between which the page breathes. It returns when
    /// the last is submitted; [`Gpu::read`] waits for results. What an aborted run wrote is not to be read.
    ///
    /// # Errors
    /// `aborted`, seen between submits; `device_lost`; `out_of_memory` and `internal` for what the device refused while it
    /// was compiled.
    pub async fn run(&self, recording: &Recording, control: &Control) -> Result<()> {
        self.repeat(recording, 1, control).await
    }

    /// Runs a recording `times` over; short runs share submits.
    ///
    /// # Errors
    /// As [`Gpu::run`].
    pub async fn repeat(
        &self,
        recording: &Recording,
        times: usize,
        control: &Control,
    ) -> Result<()> {
        self.check(recording).await?;
        let result = self.submit(recording, times, control).await;
        for buffer in &recording.written {
            buffer.touch();
        }
        result
    }

    /// Waits until everything that was submitted is computed.
    ///
    /// # Errors
    /// `device_lost`.
    pub async fn finish(&self) -> Result<()> {
        let Inner { device, queue, .. } = &*self.0;
        let done = wait::Signal::new();
        let deliver = done.share();
        queue.on_submitted_work_done(move || deliver.deliver(()));
        wait::poll(device, queue, &done).await;
        done.await;
        self.0.faults.check()
    }

    async fn submit(&self, recording: &Recording, times: usize, control: &Control) -> Result<()> {
        let Inner { device, queue, .. } = &*self.0;
        let mut pace = wait::Pace::new();
        let mut is_first = true;
        let mut left = times;
        while left > 0 {
            let together = recording.together.min(left);
            left -= together;
            for submit in 0..recording.submits.len() {
                if !is_first {
                    pace.submitted(queue).await;
                    self.0.faults.check()?;
                    control.check()?;
                }
                let mut encoder = device.create_command_encoder(&Default::default());
                {
                    let mut pass = encoder.begin_compute_pass(&Default::default());
                    if is_first {
                        prepare(recording, &mut pass);
                    }
                    for _ in 0..together {
                        encode(recording, submit, &mut pass);
                    }
                }
                queue.submit([encoder.finish()]);
                is_first = false;
            }
        }
        self.0.faults.check()
    }

    /// Looks at the error scopes around a recording's compilation and around allocations since the last run.
    async fn check(&self, recording: &Recording) -> Result<()> {
        self.0.faults.check()?;
        let checks = recording.checks.take();
        for check in checks {
            if let Some(error) = check.await {
                recording
                    .failed
                    .borrow_mut()
                    .get_or_insert_with(|| device::convert(&error));
            }
        }
        let allocations = self.0.allocations.take();
        let mut exhausted = None;
        for check in allocations {
            exhausted = check.await.or(exhausted);
        }
        if let Some(error) = exhausted {
            return Err(device::convert(&error));
        }
        match recording.failed.borrow().as_ref() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Overrides how many multiply-adds a dispatch, and a submit, may have in recordings compiled from now on; opening
    /// sets it from what the adapter does in 25 ms.
    pub fn set_dispatch_budget(&self, multiply_adds: u64) {
        self.0.recorder.budget.set(multiply_adds.max(1));
    }

    /// What it holds.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory {
            gpu_bytes: self.0.arena.bytes() + self.0.staging.bytes(),
            buffers: self.0.arena.buffers() + self.0.staging.buffers(),
            pipelines: self.0.pipelines.count(),
        }
    }
}

/// Puts what has to be prepared anew into a pass.
fn prepare(recording: &Recording, pass: &mut wgpu::ComputePass<'_>) {
    for (prepared, step) in &recording.preparations {
        if prepared.claim() {
            for dispatch in 0..step.dispatches.len() {
                step.encode(pass, dispatch);
            }
        }
    }
}

/// Puts the dispatches of one submit into a pass.
fn encode(recording: &Recording, submit: usize, pass: &mut wgpu::ComputePass<'_>) {
    let Some(range) = recording.submits.get(submit) else {
        return;
    };
    for &(step, dispatch) in &recording.dispatches[range.clone()] {
        recording.steps[step].encode(pass, dispatch);
    }
}
