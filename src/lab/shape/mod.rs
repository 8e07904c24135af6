//! Shape against texture: which of the two a network goes by when they contradict each other (Geirhos et al. 2019), and
//! pictures that leave one of them.
//!
//! Nothing here asks the network how a picture is to be changed; pictures that are optimised through a network are made by
//! the style engine.

pub mod bias;
pub mod categories;
mod check;
pub mod edges;
pub mod foreground;
mod mixture;
mod piece;
mod pixels;
mod quilt;
mod shuffle;
pub mod stimulus;

pub use bias::{Cue, Decision, Outcome, Summary, Tally, decide, summarize};
pub use categories::{Category, Which};
pub use foreground::foreground;
pub use stimulus::{Crop, Stimulus, make};
