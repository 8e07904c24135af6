//! Convolution of each channel by itself: sums of shifted rows.
//!
//! Positions are counted along the layout's pitch, row ends included, so that a whole channel is one run without a branch; what
//! falls on a row's end is never stored.

use super::planes::{Axis, Planes};
use super::shifted::{STEP, shifted_sums};
use super::taps::{backward, offsets, window};
use super::{Geometry, Real, Shape, View};
use crate::ops::gemm::{self, Rows};
use crate::ops::scratch;

/// Forward: a channel's taps over its window.
pub fn forward<T: Real>(
    geometry: &Geometry,
    x: View<'_, T>,
    weight: View<'_, T>,
    y: &mut [T],
    shape: Shape,
    finish: impl Fn(usize, &mut [T]),
) {
    let (planes, offsets) = window(geometry, x.shape, weight.shape, shape);
    let multiplier = shape.c() / geometry.groups;
    let length = (shape.h() * planes.pitch()).next_multiple_of(STEP);
    let mut laid = scratch::take(
        planes
            .channel()
            .max(offsets.iter().max().unwrap_or(&0) + length),
    );
    let mut sums = scratch::take(length);
    for n in 0..shape.n() {
        for output in 0..shape.c() {
            if output % multiplier == 0 {
                let at = (n * x.shape.c() + output / multiplier) * x.shape.plane();
                planes.copy(
                    &x.data[at..at + x.shape.plane()],
                    &mut laid[..planes.channel()],
                );
            }
            let taps = &weight.data[output * weight.shape.plane()..][..weight.shape.plane()];
            let tiles = sums.as_chunks_mut().0.as_chunks_mut().0;
            shifted_sums(&laid, &offsets, taps.as_chunks::<1>().0, tiles);
            let y = &mut y[(n * shape.c() + output) * shape.plane()..][..shape.plane()];
            for (y, sums) in y
                .chunks_exact_mut(shape.w())
                .zip(sums.chunks_exact(planes.pitch()))
            {
                y.copy_from_slice(&sums[..shape.w()]);
            }
            finish(output, y);
        }
    }
}

/// To the input: the taps of all outputs of a channel, for each remainder to the stride apart.
pub fn input_grad<T: Real>(
    geometry: &Geometry,
    dy: View<'_, T>,
    weight: View<'_, T>,
    dx: &mut [T],
    shape: Shape,
) {
    let (planes, [rows, columns]) = backward(geometry, shape, weight.shape, dy.shape);
    let multiplier = dy.shape.c() / geometry.groups;
    let passes: Vec<_> = rows
        .iter()
        .flat_map(|row| columns.iter().map(move |column| (row, column)))
        .map(|(row, column)| (row, column, offsets(multiplier, &planes, row, column)))
        .collect();
    let longest = (rows.iter().map(|row| row.count).max().unwrap_or(0) * planes.pitch())
        .next_multiple_of(STEP);
    let furthest = passes
        .iter()
        .flat_map(|pass| &pass.2)
        .max()
        .copied()
        .unwrap_or(0);
    let mut laid = scratch::take((multiplier * planes.channel()).max(furthest + longest));
    let mut sums = scratch::take(longest);
    let mut taps = Vec::with_capacity(multiplier * weight.shape.plane());
    for n in 0..shape.n() {
        for channel in 0..shape.c() {
            let start = (n * dy.shape.c() + channel * multiplier) * dy.shape.plane();
            let from = &dy.data[start..start + multiplier * dy.shape.plane()];
            for (from, to) in from
                .chunks_exact(dy.shape.plane())
                .zip(laid.chunks_exact_mut(planes.channel().max(1)))
            {
                planes.copy(from, to);
            }
            let dx = &mut dx[(n * shape.c() + channel) * shape.plane()..][..shape.plane()];
            let kernels = &weight.data[channel * multiplier * weight.shape.plane()..]
                [..multiplier * weight.shape.plane()];
            for (row, column, offsets) in &passes {
                taps.clear();
                for kernel in kernels.chunks_exact(weight.shape.plane()) {
                    for y in &row.taps {
                        taps.extend(
                            column
                                .taps
                                .iter()
                                .map(|x| kernel[y.index * weight.shape.w() + x.index]),
                        );
                    }
                }
                let sums = &mut sums[..(row.count * planes.pitch()).next_multiple_of(STEP)];
                let tiles = sums.as_chunks_mut().0.as_chunks_mut().0;
                shifted_sums(&laid, offsets, taps.as_chunks::<1>().0, tiles);
                for y in 0..row.count {
                    let to = &mut dx[(row.start + y * row.stride) * shape.w()..][..shape.w()];
                    let sums = sums.get(y * planes.pitch()..).unwrap_or_default();
                    if column.stride == 1 {
                        to.copy_from_slice(&sums[..column.count]);
                    } else {
                        let to = to.iter_mut().skip(column.start).step_by(column.stride);
                        to.zip(&sums[..column.count])
                            .for_each(|(to, sum)| *to = *sum);
                    }
                }
            }
        }
    }
}

/// To the weights: the inner product of each output's gradient with its channel's shifted picture.
pub fn weight_grad<T: Real>(
    geometry: &Geometry,
    x: View<'_, T>,
    dy: View<'_, T>,
    dw: &mut [T],
    shape: Shape,
) {
    let (planes, offsets) = window(geometry, x.shape, shape, dy.shape);
    let (height, width) = (dy.shape.h(), dy.shape.w());
    let upstream = Planes {
        rows: Axis::plain(height, height),
        columns: Axis::plain(width, planes.pitch()),
    };
    let multiplier = dy.shape.c() / geometry.groups;
    let rows: Vec<usize> = (0..multiplier)
        .map(|output| output * upstream.channel())
        .collect();
    let length = (height - 1) * planes.pitch() + width;
    let mut laid = scratch::take(planes.channel());
    let mut gradient = scratch::take(multiplier * upstream.channel());
    dw.fill(T::zero());
    for n in 0..x.shape.n() {
        for (channel, dw) in dw.chunks_exact_mut(multiplier * shape.plane()).enumerate() {
            let at = (n * x.shape.c() + channel) * x.shape.plane();
            planes.copy(&x.data[at..at + x.shape.plane()], &mut laid);
            let at = (n * dy.shape.c() + channel * multiplier) * dy.shape.plane();
            let from =
                dy.data[at..at + multiplier * dy.shape.plane()].chunks_exact(dy.shape.plane());
            for (from, to) in from.zip(gradient.chunks_exact_mut(upstream.channel())) {
                upstream.copy(from, to);
            }
            let left = Rows {
                data: &gradient,
                offsets: &rows,
                step: 0,
            };
            let right = Rows {
                data: &laid,
                offsets: &offsets,
                step: 0,
            };
            gemm::inner_products(left, right, 1, length, dw);
        }
    }
}
