//! Where the taps of a convolution find their values in the layout.

use super::planes::{Axis, Lattice, Planes};
use super::{Geometry, Shape};

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

/// Where the taps that reach a lattice find their values, channel after channel.
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
pub fn taps(channels: usize, weight: Shape, row: &Lattice, column: &Lattice) -> Vec<usize> {
    let mut taps = Vec::with_capacity(channels * row.taps.len() * column.taps.len());
    for channel in 0..channels {
        for y in &row.taps {
            let start = channel * weight.picture() + y.index * weight.w();
            taps.extend(column.taps.iter().map(|x| start + x.index));
        }
    }
    taps
}
