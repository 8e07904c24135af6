//! What the operators' tests share: repeatable numbers and a comparison that says where it failed.

use std::fmt::Debug;

use super::{Real, View};
use crate::tensor::Shape;

/// A repeatable source of numbers.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as u32
    }

    /// One of `choices`.
    pub fn pick(&mut self, choices: &[usize]) -> usize {
        choices[self.next() as usize % choices.len()]
    }

    /// A tensor of values in [-1, 1).
    pub fn values<T: Real>(&mut self, shape: Shape) -> Vec<T> {
        (0..shape.len())
            .map(|_| T::of(f64::from(self.next()) / f64::from(1 << 30) - 1.0))
            .collect()
    }
}

/// A tensor as kernels take it.
pub fn view<T>(data: &[T], shape: Shape) -> View<'_, T> {
    View { data, shape }
}

/// That `found` is `expected` to a tolerance relative to the largest expected value.
pub fn assert_close<T: Real>(found: &[T], expected: &[T], tolerance: f64, what: impl Debug) {
    assert_eq!(found.len(), expected.len(), "{what:?}");
    let largest = expected
        .iter()
        .fold(1e-30, |m, value| value.as_f64().abs().max(m));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (found.as_f64() - expected.as_f64()).abs();
        assert!(
            difference <= tolerance * largest,
            "value {index} is {found:?}, not {expected:?}: {what:?}"
        );
    }
}
