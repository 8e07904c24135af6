//! Gradients to the weights of dense convolutions.

use std::ops::Range;

use super::dense::batches;
use super::planes::{Axis, Laid, Planes};
use super::taps::window;
use super::{Geometry, Real, Shape, View};
use crate::ops::gemm::{self, Before, Columns, Left, NR, Rows};

/// Positions below which an inner product along them is not worth its end.
const SHORT: usize = 128;

/// To the weights: the gradient's channels times the picture's windows, both as rows of positions.
pub fn weight_grad<T: Real>(
    geometry: &Geometry,
    x: View<'_, T>,
    dy: View<'_, T>,
    dw: &mut [T],
    shape: Shape,
) {
    let (planes, offsets) = window(geometry, x.shape, shape, dy.shape);
    let (upstream, outputs) = (dy.shape, dy.shape.c() / geometry.groups);
    dw.fill(T::zero());
    for (group, dw) in dw.chunks_exact_mut(outputs * shape.picture()).enumerate() {
        let channels = group * outputs..(group + 1) * outputs;
        for pictures in batches(upstream) {
            let x = planes.lay(
                x,
                pictures.clone(),
                group * shape.c()..(group + 1) * shape.c(),
            );
            let gradient = |pitch| {
                let rows = Axis::plain(upstream.h(), upstream.h());
                let columns = Axis::plain(upstream.w(), pitch);
                Planes { rows, columns }.lay(dy, pictures.clone(), channels.clone())
            };
            if upstream.plane() < SHORT {
                let dy = gradient(upstream.w());
                multiply_windows(&planes, [&x, &dy], &offsets, pictures.len(), upstream, dw);
            } else {
                // The gradient takes the picture's pitch, with zeros at the row ends: both are read in order across rows.
                let dy = gradient(planes.pitch());
                let length = (upstream.h() - 1) * planes.pitch() + upstream.w();
                let rows: Vec<usize> = (0..outputs)
                    .map(|output| output * upstream.h() * planes.pitch())
                    .collect();
                let left = Rows {
                    data: dy.data(),
                    offsets: &rows,
                    step: dy.step(),
                };
                let right = Rows {
                    data: x.data(),
                    offsets: &offsets,
                    step: x.step(),
                };
                gemm::inner_products(left, right, pictures.len(), length, dw);
            }
        }
    }
}

/// [`weight_grad`] of small pictures, which make rows too short for inner products: as a product that packs them.
fn multiply_windows<T: Real>(
    planes: &Planes,
    [x, dy]: [&Laid<'_, T>; 2],
    offsets: &[usize],
    pictures: usize,
    shape: Shape,
    dw: &mut [T],
) {
    let mut positions = Vec::with_capacity(pictures * shape.plane());
    let mut columns = Vec::with_capacity(pictures * shape.plane());
    for n in 0..pictures {
        for y in 0..shape.h() {
            positions.extend((0..shape.w()).map(|at| n * x.step() + y * planes.pitch() + at));
        }
        columns.extend((0..shape.plane()).map(|at| n * dy.step() + at));
    }
    let left = Left {
        data: dy.data(),
        row: shape.plane(),
        columns: Columns::At(&columns),
    };
    let data = x.data();
    let pack = |j: usize, depth: Range<usize>, panel: &mut [[T; NR]]| {
        for (column, offset) in offsets.iter().skip(j).take(NR).enumerate() {
            let data = &data[*offset..];
            for (row, position) in panel.iter_mut().zip(&positions[depth.clone()]) {
                row[column] = data[*position];
            }
        }
    };
    let size = [dw.len() / offsets.len(), offsets.len(), positions.len()];
    gemm::product(size, left, pack, (dw, Before::Kept), |_, _| ());
}
