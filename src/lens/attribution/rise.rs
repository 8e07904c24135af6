//! RISE (Petsiuk, Das and Saenko 2018): random masks, weighted by the answer they leave.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::Settings;
use super::resize::{Corners, bilinear};
use super::subject::{Subject, Sums};
use crate::error::{Error, Result};
use crate::random::Random;
use crate::tensor::{Shape, Tensor};

/// Cells along each side of a mask's grid.
const CELLS: usize = 7;
/// The share of cells that let the picture through.
const OPEN: f32 = 0.5;

/// Σ f(x · M) M / (n p) over n masks M of mean p, equal over channels.
pub async fn rise(subject: &Subject<'_>, settings: &Settings) -> Result<Tensor> {
    let shape = subject.shape();
    let mut masks = Masks::new(shape, settings)?;
    let mut sums = Sums::new(Shape::new(shape.n(), 1, shape.h(), shape.w()));
    let estimate = |sums: &Sums, share: f64, open: f64| {
        let mean = sums.map(|_, sum| sum / (share * open))?;
        spread(&mean, shape)
    };
    let (mut share, open) = (0.0, masks.open);
    // Masks of passes under way, in order.
    let used = RefCell::new(VecDeque::new());
    let mut sweep = subject.values(masks.count, |index, _, x| {
        let mask = masks.of(index);
        for plane in x.chunks_exact_mut(mask.len()) {
            plane.iter_mut().zip(mask).for_each(|(x, mask)| *x *= mask);
        }
        used.borrow_mut().push_back(mask.to_vec());
    });
    while let Some((batch, answers)) = sweep.next().await? {
        let now: Vec<Vec<f32>> = used.borrow_mut().drain(..batch.rows.len()).collect();
        for ((&(_, picture), answer), mask) in batch.rows.iter().zip(answers).zip(&now) {
            share += 1.0 / shape.n() as f64;
            let sums = sums.of(picture).iter_mut();
            sums.zip(mask)
                .for_each(|(sum, &mask)| *sum += f64::from(answer) * f64::from(mask));
        }
        subject.report(&batch, || estimate(&sums, share, open).ok());
    }
    estimate(&sums, share, open)
}

/// One channel repeated for all.
fn spread(map: &Tensor, shape: Shape) -> Result<Tensor> {
    let planes = map.data().chunks_exact(shape.plane());
    let values = planes.flat_map(|plane| plane.repeat(shape.c())).collect();
    Tensor::from_shape(values, shape)
}

/// Masks in order: given ones, or random grids enlarged and shifted.
struct Masks<'a> {
    given: Option<&'a Tensor>,
    count: usize,
    /// Their mean.
    open: f64,
    shape: Shape,
    random: Random,
    drawn: Vec<f32>,
    /// The mask that `drawn` holds.
    index: Option<usize>,
}

impl<'a> Masks<'a> {
    fn new(shape: Shape, settings: &'a Settings) -> Result<Self> {
        let given = settings.given_masks.as_ref();
        let mut count = settings.masks;
        let mut open = f64::from(OPEN);
        if let Some(masks) = given {
            let extents = masks.activation_shape();
            if extents.with_n(1) != Shape::new(1, 1, shape.h(), shape.w()) {
                return Err(Error::bad_argument(format!(
                    "masks must be a number or a tensor [count, 1, {}, {}], not {:?}",
                    shape.h(),
                    shape.w(),
                    masks.shape()
                )));
            }
            count = extents.n();
            open = masks.data().iter().map(|&m| f64::from(m)).sum::<f64>() / extents.len() as f64;
            if open <= 0.0 {
                return Err(Error::bad_argument("masks must let something through"));
            }
        }
        if !(1..=1_000_000).contains(&count) {
            return Err(Error::bad_argument(format!(
                "masks must be from 1 to 1000000, not {count}"
            )));
        }
        Ok(Self {
            given,
            count,
            open,
            shape,
            random: Random::new(settings.seed),
            drawn: Vec::new(),
            index: None,
        })
    }

    /// A mask, (H, W); masks come in order.
    fn of(&mut self, index: usize) -> &[f32] {
        if let Some(given) = self.given {
            return &given.data()[index * self.shape.plane()..][..self.shape.plane()];
        }
        if self.index != Some(index) {
            self.drawn = self.draw();
            self.index = Some(index);
        }
        &self.drawn
    }

    /// A grid of open and closed cells, enlarged by one cell more than the picture and cut out at a random place.
    fn draw(&mut self) -> Vec<f32> {
        let (height, width) = (self.shape.h(), self.shape.w());
        let cell = [height.div_ceil(CELLS), width.div_ceil(CELLS)];
        let grid: Vec<f32> = (0..CELLS * CELLS)
            .map(|_| f32::from(u8::from(self.random.uniform() < OPEN)))
            .collect();
        let large = [(CELLS + 1) * cell[0], (CELLS + 1) * cell[1]];
        let enlarged = bilinear(&grid, [CELLS, CELLS], large, Corners::NotAligned);
        let (top, left) = (self.random.below(cell[0]), self.random.below(cell[1]));
        (top..top + height)
            .flat_map(|y| enlarged[y * large[1] + left..][..width].to_vec())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_lie_between_0_and_1_and_let_half_through() {
        let settings = Settings::default();
        let shape = Shape::new(1, 1, 30, 17);
        let mut masks = Masks::new(shape, &settings).expect("the settings are sound");
        let all: Vec<f32> = (0..400)
            .flat_map(|index| masks.of(index).to_vec())
            .collect();
        assert_eq!(all.len(), 400 * 510);
        assert!(all.iter().all(|mask| (0.0..=1.0).contains(mask)));
        let mean = all.iter().sum::<f32>() / all.len() as f32;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert_ne!(all[..510], all[510..1020]);
    }
}
