//! Convolution on slices.
//!
//! All three directions are sums of products over taps. [`planes`] lays a picture out so that a tap is an offset ([`taps`]);
//! [`dense`] and [`weights`] multiply matrices of such windows ([`grid`]), [`depthwise`] adds up shifted rows ([`shifted`]).

mod dense;
mod depthwise;
mod grid;
mod planes;
mod shifted;
mod taps;
mod weights;

#[cfg(test)]
mod tests;

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
    let finish = |channel: usize, run: &mut [T]| {
        if let Some(bias) = bias {
            let bias = bias[channel];
            for y in run.iter_mut() {
                *y += bias;
            }
        }
        if let Some(function) = activation {
            function.apply_all(run);
        }
    };
    if geometry.is_depthwise(weight.shape) {
        depthwise::forward(geometry, x, weight, y, shape, finish);
    } else {
        dense::forward(geometry, x, weight, y, shape, finish);
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
    if geometry.is_depthwise(weight.shape) {
        depthwise::input_grad(geometry, dy, weight, dx, shape);
    } else {
        dense::input_grad(geometry, dy, weight, dx, shape);
    }
}

/// dw: the adjoint of w ↦ x ⋆ w.
pub fn weight_grad<T: Real>(
    geometry: &Geometry,
    x: View<'_, T>,
    dy: View<'_, T>,
    dw: &mut [T],
    shape: Shape,
) {
    if geometry.is_depthwise(shape) {
        depthwise::weight_grad(geometry, x, dy, dw, shape);
    } else {
        weights::weight_grad(geometry, x, dy, dw, shape);
    }
}
