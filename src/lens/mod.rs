//! Looking: what a network's answer depends on, what its units respond to, and how pictures lie to each other in its layers.

pub mod attribution;
pub mod embed;
pub mod faithfulness;
pub mod field;
pub mod filters;
pub mod prediction;
pub mod rules;
pub mod similarity;
pub mod units;
