//! Planes copied into rows of whole `vec4`s with zeros around them: kernels then load four values at a time and check no
//! border. Software adapters pay for every load and every check, GPUs for the checks.

use crate::ops::kernel::{Binding, Kernel};
use crate::tensor::Shape;

/// Values of a scratch buffer at most, 128 MiB: what every WebGPU device binds.
pub const MOST_VALUES: usize = 1 << 25;

/// The layout of a padded copy, `[planes][rows][quads]` of `vec4`s.
#[derive(Debug, Clone, Copy)]
pub struct Padded {
    /// Pictures times channels times remainders of a stride.
    pub planes: usize,
    /// (H, W) of what is copied.
    pub size: [usize; 2],
    /// Zeros (above, at the left); numbers that wrapped below 0 leave out rows and columns.
    pub before: [usize; 2],
    /// Strides (of rows, of columns): each remainder of a plane becomes a plane of its own.
    pub step: [usize; 2],
    /// Rows of a plane.
    pub rows: usize,
    /// `vec4`s a row.
    pub quads: usize,
}

impl Padded {
    /// The copy, into scratch buffer `scratch`; `None` if it would be too large.
    pub fn kernel(&self, source: Binding, scratch: usize) -> Option<Kernel> {
        let count = self.planes * self.rows * self.quads;
        let [height, width] = self.size;
        let params = [
            height,
            width,
            self.before[0],
            self.before[1],
            self.step[0],
            self.step[1],
            self.rows,
            self.quads,
            count,
        ];
        (4 * count <= MOST_VALUES).then(|| {
            Kernel::linear(
                "pad_rows",
                vec![source, self.binding(scratch)],
                params.map(signed_word).to_vec(),
                count,
            )
            .with_cost(4 * count)
        })
    }

    /// Where the copy stands.
    pub const fn binding(&self, scratch: usize) -> Binding {
        Binding::Scratch(scratch, 4 * self.planes * self.rows * self.quads)
    }
}

/// Planes of whole `vec4`s without rows: the tensor itself where its planes are such already, else a copy in scratch buffer
/// `scratch`. `None` if that would be too large.
pub fn whole_quads(
    shape: Shape,
    source: Binding,
    scratch: usize,
) -> Option<(Binding, Option<Kernel>)> {
    if shape.plane().is_multiple_of(4) {
        return Some((source, None));
    }
    let padded = Padded {
        planes: shape.n() * shape.c(),
        size: [1, shape.plane()],
        before: [0, 0],
        step: [1, 1],
        rows: 1,
        quads: shape.plane().div_ceil(4),
    };
    let pad = padded.kernel(source, scratch)?;
    Some((padded.binding(scratch), Some(pad)))
}

/// A small number that may have wrapped below 0, as a shader's i32.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the low bits are those of the i32"
)]
pub const fn signed_word(value: usize) -> u32 {
    value as u32
}
