//! Doing: what changes pictures or weights step by step.

pub mod bias;
pub mod shortcut;
pub mod synthesis;
pub mod train;
