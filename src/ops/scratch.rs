//! Buffers that CPU kernels pack their operands into, kept from call to call.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

use super::Real;

/// A type of which each thread keeps spare buffers.
pub trait Pooled: Sized + 'static {
    /// The spare buffers of this thread.
    fn spare() -> &'static LocalKey<RefCell<Vec<Vec<Self>>>>;
}

macro_rules! pooled {
    ($($type:ty),*) => {
        $(impl Pooled for $type {
            fn spare() -> &'static LocalKey<RefCell<Vec<Vec<Self>>>> {
                thread_local!(static SPARE: RefCell<Vec<Vec<$type>>> = const { RefCell::new(Vec::new()) });
                &SPARE
            }
        })*
    };
}

pooled!(f32, f64);

/// Values to write before they are read; the memory goes back to the thread's spare buffers when this is dropped.
#[derive(Debug)]
pub struct Buffer<T: Real>(Vec<T>);

/// A buffer of `length` values left over from earlier use.
pub fn take<T: Real>(length: usize) -> Buffer<T> {
    let mut values = T::spare().with_borrow_mut(Vec::pop).unwrap_or_default();
    values.resize(length, T::zero());
    Buffer(values)
}

impl<T: Real> Buffer<T> {
    /// Makes it hold `length` values; which ones is not said.
    pub fn resize(&mut self, length: usize) {
        self.0.resize(length, T::zero());
    }
}

impl<T: Real> Drop for Buffer<T> {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.0);
        T::spare().with_borrow_mut(|spare| spare.push(values));
    }
}

impl<T: Real> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Real> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}
