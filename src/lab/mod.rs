//! Doing: what changes pictures or weights step by step.

pub mod train;
