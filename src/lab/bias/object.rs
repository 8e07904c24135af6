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
/// watermarks do not. The object is taken with what lies between its parts. Both are widened by a fourteenth of the picture,
/// since maps are blurred at an edge.
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
            let connected = reaching_the_middle(&stands_out, height, width);
            let object = widened(&convex_hull(&connected, width), height, width, by);
            let pixels = object.into_iter().zip(&common);
            pixels.map(|(inside, &common)| !inside || common).collect()
        })
        .collect()
}

/// The value of the background in each channel: the middle one among the pictures' own, each the median of its outermost
/// pixels.
#[must_use]
pub fn background(images: &Tensor) -> Vec<f32> {
    let shape = images.activation_shape();
    let of_channel = |channel: usize| {
        let planes = images.data().chunks_exact(shape.plane());
        let planes = planes.skip(channel).step_by(shape.c());
        let medians = planes.map(|plane| median_of_frame(plane, shape.h(), shape.w()));
        median(medians.collect())
    };
    (0..shape.c()).map(of_channel).collect()
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
            .map(|c| median(pictures.iter().map(|p| p[c * plane + i]).collect()))
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
    let frame = (0..height * width).filter(on_frame);
    median(frame.map(|i| plane[i]).collect())
}

/// The middle one, the upper of two; there is at least one.
fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values[values.len() / 2]
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

/// The marked pixels and those between them: what is seen between a sandal's straps belongs to the sandal.
fn convex_hull(marked: &[bool], width: usize) -> Vec<bool> {
    let rows = marked.chunks_exact(width).enumerate();
    let ends = |at: fn(&[bool]) -> Option<usize>, side: f32| -> Vec<(usize, f32)> {
        let rows = rows.clone();
        rows.filter_map(|(row, pixels)| Some((row, side * at(pixels)? as f32)))
            .collect()
    };
    let left = lower_envelope(&ends(|row| row.iter().position(|&marked| marked), 1.0));
    let right = lower_envelope(&ends(|row| row.iter().rposition(|&marked| marked), -1.0));
    let mut filled = vec![false; marked.len()];
    for ((row, first), (_, last)) in left.into_iter().zip(right) {
        for column in first.ceil() as usize..=(-last).floor() as usize {
            filled[row * width + column] = true;
        }
    }
    filled
}

/// The greatest convex function that is nowhere above the points, at each row from the first to the last of them (the lower
/// half of Andrew's monotone chain, 1979). The points are sorted by row.
fn lower_envelope(points: &[(usize, f32)]) -> Vec<(usize, f32)> {
    let between = |(from, low): (usize, f32), (to, high): (usize, f32), row: usize| {
        low + (high - low) * (row - from) as f32 / (to - from) as f32
    };
    let mut corners: Vec<(usize, f32)> = Vec::new();
    for &point in points {
        while let [.., before, last] = corners[..]
            && between(before, point, last.0) <= last.1
        {
            corners.pop();
        }
        corners.push(point);
    }
    let pairs = corners.windows(2).flat_map(|pair| {
        (pair[0].0..pair[1].0).map(move |row| (row, between(pair[0], pair[1], row)))
    });
    pairs.chain(corners.last().copied()).collect()
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
    fn what_lies_between_the_parts_of_an_object_belongs_to_it() {
        let rows = ["......", ".#...#", "......", "..#...", "......"];
        let marked: Vec<bool> = rows.concat().bytes().map(|byte| byte == b'#').collect();
        let hull = convex_hull(&marked, 6);
        let drawn = |i: usize| if hull[i] { '#' } else { '.' };
        let drawn: String = (0..30).map(drawn).collect();
        assert_eq!(
            drawn,
            ["......", ".#####", "..##..", "..#...", "......"].concat()
        );
        assert!(!convex_hull(&[false; 30], 6).contains(&true));
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
