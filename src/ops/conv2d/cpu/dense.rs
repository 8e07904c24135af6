//! Convolution as matrix products, packed straight from the picture.

use std::ops::Range;

use super::planes::{Axis, Laid, Lattice, Planes};
use super::{Geometry, Real, Shape, View};
use crate::ops::gemm::Before::{Dropped, Kept};
use crate::ops::gemm::{self, Columns, Left, NR, Rows};
use crate::ops::scratch;

/// Small pictures are taken together until there are that many positions.
const TOGETHER: usize = 384;
/// Positions below which an inner product along them is not worth its end.
const SHORT: usize = 128;

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
                gemm::product(size, left, grid.pack(&laid, &offsets), (y, Dropped), finish);
            } else {
                product.resize(size[0] * size[1]);
                let joined = (&mut *product, Dropped);
                gemm::product(size, left, grid.pack(&laid, &offsets), joined, finish);
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
                    gemm::product(
                        size,
                        left,
                        grid.pack(&laid, &offsets),
                        (dx, Dropped),
                        |_, _| (),
                    );
                    continue;
                }
                product.resize(inputs * positions);
                gemm::product(
                    size,
                    left,
                    grid.pack(&laid, &offsets),
                    (&mut product, Dropped),
                    |_, _| (),
                );
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
    let mut places = Vec::with_capacity(pictures * shape.plane());
    let mut columns = Vec::with_capacity(pictures * shape.plane());
    for n in 0..pictures {
        for y in 0..shape.h() {
            places.extend((0..shape.w()).map(|x_| n * x.step() + y * planes.pitch() + x_));
        }
        columns.extend((0..shape.plane()).map(|position| n * dy.step() + position));
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
            for (row, place) in panel.iter_mut().zip(&places[depth.clone()]) {
                row[column] = data[*place];
            }
        }
    };
    let size = [dw.len() / offsets.len(), offsets.len(), places.len()];
    gemm::product(size, left, pack, (dw, Kept), |_, _| ());
}

/// The layout of the picture, and where each of a group's taps finds its values there.
pub fn window(geometry: &Geometry, x: Shape, weight: Shape, y: Shape) -> (Planes, Vec<usize>) {
    let Geometry {
        stride,
        dilation,
        padding,
        ..
    } = *geometry;
    let (rows, y_taps) = Axis::window(
        [x.h(), y.h()],
        weight.h(),
        stride[0],
        dilation[0],
        padding.top,
    );
    let (columns, x_taps) = Axis::window(
        [x.w(), y.w()],
        weight.w(),
        stride[1],
        dilation[1],
        padding.left,
    );
    let planes = Planes { rows, columns };
    let mut offsets = Vec::with_capacity(weight.picture());
    for channel in 0..weight.c() {
        for &y in &y_taps {
            offsets.extend(
                x_taps
                    .iter()
                    .map(|&x| channel * planes.channel() + planes.offset(y, x)),
            );
        }
    }
    (planes, offsets)
}

/// The layout of the gradient, and the lattices of the input's rows and columns.
pub fn backward(
    geometry: &Geometry,
    x: Shape,
    weight: Shape,
    y: Shape,
) -> (Planes, [Vec<Lattice>; 2]) {
    let Geometry {
        stride,
        dilation,
        padding,
        ..
    } = *geometry;
    let (rows, y_lattices) = Axis::backward(
        [x.h(), y.h()],
        weight.h(),
        stride[0],
        dilation[0],
        padding.top,
    );
    let (columns, x_lattices) = Axis::backward(
        [x.w(), y.w()],
        weight.w(),
        stride[1],
        dilation[1],
        padding.left,
    );
    (Planes { rows, columns }, [y_lattices, x_lattices])
}

pub fn offsets(channels: usize, planes: &Planes, row: &Lattice, column: &Lattice) -> Vec<usize> {
    let mut offsets = Vec::with_capacity(channels * row.taps.len() * column.taps.len());
    for channel in 0..channels {
        for &y in &row.taps {
            offsets.extend(
                column
                    .taps
                    .iter()
                    .map(|&x| channel * planes.channel() + planes.offset(y, x)),
            );
        }
    }
    offsets
}

/// Where the weights stand that lead from a group's output channels to the lattice, in the order of [`offsets`].
fn taps(channels: usize, weight: Shape, row: &Lattice, column: &Lattice) -> Vec<usize> {
    let mut taps = Vec::with_capacity(channels * row.taps.len() * column.taps.len());
    for channel in 0..channels {
        for y in &row.taps {
            let start = channel * weight.picture() + y.index * weight.w();
            taps.extend(column.taps.iter().map(|x| start + x.index));
        }
    }
    taps
}

/// Runs of pictures to take together.
fn batches(shape: Shape) -> impl Iterator<Item = Range<usize>> {
    let size = TOGETHER.div_ceil(shape.plane().max(1));
    (0..shape.n())
        .step_by(size)
        .map(move |start| start..shape.n().min(start + size))
}

/// The positions of a picture in its layout.
#[derive(Clone, Copy)]
struct Grid {
    rows: usize,
    columns: usize,
    pitch: usize,
}

impl Grid {
    /// A packer of windows: row `k` of the matrix is tap `k`, column `j` position `j`, picture after picture.
    fn pack<T: Real>(
        self,
        laid: &Laid<'_, T>,
        offsets: &[usize],
    ) -> impl Fn(usize, Range<usize>, &mut [[T; NR]]) {
        let (data, step) = (laid.data(), laid.step());
        // Rows without a gap are one long row.
        let columns = if self.pitch == self.columns {
            self.rows * self.columns
        } else {
            self.columns
        };
        let plane = self.rows * self.columns;
        let locate = move |j: usize| {
            let (picture, position) = (j / plane, j % plane);
            (
                picture * step + position / columns * self.pitch + position % columns,
                columns - position % columns,
            )
        };
        move |j, depth, panel| {
            let offsets = &offsets[depth];
            let (start, run) = locate(j);
            if run >= NR {
                for (row, offset) in panel.iter_mut().zip(offsets) {
                    row.copy_from_slice(&data[offset + start..][..NR]);
                }
                return;
            }
            let mut at = 0;
            while at < NR {
                let (start, run) = locate(j + at);
                let to = at..NR.min(at + run);
                for (row, offset) in panel.iter_mut().zip(offsets) {
                    for (column, to) in row[to.clone()].iter_mut().enumerate() {
                        *to = data
                            .get(offset + start + column)
                            .copied()
                            .unwrap_or_default();
                    }
                }
                at = to.end;
            }
        }
    }
}
