//! A small piece of texture grown to any size by quilting (Efros, Freeman 2001): blocks of the piece that fit what lies
//! beside them, joined along the path where both differ least.

use super::pixels::Picture;
use crate::engine::control::Control;
use crate::error::Result;
use crate::random::Random;

/// The overlap of neighbours as a share of a block's side.
const OVERLAP: usize = 4;

/// Blocks whose error is at most this much above the least are as good.
const TOLERANCE: f32 = 0.1;

/// Places in the piece that are tried for each block, drawn where there are more.
const TRIED: usize = 400;

/// A square part of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    /// First row.
    pub y: usize,
    /// First column.
    pub x: usize,
    /// Rows and columns.
    pub size: usize,
}

/// The texture of `crop` of a picture over height × width, in the picture's channels.
///
/// # Errors
/// `aborted`.
pub async fn quilted(
    source: &Picture<'_>,
    crop: Crop,
    [height, width]: [usize; 2],
    block: usize,
    seed: u64,
    control: &Control,
) -> Result<Vec<f32>> {
    let block = block.clamp(1, crop.size);
    let overlap = (block / OVERLAP).max(usize::from(block > 1));
    let step = block - overlap;
    let mut quilt = Quilt {
        source,
        crop,
        block,
        overlap,
        height,
        width,
        values: vec![0.0; source.channels() * height * width],
        random: Random::new(seed),
    };
    for top in starts(height, block, step) {
        for left in starts(width, block, step) {
            let place = quilt.choose(top, left);
            quilt.lay(place, top, left);
        }
        control.step().await?;
    }
    Ok(quilt.values)
}

/// Where blocks begin along an axis; the last ones may overhang.
fn starts(extent: usize, block: usize, step: usize) -> impl Iterator<Item = usize> {
    let count = if extent <= block {
        1
    } else {
        (extent - block).div_ceil(step.max(1)) + 1
    };
    (0..count).map(move |number| number * step.max(1))
}

struct Quilt<'a> {
    source: &'a Picture<'a>,
    crop: Crop,
    block: usize,
    overlap: usize,
    height: usize,
    width: usize,
    values: Vec<f32>,
    random: Random,
}

impl Quilt<'_> {
    /// The difference, squared and summed over channels, between what lies at (row, column) of the block at (top, left) and the
    /// piece's pixel that would come there.
    fn difference(
        &self,
        (y, x): (usize, usize),
        top: usize,
        left: usize,
        row: usize,
        column: usize,
    ) -> f32 {
        let laid = (top + row) * self.width + left + column;
        let new = (y + row) * self.source.width + x + column;
        let planes = self.values.chunks_exact(self.height * self.width);
        let pairs = planes.zip(self.source.planes());
        pairs
            .map(|(laid_plane, plane)| (laid_plane[laid] - plane[new]).powi(2))
            .sum()
    }

    fn extents(&self, top: usize, left: usize) -> [usize; 2] {
        [
            self.block.min(self.height - top),
            self.block.min(self.width - left),
        ]
    }

    /// A place in the piece that fits what lies to the left and above.
    #[allow(clippy::many_single_char_names, reason = "rows and columns")]
    fn choose(&mut self, top: usize, left: usize) -> (usize, usize) {
        let free = self.crop.size - self.block + 1;
        let all = free * free;
        let places: Vec<(usize, usize)> = if all <= TRIED {
            (0..all).map(|at| (at / free, at % free)).collect()
        } else {
            (0..TRIED)
                .map(|_| (self.random.below(free), self.random.below(free)))
                .collect()
        };
        let places: Vec<(usize, usize)> = places
            .into_iter()
            .map(|(y, x)| (self.crop.y + y, self.crop.x + x))
            .collect();
        let [rows, columns] = self.extents(top, left);
        let error = |&place: &(usize, usize)| -> f32 {
            let mut sum = 0.0;
            for row in 0..rows {
                let laid = if top > 0 && row < self.overlap {
                    columns
                } else if left > 0 {
                    self.overlap.min(columns)
                } else {
                    0
                };
                for column in 0..laid {
                    sum += self.difference(place, top, left, row, column);
                }
            }
            sum
        };
        let errors: Vec<f32> = places.iter().map(error).collect();
        let least = errors.iter().copied().fold(f32::MAX, f32::min);
        let good: Vec<usize> = (0..places.len())
            .filter(|&at| errors[at] <= least * (1.0 + TOLERANCE) + 1e-9)
            .collect();
        places[good[self.random.below(good.len())]]
    }

    /// Lays a block; in the overlaps only beyond the paths of least difference.
    fn lay(&mut self, place: (usize, usize), top: usize, left: usize) {
        let [rows, columns] = self.extents(top, left);
        let overlap = self.overlap;
        let mut from_left = vec![0; rows];
        let mut from_top = vec![0; columns];
        if left > 0 && overlap < columns {
            from_left = path(rows, overlap, |row, column| {
                self.difference(place, top, left, row, column)
            });
        }
        if top > 0 && overlap < rows {
            from_top = path(columns, overlap, |column, row| {
                self.difference(place, top, left, row, column)
            });
        }
        let plane = self.height * self.width;
        for (row, &left_of) in from_left.iter().enumerate() {
            for (column, &above) in from_top.iter().enumerate() {
                if column < left_of || row < above {
                    continue;
                }
                let to = (top + row) * self.width + left + column;
                let from = (place.0 + row) * self.source.width + place.1 + column;
                for (channel, source) in self.source.planes().enumerate() {
                    self.values[channel * plane + to] = source[from];
                }
            }
        }
    }
}

/// The path of least cost along `length` lines of `across` cells, one cell a line and moving by one at most: the cell of each line.
fn path(length: usize, across: usize, cost: impl Fn(usize, usize) -> f32) -> Vec<usize> {
    let mut sums = vec![vec![0.0_f32; across]; length];
    for line in 0..length {
        for cell in 0..across {
            let before = if line == 0 {
                0.0
            } else {
                let near = cell.saturating_sub(1)..(cell + 2).min(across);
                sums[line - 1][near]
                    .iter()
                    .copied()
                    .fold(f32::MAX, f32::min)
            };
            sums[line][cell] = before + cost(line, cell);
        }
    }
    let best = |line: usize, cells: std::ops::Range<usize>| {
        cells.fold(None, |best: Option<usize>, cell| match best {
            Some(other) if sums[line][other] <= sums[line][cell] => best,
            _ => Some(cell),
        })
    };
    let mut cells = vec![0; length];
    let mut near = 0..across;
    for line in (0..length).rev() {
        cells[line] = best(line, near).unwrap_or(0);
        near = cells[line].saturating_sub(1)..(cells[line] + 2).min(across);
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quilt(
        values: &[f32],
        side: usize,
        crop: Crop,
        size: [usize; 2],
        block: usize,
        seed: u64,
    ) -> Vec<f32> {
        let source = Picture {
            values,
            height: side,
            width: side,
        };
        pollster::block_on(quilted(&source, crop, size, block, seed, &Control::new())).unwrap()
    }

    #[test]
    fn stripes_go_on_over_the_seams() {
        let values: Vec<f32> = (0..32 * 32)
            .map(|i| f32::from(u8::from((i % 32) / 2 % 2 == 0)))
            .collect();
        let crop = Crop {
            y: 4,
            x: 4,
            size: 24,
        };
        for (height, width) in [(50, 61), (9, 5), (12, 12)] {
            let made = quilt(&values, 32, crop, [height, width], 12, 3);
            assert_eq!(made.len(), height * width);
            for row in 1..height {
                assert_eq!(
                    made[row * width..][..width],
                    made[..width],
                    "{height} × {width}, row {row}"
                );
            }
            let phase = (0..4).any(|shift| {
                (0..width).all(|c| made[c] == f32::from(u8::from((c + shift) / 2 % 2 == 0)))
            });
            assert!(phase, "{:?}", &made[..width]);
        }
    }

    #[test]
    fn it_holds_the_piece_s_values_only_and_repeats_by_its_seed() {
        let values: Vec<f32> = (0..2 * 20 * 20).map(|i| (i * 7919 % 1009) as f32).collect();
        let crop = Crop {
            y: 3,
            x: 5,
            size: 10,
        };
        let made = quilt(&values, 20, crop, [30, 30], 5, 1);
        let piece: Vec<f32> = (0..2 * 100)
            .map(|i| values[i / 100 * 400 + (3 + i % 100 / 10) * 20 + 5 + i % 10])
            .collect();
        assert!(made.iter().all(|value| piece.contains(value)));
        assert_eq!(made, quilt(&values, 20, crop, [30, 30], 5, 1));
        assert_ne!(made, quilt(&values, 20, crop, [30, 30], 5, 2));
        let dot = quilt(&values, 20, Crop { size: 1, ..crop }, [4, 4], 9, 1);
        assert!(dot[..16].iter().all(|value| *value == dot[0]));
    }

    #[test]
    fn the_path_takes_the_cheapest_cells_that_touch() {
        let costs = [[9.0, 1.0, 9.0], [9.0, 9.0, 1.0], [5.0, 9.0, 6.0]];
        assert_eq!(path(3, 3, |line, cell| costs[line][cell]), [1, 2, 2]);
    }
}
