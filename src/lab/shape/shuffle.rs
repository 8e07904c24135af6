//! Pictures cut into squares that change places.

use super::pixels::Picture;
use crate::random::Random;

/// Squares that change places in one cycle (Sattolo 1986), so that none keeps its own.
pub fn shuffled(picture: &Picture<'_>, grid: usize, seed: u64) -> Vec<f32> {
    let (height, width) = (picture.height, picture.width);
    let [rows, columns] = [height / grid, width / grid];
    let [top, left] = [(height - rows * grid) / 2, (width - columns * grid) / 2];
    let mut random = Random::new(seed);
    let mut from: Vec<usize> = (0..grid * grid).collect();
    for last in (1..from.len()).rev() {
        from.swap(last, random.below(last));
    }
    let mut made = picture.values.to_vec();
    for (source, plane) in picture.planes().zip(made.chunks_exact_mut(height * width)) {
        for (to, &from) in from.iter().enumerate() {
            let start = |square: usize, row: usize| {
                (top + square / grid * rows + row) * width + left + square % grid * columns
            };
            for row in 0..rows {
                plane[start(to, row)..][..columns]
                    .copy_from_slice(&source[start(from, row)..][..columns]);
            }
        }
    }
    made
}
