//! Looking: what a network's answer depends on.

pub mod prediction;
pub mod saliency;
