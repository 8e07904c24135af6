//! Attacks: small changes that make a network err, each written once over whatever can be attacked.

pub mod victim;

pub use crate::net::slopes::{Loss, Slope};
pub use victim::{Plain, Units, Victim};
