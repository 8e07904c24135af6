//! Bytes → graph. Nothing but a loader knows a file format.

pub mod arch;
pub mod data;
pub mod kind;
pub mod pth;
pub mod safetensors;
