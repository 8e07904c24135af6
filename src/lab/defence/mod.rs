//! Defences: networks that see pictures through a filter or through noise, what they certify, what they detect, and what an
//! attack that knows of them still does.

mod defended;
mod judge;
mod smoothing;
mod squeezing;

pub use defended::{Defence, Defended};
pub use judge::{judged, verdicts};
pub use smoothing::{Certificate, Smoothing, certify};
pub use squeezing::{Detection, Squeezing, detect};
