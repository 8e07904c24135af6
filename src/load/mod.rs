//! Bytes → graph. Nothing but a loader knows a file format.

pub mod data;
pub mod safetensors;
