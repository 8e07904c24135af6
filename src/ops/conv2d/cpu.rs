//! Convolution on slices.

use super::Geometry;
use crate::ops::activation::Function;
use crate::ops::{Real, View};
use crate::tensor::Shape;

/// y = activation(x ⋆ w + b).
pub fn forward<T: Real>(
    geometry: &Geometry,
    x: View<'_, T>,
    weight: View<'_, T>,
    bias: Option<&[T]>,
    activation: Option<Function>,
    y: &mut [T],
    shape: Shape,
) {
    for n in 0..shape.n() {
        for o in 0..shape.c() {
            for oy in 0..shape.h() {
                for ox in 0..shape.w() {
                    let mut sum = bias.map_or(T::zero(), |bias| bias[o]);
                    each_tap(
                        geometry,
                        x.shape,
                        weight.shape,
                        shape.c(),
                        [n, o, oy, ox],
                        |input, tap| {
                            sum += x.data[input] * weight.data[tap];
                        },
                    );
                    y[((n * shape.c() + o) * shape.h() + oy) * shape.w() + ox] =
                        activation.map_or(sum, |function| function.apply(sum));
                }
            }
        }
    }
}

/// dx: the adjoint of x ↦ x ⋆ w.
pub fn input_grad<T: Real>(
    geometry: &Geometry,
    dy: View<'_, T>,
    weight: View<'_, T>,
    dx: &mut [T],
    shape: Shape,
) {
    dx.fill(T::zero());
    for_each_output(dy.shape, |index, position| {
        each_tap(
            geometry,
            shape,
            weight.shape,
            dy.shape.c(),
            position,
            |input, tap| {
                dx[input] += dy.data[index] * weight.data[tap];
            },
        );
    });
}

/// dw: the adjoint of w ↦ x ⋆ w.
pub fn weight_grad<T: Real>(
    geometry: &Geometry,
    x: View<'_, T>,
    dy: View<'_, T>,
    dw: &mut [T],
    shape: Shape,
) {
    dw.fill(T::zero());
    for_each_output(dy.shape, |index, position| {
        each_tap(
            geometry,
            x.shape,
            shape,
            dy.shape.c(),
            position,
            |input, tap| {
                dw[tap] += dy.data[index] * x.data[input];
            },
        );
    });
}

fn for_each_output(shape: Shape, mut visit: impl FnMut(usize, [usize; 4])) {
    let mut index = 0;
    for n in 0..shape.n() {
        for o in 0..shape.c() {
            for oy in 0..shape.h() {
                for ox in 0..shape.w() {
                    visit(index, [n, o, oy, ox]);
                    index += 1;
                }
            }
        }
    }
}

/// Visits (index into x, index into w) of every product that makes output (n, o, oy, ox).
fn each_tap(
    geometry: &Geometry,
    x: Shape,
    weight: Shape,
    c_out: usize,
    [n, o, oy, ox]: [usize; 4],
    mut visit: impl FnMut(usize, usize),
) {
    let group = o / (c_out / geometry.groups);
    for c in 0..weight.c() {
        for ky in 0..weight.h() {
            let Some(iy) = (oy * geometry.stride[0] + ky * geometry.dilation[0])
                .checked_sub(geometry.padding.top)
            else {
                continue;
            };
            for kx in 0..weight.w() {
                let Some(ix) = (ox * geometry.stride[1] + kx * geometry.dilation[1])
                    .checked_sub(geometry.padding.left)
                else {
                    continue;
                };
                if iy < x.h() && ix < x.w() {
                    let channel = group * weight.c() + c;
                    visit(
                        ((n * x.c() + channel) * x.h() + iy) * x.w() + ix,
                        ((o * weight.c() + c) * weight.h() + ky) * weight.w() + kx,
                    );
                }
            }
        }
    }
}
