//! Reading back: copies into pooled staging buffers, all of one read in one submit.

use std::cell::{Cell, RefCell};

use super::arena::Buffer;
use super::wait::{self, Signal};
use crate::error::{Error, Result};

/// Idle staging buffers above which returned ones are destroyed.
const MAX_IDLE: usize = 4;

/// Staging buffers of a device.
pub struct Staging {
    device: wgpu::Device,
    queue: wgpu::Queue,
    idle: RefCell<Vec<wgpu::Buffer>>,
    bytes: Cell<u64>,
    buffers: Cell<usize>,
}

impl Staging {
    /// No staging buffer yet.
    pub fn new(device: wgpu::Device, queue: wgpu::Queue) -> Self {
        Self {
            device,
            queue,
            idle: RefCell::default(),
            bytes: Cell::new(0),
            buffers: Cell::new(0),
        }
    }

    /// Bytes of all staging buffers.
    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// How many there are.
    pub fn buffers(&self) -> usize {
        self.buffers.get()
    }

    /// The first values of each buffer.
    ///
    /// # Errors
    /// `bad_argument` for more values than a buffer has, `out_of_memory` for more than fit a buffer, `device_lost`.
    pub async fn read(&self, buffers: &[(&Buffer, usize)], largest: u64) -> Result<Vec<Vec<f32>>> {
        if let Some((buffer, values)) = buffers
            .iter()
            .find(|(buffer, values)| *values > buffer.values())
        {
            return Err(Error::bad_argument(format!(
                "{values} values of a buffer of {}",
                buffer.values()
            )));
        }
        let total: u64 = buffers.iter().map(|&(_, values)| values as u64 * 4).sum();
        if total == 0 {
            return Ok(buffers.iter().map(|_| Vec::new()).collect());
        }
        if total > largest {
            return Err(Error::out_of_memory(format!(
                "{} MiB are more than can be read back at once; ask for fewer layers",
                total >> 20
            )));
        }
        let staging = self.take(total, largest);
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let mut offset = 0;
        for &(buffer, values) in buffers.iter().filter(|&&(_, values)| values > 0) {
            let bytes = values as u64 * 4;
            encoder.copy_buffer_to_buffer(buffer.raw(), 0, &staging, offset, bytes);
            offset += bytes;
        }
        self.queue.submit([encoder.finish()]);
        let mapped = Signal::new();
        let deliver = mapped.share();
        staging.map_async(wgpu::MapMode::Read, 0..total, move |result| {
            deliver.deliver(result);
        });
        wait::poll(&self.device, &self.queue, &mapped).await;
        let values = match mapped.await {
            Ok(()) => staging.get_mapped_range(0..total).map_err(|error| {
                Error::internal(format!("the values read back cannot be seen: {error}"))
            }),
            Err(_) => Err(Error::device_lost(
                "the GPU device was lost while its results were read; reload the network to start a new one",
            )),
        }
        .map(|view| {
            let mut rest: &[u8] = &view;
            buffers
                .iter()
                .map(|&(_, values)| {
                    let (part, tail) = rest.split_at(values * 4);
                    rest = tail;
                    bytemuck::pod_collect_to_vec(part)
                })
                .collect()
        });
        if values.is_ok() {
            staging.unmap();
            self.give(staging);
        } else {
            self.discard(&staging);
        }
        values
    }

    fn take(&self, bytes: u64, largest: u64) -> wgpu::Buffer {
        let mut idle = self.idle.borrow_mut();
        let fitting = idle
            .iter()
            .enumerate()
            .filter(|(_, buffer)| buffer.size() >= bytes)
            .min_by_key(|(_, buffer)| buffer.size())
            .map(|(index, _)| index);
        if let Some(index) = fitting {
            return idle.swap_remove(index);
        }
        let size = bytes.next_power_of_two().max(4096).min(largest);
        self.bytes.set(self.bytes.get() + size);
        self.buffers.set(self.buffers.get() + 1);
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("staging"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    fn give(&self, buffer: wgpu::Buffer) {
        let mut idle = self.idle.borrow_mut();
        idle.push(buffer);
        if idle.len() > MAX_IDLE {
            // The smallest is the easiest to replace.
            let smallest = idle
                .iter()
                .enumerate()
                .min_by_key(|(_, buffer)| buffer.size())
                .map_or(0, |(index, _)| index);
            let buffer = idle.swap_remove(smallest);
            self.discard(&buffer);
        }
    }

    fn discard(&self, buffer: &wgpu::Buffer) {
        self.bytes.set(self.bytes.get() - buffer.size());
        self.buffers.set(self.buffers.get() - 1);
        buffer.destroy();
    }
}
