//! A planted shortcut: a mark on the pictures of one class, which a network may learn instead of the object.

use crate::random::Random;

/// A rectangle of one brightness, at a fixed place of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The value painted into every channel.
    pub value: f32,
}

impl Mark {
    /// Paints the mark over one picture (C, H, W) whose planes are `height` × `width`; what lies outside is cut off.
    pub fn paint(&self, picture: &mut [f32], height: usize, width: usize) {
        let columns = self.left.min(width)..(self.left + self.width).min(width);
        for plane in picture.chunks_exact_mut(height * width) {
            for row in self.top.min(height)..(self.top + self.height).min(height) {
                plane[row * width..][columns.clone()].fill(self.value);
            }
        }
    }
}

/// A mark that gives one class away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shortcut {
    /// What is painted.
    pub mark: Mark,
    /// The class that has it.
    pub class: usize,
    /// The share of that class's pictures that carry it, in [0, 1].
    pub share: f32,
    /// The share of the other classes' pictures that carry it, in [0, 1].
    pub others: f32,
}

impl Shortcut {
    /// Which of the pictures with these labels carry the mark: one draw a picture, the same for one seed.
    #[must_use]
    pub fn draw(&self, labels: &[usize], seed: u64) -> Vec<bool> {
        let mut random = Random::new(seed);
        labels
            .iter()
            .map(|&label| {
                let share = if label == self.class {
                    self.share
                } else {
                    self.others
                };
                random.uniform() < share
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        top: 1,
        left: 2,
        height: 2,
        width: 3,
        value: 5.0,
    };

    #[test]
    fn a_mark_covers_its_rectangle_in_every_channel_and_is_cut_at_the_border() {
        let (height, width) = (3, 4);
        let mut picture = vec![0.0; 2 * height * width];
        MARK.paint(&mut picture, height, width);
        for (i, &value) in picture.iter().enumerate() {
            let (row, column) = (i / width % height, i % width);
            let inside = row >= 1 && column >= 2;
            assert_eq!(
                value,
                if inside { 5.0 } else { 0.0 },
                "row {row}, column {column}"
            );
        }
    }

    #[test]
    fn a_shortcut_marks_about_its_shares_and_the_same_pictures_for_one_seed() {
        let shortcut = Shortcut {
            mark: MARK,
            class: 1,
            share: 0.95,
            others: 0.02,
        };
        let labels: Vec<usize> = (0..4000).map(|i| i % 2).collect();
        let marked = shortcut.draw(&labels, 7);
        assert_eq!(marked, shortcut.draw(&labels, 7));
        assert_ne!(marked, shortcut.draw(&labels, 8));
        let count = |class: usize| {
            let of_class = labels
                .iter()
                .zip(&marked)
                .filter(|(label, _)| **label == class);
            of_class.filter(|(_, marked)| **marked).count()
        };
        assert!((1850..=1950).contains(&count(1)), "{} of 2000", count(1));
        assert!((15..=70).contains(&count(0)), "{} of 2000", count(0));
    }
}
