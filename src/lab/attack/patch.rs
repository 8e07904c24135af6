//! A patch: a part of the picture, painted over without any budget.

use super::run::Run;
use super::space::{row, row_mut, sign};
use super::{Look, MOST_STEPS, Victim, counted, within};
use crate::error::{Error, Result};
use crate::random::Random;
use crate::tensor::{Shape, Tensor};

/// One patch for all pictures (Brown et al. 2017), by steps along the signs of the gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// Rows and columns, from 1; a fifth of the shorter side each, if not given.
    pub size: Option<[usize; 2]>,
    /// Row and column of its upper left pixel; in the middle, if not given.
    pub position: Option<[usize; 2]>,
    /// Whether it learns at random places, so that it works wherever it is laid.
    pub anywhere: bool,
    /// Steps; with 0 it is laid as it is.
    pub steps: usize,
    /// The length of a step.
    pub step_size: f32,
    /// What it starts from, (1, C, rows, columns); halfway between the bounds, if not given.
    pub patch: Option<Tensor>,
}

impl Default for Patch {
    fn default() -> Self {
        Self {
            size: None,
            position: None,
            anywhere: false,
            steps: 100,
            step_size: 0.05,
            patch: None,
        }
    }
}

impl Patch {
    pub(super) fn check(&self, picture: Shape) -> Result<()> {
        counted("steps", self.steps, 0, MOST_STEPS)?;
        within(
            "stepSize",
            self.step_size,
            f32::MIN_POSITIVE..=f32::MAX,
            "a number above 0",
        )?;
        let [rows, columns] = self.extents(picture);
        counted("size", rows, 1, picture.h())?;
        counted("size", columns, 1, picture.w())?;
        let [top, left] = self.place(picture);
        counted("position", top, 0, picture.h() - rows)?;
        counted("position", left, 0, picture.w() - columns)?;
        match &self.patch {
            Some(patch) if !patch.fits(Shape::new(1, picture.c(), rows, columns)) => {
                Err(Error::bad_argument(format!(
                    "attack: patch is {:?}, where [1, {}, {rows}, {columns}] was asked for",
                    patch.shape(),
                    picture.c()
                )))
            }
            _ => Ok(()),
        }
    }

    /// Rows and columns.
    fn extents(&self, picture: Shape) -> [usize; 2] {
        let given = self.patch.as_ref().map(Tensor::activation_shape);
        let side = (picture.h().min(picture.w()) / 5).max(1);
        self.size
            .or(given.map(|shape| [shape.h(), shape.w()]))
            .unwrap_or([side, side])
    }

    fn place(&self, picture: Shape) -> [usize; 2] {
        let [rows, columns] = self.extents(picture);
        let middle = |whole: usize, part: usize| whole.saturating_sub(part) / 2;
        self.position
            .unwrap_or([middle(picture.h(), rows), middle(picture.w(), columns)])
    }
}

/// The patch is kept in [`super::Extra::patch`]; the pictures come back with it at its position.
pub(super) async fn patch<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    settings: &Patch,
) -> Result<Tensor> {
    let (count, shape) = (run.count(), run.picture());
    let [rows, columns] = settings.extents(shape);
    let extents = Shape::new(1, shape.c(), rows, columns);
    let mut patch = match &settings.patch {
        Some(patch) => patch.data().to_vec(),
        None => (0..extents.len())
            .map(|at| {
                let [low, high] = run.bounds.of(at / extents.plane());
                f32::midpoint(low, high)
            })
            .collect(),
    };
    run.bounds.clamp(&mut patch);
    let all: Vec<usize> = (0..count).collect();
    let fixed = vec![settings.place(shape); count];
    let mut randoms: Vec<Random> = (0..count).map(|picture| run.random(picture, 0)).collect();
    for step in 0..settings.steps {
        let places: Vec<[usize; 2]> = if settings.anywhere {
            let draw = |random: &mut Random| {
                [
                    random.below(shape.h() - rows + 1),
                    random.below(shape.w() - columns + 1),
                ]
            };
            randoms.iter_mut().map(draw).collect()
        } else {
            fixed.clone()
        };
        let pictures = laid(run.start, &patch, extents, &places);
        let climb = run.climb(&all, &pictures).await?;
        let success = run.reached(&all, &climb.logits);
        let is_done = run.early_stop && success.iter().all(|&reached| reached);
        let look = || Look {
            patch: Tensor::from_shape(patch.clone(), extents).ok(),
            ..Look::new(step, &pictures, success, &climb.values)
        };
        if !run.show(step, settings.steps, look).await? || is_done {
            break;
        }
        let mut sum = vec![0.0; patch.len()];
        for (picture, &place) in places.iter().enumerate() {
            let gradient = row(&climb.gradient, picture);
            covered(shape, extents, place, |part, at| sum[part] += gradient[at]);
        }
        for (value, sum) in patch.iter_mut().zip(sum) {
            *value += settings.step_size * sign(sum);
        }
        run.bounds.clamp(&mut patch);
        run.steps.iter_mut().for_each(|steps| *steps += 1);
    }
    let pictures = laid(run.start, &patch, extents, &fixed);
    run.extra.patch = Some(Tensor::from_shape(patch, extents)?);
    Ok(pictures)
}

/// Visits every value of a patch at its place: where it is in the patch, and where in the picture.
fn covered(
    picture: Shape,
    patch: Shape,
    [top, left]: [usize; 2],
    mut visit: impl FnMut(usize, usize),
) {
    for part in 0..patch.len() {
        let (channel, pixel) = (part / patch.plane(), part % patch.plane());
        let (y, x) = (top + pixel / patch.w(), left + pixel % patch.w());
        visit(part, channel * picture.plane() + y * picture.w() + x);
    }
}

fn laid(start: &Tensor, patch: &[f32], extents: Shape, places: &[[usize; 2]]) -> Tensor {
    let mut pictures = start.clone();
    let shape = start.activation_shape();
    for (picture, &place) in places.iter().enumerate() {
        let values = row_mut(&mut pictures, picture);
        covered(shape, extents, place, |part, at| values[at] = patch[part]);
    }
    pictures
}
