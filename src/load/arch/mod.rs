//! Architectures that are known by their names: weights alone → a network as data.

pub mod efficientnet_lite;
pub mod fashion;
