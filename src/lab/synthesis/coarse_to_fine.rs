//! A run at growing sizes.

use super::ascent::{Ascent, Course, Glance, Run};
use super::start::{Octaves, grown, octave_sizes, resized, start_at};
use super::step::StepPlan;
use super::{Checkpoint, Start};
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::net::Net;
use crate::tensor::Shape;

/// How far a run goes.
pub struct Plan<'a> {
    /// Rows and columns in the end.
    pub size: [usize; 2],
    /// Steps of all sizes together; after a checkpoint, those that are left.
    pub steps: usize,
    /// What it starts from.
    pub start: &'a Start,
    /// Goes on from here instead.
    pub resume: Option<&'a Checkpoint>,
}

/// Takes the steps that `step` plans for each size. `on_look` sees the picture every so many and says whether to go on.
///
/// # Errors
/// `bad_argument` for a checkpoint of another run or values that are no numbers; `bad_image` for a start of another shape;
/// `aborted`; those of `step` and the engine.
pub async fn coarse_to_fine(
    net: &Net,
    run: &Run<'_>,
    plan: &Plan<'_>,
    step: impl AsyncFn(Shape) -> Result<StepPlan>,
    control: &Control,
    mut on_look: impl AsyncFnMut(Glance) -> Result<bool>,
) -> Result<Course> {
    let sizes = octave_sizes(run.settings.octaves, plan.size);
    let mut done = plan.resume.map_or(0, |checkpoint| checkpoint.step);
    let octaves = Octaves {
        total: done + plan.steps,
        count: sizes.len(),
    };
    let mut resume = plan.resume;
    let mut history = Vec::new();
    let mut image = None;
    for (octave, &size) in sizes.iter().enumerate() {
        let is_last = octave + 1 == sizes.len();
        let end = octaves.end(octave);
        // A state at the seam of two octaves still has the size of the first.
        if resume.is_some() && done > end {
            continue;
        }
        let shape = Shape::new(run.count, net.input_shape().c(), size[0], size[1]);
        let own = start_at(run.call, plan.start, shape)?;
        let start = match (&image, own) {
            (Some(coarser), own) => Start::Picture(grown(coarser, own.as_ref(), shape)?),
            (None, Some(picture)) => Start::Picture(picture),
            (None, None) => plan.start.clone(),
        };
        let planned = step(shape).await?;
        let mut executable = net.take_executable(&planned.key, || planned.program())?;
        let mut ascent = Ascent {
            net,
            run,
            plan: &planned,
            executable: &mut executable,
            first: done,
            resume: resume.take(),
        };
        let climb = ascent.climb(shape, &start, end - done, control, &mut on_look);
        // What a failed run left is no use to the next.
        let (course, ended) = climb.await?;
        net.keep_executable(planned.key.clone(), executable);
        done = course.checkpoint.step;
        let kept = course.history.len() - usize::from(!is_last && !ended);
        history.extend_from_slice(&course.history[..kept]);
        if is_last || ended {
            // A run that was ended early still gives pictures of the size that was asked for.
            let [height, width] = plan.size;
            let full = Shape::new(run.count, shape.c(), height, width);
            return Ok(Course {
                image: resized(&course.image, full)?,
                history,
                ..course
            });
        }
        image = Some(course.image);
    }
    Err(Error::internal("a run without octaves"))
}
