//! Looking: what a network's answer depends on, and how pictures lie to each other in its layers.

pub mod attribution;
pub mod embed;
pub mod prediction;
pub mod rules;
