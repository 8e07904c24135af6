//! Pictures by gradient ascent: what a class, a channel, a unit or a direction wants to see.
//!
//! A step is one program: optimised numbers → picture → what the network sees of it → objective and penalties → gradient →
//! Adam or gradient ascent → numbers. It is compiled once a structure; only what is fed differs from step to step, and
//! nothing is read back but the picture and its values, when somebody looks.

pub(super) mod ascent;
pub(super) mod coarse_to_fine;
pub(super) mod matrices;
pub(super) mod parametrization;
mod program;
mod redirect;
pub mod settings;
pub(super) mod start;
pub(super) mod step;
mod transforms;

pub use parametrization::Normalization;

use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::net::objective::Objective;
use crate::net::{Net, Overrides};
use crate::tensor::{Shape, Tensor};
use ascent::{Course, Glance, Run};
use coarse_to_fine::{Plan, coarse_to_fine};
use settings::Settings;

/// Values that the program keeps before they are read.
const HISTORY: usize = 64;

/// Steps that a run may have.
pub const MOST_STEPS: usize = 100_000;

/// Values of a batch, C · H · W a picture, that are taken at most.
pub(super) const MOST_VALUES: usize = 16 << 20;

/// What a run starts from.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Noise by the seed.
    Noise,
    /// Even grey.
    Grey,
    /// A picture (1 or N, C, H, W) in model space.
    Picture(Tensor),
}

/// Where a run stands, so that another call can go on from there.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Steps done.
    pub step: usize,
    /// The optimised numbers and the optimiser's moments.
    pub values: Vec<Tensor>,
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// One objective for all pictures, or one for each.
    pub objectives: Vec<Objective>,
    /// How.
    pub settings: Settings,
    /// The network's rule for pixels.
    pub normalization: Normalization,
    /// Pictures in the batch.
    pub count: usize,
    /// Rows and columns.
    pub size: [usize; 2],
    /// Steps of ascent.
    pub steps: usize,
    /// What it starts from.
    pub start: Start,
    /// Goes on from here instead; `steps` are then those that are left, so that octaves change where they would have.
    pub resume: Option<&'a Checkpoint>,
    /// The layer whose Gram matrices diversity compares.
    pub diverse_layer: Option<String>,
    /// Layers changed on the way.
    pub overrides: Overrides,
    /// Of noise and transforms.
    pub seed: u64,
    /// Steps between looks.
    pub every: usize,
    /// Looks between those that come with a checkpoint; 0 for none.
    pub checkpoints: usize,
}

/// A look at a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Steps done when the picture was as it is.
    pub step: usize,
    /// The objective there, summed over the batch.
    pub value: f32,
    /// (N, C, H, W) in model space.
    pub image: Tensor,
    /// From which the run can go on, after the step that follows the picture.
    pub checkpoint: Option<Checkpoint>,
}

/// What a run gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// (N, C, H, W) in model space.
    pub image: Tensor,
    /// The objective before each step, and after the last.
    pub history: Vec<f32>,
    /// From which the run can go on.
    pub checkpoint: Checkpoint,
}

/// Makes pictures. `on_look` sees the picture every so many steps and says whether to go on.
///
/// # Errors
/// `bad_argument` for settings out of range, objectives that do not fit, or a checkpoint of another run; `bad_image` for a
/// start of another shape; `aborted`; those of the engine.
pub async fn synthesize(
    net: &Net,
    request: &Request<'_>,
    control: &Control,
    mut on_look: impl AsyncFnMut(Look) -> Result<bool>,
) -> Result<Outcome> {
    check(net, request)?;
    let run = Run {
        call: "synthesize",
        settings: &request.settings,
        normalization: &request.normalization,
        count: request.count,
        seed: request.seed,
        every: request.every,
        checkpoints: request.checkpoints,
    };
    let plan = Plan {
        size: request.size,
        steps: request.steps,
        start: &request.start,
        resume: request.resume,
    };
    let step = async |shape: Shape| program::plan(net, request, shape);
    let look = async |glance: Glance| {
        on_look(Look {
            step: glance.step,
            value: last(&glance.history),
            image: glance.image,
            checkpoint: glance.checkpoint,
        })
        .await
    };
    let Course {
        image,
        history,
        checkpoint,
        ..
    } = coarse_to_fine(net, &run, &plan, step, control, look).await?;
    Ok(Outcome {
        image,
        history: history.into_iter().flatten().collect(),
        checkpoint,
    })
}

/// The last value recorded.
fn last(history: &[Vec<f32>]) -> f32 {
    history.last().map_or(f32::NAN, |numbers| numbers[0])
}

fn check(net: &Net, request: &Request<'_>) -> Result<()> {
    let wrong = |message: String| Err(Error::bad_argument(format!("synthesize: {message}")));
    request.settings.check("synthesize", request.size)?;
    let [height, width] = request.size;
    let values = request.count * net.input_shape().c() * height * width;
    if height.min(width) < 4 || values > MOST_VALUES || request.count == 0 {
        return wrong(format!(
            "{} pictures of {height} × {width} were asked for; pictures have at least 4 × 4 pixels, and a batch at most {} million values",
            request.count,
            MOST_VALUES >> 20
        ));
    }
    if request.steps > MOST_STEPS {
        return wrong(format!(
            "steps is {}, it may be up to {MOST_STEPS}",
            request.steps
        ));
    }
    if request.every == 0 {
        return wrong("every is 0, it must be at least 1".to_owned());
    }
    if request.settings.diversity > 0.0 && request.settings.copies > 1 {
        return wrong(
            "diversity keeps pictures apart and copies would be kept apart too; take one of them"
                .to_owned(),
        );
    }
    if request.settings.diversity > 0.0 && request.diverse_layer.is_none() {
        return wrong(
            "diversity compares pictures at a layer; take an objective with a layer, or name one as diversityLayer"
                .to_owned(),
        );
    }
    Ok(())
}
