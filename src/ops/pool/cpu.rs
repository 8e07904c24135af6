//! Pooling on slices: a window's rows are joined column by column first, which vectorises, then its columns.

use super::Window;
use crate::ops::{Real, View, scratch};
use crate::tensor::Shape;

/// The maximum of each window.
pub fn max<T: Real>(window: &Window, x: View<'_, T>, y: &mut [T], shape: Shape) {
    let larger = |a: T, b: T| if b > a { b } else { a };
    let pairs = window.kernel[1] == 2 && window.stride[1] == 2 && window.padding.left == 0;
    for_each_row(window, x, y, shape, larger, |_, joined, columns, out| {
        let mut done = 0;
        if pairs {
            for (out, [left, right]) in out.iter_mut().zip(joined.as_chunks().0) {
                *out = larger(*left, *right);
            }
            done = out.len().min(joined.len() / 2);
        }
        for (out, &(left, right)) in out.iter_mut().zip(columns).skip(done) {
            *out = joined[left + 1..right]
                .iter()
                .fold(joined[left], |a, &b| larger(a, b));
        }
    });
}

/// The index of the first maximum of each window.
pub fn argmax<T: Real>(window: &Window, x: View<'_, T>, y: &mut [T], shape: Shape) {
    let (height, width) = (x.shape.h(), x.shape.w());
    let columns = spans(window, 1, shape.w(), width);
    let planes = x.data.chunks_exact(x.shape.plane());
    for (plane, out) in planes.zip(y.chunks_exact_mut(shape.plane())) {
        for (oy, out) in out.chunks_exact_mut(shape.w()).enumerate() {
            let (top, bottom) = window.span(0, oy, height);
            for (out, &(left, right)) in out.iter_mut().zip(&columns) {
                let mut index = top * width + left;
                let mut largest = plane[index];
                for row in top..bottom {
                    let values = &plane[row * width + left..row * width + right];
                    for (column, &value) in values.iter().enumerate() {
                        if value > largest {
                            (largest, index) = (value, row * width + left + column);
                        }
                    }
                }
                *out = T::of(index as f64);
            }
        }
    }
}

/// Adds each window's gradient at its maximum.
pub fn max_input_grad<T: Real>(dy: View<'_, T>, argmax: View<'_, T>, dx: &mut [T], shape: Shape) {
    dx.fill(T::zero());
    let windows = dy
        .data
        .chunks_exact(dy.shape.plane())
        .zip(argmax.data.chunks_exact(dy.shape.plane()));
    for (plane, (dy, argmax)) in dx.chunks_exact_mut(shape.plane()).zip(windows) {
        for (&dy, index) in dy.iter().zip(argmax) {
            if let Some(index) = index.to_usize() {
                plane[index] += dy;
            }
        }
    }
}

/// The mean of each window.
pub fn average<T: Real>(
    window: &Window,
    count_include_pad: bool,
    x: View<'_, T>,
    y: &mut [T],
    shape: Shape,
) {
    let divisors = Divisors::<T>::new(window, count_include_pad, x.shape, shape);
    for_each_row(
        window,
        x,
        y,
        shape,
        |a, b| a + b,
        |oy, joined, columns, out| {
            for ((out, &(left, right)), count) in out.iter_mut().zip(columns).zip(&divisors.columns)
            {
                *out =
                    joined[left..right].iter().copied().sum::<T>() / (divisors.rows[oy] * *count);
            }
        },
    );
}

/// Adds each window's gradient, divided by the window's size, to its values.
pub fn average_input_grad<T: Real>(
    window: &Window,
    count_include_pad: bool,
    dy: View<'_, T>,
    dx: &mut [T],
    shape: Shape,
) {
    let width = shape.w();
    let columns = spans(window, 1, dy.shape.w(), width);
    let divisors = Divisors::<T>::new(window, count_include_pad, shape, dy.shape);
    let mut shares = scratch::take(width);
    dx.fill(T::zero());
    let planes = dy.data.chunks_exact(dy.shape.plane());
    for (dx, dy) in dx.chunks_exact_mut(shape.plane()).zip(planes) {
        for (oy, dy) in dy.chunks_exact(columns.len()).enumerate() {
            shares.fill(T::zero());
            for ((dy, &(left, right)), count) in dy.iter().zip(&columns).zip(&divisors.columns) {
                let share = *dy / (divisors.rows[oy] * *count);
                shares[left..right].iter_mut().for_each(|sum| *sum += share);
            }
            let (top, bottom) = window.span(0, oy, shape.h());
            for row in dx[top * width..bottom * width].chunks_exact_mut(width) {
                row.iter_mut()
                    .zip(shares.iter())
                    .for_each(|(dx, share)| *dx += *share);
            }
        }
    }
}

/// How many rows and columns each window is divided by.
struct Divisors<T> {
    rows: Vec<T>,
    columns: Vec<T>,
}

impl<T: Real> Divisors<T> {
    fn new(window: &Window, count_include_pad: bool, x: Shape, y: Shape) -> Self {
        let extents = |axis: usize, count: usize, input: usize| {
            let extent = |index| {
                if count_include_pad {
                    window.padded_extent(axis, index, input)
                } else {
                    let (start, end) = window.span(axis, index, input);
                    end - start
                }
            };
            (0..count)
                .map(|index| T::of(extent(index) as f64))
                .collect()
        };
        Self {
            rows: extents(0, y.h(), x.h()),
            columns: extents(1, y.w(), x.w()),
        }
    }
}

/// The part of each window along an axis that lies inside the picture.
fn spans(window: &Window, axis: usize, count: usize, input: usize) -> Vec<(usize, usize)> {
    (0..count)
        .map(|index| window.span(axis, index, input))
        .collect()
}

/// Hands `write` each row of windows: its index, the picture's rows under it joined to one, the windows' columns and the output.
fn for_each_row<T: Real>(
    window: &Window,
    x: View<'_, T>,
    y: &mut [T],
    shape: Shape,
    join: impl Fn(T, T) -> T,
    write: impl Fn(usize, &[T], &[(usize, usize)], &mut [T]),
) {
    let (height, width) = (x.shape.h(), x.shape.w());
    let columns = spans(window, 1, shape.w(), width);
    let mut joined = scratch::take(width);
    let planes = x.data.chunks_exact(x.shape.plane());
    for (plane, out) in planes.zip(y.chunks_exact_mut(shape.plane())) {
        for (oy, out) in out.chunks_exact_mut(shape.w()).enumerate() {
            let (top, bottom) = window.span(0, oy, height);
            joined.copy_from_slice(&plane[top * width..][..width]);
            for row in plane[(top + 1) * width..bottom * width].chunks_exact(width) {
                joined
                    .iter_mut()
                    .zip(row)
                    .for_each(|(joined, value)| *joined = join(*joined, *value));
            }
            write(oy, &joined, &columns, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::conv2d::Padding;
    use crate::ops::testing::{Random, assert_close, view};

    /// A window and the picture it runs over.
    fn cases() -> Vec<(Window, Shape, Shape)> {
        let mut random = Random(21);
        let mut cases = Vec::new();
        while cases.len() < 300 {
            let mut pick = |choices: &[usize]| random.pick(choices);
            let window = Window {
                kernel: [pick(&[1, 2, 2, 3, 5]), pick(&[1, 2, 2, 3, 5])],
                stride: [pick(&[1, 2, 2, 3]), pick(&[1, 2, 2, 3])],
                padding: Padding::from([
                    pick(&[0, 0, 1, 2]),
                    pick(&[0, 1]),
                    pick(&[0, 0, 1, 2]),
                    pick(&[0, 1]),
                ]),
                ceil: pick(&[0, 1]) == 1,
            };
            let x = Shape::new(
                pick(&[1, 2]),
                pick(&[1, 3]),
                pick(&[1, 2, 5, 8, 11]),
                pick(&[1, 2, 7, 8, 21]),
            );
            if let Ok(y) = window.output(x) {
                cases.push((window, x, y));
            }
        }
        cases.push((
            Window::global(Shape::new(2, 3, 7, 6)),
            Shape::new(2, 3, 7, 6),
            Shape::new(2, 3, 1, 1),
        ));
        cases
    }

    /// The indices into x under window `index` of y, row by row.
    fn under(window: &Window, x: Shape, y: Shape, index: usize) -> Vec<usize> {
        let (plane, oy, ox) = (index / y.plane(), index / y.w() % y.h(), index % y.w());
        let mut indices = Vec::new();
        for ky in 0..window.kernel[0] {
            for kx in 0..window.kernel[1] {
                let row = (oy * window.stride[0] + ky).checked_sub(window.padding.top);
                let column = (ox * window.stride[1] + kx).checked_sub(window.padding.left);
                if let (Some(row), Some(column)) = (row, column)
                    && row < x.h()
                    && column < x.w()
                {
                    indices.push((plane * x.h() + row) * x.w() + column);
                }
            }
        }
        indices
    }

    #[test]
    fn maximum_and_its_gradient_take_the_first_of_equals() {
        for (window, x_shape, y_shape) in cases() {
            // Few levels, so that ties are common.
            let mut random = Random(9);
            let x: Vec<f64> = (0..x_shape.len())
                .map(|_| random.pick(&[0, 1, 2, 3]) as f64 - 2.0)
                .collect();
            let dy = random.values::<f64>(y_shape);
            let [mut y, mut at] = [(); 2].map(|()| vec![f64::NAN; y_shape.len()]);
            let mut dx = vec![f64::NAN; x_shape.len()];
            max(&window, view(&x, x_shape), &mut y, y_shape);
            argmax(&window, view(&x, x_shape), &mut at, y_shape);
            max_input_grad(view(&dy, y_shape), view(&at, y_shape), &mut dx, x_shape);
            let mut expected = vec![0.0; x_shape.len()];
            for (index, dy) in dy.iter().enumerate() {
                let under = under(&window, x_shape, y_shape, index);
                let largest = under
                    .iter()
                    .map(|&i| x[i])
                    .fold(f64::NEG_INFINITY, f64::max);
                let first = under.into_iter().find(|&i| x[i] == largest).unwrap();
                assert_eq!(
                    (y[index], at[index]),
                    (largest, (first % x_shape.plane()) as f64),
                    "{window:?} {x_shape}"
                );
                expected[first] += dy;
            }
            assert_close(&dx, &expected, 1e-12, (window, x_shape));
        }
    }

    #[test]
    fn average_divides_by_what_counts_and_its_gradient_is_the_adjoint() {
        for (window, x_shape, y_shape) in cases() {
            for padded in [false, true] {
                let mut random = Random(10);
                let (x, dy) = (random.values::<f64>(x_shape), random.values::<f64>(y_shape));
                let (mut y, mut dx) =
                    (vec![f64::NAN; y_shape.len()], vec![f64::NAN; x_shape.len()]);
                average(&window, padded, view(&x, x_shape), &mut y, y_shape);
                average_input_grad(&window, padded, view(&dy, y_shape), &mut dx, x_shape);
                let (mut expected, mut expected_dx) =
                    (vec![0.0; y_shape.len()], vec![0.0; x_shape.len()]);
                for (index, expected) in expected.iter_mut().enumerate() {
                    let under = under(&window, x_shape, y_shape, index);
                    let [oy, ox] = [index / y_shape.w() % y_shape.h(), index % y_shape.w()];
                    let count = if padded {
                        window.padded_extent(0, oy, x_shape.h())
                            * window.padded_extent(1, ox, x_shape.w())
                    } else {
                        under.len()
                    };
                    for i in under {
                        *expected += x[i] / count as f64;
                        expected_dx[i] += dy[index] / count as f64;
                    }
                }
                assert_close(&y, &expected, 1e-12, (window, x_shape));
                assert_close(&dx, &expected_dx, 1e-12, (window, x_shape));
            }
        }
    }
}
