//! What a run starts from at each of its sizes, coarse to fine.

use super::Start;
use super::matrices::{apply, resize};
use super::settings;
use crate::error::{Error, Result};
use crate::tensor::{Shape, Tensor};

/// How the steps of a run are shared among its octaves.
#[derive(Debug, Clone, Copy)]
pub struct Octaves {
    /// Steps of the whole run, those before a checkpoint included.
    pub total: usize,
    /// Octaves.
    pub count: usize,
}

impl Octaves {
    /// Steps done when that octave ends.
    pub const fn end(self, octave: usize) -> usize {
        self.total * (octave + 1) / self.count
    }
}

/// The sizes from coarse to fine.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a picture's extent"
)]
pub fn octave_sizes(octaves: settings::Octaves, size: [usize; 2]) -> Vec<[usize; 2]> {
    (0..octaves.count)
        .rev()
        .map(|level| {
            let factor = f64::from(octaves.factor).powf(level as f64);
            size.map(|length| ((length as f64 / factor).round() as usize).max(4))
        })
        .collect()
}

/// The picture that a run starts from at a size, for the whole batch; `None` for noise and grey.
pub fn start_at(call: &str, start: &Start, shape: Shape) -> Result<Option<Tensor>> {
    let Start::Picture(picture) = start else {
        return Ok(None);
    };
    let given = picture.activation_shape();
    if given.is_empty() || given.c() != shape.c() || (given.n() != 1 && given.n() != shape.n()) {
        return Err(Error::bad_image(format!(
            "{call}: init is {:?}, but pictures here are [1 or {}, {}, H, W]",
            picture.shape(),
            shape.n(),
            shape.c()
        )));
    }
    let resized = resized(picture, shape)?;
    let repeats = shape.n() / given.n();
    Tensor::from_shape(resized.data().repeat(repeats), shape).map(Some)
}

/// A picture at another size.
pub fn resized(picture: &Tensor, shape: Shape) -> Result<Tensor> {
    let given = picture.activation_shape();
    let target = shape.with_n(given.n());
    if given == target {
        return Ok(picture.clone());
    }
    let data = apply(
        picture.data(),
        [given.h(), given.w()],
        &resize(given.h(), shape.h()),
        &resize(given.w(), shape.w()),
    );
    Tensor::from_shape(data, target)
}

/// What a coarser octave made, at the next size, with the detail of the start that the coarser one could not hold.
pub fn grown(coarser: &Tensor, start: Option<&Tensor>, shape: Shape) -> Result<Tensor> {
    let mut large = resized(coarser, shape)?;
    if let Some(start) = start {
        let lost = resized(&resized(start, coarser.activation_shape())?, shape)?;
        let detail = start.data().iter().zip(lost.data()).map(|(a, b)| a - b);
        for (value, detail) in large.data_mut().iter_mut().zip(detail) {
            *value += detail;
        }
    }
    Ok(large)
}
