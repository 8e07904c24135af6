//! convscope: a microscope for convolutional networks.
//!
//! Data goes one way: **bytes → graph → engine → lens → paint → canvas**.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod error;
