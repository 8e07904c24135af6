//! Doing: what changes pictures or weights step by step.

pub mod synthesis;
pub mod train;
