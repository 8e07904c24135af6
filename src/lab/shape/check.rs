//! That what a stimulus is told is within its range and fits the pictures.

use super::piece::Piece;
use super::quilt::Crop;
use super::stimulus::{Stimulus, Tones};
use crate::error::{Error, Result};
use crate::tensor::{Shape, Tensor};

/// For pictures of that shape.
///
/// # Errors
/// `bad_argument` with the option, what it was and what it may be.
pub fn check(stimulus: &Stimulus, shape: Shape) -> Result<()> {
    let side = shape.h().min(shape.w());
    let unit = |name: &str, value: f32| {
        if (0.0..=1.0).contains(&value) {
            return Ok(());
        }
        Err(Error::bad_argument(format!(
            "stimulus: {name} must be from 0 to 1, not {value}"
        )))
    };
    let sigma = |value: f32| {
        if (0.0..=side as f32).contains(&value) {
            return Ok(());
        }
        Err(Error::bad_argument(format!(
            "stimulus: sigma must be from 0 to {side} pixels, not {value}"
        )))
    };
    let tones = |tones: &Tones| unit("ink", tones.ink).and(unit("paper", tones.paper));
    match stimulus {
        Stimulus::Original | Stimulus::Grey => Ok(()),
        Stimulus::Blur { sigma: value } => sigma(*value),
        Stimulus::TwoTones {
            sigma: value,
            threshold,
        } => sigma(*value).and(unit("threshold", threshold.unwrap_or(0.5))),
        Stimulus::Shuffle { grid } if (2..=side).contains(grid) => Ok(()),
        Stimulus::Shuffle { grid } => Err(Error::bad_argument(format!(
            "stimulus: grid must be from 2 to {side} squares a side, not {grid}"
        ))),
        Stimulus::Edges { rule, tones: both } => sigma(rule.sigma)
            .and(unit("quiet", rule.quiet))
            .and(unit("ratio", rule.ratio))
            .and(tones(both)),
        Stimulus::Slopes {
            sigma: value,
            full,
            tones: both,
        } => sigma(*value).and(unit("full", *full)).and(tones(both)),
        Stimulus::Silhouette { mask, tones: both } => {
            check_mask(mask.as_ref(), shape).and(tones(both))
        }
        Stimulus::Texture(piece) => check_piece(piece, shape),
        Stimulus::Fill {
            texture,
            piece,
            mask,
            paper,
            strength,
        } => {
            let own = texture.activation_shape();
            if own.with_n(1) != shape.with_n(1) || (own.n() != 1 && own.n() != shape.n()) {
                return Err(Error::bad_argument(format!(
                    "stimulus: texture is a picture {own}, it must be as large as the picture {shape}"
                )));
            }
            check_piece(piece, own)
                .and(check_mask(mask.as_ref(), shape))
                .and(unit("paper", *paper))
                .and(unit("strength", *strength))
        }
    }
}

fn check_mask(mask: Option<&Tensor>, shape: Shape) -> Result<()> {
    let Some(mask) = mask else {
        return Ok(());
    };
    let own = mask.activation_shape();
    let fits = own.with_n(1) == Shape::new(1, 1, shape.h(), shape.w());
    if !fits || (own.n() != 1 && own.n() != shape.n()) {
        return Err(Error::bad_argument(format!(
            "stimulus: mask must be a Tensor [1, 1, {}, {}] or one for each picture, not {:?}",
            shape.h(),
            shape.w(),
            mask.shape()
        )));
    }
    if mask
        .data()
        .iter()
        .all(|weight| (0.0..=1.0).contains(weight))
    {
        return Ok(());
    }
    Err(Error::bad_argument(
        "stimulus: a mask's values go from 0, outside the object, to 1",
    ))
}

fn check_piece(piece: &Piece, shape: Shape) -> Result<()> {
    let side = shape.h().min(shape.w());
    if piece.size == 0 || piece.size > side {
        return Err(Error::bad_argument(format!(
            "stimulus: size must be from 1 to {side} pixels, not {}",
            piece.size
        )));
    }
    if piece.block == 0 || piece.block > side {
        return Err(Error::bad_argument(format!(
            "stimulus: block must be from 1 to {side} pixels, not {}",
            piece.block
        )));
    }
    match piece.crop {
        Some(Crop { y, x, size }) if y + size > shape.h() || x + size > shape.w() => {
            Err(Error::bad_argument(format!(
                "stimulus: the piece of {size} × {size} pixels at row {y} and column {x} reaches beyond the picture of {} × {}",
                shape.h(),
                shape.w()
            )))
        }
        _ => Ok(()),
    }
}
