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

use super::{Conv2d, Geometry};
use crate::ops::{Real, View};
use crate::tensor::Shape;

/// y = activation(x ⋆ w + b + r).
pub fn forward<T: Real>(op: &Conv2d, inputs: &[View<'_, T>], y: &mut [T], shape: Shape) {
    let (x, weight) = (inputs[0], inputs[1]);
    let (bias, residual) = op.at_end(inputs.len());
    let [bias, residual] = [bias, residual].map(|index| index.map(|index| inputs[index].data));
    let activate = |run: &mut [T]| {
        if let Some(function) = op.activation {
            function.apply_all(run);
        }
    };
    let finish = |channel: usize, run: &mut [T]| {
        if let Some(bias) = bias {
            let bias = bias[channel];
            for y in run.iter_mut() {
                *y += bias;
            }
        }
        if residual.is_none() {
            activate(run);
        }
    };
    if op.geometry.is_depthwise(weight.shape) {
        depthwise::forward(&op.geometry, x, weight, y, shape, finish);
    } else {
        dense::forward(&op.geometry, x, weight, y, shape, finish);
    }
    if let Some(residual) = residual {
        // A plane at a time, which is still at hand when it is activated.
        let planes = y.chunks_exact_mut(shape.plane());
        for (y, residual) in planes.zip(residual.chunks_exact(shape.plane())) {
            for (y, &residual) in y.iter_mut().zip(residual) {
                *y += residual;
            }
            activate(y);
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
