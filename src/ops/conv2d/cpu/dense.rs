//! Convolution as matrix products, packed straight from the picture.

use std::ops::Range;

use super::grid::Grid;
use super::taps::{backward, offsets, taps, window};
use super::{Geometry, Real, Shape, View};
use crate::ops::gemm::{Columns, Left};
use crate::ops::scratch;

/// Small pictures are taken together until there are that many positions.
const TOGETHER: usize = 384;
/// Forward: weights (output channels × taps of all channels) times windows (taps × positions).
pub fn forward<T: Real>(
    geometry: &Geometry,
    x: View<'_, T>,
    weight: View<'_, T>,
    y: &mut [T],
    shape: Shape,
    finish: impl Fn(usize, &mut [T]),
) {
    let (planes, offsets) = window(geometry, x.shape, weight.shape, shape);
    let (terms, outputs) = (weight.shape.picture(), shape.c() / geometry.groups);
    let mut product = scratch::take(0);
    for group in 0..geometry.groups {
        let left = Left {
            data: &weight.data[group * outputs * terms..][..outputs * terms],
            row: terms,
            columns: Columns::InOrder,
        };
        let channels = group * weight.shape.c()..(group + 1) * weight.shape.c();
        for pictures in batches(shape) {
            let laid = planes.lay(x, pictures.clone(), channels.clone());
            let grid = Grid {
                rows: shape.h(),
                columns: shape.w(),
                pitch: planes.pitch(),
            };
            let size = [outputs, pictures.len() * shape.plane(), terms];
            let start = (pictures.start * shape.c() + group * outputs) * shape.plane();
            let finish = |channel: usize, run: &mut [T]| finish(group * outputs + channel, run);
            if pictures.len() == 1 {
                let y = &mut y[start..start + outputs * shape.plane()];
                grid.multiply(size, left, &laid, &offsets, y, finish);
            } else {
                product.resize(size[0] * size[1]);
                grid.multiply(size, left, &laid, &offsets, &mut product, finish);
                for (channel, values) in product.chunks_exact(size[1]).enumerate() {
                    for (n, values) in values.chunks_exact(shape.plane()).enumerate() {
                        let at = start + n * shape.picture() + channel * shape.plane();
                        y[at..at + shape.plane()].copy_from_slice(values);
                    }
                }
            }
        }
    }
}

/// To the input: transposed weights times windows of the gradient, for each remainder to the stride apart, so that no product
/// is with a zero that a stride would put between the gradient's values.
pub fn input_grad<T: Real>(
    geometry: &Geometry,
    dy: View<'_, T>,
    weight: View<'_, T>,
    dx: &mut [T],
    shape: Shape,
) {
    let (planes, [rows, columns]) = backward(geometry, shape, weight.shape, dy.shape);
    let (inputs, outputs) = (weight.shape.c(), dy.shape.c() / geometry.groups);
    if rows.iter().any(|row| {
        columns
            .iter()
            .any(|column| row.taps.is_empty() || column.taps.is_empty())
    }) {
        dx.fill(T::zero());
    }
    let mut product = scratch::take(0);
    for group in 0..geometry.groups {
        let channels = group * outputs..(group + 1) * outputs;
        for pictures in batches(shape) {
            let laid = planes.lay(dy, pictures.clone(), channels.clone());
            let start = (pictures.start * shape.c() + group * inputs) * shape.plane();
            for (row, column) in rows
                .iter()
                .flat_map(|row| columns.iter().map(move |column| (row, column)))
            {
                let terms = outputs * row.taps.len() * column.taps.len();
                let positions = pictures.len() * row.count * column.count;
                if terms == 0 || positions == 0 {
                    continue;
                }
                let offsets = offsets(outputs, &planes, row, column);
                let taps = taps(outputs, weight.shape, row, column);
                let grid = Grid {
                    rows: row.count,
                    columns: column.count,
                    pitch: planes.pitch(),
                };
                let left = Left {
                    data: &weight.data[channels.start * weight.shape.picture()..],
                    row: weight.shape.plane(),
                    columns: Columns::At(&taps),
                };
                let size = [inputs, positions, terms];
                if pictures.len() == 1 && row.stride == 1 && column.stride == 1 {
                    let dx = &mut dx[start..start + inputs * shape.plane()];
                    grid.multiply(size, left, &laid, &offsets, dx, |_, _| ());
                    continue;
                }
                product.resize(inputs * positions);
                grid.multiply(size, left, &laid, &offsets, &mut product, |_, _| ());
                let mut values = product.chunks_exact(column.count);
                for channel in 0..inputs {
                    for n in 0..pictures.len() {
                        let plane = &mut dx
                            [start + n * shape.picture() + channel * shape.plane()..]
                            [..shape.plane()];
                        for (y, values) in values.by_ref().take(row.count).enumerate() {
                            let to = &mut plane
                                [(row.start + y * row.stride) * shape.w() + column.start..];
                            to.iter_mut()
                                .step_by(column.stride)
                                .zip(values)
                                .for_each(|(to, value)| *to = *value);
                        }
                    }
                }
            }
        }
    }
}

/// Runs of pictures to take together.
pub fn batches(shape: Shape) -> impl Iterator<Item = Range<usize>> {
    let size = TOGETHER.div_ceil(shape.plane().max(1));
    (0..shape.n())
        .step_by(size)
        .map(move |start| start..shape.n().min(start + size))
}
