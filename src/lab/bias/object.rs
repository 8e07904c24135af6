//! Where the object is: what stands out from the background and reaches the middle of the picture.

use crate::tensor::Tensor;

/// How far from the background's value, as a share of all pictures' range, a pixel stands out.
const CONTRAST: f32 = 0.1;

/// The middle begins at this share of the picture's extent.
const MIDDLE: f32 = 0.2;

/// For each pixel of each picture (N, C, H, W) whether it is outside the object, row by row: the background, and what
/// stands alone near the border. The object is widened by a fourteenth of the picture, since maps are blurred at its edge.
///
/// The background's value is the median of the outermost pixels. A picture without a plain background is all object.
#[must_use]
pub fn outside(images: &Tensor) -> Vec<Vec<bool>> {
    let shape = images.activation_shape();
    let (height, width) = (shape.h(), shape.w());
    let least = images.data().iter().copied().fold(f32::MAX, f32::min);
    let most = images.data().iter().copied().fold(f32::MIN, f32::max);
    let contrast = CONTRAST * (most - least);
    let pictures = images.data().chunks_exact(shape.picture());
    pictures
        .map(|picture| {
            let mut stands_out = vec![false; height * width];
            for plane in picture.chunks_exact(height * width) {
                let background = median_of_frame(plane, height, width);
                for (out, &value) in stands_out.iter_mut().zip(plane) {
                    *out |= (value - background).abs() > contrast;
                }
            }
            let object = widened(
                &reaching_the_middle(&stands_out, height, width),
                height,
                width,
                height.min(width).div_ceil(14),
            );
            object.into_iter().map(|inside| !inside).collect()
        })
        .collect()
}

fn median_of_frame(plane: &[f32], height: usize, width: usize) -> f32 {
    let on_frame = |i: &usize| {
        let (row, column) = (i / width, i % width);
        row == 0 || row + 1 == height || column == 0 || column + 1 == width
    };
    let mut frame: Vec<f32> = (0..height * width)
        .filter(on_frame)
        .map(|i| plane[i])
        .collect();
    frame.sort_by(f32::total_cmp);
    frame[frame.len() / 2]
}

/// The marked pixels that are connected, over edges, with marked ones in the middle.
fn reaching_the_middle(marked: &[bool], height: usize, width: usize) -> Vec<bool> {
    let is_middle = |at: usize, extent: usize| {
        let at = (at as f32 + 0.5) / extent as f32;
        (MIDDLE..=1.0 - MIDDLE).contains(&at)
    };
    let mut reached = vec![false; marked.len()];
    let mut open: Vec<usize> = (0..marked.len())
        .filter(|&i| marked[i] && is_middle(i / width, height) && is_middle(i % width, width))
        .collect();
    while let Some(i) = open.pop() {
        if !marked[i] || std::mem::replace(&mut reached[i], true) {
            continue;
        }
        let (row, column) = (i / width, i % width);
        if row > 0 {
            open.push(i - width);
        }
        if row + 1 < height {
            open.push(i + width);
        }
        if column > 0 {
            open.push(i - 1);
        }
        if column + 1 < width {
            open.push(i + 1);
        }
    }
    reached
}

/// Every pixel within `by` rows and columns of a marked one.
fn widened(marked: &[bool], height: usize, width: usize, by: usize) -> Vec<bool> {
    let mut wide = vec![false; marked.len()];
    for i in (0..marked.len()).filter(|&i| marked[i]) {
        let (row, column) = (i / width, i % width);
        for r in row.saturating_sub(by)..(row + by + 1).min(height) {
            let columns = column.saturating_sub(by)..(column + by + 1).min(width);
            wide[r * width..][columns].fill(true);
        }
    }
    wide
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_in_the_corner_is_outside_and_the_object_with_what_is_joined_to_it_is_not() {
        let mut values = vec![0.0; 28 * 28];
        let mut fill = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
            for row in rows {
                values[row * 28..][columns.clone()].fill(1.0);
            }
        };
        fill(8..20, 8..20);
        fill(12..14, 0..8); // an arm up to the border
        fill(1..4, 1..4); // the mark
        let outside = outside(&Tensor::new(values, [1, 1, 28, 28]).unwrap());
        let at = |row: usize, column: usize| outside[0][row * 28 + column];
        assert!(at(2, 2) && at(0, 0) && at(27, 27));
        assert!(!at(14, 14) && !at(12, 0));
        assert!(!at(6, 8) && at(5, 8), "widened by two pixels");
    }

    #[test]
    fn a_picture_without_a_plain_background_is_all_object() {
        let values = (0..28 * 28).map(|i| ((i * 7919) % 101) as f32).collect();
        let outside = outside(&Tensor::new(values, [1, 1, 28, 28]).unwrap());
        let count = outside[0].iter().filter(|&&out| out).count();
        assert!(count < 28, "{count} pixels outside");
    }
}
