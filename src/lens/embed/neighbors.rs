//! Who is nearest to whom, in the original space or in a map.

use super::space::Space;
use crate::engine::control::Control;
use crate::error::Result;

/// The nearest other points of every point, the nearest first; of equally far ones, the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbors {
    /// How many each point has.
    pub each: usize,
    /// Their indices, row-major (N × each).
    pub indices: Vec<u32>,
    /// Their squared distances, row-major (N × each).
    pub squares: Vec<f32>,
}

impl Neighbors {
    /// The `each` nearest of every point of a space, all others if there are fewer.
    ///
    /// # Errors
    /// `aborted`.
    pub async fn of(space: &Space, each: usize, control: &Control) -> Result<Self> {
        let each = each.min(space.count() - 1);
        let mut found = Self {
            each,
            indices: Vec::with_capacity(space.count() * each),
            squares: Vec::with_capacity(space.count() * each),
        };
        let all: Vec<usize> = (0..space.count()).collect();
        let mut list = Vec::new();
        space
            .distances(&all, control, |point, squares| {
                nearest(point, squares, each, &mut list);
                for &(square, index) in &list {
                    found.indices.push(index);
                    found.squares.push(square);
                }
            })
            .await?;
        Ok(found)
    }

    /// The neighbours of a point with their squared distances.
    pub fn row(&self, point: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let range = point * self.each..(point + 1) * self.each;
        let indices = self.indices[range.clone()].iter();
        indices
            .zip(&self.squares[range])
            .map(|(&index, &square)| (index as usize, square))
    }
}

/// Fills `list` with the `each` nearest points but `point` itself, in order.
#[allow(
    clippy::cast_possible_truncation,
    reason = "points are counted in 32 bits"
)]
pub(super) fn nearest(point: usize, squares: &[f32], each: usize, list: &mut Vec<(f32, u32)>) {
    let by_distance = |a: &(f32, u32), b: &(f32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    list.clear();
    list.extend(
        squares
            .iter()
            .enumerate()
            .filter(|&(other, _)| other != point)
            .map(|(other, &square)| (square, other as u32)),
    );
    if each > 0 && each < list.len() {
        list.select_nth_unstable_by(each - 1, by_distance);
    }
    list.truncate(each);
    list.sort_unstable_by(by_distance);
}
