//! Where the object is: what stands out from the background, reaches the middle of the picture, and differs from picture to
//! picture.

use crate::tensor::Tensor;

/// How far from the background's value, as a share of all pictures' range, a pixel stands out.
const CONTRAST: f32 = 0.1;

/// The middle begins at this share of the picture's extent.
const MIDDLE: f32 = 0.2;

/// Values that differ by less than this share of the range are the same.
const SAME: f32 = 0.02;

/// What is the same in this share of the pictures was not photographed with the object.
const MOST_PICTURES: f32 = 0.75;

/// Fewer pictures than these have too much in common by chance.
const FEWEST_PICTURES: usize = 8;

/// Copies of one picture have everything in common: more than this share of the area says nothing.
const COMMON_AREA: f32 = 0.1;

/// For each pixel of each picture (N, C, H, W) of one class whether it is outside the object, row by row: the background,
/// what stands alone near the border, and what is the same there in most of the pictures, since objects differ and
/// watermarks do not. Both are widened by a fourteenth of the picture, since maps are blurred at an edge.
///
/// The background's value is the median of the outermost pixels. A picture without a plain background is all object.
#[must_use]
pub fn outside(images: &Tensor) -> Vec<Vec<bool>> {
    let shape = images.activation_shape();
    let (height, width) = (shape.h(), shape.w());
    let least = images.data().iter().copied().fold(f32::MAX, f32::min);
    let most = images.data().iter().copied().fold(f32::MIN, f32::max);
    let contrast = CONTRAST * (most - least);
    let by = height.min(width).div_ceil(14);
    let common = widened(&common(images, most - least), height, width, by);
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
                by,
            );
            let pixels = object.into_iter().zip(&common);
            pixels.map(|(inside, &common)| !inside || common).collect()
        })
        .collect()
}

/// The pixels that stand out and are the same in most of the pictures, the middle apart, where the object is.
fn common(images: &Tensor, range: f32) -> Vec<bool> {
    let shape = images.activation_shape();
    let plane = shape.plane();
    let pictures: Vec<&[f32]> = images.data().chunks_exact(shape.picture()).collect();
    if pictures.len() < FEWEST_PICTURES {
        return vec![false; plane];
    }
    let backgrounds: Vec<f32> = pictures[0]
        .chunks_exact(plane)
        .map(|plane| median_of_frame(plane, shape.h(), shape.w()))
        .collect();
    let is_common = |i: usize| {
        if is_middle(i, shape.h(), shape.w()) {
            return false;
        }
        let middle: Vec<f32> = (0..shape.c())
            .map(|c| {
                let mut values: Vec<f32> = pictures.iter().map(|p| p[c * plane + i]).collect();
                values.sort_by(f32::total_cmp);
                values[values.len() / 2]
            })
            .collect();
        let stands_out = middle
            .iter()
            .zip(&backgrounds)
            .any(|(value, background)| (value - background).abs() > CONTRAST * range);
        let is_same = |picture: &&&[f32]| {
            let mut channels = middle.iter().enumerate();
            channels.all(|(c, value)| (picture[c * plane + i] - value).abs() <= SAME * range)
        };
        let same = pictures.iter().filter(is_same).count();
        stands_out && same as f32 >= MOST_PICTURES * pictures.len() as f32
    };
    let common: Vec<bool> = (0..plane).map(is_common).collect();
    let count = common.iter().filter(|&&common| common).count();
    if count as f32 > COMMON_AREA * plane as f32 {
        return vec![false; plane];
    }
    common
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

/// Whether a pixel lies in the middle of the picture.
fn is_middle(i: usize, height: usize, width: usize) -> bool {
    let inside = |at: usize, extent: usize| {
        let at = (at as f32 + 0.5) / extent as f32;
        (MIDDLE..=1.0 - MIDDLE).contains(&at)
    };
    inside(i / width, height) && inside(i % width, width)
}

/// The marked pixels that are connected, over edges, with marked ones in the middle.
fn reaching_the_middle(marked: &[bool], height: usize, width: usize) -> Vec<bool> {
    let mut reached = vec![false; marked.len()];
    let mut open: Vec<usize> = (0..marked.len())
        .filter(|&i| marked[i] && is_middle(i, height, width))
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
    fn what_is_the_same_in_most_pictures_is_outside_even_where_it_touches_the_object() {
        // Objects of different brightness, and a mark that lies on each of them.
        let picture = |number: usize, mark: f32| {
            let mut values = vec![0.0; 28 * 28];
            for row in 2..26 {
                for column in 2..26 {
                    values[row * 28 + column] = 0.3 + 0.05 * number as f32;
                }
            }
            for row in 2..5 {
                values[row * 28 + 2..row * 28 + 5].fill(mark);
            }
            values
        };
        let eight = |mark: &dyn Fn(usize) -> f32| {
            let values = (0..8)
                .flat_map(|number| picture(number, mark(number)))
                .collect();
            outside(&Tensor::new(values, [8, 1, 28, 28]).unwrap())
        };
        let marked = eight(&|_| 1.0);
        assert!(
            marked
                .iter()
                .all(|picture| picture[3 * 28 + 3] && !picture[14 * 28 + 14])
        );
        let differing = eight(&|number| 0.4 + 0.05 * number as f32);
        assert!(differing.iter().all(|picture| !picture[3 * 28 + 3]));
        let copies: Vec<f32> = (0..8).flat_map(|_| picture(2, 1.0)).collect();
        let copies = outside(&Tensor::new(copies, [8, 1, 28, 28]).unwrap());
        assert!(
            !copies[0][14 * 28 + 14],
            "copies of one picture have an object, too"
        );
    }

    #[test]
    fn a_picture_without_a_plain_background_is_all_object() {
        let values = (0..28 * 28).map(|i| ((i * 7919) % 101) as f32).collect();
        let outside = outside(&Tensor::new(values, [1, 1, 28, 28]).unwrap());
        let count = outside[0].iter().filter(|&&out| out).count();
        assert!(count < 28, "{count} pixels outside");
    }
}
