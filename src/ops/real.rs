//! The numbers a CPU kernel works on: f32, and f64 where tests want more digits.

use std::fmt::Debug;
use std::iter::Sum;

use num_traits::{Float, NumAssign};

use super::scratch::Pooled;

/// f32 or f64.
pub trait Real: Float + NumAssign + Sum + Default + Debug + Send + Sync + Pooled {
    /// The nearest number to `value`.
    fn of(value: f64) -> Self;
    /// This number as f64.
    fn as_f64(self) -> f64;
}

impl Real for f32 {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "rounding to the nearest f32 is what this is for"
    )]
    fn of(value: f64) -> Self {
        value as Self
    }
    fn as_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
    fn as_f64(self) -> f64 {
        self
    }
}
