//! Doing: what changes pictures or weights step by step.

pub mod attack;
pub mod bias;
pub mod defence;
pub mod filters;
pub mod ladder;
pub mod perturb;
pub mod shape;
pub mod shortcut;
pub mod statistics;
pub mod style;
pub mod synthesis;
pub mod train;
