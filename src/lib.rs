//! convscope: a microscope for convolutional networks.
//!
//! Data goes one way: **bytes → graph → engine → lens → paint → canvas**.
//!
//! - [`tensor`], [`error`]: numbers on the host, the one error.
//! - [`graph`]: what a network is; [`ops`]: what its nodes compute, forward and backward.
//! - [`engine`]: graph → numbers and gradients, on the CPU or on WebGPU.
//! - [`picture`]: pixels → a network's input and back.
//! - [`lens`]: looking at what a network does; [`paint`]: numbers → RGBA.
//! - [`load`]: bytes → graph; [`net`]: a loaded network and what is asked of it.
//! - [`lab`]: training, and later whatever changes pictures or weights step by step.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod engine;
pub mod error;
pub mod graph;
pub mod lab;
pub mod lens;
pub mod load;
pub mod net;
pub mod ops;
pub mod paint;
pub mod picture;
pub mod random;
pub mod tensor;
#[cfg(target_arch = "wasm32")]
pub mod web;
