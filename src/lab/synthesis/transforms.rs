//! Random shifts, scalings and rotations, composed into one map a step and picture.

use super::settings::Transform;
use crate::random::Random;

/// What is seen and what it is seen of, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// Rows and columns of the picture.
    pub picture: [usize; 2],
    /// Rows and columns of what the network sees.
    pub seen: [usize; 2],
}

/// The map of a step as [`crate::ops::affine::AffineSample`] takes it: six numbers that lead from what is seen to the picture.
/// The same transforms, seed, step and picture give the same map.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    reason = "positions are rounded to the engine's f32"
)]
pub fn map(
    transforms: &[Transform],
    view: View,
    seed: u64,
    step: usize,
    picture: usize,
) -> [f32; 6] {
    let stream = (step as u64) << 16 ^ picture as u64;
    let mut random = Random::new(
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03),
    );
    let mut spread = |most: f64| (f64::from(random.uniform()) * 2.0 - 1.0) * most;
    // Position p of what is seen, from its centre, reads the picture at linear · p + offset from the picture's centre.
    let mut linear = [[1.0, 0.0], [0.0, 1.0]];
    let mut offset = [0.0, 0.0];
    let mut margin = 0.0;
    let mut shifts = 0.0;
    // What comes last is undone first.
    for transform in transforms.iter().rev() {
        match *transform {
            Transform::Pad(pixels) => margin += pixels as f64,
            Transform::Jitter(pixels) => {
                shifts += pixels as f64 / 2.0;
                for value in &mut offset {
                    *value += spread(pixels as f64 / 2.0).round();
                }
            }
            Transform::Scale(low, high) => {
                let (low, high) = (f64::from(low), f64::from(high));
                let factor = f64::midpoint(low, high) + spread((high - low) / 2.0);
                linear = linear.map(|row| row.map(|value| value / factor));
                offset = offset.map(|value| value / factor);
            }
            Transform::Rotate(degrees) => {
                let angle = spread(1.5 * f64::from(degrees));
                let angle = if angle.abs() > f64::from(degrees) {
                    0.0
                } else {
                    angle
                };
                let (sin, cos) = angle.to_radians().sin_cos();
                let turn = |[y, x]: [f64; 2]| [cos * y - sin * x, sin * y + cos * x];
                let columns = [0, 1].map(|c| turn([linear[0][c], linear[1][c]]));
                linear = [0, 1].map(|row| [columns[0][row], columns[1][row]]);
                offset = turn(offset);
            }
        }
    }
    let grown = (margin - shifts).max(0.0) * 2.0;
    let mut numbers = [0.0; 6];
    let centre = |length: usize| (length as f64 - 1.0) / 2.0;
    let zoom: [f64; 2] =
        std::array::from_fn(|axis| (view.picture[axis] as f64 + grown) / view.seen[axis] as f64);
    for axis in 0..2 {
        let row = [linear[axis][0] * zoom[0], linear[axis][1] * zoom[1]];
        numbers[axis * 3] = row[0];
        numbers[axis * 3 + 1] = row[1];
        numbers[axis * 3 + 2] = centre(view.picture[axis]) + offset[axis]
            - row[0] * centre(view.seen[0])
            - row[1] * centre(view.seen[1]);
    }
    numbers.map(|number| number as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: View = View {
        picture: [28, 30],
        seen: [28, 30],
    };

    #[test]
    fn without_transforms_everything_is_seen_as_it_is() {
        assert_eq!(map(&[], VIEW, 1, 2, 3), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn jitter_shifts_by_whole_pixels_within_its_range_and_differs_from_step_to_step() {
        let maps: Vec<[f32; 6]> = (0..50)
            .map(|step| map(&[Transform::Jitter(8)], VIEW, 7, step, 0))
            .collect();
        for [a, b, y, c, d, x] in &maps {
            assert_eq!([*a, *b, *c, *d], [1.0, 0.0, 0.0, 1.0]);
            assert!(y.fract() == 0.0 && x.fract() == 0.0 && y.abs() <= 4.0 && x.abs() <= 4.0);
        }
        assert!(maps.iter().any(|map| map != &maps[0]), "it moves");
        assert_eq!(
            maps[9],
            map(&[Transform::Jitter(8)], VIEW, 7, 9, 0),
            "the same again"
        );
    }

    #[test]
    fn a_rotation_keeps_lengths_and_the_centre() {
        for step in 0..20 {
            let [a, b, y, c, d, x] = map(&[Transform::Rotate(30.0)], VIEW, 3, step, 0);
            assert!((a * d - b * c - 1.0).abs() < 1e-5 && (a * a + c * c - 1.0).abs() < 1e-5);
            assert!((a * 13.5 + b * 14.5 + y - 13.5).abs() < 1e-4);
            assert!((c * 13.5 + d * 14.5 + x - 14.5).abs() < 1e-4);
        }
    }

    #[test]
    fn padding_shows_the_margin_that_jitter_leaves() {
        let [a, b, y, ..] = map(&[Transform::Pad(12), Transform::Jitter(0)], VIEW, 3, 0, 0);
        assert!((a - 52.0 / 28.0).abs() < 1e-6 && b == 0.0);
        assert!(
            (y + 12.0 - (a - 1.0) / 2.0).abs() < 1e-4,
            "the first row lies 12 above the picture"
        );
    }
}
