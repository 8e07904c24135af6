//! Attributions that are other backward rules over the same pass: each gives [`crate::net::Net::by_rule`] what stands at
//! a node instead of the operator's gradient.

pub mod deep_lift;
pub mod guided;
pub mod lrp;

pub use deep_lift::{DeepLift, Rescaled, deep_lift};
pub use guided::{Rectified, rectified};
pub use lrp::{LayerRule, Layerwise, Lrp, Relevance, lrp};
