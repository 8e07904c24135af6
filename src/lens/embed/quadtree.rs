//! A tree of squares over a map: forces from far groups of points are taken as one (Barnes and Hut 1986).

/// Levels below which points are no longer told apart: copies of a point lie in one place.
const DEEPEST: u32 = 24;

/// No child.
const NONE: u32 = 0;

/// A square with points in it.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// The mean of the points' positions, kept as a running mean: that of copies is their place to the last bit.
    centre: [f32; 2],
    count: f32,
    /// The square of the side over the squared accuracy.
    reach: f32,
    /// By quarter; [`NONE`] where there is none.
    children: [u32; 4],
    is_leaf: bool,
}

/// The tree of a map. The memory is used again from map to map.
#[derive(Debug, Clone, Default)]
pub struct Quadtree {
    cells: Vec<Cell>,
}

impl Quadtree {
    /// Builds the tree for points with coordinates `xs` and `ys`. With a smaller `angle` fewer groups count as far.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "cells are counted in 32 bits"
    )]
    pub fn build(&mut self, xs: &[f32], ys: &[f32], angle: f32) {
        let (low, side) = bounds(xs, ys);
        self.cells.clear();
        self.cells.push(empty(side, angle));
        for (&x, &y) in xs.iter().zip(ys) {
            self.insert([x, y], low, side, angle);
        }
    }

    /// Walks down with a point to a leaf of its own, splitting the leaf of another on the way.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "cells are counted in 32 bits"
    )]
    fn insert(&mut self, point: [f32; 2], mut low: [f32; 2], mut side: f32, angle: f32) {
        let mut at = 0;
        for depth in 0.. {
            let cell = self.cells[at];
            let entry = &mut self.cells[at];
            entry.count += 1.0;
            entry.centre = [0, 1]
                .map(|axis| cell.centre[axis] + (point[axis] - cell.centre[axis]) / entry.count);
            if cell.count == 0.0 {
                return;
            }
            if cell.is_leaf && (depth == DEEPEST || cell.centre == point) {
                return;
            }
            side *= 0.5;
            if cell.is_leaf {
                // The one who lived here, or the many of one place, move down a level.
                entry.is_leaf = false;
                let (quarter, _) = quarter_of(cell.centre, low, side);
                let mut child = empty(side, angle);
                child.centre = cell.centre;
                child.count = cell.count;
                self.cells[at].children[quarter] = self.cells.len() as u32;
                self.cells.push(child);
            }
            let (quarter, corner) = quarter_of(point, low, side);
            if self.cells[at].children[quarter] == NONE {
                self.cells[at].children[quarter] = self.cells.len() as u32;
                self.cells.push(empty(side, angle));
            }
            at = self.cells[at].children[quarter] as usize;
            low = corner;
        }
    }

    /// What repels a point at (x, y): Σ w, and Σ w² (p − q) by axis, with w = 1 / (1 + |p − q|²), over all points q but
    /// itself.
    pub fn repulsion(&self, x: f32, y: f32, stack: &mut Vec<u32>) -> (f64, [f32; 2]) {
        let (mut total, mut force) = (0.0_f64, [0.0_f32; 2]);
        stack.clear();
        stack.push(0);
        while let Some(at) = stack.pop() {
            let cell = &self.cells[at as usize];
            let (dx, dy) = (x - cell.centre[0], y - cell.centre[1]);
            let square = dx * dx + dy * dy;
            if cell.is_leaf || cell.reach < square {
                let weight = 1.0 / (1.0 + square);
                let sum = cell.count * weight;
                total += f64::from(sum);
                force[0] += sum * weight * dx;
                force[1] += sum * weight * dy;
            } else {
                stack.extend(cell.children.iter().filter(|&&child| child != NONE));
            }
        }
        // The point itself was met at distance zero, where w is 1 and the force nothing.
        (total - 1.0, force)
    }
}

fn empty(side: f32, angle: f32) -> Cell {
    Cell {
        centre: [0.0; 2],
        count: 0.0,
        reach: (side / angle).powi(2),
        children: [NONE; 4],
        is_leaf: true,
    }
}

/// The lower corner and the side of a square around all points.
fn bounds(xs: &[f32], ys: &[f32]) -> ([f32; 2], f32) {
    let range = |values: &[f32]| {
        values
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| {
                (low.min(v), high.max(v))
            })
    };
    let ((left, right), (bottom, top)) = (range(xs), range(ys));
    let side = (right - left).max(top - bottom).max(f32::MIN_POSITIVE);
    ([left, bottom], side * 1.000_01)
}

/// The quarter of a square, whose half side is given, in which a point lies, and that quarter's lower corner.
fn quarter_of(point: [f32; 2], low: [f32; 2], half: f32) -> (usize, [f32; 2]) {
    let middle = [low[0] + half, low[1] + half];
    let (right, upper) = (point[0] >= middle[0], point[1] >= middle[1]);
    let corner = [
        if right { middle[0] } else { low[0] },
        if upper { middle[1] } else { low[1] },
    ];
    (usize::from(right) + 2 * usize::from(upper), corner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn exact(xs: &[f32], ys: &[f32], i: usize) -> (f64, [f32; 2]) {
        let (mut total, mut force) = (0.0, [0.0; 2]);
        for j in (0..xs.len()).filter(|&j| j != i) {
            let (dx, dy) = (xs[i] - xs[j], ys[i] - ys[j]);
            let weight = 1.0 / (1.0 + dx * dx + dy * dy);
            total += f64::from(weight);
            force[0] += weight * weight * dx;
            force[1] += weight * weight * dy;
        }
        (total, force)
    }

    #[test]
    fn the_tree_agrees_with_the_sum_over_all_points() {
        let mut random = Random::new(2);
        let mut xs: Vec<f32> = (0..500).map(|_| random.normal() * 20.0).collect();
        let mut ys: Vec<f32> = (0..500).map(|_| random.normal() * 20.0).collect();
        // Copies, which no square parts.
        xs.extend([xs[0]; 40]);
        ys.extend([ys[0]; 40]);
        let mut tree = Quadtree::default();
        for (angle, tolerance) in [(1e-4, 1e-4), (0.5, 0.03)] {
            tree.build(&xs, &ys, angle);
            let mut stack = Vec::new();
            for i in [0, 7, 499, 539] {
                let (total, force) = tree.repulsion(xs[i], ys[i], &mut stack);
                let (right, expected) = exact(&xs, &ys, i);
                assert!((total - right).abs() < tolerance * right, "{total} {right}");
                let size = expected[0].hypot(expected[1]);
                let off = (force[0] - expected[0]).hypot(force[1] - expected[1]);
                assert!(
                    f64::from(off) < tolerance * f64::from(size.max(0.05)),
                    "{off} {size}"
                );
            }
        }
    }

    #[test]
    fn a_map_of_one_place_has_a_tree() {
        let mut tree = Quadtree::default();
        tree.build(&[3.0; 9], &[-1.0; 9], 0.5);
        let (total, force) = tree.repulsion(3.0, -1.0, &mut Vec::new());
        assert!(
            (total - 8.0).abs() < 1e-6 && force == [0.0, 0.0],
            "{total} {force:?}"
        );
    }
}
