//! Numbers → RGBA: the planes of a tensor side by side in one atlas, each value scaled to a byte and given a colour.

use crate::error::{Error, Result};
use crate::tensor::Tensor;

pub mod colormap;
pub mod range;

use colormap::{Colormap, Rgb};
use range::{Scale, byte};

/// Pixels that an atlas may have along one side, as browsers limit canvases.
const LONGEST_SIDE: usize = 16_384;

/// Pixels that an atlas may have in all: 256 MiB of RGBA.
const MOST_PIXELS: usize = 1 << 26;

/// How values become colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coloring {
    /// Every plane of the tensor is a tile, its bytes looked up in a colour map.
    Map(Colormap),
    /// Every three planes are the red, green and blue of one tile.
    Rgb,
}

/// How to paint a tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paint {
    /// Bytes to colours.
    pub coloring: Coloring,
    /// Values to bytes.
    pub scale: Scale,
    /// Share of values inside the range, in per cent, (50, 100]; what lies beyond is clipped.
    pub percentile: f64,
    /// Tiles a row; as nearly square as can be if `None`.
    pub columns: Option<usize>,
}

/// Tiles of equal size in one picture, in row-major order without gaps; places without a tile are transparent.
#[derive(Debug, Clone, PartialEq)]
pub struct Atlas {
    /// RGBA bytes, `rows · tile[0]` by `columns · tile[1]` pixels.
    pub rgba: Vec<u8>,
    /// Tiles a row.
    pub columns: usize,
    /// Rows of tiles.
    pub rows: usize,
    /// Height and width of a tile.
    pub tile: [usize; 2],
    /// The values that became 0 and 255, a pair for each tile.
    pub ranges: Vec<f32>,
}

impl Atlas {
    /// Width and height in pixels.
    #[must_use]
    pub const fn size(&self) -> [usize; 2] {
        [self.columns * self.tile[1], self.rows * self.tile[0]]
    }
}

/// Paints the planes of a tensor `[…, H, W]` of 2 to 4 extents.
///
/// # Errors
/// `bad_argument` for a tensor without values, with fewer than two extents, with a number of channels other than 3 for
/// [`Coloring::Rgb`], for a percentile or column count out of range, or an atlas larger than a canvas may be.
pub fn paint(tensor: &Tensor, paint: &Paint) -> Result<Atlas> {
    let &[ref outer @ .., height, width] = tensor.shape() else {
        return Err(Error::bad_argument(format!(
            "only a tensor of 2 to 4 extents can be painted, its last two being rows and columns; this one is {:?}",
            tensor.shape()
        )));
    };
    if tensor.data().is_empty() {
        return Err(Error::bad_argument(format!(
            "a tensor of shape {:?} holds nothing to paint",
            tensor.shape()
        )));
    }
    let planes = match paint.coloring {
        Coloring::Map(_) => 1,
        Coloring::Rgb => 3,
    };
    if planes == 3 && outer.last().copied() != Some(3) {
        return Err(Error::bad_argument(format!(
            "map \"rgb\" takes a tensor [N, 3, H, W] or [3, H, W], this one is {:?}",
            tensor.shape()
        )));
    }
    if !(paint.percentile > 50.0 && paint.percentile <= 100.0) {
        return Err(Error::bad_argument(format!(
            "percentile must be above 50 and at most 100, not {}",
            paint.percentile
        )));
    }
    let plane = height * width;
    let tiles = tensor.data().len() / (planes * plane);
    let columns = columns(paint.columns, tiles, [height, width])?;
    let rows = tiles.div_ceil(columns);
    let mut atlas = Atlas {
        rgba: vec![0; 4 * rows * columns * plane],
        columns,
        rows,
        tile: [height, width],
        ranges: Vec::with_capacity(2 * tiles),
    };
    let ranges = range::ranges(tensor.data(), planes * plane, paint.scale, paint.percentile)?;
    let table = match paint.coloring {
        Coloring::Map(map) => map.table(),
        Coloring::Rgb => [[0; 3]; 256],
    };
    for (index, (values, range)) in tensor
        .data()
        .chunks_exact(planes * plane)
        .zip(&ranges)
        .enumerate()
    {
        atlas.ranges.extend([range.low, range.high]);
        match paint.coloring {
            Coloring::Map(_) => atlas.fill(index, |pixel| {
                table[usize::from(byte(values[pixel], *range))]
            }),
            Coloring::Rgb => atlas.fill(index, |pixel| {
                [0, 1, 2].map(|channel| byte(values[channel * plane + pixel], *range))
            }),
        }
    }
    Ok(atlas)
}

impl Atlas {
    /// Colours the pixels of one tile.
    fn fill(&mut self, index: usize, color: impl Fn(usize) -> Rgb) {
        let [height, width] = self.tile;
        let stride = self.columns * width;
        let corner = (index / self.columns) * height * stride + (index % self.columns) * width;
        for y in 0..height {
            let row = &mut self.rgba[4 * (corner + y * stride)..][..4 * width];
            for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
                let [red, green, blue] = color(y * width + x);
                pixel.copy_from_slice(&[red, green, blue, 255]);
            }
        }
    }
}

/// Tiles a row, checked against what a canvas can hold.
fn columns(asked: Option<usize>, tiles: usize, [height, width]: [usize; 2]) -> Result<usize> {
    let columns = match asked {
        Some(0) => return Err(Error::bad_argument("columns must be at least 1, not 0")),
        Some(columns) => columns.min(tiles),
        None => nearly_square(tiles, height, width),
    };
    let rows = tiles.div_ceil(columns);
    if columns * width > LONGEST_SIDE
        || rows * height > LONGEST_SIDE
        || columns * width * rows * height > MOST_PIXELS
    {
        return Err(Error::bad_argument(format!(
            "{tiles} tiles of {height}×{width} in {columns} columns make a picture of {}×{} pixels, more than a canvas \
             holds ({LONGEST_SIDE} a side); paint fewer planes",
            columns * width,
            rows * height
        )));
    }
    Ok(columns)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the square root of a count is a small positive number, and rounding is meant"
)]
fn nearly_square(tiles: usize, height: usize, width: usize) -> usize {
    let ideal = (tiles as f64 * height as f64 / width as f64).sqrt();
    (ideal.ceil() as usize).clamp(1, tiles)
}

#[cfg(test)]
mod tests {
    use super::range::Range;
    use super::*;
    use crate::error::Code;

    const GRAY: Paint = Paint {
        coloring: Coloring::Map(Colormap::Gray),
        scale: Scale::Each,
        percentile: 100.0,
        columns: None,
    };

    fn tensor(data: &[f32], shape: &[usize]) -> Tensor {
        Tensor::new(data.to_vec(), shape).expect("the test's shape fits")
    }

    fn reds(atlas: &Atlas) -> Vec<u8> {
        atlas.rgba.iter().step_by(4).copied().collect()
    }

    #[test]
    fn tiles_lie_in_row_major_order_without_gaps() {
        let values: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let paint_all = Paint {
            scale: Scale::Pair(Range {
                low: 0.0,
                high: 255.0,
            }),
            columns: Some(2),
            ..GRAY
        };
        let atlas = paint(&tensor(&values, &[1, 3, 2, 2]), &paint_all).expect("it can be painted");
        assert_eq!(
            (atlas.columns, atlas.rows, atlas.tile, atlas.size()),
            (2, 2, [2, 2], [4, 4])
        );
        assert_eq!(
            reds(&atlas),
            [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 0, 0, 10, 11, 0, 0]
        );
        // The place without a tile is transparent.
        assert_eq!(atlas.rgba[4 * 10..4 * 12], [0; 8]);
        assert_eq!(atlas.rgba[4 * 9 + 3], 255);
    }

    #[test]
    fn each_plane_has_its_range_and_a_constant_plane_is_middle_gray() {
        let atlas = paint(
            &tensor(&[-1.0, 3.0, 5.0, 5.0], &[1, 2, 1, 2]),
            &Paint {
                columns: Some(2),
                ..GRAY
            },
        )
        .expect("it can be painted");
        assert_eq!(reds(&atlas), [0, 255, 128, 128]);
        assert_eq!(atlas.ranges, [-1.0, 3.0, 5.0, 5.0]);
    }

    #[test]
    fn rgb_takes_three_planes_a_tile_under_one_range() {
        let values = [0.0, 2.0, 1.0, 1.0, 2.0, 0.0];
        let atlas = paint(
            &tensor(&values, &[1, 3, 1, 2]),
            &Paint {
                coloring: Coloring::Rgb,
                ..GRAY
            },
        )
        .expect("it can be painted");
        assert_eq!(atlas.rgba, [0, 128, 255, 255, 255, 128, 0, 255]);
        assert_eq!(atlas.ranges, [0.0, 2.0]);
    }

    #[test]
    fn a_default_atlas_is_nearly_square() {
        let size = |planes: usize, height: usize, width: usize| {
            let data = vec![0.0; planes * height * width];
            paint(&tensor(&data, &[planes, height, width]), &GRAY)
                .expect("it can be painted")
                .size()
        };
        assert_eq!(size(64, 7, 7), [56, 56]);
        assert_eq!(size(1, 7, 9), [9, 7]);
        assert_eq!(size(16, 4, 16), [32, 32]);
    }

    #[test]
    fn what_cannot_be_painted_is_a_bad_argument() {
        let cases = [
            (tensor(&[1.0, 2.0], &[2]), GRAY),
            (tensor(&[], &[1, 0, 3, 3]), GRAY),
            (
                tensor(&[1.0, 2.0], &[1, 2, 1, 1]),
                Paint {
                    coloring: Coloring::Rgb,
                    ..GRAY
                },
            ),
            (
                tensor(&[1.0, 2.0], &[1, 2]),
                Paint {
                    coloring: Coloring::Rgb,
                    ..GRAY
                },
            ),
            (
                tensor(&[1.0], &[1, 1]),
                Paint {
                    columns: Some(0),
                    ..GRAY
                },
            ),
            (
                tensor(&[1.0], &[1, 1]),
                Paint {
                    percentile: 50.0,
                    ..GRAY
                },
            ),
            (
                tensor(&[1.0], &[1, 1]),
                Paint {
                    percentile: f64::NAN,
                    ..GRAY
                },
            ),
            (tensor(&vec![0.0; 20_000], &[1, 1, 1, 20_000]), GRAY),
        ];
        for (tensor, how) in cases {
            let error = paint(&tensor, &how).expect_err("it must be refused");
            assert_eq!(error.code, Code::BadArgument, "{error}");
        }
    }
}
