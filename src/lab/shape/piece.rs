//! The piece of a picture whose texture is laid over all of it: the one that is named, or an even one on the object.

use super::foreground::foreground;
use super::pixels::{Picture, slopes, steepness};
pub use super::quilt::Crop;
use crate::engine::control::Control;
use crate::error::Result;
use crate::tensor::{Shape, Tensor};

/// A piece of texture.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Where it is; a place on the object with even texture if not given.
    pub crop: Option<Crop>,
    /// Side of the piece that is looked for.
    pub size: usize,
    /// Side of the blocks that it is laid in.
    pub block: usize,
}

/// The square on the object whose poorest quarter is richest in texture.
pub async fn even_piece(
    source: &Picture<'_>,
    luma: &[f32],
    size: usize,
    control: &Control,
) -> Result<Crop> {
    let (height, width) = (source.height, source.width);
    let shape = Shape::new(1, source.channels(), height, width);
    let picture = Tensor::from_shape(source.values.to_vec(), shape)?;
    let mask = foreground(&picture, control).await?;
    let (across, down) = slopes(luma, height, width);
    let steep = steepness(&across, &down);
    let (inside, steep) = (Sums::new(mask.data(), width), Sums::new(&steep, width));
    let step = (height.min(width) / 56).max(1);
    let places = (0..=height - size)
        .step_by(step)
        .flat_map(|y| (0..=width - size).step_by(step).map(move |x| (y, x)));
    let half = (size / 2).max(1);
    let rated = places.map(|(y, x)| {
        let share = inside.over(y, x, size, size) / (size * size) as f32;
        let quarters = [
            (0, 0),
            (0, size - half),
            (size - half, 0),
            (size - half, size - half),
        ];
        let poorest = quarters
            .map(|(row, column)| steep.over(y + row, x + column, half, half))
            .into_iter()
            .fold(f32::MAX, f32::min);
        (share, poorest, Crop { y, x, size })
    });
    let rated: Vec<(f32, f32, Crop)> = rated.collect();
    let most = rated.iter().map(|each| each.0).fold(0.0, f32::max);
    let on_it = rated.into_iter().filter(|each| each.0 >= 0.97 * most);
    let best = on_it.reduce(|best, each| if each.1 > best.1 { each } else { best });
    Ok(best.map_or(Crop { y: 0, x: 0, size }, |each| each.2))
}

/// Sums over rectangles in four look-ups (Crow 1984).
struct Sums {
    sums: Vec<f64>,
    width: usize,
}

impl Sums {
    fn new(plane: &[f32], width: usize) -> Self {
        let height = plane.len() / width;
        let mut sums = vec![0.0; (height + 1) * (width + 1)];
        for row in 0..height {
            let mut line = 0.0;
            for column in 0..width {
                line += f64::from(plane[row * width + column]);
                sums[(row + 1) * (width + 1) + column + 1] =
                    sums[row * (width + 1) + column + 1] + line;
            }
        }
        Self {
            sums,
            width: width + 1,
        }
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "summed in f64, returned as f32"
    )]
    fn over(&self, y: usize, x: usize, height: usize, width: usize) -> f32 {
        let at = |row: usize, column: usize| self.sums[row * self.width + column];
        (at(y + height, x + width) - at(y, x + width) - at(y + height, x) + at(y, x)) as f32
    }
}
