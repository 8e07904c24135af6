//! Random resizing and padding.

use crate::lab::synthesis::matrices::{apply, resize, transposed};
use crate::random::Random;

/// Where a shrunk picture lies: for each axis a matrix that shrinks it by straight lines and puts it at its place, so that
/// what is filtered is L x Rᵀ, black elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    size: [usize; 2],
    axes: [Vec<f32>; 2],
}

impl Placement {
    /// A size from `scale` times `[rows, columns]` to all of it, the same share along both axes, and a place for it; of the
    /// picture `index` of the draws of `seed`.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "extents are small and positive"
    )]
    pub fn draw(size: [usize; 2], scale: f32, seed: u64, index: usize) -> Self {
        // Multiplied, so that neighbouring seeds have nothing in common.
        let mut random = Random::new(seed.wrapping_mul(0x9e37_79b9).wrapping_add(index as u64));
        let least = ((f64::from(scale) * size[0] as f64).ceil() as usize).clamp(1, size[0]);
        let rows = least + random.below(size[0] - least + 1);
        let columns = (size[1] as f64 * rows as f64 / size[0] as f64).round() as usize;
        let shrunk = [rows, columns.clamp(1, size[1])];
        let axes = [0, 1].map(|axis| {
            let (extent, inner) = (size[axis], shrunk[axis]);
            let first = random.below(extent - inner + 1);
            let mut matrix = vec![0.0; extent * extent];
            matrix[first * extent..][..inner * extent].copy_from_slice(&resize(extent, inner));
            matrix
        });
        Self { size, axes }
    }

    /// Planes as they lie.
    #[must_use]
    pub fn apply(&self, planes: &[f32]) -> Vec<f32> {
        apply(planes, self.size, &self.axes[0], &self.axes[1])
    }

    /// Gradients to where planes lie as gradients to the planes: Lᵀ g R.
    #[must_use]
    pub fn pull(&self, gradient: &[f32]) -> Vec<f32> {
        let [left, right] = [0, 1].map(|axis| transposed(&self.axes[axis], self.size[axis]));
        apply(gradient, self.size, &left, &right)
    }
}
