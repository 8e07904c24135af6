//! Pooling on slices.

use super::Window;
use crate::ops::{Real, View};
use crate::tensor::Shape;

/// The first maximum of each window.
pub fn max<T: Real>(window: &Window, x: View<'_, T>, y: &mut [T], shape: Shape) {
    for_each_window(
        window,
        x,
        y,
        shape,
        |plane, width, (top, bottom), (left, right)| {
            let mut largest = T::neg_infinity();
            for row in plane.chunks_exact(width).take(bottom).skip(top) {
                for &value in &row[left..right] {
                    if value > largest {
                        largest = value;
                    }
                }
            }
            largest
        },
    );
}

/// The index of the first maximum of each window.
pub fn argmax<T: Real>(window: &Window, x: View<'_, T>, y: &mut [T], shape: Shape) {
    for_each_window(
        window,
        x,
        y,
        shape,
        |plane, width, (top, bottom), (left, right)| {
            let (mut largest, mut index) = (plane[top * width + left], top * width + left);
            for row in top..bottom {
                for column in left..right {
                    let value = plane[row * width + column];
                    if value > largest {
                        (largest, index) = (value, row * width + column);
                    }
                }
            }
            T::of(index as f64)
        },
    );
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
    let (height, width) = (x.shape.h(), x.shape.w());
    for (plane, out) in x
        .data
        .chunks_exact(x.shape.plane())
        .zip(y.chunks_exact_mut(shape.plane()))
    {
        for oy in 0..shape.h() {
            let (top, bottom) = window.span(0, oy, height);
            for ox in 0..shape.w() {
                let (left, right) = window.span(1, ox, width);
                let sum: T = (top..bottom)
                    .map(|row| plane[row * width..][left..right].iter().copied().sum::<T>())
                    .sum();
                out[oy * shape.w() + ox] =
                    sum / divisor(window, count_include_pad, [oy, ox], x.shape);
            }
        }
    }
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
    dx.fill(T::zero());
    for (plane, dy_plane) in dx
        .chunks_exact_mut(shape.plane())
        .zip(dy.data.chunks_exact(dy.shape.plane()))
    {
        for oy in 0..dy.shape.h() {
            let (top, bottom) = window.span(0, oy, shape.h());
            for ox in 0..dy.shape.w() {
                let (left, right) = window.span(1, ox, width);
                let share = dy_plane[oy * dy.shape.w() + ox]
                    / divisor(window, count_include_pad, [oy, ox], shape);
                for row in top..bottom {
                    plane[row * width..][left..right]
                        .iter_mut()
                        .for_each(|dx| *dx += share);
                }
            }
        }
    }
}

fn divisor<T: Real>(window: &Window, count_include_pad: bool, [oy, ox]: [usize; 2], x: Shape) -> T {
    let extent = |axis, index, input| {
        if count_include_pad {
            window.padded_extent(axis, index, input)
        } else {
            let (start, end) = window.span(axis, index, input);
            end - start
        }
    };
    T::of((extent(0, oy, x.h()) * extent(1, ox, x.w())) as f64)
}

/// Writes `f(plane, width, rows, columns)` for each window.
fn for_each_window<T: Real>(
    window: &Window,
    x: View<'_, T>,
    y: &mut [T],
    shape: Shape,
    f: impl Fn(&[T], usize, (usize, usize), (usize, usize)) -> T,
) {
    let (height, width) = (x.shape.h(), x.shape.w());
    for (plane, out) in x
        .data
        .chunks_exact(x.shape.plane())
        .zip(y.chunks_exact_mut(shape.plane()))
    {
        for (oy, row) in out.chunks_exact_mut(shape.w()).enumerate() {
            let rows = window.span(0, oy, height);
            for (ox, value) in row.iter_mut().enumerate() {
                *value = f(plane, width, rows, window.span(1, ox, width));
            }
        }
    }
}
