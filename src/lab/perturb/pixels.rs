//! The map of single pixels: what the answer loses when one pixel becomes another colour, for every pixel and every colour,
//! so that nothing is left to chance as it is in a search (Su, Vargas, Sakurai 2019 search by differential evolution).

use super::curve::best;
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::lab::attack::Victim;
use crate::lens::prediction;
use crate::net::passes::Pass;
use crate::tensor::Tensor;

/// What is tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// One picture (1, C, H, W) in attack units.
    pub picture: &'a Tensor,
    /// The class whose probability may fall; without it, what the victim says.
    pub label: Option<usize>,
    /// The colours, each with a value a channel.
    pub colours: &'a [Vec<f32>],
    /// Pixels from one place to the next, from 1.
    pub stride: usize,
    /// The side of the square that is painted at each place, from 1.
    pub size: usize,
    /// First row, first column, rows and columns of the places.
    pub region: [usize; 4],
}

/// What every place did, in rows of the grid. Places that were not tried have a fall of NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelMap {
    /// Rows and columns of the grid.
    pub grid: [usize; 2],
    /// The greatest fall of the class's probability at each place, over the colours; negative where all raise it.
    pub fall: Vec<f32>,
    /// Which colour made it.
    pub colour: Vec<usize>,
    /// What the victim says then.
    pub answer: Vec<usize>,
    /// How probable it finds that.
    pub probability: Vec<f32>,
    /// Whether any colour at the place changes the answer, and which one first does.
    pub flips: Vec<Option<usize>>,
    /// The class in question.
    pub label: usize,
    /// Its probability as the picture is.
    pub before: f32,
    /// What the victim says of the picture as it is.
    pub said: usize,
    /// Answers asked for, of `total`.
    pub done: usize,
    /// Those in all.
    pub total: usize,
}

/// Coarse places come first, so that a map sharpens: the strides of the passes over the grid.
const LEVELS: [usize; 3] = [4, 2, 1];

/// Tries every colour at every place, and tells `on_batch` of the map as it stands, which says whether to go on.
///
/// # Errors
/// `bad_argument` for more than one picture, no colour, one of another number of channels, or a region outside the picture;
/// those of the victim.
pub async fn pixel_map<V: Victim>(
    victim: &V,
    request: &Request<'_>,
    control: &Control,
    mut on_batch: impl AsyncFnMut(&PixelMap) -> Result<bool>,
) -> Result<PixelMap> {
    let shape = request.picture.activation_shape();
    let grid = check(victim, request)?;
    let rows = prediction::probabilities(&victim.logits(request.picture).await?)?;
    let said = best(rows.data());
    let label = request.label.unwrap_or(said);
    let places = order(grid);
    let (colours, classes) = (request.colours.len(), victim.classes());
    let count = grid[0] * grid[1];
    let mut map = PixelMap {
        grid,
        fall: vec![f32::NAN; count],
        colour: vec![0; count],
        answer: vec![said; count],
        probability: vec![rows.data()[said]; count],
        flips: vec![None; count],
        label,
        before: rows.data()[label],
        said,
        done: 0,
        total: count * colours,
    };
    let mut sweep = victim.sweep(map.total, Pass::Forward, async |batch| {
        control.step().await?;
        let mut copies = Vec::with_capacity(batch.len() * shape.picture());
        for pass in batch.clone() {
            let (place, colour) = (places[pass / colours], &request.colours[pass % colours]);
            let first = copies.len();
            copies.extend_from_slice(request.picture.data());
            let [row, column] = request.pixel(place, grid);
            paint(
                &mut copies[first..],
                [shape.h(), shape.w()],
                [row, column],
                request.size,
                colour,
            );
        }
        let copies = Tensor::from_shape(copies, shape.with_n(batch.len()))?;
        let answers = prediction::probabilities(&victim.logits(&copies).await?)?;
        Ok((batch, answers))
    });
    while let Some((batch, answers)) = sweep.next().await? {
        for (pass, row) in batch.clone().zip(answers.data().chunks_exact(classes)) {
            let (place, colour) = (places[pass / colours], pass % colours);
            map.learn(place, colour, row);
        }
        map.done = batch.end;
        control.progress(map.done, map.total);
        if !on_batch(&map).await? {
            break;
        }
    }
    Ok(map)
}

impl Request<'_> {
    /// The upper left pixel of what is painted at a place of the grid.
    fn pixel(&self, place: usize, grid: [usize; 2]) -> [usize; 2] {
        [
            self.region[0] + place / grid[1] * self.stride,
            self.region[1] + place % grid[1] * self.stride,
        ]
    }
}

impl PixelMap {
    /// What one colour at one place did.
    fn learn(&mut self, place: usize, colour: usize, probabilities: &[f32]) {
        let fall = self.before - probabilities[self.label];
        let answer = best(probabilities);
        if answer != self.said && self.flips[place].is_none() {
            self.flips[place] = Some(colour);
        }
        if self.fall[place].is_nan() || fall > self.fall[place] {
            self.fall[place] = fall;
            self.colour[place] = colour;
            self.answer[place] = answer;
            self.probability[place] = probabilities[answer];
        }
    }
}

/// Paints a square of one colour, as far as it lies inside.
fn paint(
    picture: &mut [f32],
    [height, width]: [usize; 2],
    [row, column]: [usize; 2],
    size: usize,
    colour: &[f32],
) {
    for (plane, &value) in picture.chunks_exact_mut(height * width).zip(colour) {
        for y in row..(row + size).min(height) {
            plane[y * width..][column..(column + size).min(width)].fill(value);
        }
    }
}

/// The places of a grid, the coarse ones first.
fn order([rows, columns]: [usize; 2]) -> Vec<usize> {
    let level = |place: usize| {
        let (row, column) = (place / columns, place % columns);
        LEVELS
            .iter()
            .position(|stride| row % stride == 0 && column % stride == 0)
    };
    let mut places: Vec<usize> = (0..rows * columns).collect();
    places.sort_by_key(|&place| level(place));
    places
}

/// The rows and columns of the grid.
fn check<V: Victim>(victim: &V, request: &Request<'_>) -> Result<[usize; 2]> {
    let shape = request.picture.activation_shape();
    if shape.n() != 1 {
        return Err(Error::bad_argument(
            "a map of single pixels is that of one picture",
        ));
    }
    if request.colours.is_empty() || request.colours.iter().any(|each| each.len() != shape.c()) {
        return Err(Error::bad_argument(format!(
            "colours must be lists of {} values, and at least one",
            shape.c()
        )));
    }
    if let Some(label) = request.label.filter(|&label| label >= victim.classes()) {
        return Err(Error::bad_argument(format!(
            "there is no class {label}; this network has classes 0 to {}",
            victim.classes() - 1
        )));
    }
    let [row, column, rows, columns] = request.region;
    let fits = rows > 0 && columns > 0 && row + rows <= shape.h() && column + columns <= shape.w();
    if !fits || request.stride == 0 || request.size == 0 {
        return Err(Error::bad_argument(format!(
            "the region must lie within {}×{} pixels, stride and size be at least 1",
            shape.h(),
            shape.w()
        )));
    }
    Ok([
        rows.div_ceil(request.stride),
        columns.div_ceil(request.stride),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_places_come_first_and_each_once() {
        let order = order([6, 5]);
        assert_eq!(order[..4], [0, 4, 20, 24]);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..30).collect::<Vec<_>>());
    }

    #[test]
    fn a_square_is_cut_at_the_edge() {
        let mut picture = vec![0.0; 2 * 9];
        paint(&mut picture, [3, 3], [2, 1], 2, &[1.0, 5.0]);
        let painted = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0];
        assert_eq!(picture[..9], painted);
        assert_eq!(picture[9..], painted.map(|value| value * 5.0));
    }
}
