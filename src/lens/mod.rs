//! Looking: what a network's answer depends on.

pub mod attribution;
pub mod prediction;
pub mod rules;
