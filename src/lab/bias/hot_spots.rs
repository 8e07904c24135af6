//! Squares that hold much of a map.

/// More than these would not be spots any more.
const MOST: usize = 3;

/// Rows and columns whose sum is below this share of the greatest one do not belong to a spot.
const EDGE: f32 = 0.25;

/// A spot holds at least this share of what the map has left: noisy methods leave much beside the object, but everywhere.
const CONCENTRATION: f32 = 0.4;

/// A rectangle of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Area {
    /// Whether it holds that pixel.
    #[must_use]
    pub const fn contains(&self, row: usize, column: usize) -> bool {
        row >= self.top
            && row < self.top + self.height
            && column >= self.left
            && column < self.left + self.width
    }
}

/// Where a class looks beside the object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HotSpot {
    /// The class.
    pub class: usize,
    /// Where.
    pub area: Area,
    /// The share of the class's positive attribution there.
    pub share: f32,
}

/// Areas that hold at least `threshold` of a map of shares and stand out from the rest of it, the strongest first; each is
/// the best square of a fifth of the picture, without the rows and columns at its edge that hold little.
#[must_use]
pub fn find(map: &[f32], [height, width]: [usize; 2], threshold: f32) -> Vec<(Area, f32)> {
    let side = (height.min(width) as f32 / 5.0).round().max(1.0) as usize;
    let mut left = map.to_vec();
    let mut found = Vec::new();
    while found.len() < MOST {
        let (area, share) = best_square(&left, height, width, side);
        if share < threshold || share < CONCENTRATION * left.iter().sum::<f32>() {
            break;
        }
        found.push((trimmed(&left, width, area), share));
        for row in area.top..area.top + area.height {
            left[row * width + area.left..][..area.width].fill(0.0);
        }
    }
    found
}

/// The square of that side with the greatest sum.
fn best_square(map: &[f32], height: usize, width: usize, side: usize) -> (Area, f32) {
    // sums[r][c] is the sum over rows before r and columns before c.
    let mut sums = vec![0.0_f64; (height + 1) * (width + 1)];
    for row in 0..height {
        for column in 0..width {
            let i = (row + 1) * (width + 1) + column + 1;
            sums[i] = f64::from(map[row * width + column]) + sums[i - 1] + sums[i - width - 1]
                - sums[i - width - 2];
        }
    }
    let at = |row: usize, column: usize| sums[row * (width + 1) + column];
    let mut best = (0, 0, f64::NEG_INFINITY);
    for top in 0..=height - side {
        for left in 0..=width - side {
            let sum = at(top + side, left + side) - at(top, left + side) - at(top + side, left)
                + at(top, left);
            if sum > best.2 {
                best = (top, left, sum);
            }
        }
    }
    let area = Area {
        top: best.0,
        left: best.1,
        height: side,
        width: side,
    };
    #[allow(
        clippy::cast_possible_truncation,
        reason = "summed in f64, returned as f32"
    )]
    (area, best.2 as f32)
}

/// An area without the rows and columns at its edges that hold little.
fn trimmed(map: &[f32], width: usize, area: Area) -> Area {
    let row_sum = |row: usize| -> f32 { map[row * width + area.left..][..area.width].iter().sum() };
    let column_sum = |column: usize| -> f32 {
        (area.top..area.top + area.height)
            .map(|row| map[row * width + column])
            .sum()
    };
    let (top, height) = span(&|i| row_sum(area.top + i), area.height);
    let (left, columns) = span(&|i| column_sum(area.left + i), area.width);
    Area {
        top: area.top + top,
        left: area.left + left,
        height,
        width: columns,
    }
}

/// First index and count of what reaches [`EDGE`] of the greatest sum.
fn span(sum: &dyn Fn(usize) -> f32, count: usize) -> (usize, usize) {
    let most = (0..count).map(sum).fold(0.0, f32::max);
    let holds = |&i: &usize| sum(i) >= EDGE * most;
    let first = (0..count).find(holds).unwrap_or(0);
    let last = (0..count).rev().find(holds).unwrap_or(count - 1);
    (first, last + 1 - first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(spots: &[(usize, usize, f32)]) -> Vec<f32> {
        let mut map = vec![0.0; 28 * 28];
        for &(row, column, value) in spots {
            map[row * 28 + column] = value;
        }
        map
    }

    #[test]
    fn spots_are_found_in_order_and_cut_to_size() {
        let map = map(&[(1, 1, 0.3), (3, 2, 0.2), (20, 25, 0.2), (14, 14, 0.05)]);
        let found = find(&map, [28, 28], 0.15);
        let area = |top, left, height, width| Area {
            top,
            left,
            height,
            width,
        };
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].0, area(1, 1, 3, 2));
        assert!((found[0].1 - 0.5).abs() < 1e-6);
        assert_eq!(found[1].0, area(20, 25, 1, 1));
    }

    #[test]
    fn a_spot_stands_out_from_what_lies_everywhere() {
        let noisy = |strength: f32| {
            let mut map = vec![0.6 / 784.0; 784];
            map[30] = strength;
            map
        };
        assert_eq!(find(&noisy(0.4), [28, 28], 0.15).len(), 1);
        assert!(find(&noisy(0.2), [28, 28], 0.15).is_empty());
    }

    #[test]
    fn a_map_spread_over_the_picture_has_no_spot() {
        assert!(find(&vec![1.0 / 784.0; 784], [28, 28], 0.15).is_empty());
        assert!(find(&vec![0.0; 784], [28, 28], 0.15).is_empty());
    }
}
