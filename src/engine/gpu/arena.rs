//! Buffers on the device: made in size classes, kept for the next user when their last handle goes, destroyed when too
//! many lie idle (on the web nothing else gives their memory back).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use super::device::Limits;
use crate::error::{Error, Result};

/// f32 values on the device. Handles are cheap; when the last one is dropped the memory goes back to the pool.
#[derive(Debug, Clone)]
pub struct Buffer(Rc<Allocation>);

#[derive(Debug)]
struct Allocation {
    raw: wgpu::Buffer,
    values: usize,
    id: u64,
    version: Cell<u64>,
    class: u64,
    arena: Weak<Arena>,
}

impl Buffer {
    /// How many values were asked for; the memory behind them may be larger.
    #[must_use]
    pub fn values(&self) -> usize {
        self.0.values
    }

    /// The buffer itself.
    pub(super) fn raw(&self) -> &wgpu::Buffer {
        &self.0.raw
    }

    /// A number that no other allocation has.
    pub(super) fn id(&self) -> u64 {
        self.0.id
    }

    /// Counts how often its contents were written.
    pub(super) fn version(&self) -> u64 {
        self.0.version.get()
    }

    /// Says that its contents are about to change.
    pub(super) fn touch(&self) {
        self.0.version.set(self.0.version.get() + 1);
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        match self.arena.upgrade() {
            Some(arena) => arena.take_back(self.class, self.raw.clone()),
            None => self.raw.destroy(),
        }
    }
}

/// Idle bytes above which returned buffers are destroyed.
const MAX_IDLE_BYTES: u64 = 256 << 20;
/// Idle buffers of one size above which returned ones are destroyed.
const MAX_IDLE_PER_CLASS: usize = 64;

/// All buffers of a device.
#[derive(Debug)]
pub struct Arena {
    device: wgpu::Device,
    limits: Limits,
    idle: RefCell<HashMap<u64, Vec<wgpu::Buffer>>>,
    idle_bytes: Cell<u64>,
    bytes: Cell<u64>,
    buffers: Cell<usize>,
    next_id: Cell<u64>,
}

impl Arena {
    /// An arena without buffers.
    pub fn new(device: wgpu::Device, limits: Limits) -> Rc<Self> {
        Rc::new(Self {
            device,
            limits,
            idle: RefCell::default(),
            idle_bytes: Cell::new(0),
            bytes: Cell::new(0),
            buffers: Cell::new(0),
            next_id: Cell::new(0),
        })
    }

    /// A storage buffer for that many values, with whatever was in it before.
    ///
    /// # Errors
    /// `out_of_memory` if the device cannot bind that many.
    pub fn allocate(self: &Rc<Self>, values: usize) -> Result<Buffer> {
        let needed = (values as u64).max(1) * 4;
        let largest = self
            .limits
            .max_storage_buffer_binding_size
            .min(self.limits.max_buffer_size)
            & !15;
        if needed > largest {
            return Err(Error::out_of_memory(format!(
                "a tensor of {values} values needs {} MiB; this device holds at most {} MiB in one piece: take a smaller picture or batch",
                needed >> 20,
                largest >> 20
            )));
        }
        let class = size_class(needed).min(largest);
        let pooled = self
            .idle
            .borrow_mut()
            .get_mut(&class)
            .and_then(std::vec::Vec::pop);
        let raw = if let Some(raw) = pooled {
            self.idle_bytes.set(self.idle_bytes.get() - class);
            raw
        } else {
            self.bytes.set(self.bytes.get() + class);
            self.buffers.set(self.buffers.get() + 1);
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: class,
                usage: wgpu::BufferUsages::STORAGE
                    | wgpu::BufferUsages::COPY_SRC
                    | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        self.next_id.set(self.next_id.get() + 1);
        Ok(Buffer(Rc::new(Allocation {
            raw,
            values,
            id: self.next_id.get(),
            version: Cell::new(0),
            class,
            arena: Rc::downgrade(self),
        })))
    }

    fn take_back(&self, class: u64, raw: wgpu::Buffer) {
        let mut idle = self.idle.borrow_mut();
        let same = idle.entry(class).or_default();
        if same.len() >= MAX_IDLE_PER_CLASS || self.idle_bytes.get() + class > MAX_IDLE_BYTES {
            raw.destroy();
            self.bytes.set(self.bytes.get() - class);
            self.buffers.set(self.buffers.get() - 1);
        } else {
            same.push(raw);
            self.idle_bytes.set(self.idle_bytes.get() + class);
        }
    }

    /// Bytes of all buffers, idle ones too.
    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// How many buffers there are, idle ones too.
    pub fn buffers(&self) -> usize {
        self.buffers.get()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        for raw in self.idle.borrow().values().flatten() {
            raw.destroy();
        }
    }
}

/// Rounds up to two bits after the leading one (at most a quarter more), and to 256 bytes, which is also a whole number
/// of `vec4<f32>`: shaders may read and write up to three values past a tensor's end.
fn size_class(bytes: u64) -> u64 {
    let step = (bytes.max(1).next_power_of_two() / 8).max(256);
    bytes.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::size_class;

    #[test]
    fn size_classes_hold_what_was_asked_and_waste_at_most_a_quarter() {
        for bytes in (1..100_000_u64).step_by(37) {
            let class = size_class(bytes);
            assert!(
                class >= bytes && class.is_multiple_of(256),
                "{bytes} -> {class}"
            );
            assert!(
                class <= (bytes + bytes / 4).max(bytes + 255),
                "{bytes} -> {class}"
            );
        }
    }
}
