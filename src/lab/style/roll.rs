//! Pictures rolled over their edges: what a network with strides leaves out is not always at the same places.

use crate::error::Result;
use crate::random::Random;
use crate::tensor::Tensor;

/// Ways in which the pictures of a run are rolled. What is aimed at is computed for each, so there are few.
const WAYS: usize = 8;

/// Pixel (i + `down`, j + `across`) of a picture comes to (i, j).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roll {
    /// Rows.
    pub down: usize,
    /// Columns.
    pub across: usize,
}

impl Roll {
    /// Nothing moves.
    const NONE: Self = Self { down: 0, across: 0 };

    /// Ways to roll by less than `jitter` pixels, by the seed; the first moves nothing.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a picture's extent"
    )]
    pub fn ways(jitter: usize, seed: u64) -> Vec<Self> {
        if jitter == 0 {
            return vec![Self::NONE];
        }
        let mut random = Random::new(seed ^ 0x5bd1_e995_7b7d_159d);
        let mut draw = || ((random.uniform() * jitter as f32) as usize).min(jitter - 1);
        let others = (1..WAYS).map(|_| Self {
            down: draw(),
            across: draw(),
        });
        std::iter::once(Self::NONE)
            .chain(others.collect::<Vec<_>>())
            .collect()
    }

    /// The matrices that roll rows and columns.
    pub fn matrices(self, [height, width]: [usize; 2]) -> [Vec<f32>; 2] {
        [(self.down, height), (self.across, width)].map(|(by, length)| {
            let mut matrix = vec![0.0; length * length];
            for row in 0..length {
                matrix[row * length + (row + by) % length] = 1.0;
            }
            matrix
        })
    }

    /// A picture (N, C, H, W) rolled.
    pub fn of(self, picture: &Tensor) -> Result<Tensor> {
        let shape = picture.activation_shape();
        let mut values = Vec::with_capacity(shape.len());
        for plane in picture.data().chunks_exact(shape.plane()) {
            for row in 0..shape.h() {
                let from = (row + self.down) % shape.h() * shape.w();
                let line = &plane[from..from + shape.w()];
                let (end, start) = line.split_at(self.across % shape.w());
                values.extend_from_slice(start);
                values.extend_from_slice(end);
            }
        }
        Tensor::from_shape(values, shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::synthesis::matrices::apply;

    #[test]
    fn matrices_roll_as_pictures_do() {
        let picture = Tensor::new((0..60_u8).map(f32::from).collect(), [1, 2, 5, 6]).unwrap();
        for roll in Roll::ways(4, 3) {
            let [rows, columns] = roll.matrices([5, 6]);
            let found = apply(picture.data(), [5, 6], &rows, &columns);
            assert_eq!(found, roll.of(&picture).unwrap().data(), "{roll:?}");
        }
        let roll = Roll { down: 2, across: 1 };
        assert_eq!(
            roll.of(&picture).unwrap().data()[0],
            picture.data()[2 * 6 + 1]
        );
        assert_eq!(Roll::ways(0, 3), [Roll::NONE]);
        assert_eq!(Roll::ways(4, 3)[0], Roll::NONE);
        assert_ne!(Roll::ways(4, 3), Roll::ways(4, 4));
    }
}
