//! Affine sampling on slices.

use super::MATRIX;
use crate::ops::{Real, View};
use crate::tensor::Shape;

/// Determinants below this are taken as 0: the map is then no bijection, and every position may read every value.
const SINGULAR: f64 = 1e-9;

/// Where output position (i, j) reads.
fn position<T: Real>(matrix: &[T], i: usize, j: usize) -> [T; 2] {
    let (i, j) = (T::of(i as f64), T::of(j as f64));
    [
        matrix[0] * i + matrix[1] * j + matrix[2],
        matrix[3] * i + matrix[4] * j + matrix[5],
    ]
}

/// The neighbours of a position along an axis that exist: (index, weight) each.
fn neighbours<T: Real>(at: T, length: usize) -> [(usize, T); 2] {
    let low = at.floor();
    let share = at - low;
    let pick = |index: T, weight: T| match index.to_usize() {
        Some(index) if index < length => (index, weight),
        _ => (0, T::zero()),
    };
    [pick(low, T::one() - share), pick(low + T::one(), share)]
}

/// y = x at the mapped positions.
pub fn forward<T: Real>(x: View<'_, T>, matrices: &[T], output: &mut [T], shape: Shape) {
    let pictures = x.data.chunks_exact(x.shape.picture());
    let outputs = output.chunks_exact_mut(shape.picture());
    for ((x_picture, out), matrix) in pictures.zip(outputs).zip(matrices.chunks_exact(MATRIX)) {
        for i in 0..shape.h() {
            for j in 0..shape.w() {
                let [row, column] = position(matrix, i, j);
                let rows = neighbours(row, x.shape.h());
                let columns = neighbours(column, x.shape.w());
                for channel in 0..shape.c() {
                    let plane = &x_picture[channel * x.shape.plane()..];
                    let mut sum = T::zero();
                    for (y, v) in rows {
                        for (x_index, h) in columns {
                            sum += v * h * plane[y * x.shape.w() + x_index];
                        }
                    }
                    out[channel * shape.plane() + i * shape.w() + j] = sum;
                }
            }
        }
    }
}

/// The output positions along both axes that may read an input position.
struct Footprint<T> {
    matrix: [T; MATRIX],
    determinant: T,
    extents: [usize; 2],
}

impl<T: Real> Footprint<T> {
    fn new(matrix: &[T], extents: [usize; 2]) -> Self {
        let matrix: [T; MATRIX] = std::array::from_fn(|index| matrix[index]);
        Self {
            matrix,
            determinant: matrix[0] * matrix[4] - matrix[1] * matrix[3],
            extents,
        }
    }

    /// Ranges of rows and columns of the output around the preimage of input position (row, column).
    fn around(&self, row: usize, column: usize) -> [std::ops::Range<usize>; 2] {
        let [height, width] = self.extents;
        if self.determinant.abs() < T::of(SINGULAR) {
            return [0..height, 0..width];
        }
        let m = &self.matrix;
        let (dy, dx) = (T::of(row as f64) - m[2], T::of(column as f64) - m[5]);
        let centre = [
            (m[4] * dy - m[1] * dx) / self.determinant,
            (m[0] * dx - m[3] * dy) / self.determinant,
        ];
        let reach = [
            (m[4].abs() + m[1].abs()) / self.determinant.abs(),
            (m[3].abs() + m[0].abs()) / self.determinant.abs(),
        ];
        std::array::from_fn(|axis| {
            let clamp = |value: T| {
                let most = T::of(self.extents[axis] as f64);
                value.max(T::zero()).min(most).to_usize().unwrap_or(0)
            };
            let first = clamp((centre[axis] - reach[axis]).floor());
            first..clamp((centre[axis] + reach[axis]).ceil() + T::one())
        })
    }
}

/// dx = Σ over the positions that read a value of dy times the weight it is read with.
pub fn input_grad<T: Real>(dy: View<'_, T>, matrices: &[T], output: &mut [T], shape: Shape) {
    let pictures = dy.data.chunks_exact(dy.shape.picture());
    let outputs = output.chunks_exact_mut(shape.picture());
    for ((dy_picture, out), matrix) in pictures.zip(outputs).zip(matrices.chunks_exact(MATRIX)) {
        let footprint = Footprint::new(matrix, [dy.shape.h(), dy.shape.w()]);
        out.fill(T::zero());
        for row in 0..shape.h() {
            for column in 0..shape.w() {
                let target = row * shape.w() + column;
                let [rows, columns] = footprint.around(row, column);
                let here = [T::of(row as f64), T::of(column as f64)];
                for i in rows {
                    for j in columns.clone() {
                        let at = position(matrix, i, j);
                        let weight = (T::one() - (at[0] - here[0]).abs()).max(T::zero())
                            * (T::one() - (at[1] - here[1]).abs()).max(T::zero());
                        if weight > T::zero() {
                            for channel in 0..shape.c() {
                                out[channel * shape.plane() + target] += weight
                                    * dy_picture[channel * dy.shape.plane() + i * dy.shape.w() + j];
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{Random, assert_close, view};

    /// Maps of two pictures: a turn with a shift, and one of the rest.
    const MAPS: [[f64; 6]; 7] = [
        [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        [1.0, 0.0, 2.0, 0.0, 1.0, -3.0],
        [0.96, -0.28, 1.3, 0.28, 0.96, -0.7],
        [0.4, 0.0, 0.1, 0.0, 0.45, 2.2],
        [2.1, 0.3, -1.0, -0.2, 1.7, 0.5],
        [-1.0, 0.0, 6.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 2.5, 0.5, 0.5, 0.0],
    ];

    #[test]
    fn what_is_gathered_back_is_the_adjoint() {
        let (x_shape, y_shape) = (Shape::new(2, 3, 7, 9), Shape::new(2, 3, 8, 6));
        let mut random = Random(11);
        for map in MAPS {
            let maps = [MAPS[2], map].concat();
            let (x, y) = (random.values::<f64>(x_shape), random.values::<f64>(y_shape));
            let (mut ax, mut aty) = (vec![f64::NAN; y.len()], vec![f64::NAN; x.len()]);
            forward(view(&x, x_shape), &maps, &mut ax, y_shape);
            input_grad(view(&y, y_shape), &maps, &mut aty, x_shape);
            let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (left, right) = (product(&ax, &y), product(&x, &aty));
            assert!((left - right).abs() < 1e-11, "{map:?}: {left} but {right}");
        }
    }

    #[test]
    fn a_shift_by_whole_pixels_moves_values_and_leaves_zeros() {
        let shape = Shape::new(1, 1, 3, 4);
        let x: Vec<f32> = (1..=12_u8).map(f32::from).collect();
        let map = [1.0, 0.0, 1.0, 0.0, 1.0, -2.0];
        let mut y = vec![f32::NAN; 12];
        forward(view(&x, shape), &map, &mut y, shape);
        let expected = [0.0, 0.0, 5.0, 6.0, 0.0, 0.0, 9.0, 10.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(y, expected);
        // The gradient lands on the window that was seen, and nowhere else.
        let mut back = vec![f32::NAN; 12];
        input_grad(view(&[1.0; 12], shape), &map, &mut back, shape);
        let expected = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
        assert_eq!(back, expected);
    }

    #[test]
    fn between_pixels_values_lie_on_straight_lines() {
        // x[row, column] = 2 row + 3 column is reproduced wherever all four neighbours exist.
        let shape = Shape::new(1, 1, 9, 9);
        let x: Vec<f64> = (0..81)
            .map(|i| f64::from(2 * (i / 9) + 3 * (i % 9)))
            .collect();
        let map = [0.5, 0.2, 1.1, -0.3, 0.6, 2.4];
        let out = Shape::new(1, 1, 6, 7);
        let mut y = vec![f64::NAN; out.len()];
        forward(view(&x, shape), &map, &mut y, out);
        let expected: Vec<f64> = (0..out.len())
            .map(|index| {
                let [row, column] = position(&map, index / 7, index % 7);
                2.0 * row + 3.0 * column
            })
            .collect();
        assert_close(&y, &expected, 1e-12, map);
    }
}
