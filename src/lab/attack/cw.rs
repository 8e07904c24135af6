//! Carlini and Wagner's attack: the nearest picture beyond the boundary, by Adam on distance and margin together.

use super::run::{Run, rival};
use super::space::{batch, gather, row, row_mut};
use super::{Bounds, Distance, Look, Loss, MOST_STEPS, Victim, counted, within};
use crate::error::Result;
use crate::tensor::{Shape, Tensor};

/// How far from ±1 the hyperbolic tangent keeps black and white, so that they have an inverse.
const NEARLY: f64 = 0.999_999;

/// Adam's decay of its two means, and what keeps its quotient finite.
const DECAY: [f64; 2] = [0.9, 0.999];
const TINY: f64 = 1e-8;

/// min ‖x − x₀‖₂² + c · max(0, κ − margin) (Carlini and Wagner 2017), c by bisection.
#[derive(Debug, Clone, PartialEq)]
pub struct Cw {
    /// κ: how far beyond the boundary, in logits, from 0.
    pub confidence: f32,
    /// The first c, above 0.
    pub initial_const: f32,
    /// Values of c that are tried, from 1.
    pub binary_search_steps: usize,
    /// Adam's learning rate, above 0.
    pub step_size: f32,
    /// Steps for each c, from 1.
    pub steps: usize,
}

impl Default for Cw {
    fn default() -> Self {
        Self {
            confidence: 0.0,
            initial_const: 1e-3,
            binary_search_steps: 9,
            step_size: 0.01,
            steps: 300,
        }
    }
}

impl Cw {
    pub(super) fn check(&self) -> Result<()> {
        within(
            "confidence",
            self.confidence,
            0.0..=1e6,
            "a number from 0 to 10⁶",
        )?;
        let positive = f32::MIN_POSITIVE..=1e10;
        within(
            "initialConst",
            self.initial_const,
            positive.clone(),
            "above 0, at most 10¹⁰",
        )?;
        within(
            "stepSize",
            self.step_size,
            positive,
            "above 0, at most 10¹⁰",
        )?;
        counted("binarySearchSteps", self.binary_search_steps, 1, 100)?;
        counted("steps", self.steps, 1, MOST_STEPS)
    }
}

/// One picture's search.
struct Search {
    /// Where it starts, without bounds: arctanh of the picture.
    origin: Vec<f64>,
    moved: Vec<f64>,
    means: [Vec<f64>; 2],
    constant: f64,
    /// The greatest c that was too small, and the least that was enough.
    bracket: [f64; 2],
    found: bool,
    rival: usize,
    best: Option<(f64, Vec<f32>)>,
}

pub(super) async fn cw<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    settings: &Cw,
) -> Result<Tensor> {
    let (count, shape) = (run.count(), run.picture());
    let mut searches: Vec<Search> = (0..count)
        .map(|picture| Search::new(row(run.start, picture), run, picture, settings))
        .collect();
    let total = settings.binary_search_steps * settings.steps;
    let mut shown = run.start.clone();
    let mut values = vec![f32::NEG_INFINITY; count];
    'search: for trial in 0..settings.binary_search_steps {
        for search in &mut searches {
            search.begin();
        }
        for step in 0..settings.steps {
            let active: Vec<usize> = (0..count)
                .filter(|&picture| !(run.early_stop && searches[picture].best.is_some()))
                .collect();
            if active.is_empty() {
                break 'search;
            }
            let rows: Vec<Vec<f32>> = (active.iter())
                .map(|&picture| searches[picture].picture(run.bounds))
                .collect();
            let pictures = batch(&rows, shape)?;
            let (logits, gradient) = margins(run, &mut searches, &active, &pictures).await?;
            for (at, &picture) in active.iter().enumerate() {
                let margin = run.margin(picture, row(&logits, at));
                let reached = run.goal.is_reached(picture, row(&logits, at));
                values[picture] = margin;
                let search = &mut searches[picture];
                if reached && margin >= settings.confidence {
                    search.keep(&rows[at], row(run.start, picture), shape);
                }
                let hinge = if margin < settings.confidence {
                    search.constant
                } else {
                    0.0
                };
                search.step(run.bounds, row(&gradient, at), hinge, settings, step);
                run.steps[picture] += 1;
            }
            let done = trial * settings.steps + step;
            for (at, &picture) in active.iter().enumerate() {
                row_mut(&mut shown, picture).copy_from_slice(&rows[at]);
            }
            let look = || {
                Look::new(
                    done,
                    &shown,
                    searches
                        .iter()
                        .map(|search| search.best.is_some())
                        .collect(),
                    &values,
                )
            };
            if !run.show(done, total, look).await? {
                break 'search;
            }
        }
        for search in &mut searches {
            search.narrow();
        }
    }
    // Where none was found the picture stays as it was.
    let rows: Vec<Vec<f32>> = (searches.into_iter().enumerate())
        .map(|(picture, search)| {
            let none = || row(run.start, picture).to_vec();
            search.best.map_or_else(none, |(_, best)| best)
        })
        .collect();
    batch(&rows, shape)
}

/// Logits, and the gradients of minus the margins. Which class is the rival is known only afterwards; where the last one is
/// not any more, the picture is asked about again.
async fn margins<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    searches: &mut [Search],
    active: &[usize],
    pictures: &Tensor,
) -> Result<(Tensor, Tensor)> {
    let classes = run.classes();
    let weights = |run: &Run<'_, V, F>, searches: &[Search], of: &[usize]| {
        let mut rows = vec![0.0; of.len() * classes];
        for (row, &picture) in rows.chunks_exact_mut(classes).zip(of) {
            let sign = if run.goal.is_targeted() { -1.0 } else { 1.0 };
            row[run.goal.class(picture)] = sign;
            row[searches[picture].rival] = -sign;
        }
        Tensor::new(rows, [of.len(), classes]).map(Loss::Logits)
    };
    let loss = weights(run, searches, active)?;
    let mut slope = run.slope(active, pictures, &loss).await?;
    let mut changed = Vec::new();
    for (at, &picture) in active.iter().enumerate() {
        let now = rival(row(&slope.logits, at), run.goal.class(picture));
        if searches[picture].rival != now {
            searches[picture].rival = now;
            changed.push(at);
        }
    }
    if !changed.is_empty() {
        let of: Vec<usize> = changed.iter().map(|&at| active[at]).collect();
        let loss = weights(run, searches, &of)?;
        let again = gather(pictures, &changed)?;
        let again = run.slope(&of, &again, &loss).await?;
        for (index, &at) in changed.iter().enumerate() {
            row_mut(&mut slope.gradient, at).copy_from_slice(row(&again.gradient, index));
        }
    }
    Ok((slope.logits, slope.gradient))
}

impl Search {
    fn new<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
        start: &[f32],
        run: &Run<'_, V, F>,
        picture: usize,
        settings: &Cw,
    ) -> Self {
        let mut origin = vec![0.0; start.len()];
        each_channel(run.bounds, start.len(), |at, space| {
            origin[at] = space.inverse(f64::from(start[at]));
        });
        Self {
            moved: vec![0.0; origin.len()],
            means: [vec![0.0; origin.len()], vec![0.0; origin.len()]],
            origin,
            constant: f64::from(settings.initial_const),
            bracket: [0.0, f64::INFINITY],
            found: false,
            rival: rival(row(&run.before, picture), run.goal.class(picture)),
            best: None,
        }
    }

    /// Forgets the last c's way.
    fn begin(&mut self) {
        self.found = false;
        self.moved.fill(0.0);
        self.means.iter_mut().for_each(|mean| mean.fill(0.0));
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "searched in f64, shown as f32"
    )]
    fn picture(&self, bounds: &Bounds) -> Vec<f32> {
        let mut picture = vec![0.0; self.origin.len()];
        each_channel(bounds, self.origin.len(), |at, space| {
            picture[at] = space.value(self.origin[at] + self.moved[at]) as f32;
        });
        // Rounding may carry a value over a bound.
        bounds.clamp(&mut picture);
        picture
    }

    /// Remembers a picture that serves, if it is the nearest.
    fn keep(&mut self, picture: &[f32], start: &[f32], shape: Shape) {
        self.found = true;
        let distance = Distance::between(picture, start, shape.plane()).l2;
        if self.best.as_ref().is_none_or(|(best, _)| distance < *best) {
            self.best = Some((distance, picture.to_vec()));
        }
    }

    /// One step of Adam down ‖x − x₀‖² + `hinge` · (−margin), whose second part has the gradient `gradient` to the picture.
    fn step(&mut self, bounds: &Bounds, gradient: &[f32], hinge: f64, settings: &Cw, step: usize) {
        let power = i32::try_from(step + 1).unwrap_or(i32::MAX);
        let correction = DECAY.map(|decay| 1.0 - decay.powi(power));
        let rate = f64::from(settings.step_size);
        each_channel(bounds, self.origin.len(), |at, space| {
            let here = self.origin[at] + self.moved[at];
            let change = space.value(here) - space.value(self.origin[at]);
            let slope = (2.0 * change + hinge * f64::from(gradient[at])) * space.slope(here);
            let [first, second] = &mut self.means;
            first[at] = DECAY[0] * first[at] + (1.0 - DECAY[0]) * slope;
            second[at] = DECAY[1] * second[at] + (1.0 - DECAY[1]) * slope * slope;
            let size = (second[at] / correction[1]).sqrt() + TINY;
            self.moved[at] -= rate * first[at] / correction[0] / size;
        });
    }

    /// The next c: ten times as much until one is enough, then halfway.
    fn narrow(&mut self) {
        self.bracket[usize::from(self.found)] = self.constant;
        let [low, high] = self.bracket;
        self.constant = if high.is_finite() {
            (low + high) / 2.0
        } else {
            self.constant * 10.0
        };
    }
}

/// Values between two bounds as numbers without any: a + b · tanh(w). Without bounds, as they are.
#[derive(Clone, Copy)]
struct Space {
    middle: f64,
    half: f64,
}

impl Space {
    fn value(self, number: f64) -> f64 {
        if self.half.is_finite() {
            self.middle + self.half * number.tanh()
        } else {
            number
        }
    }

    fn inverse(self, value: f64) -> f64 {
        if self.half.is_finite() {
            ((value - self.middle) / self.half * NEARLY).atanh()
        } else {
            value
        }
    }

    /// The derivative of the value.
    fn slope(self, number: f64) -> f64 {
        if self.half.is_finite() {
            self.half * (1.0 - number.tanh().powi(2))
        } else {
            1.0
        }
    }
}

/// Visits the values of a picture with the space of their channel.
fn each_channel(bounds: &Bounds, length: usize, mut visit: impl FnMut(usize, Space)) {
    let plane = length / bounds.channels();
    for at in 0..length {
        let [low, high] = bounds.of(at / plane).map(f64::from);
        let space = Space {
            middle: f64::midpoint(low, high),
            half: (high - low) / 2.0,
        };
        visit(at, space);
    }
}
