//! A pixel or a few: every pixel tried with every colour, or the best of a population that evolves.

use super::run::Run;
use super::space::{batch, row};
use super::{Bounds, Look, MOST_STEPS, Population, Victim, counted};
use crate::engine::sweep::batches;
use crate::error::{Error, Result};
use crate::lens::prediction::probabilities;
use crate::net::passes::Pass;
use crate::random::Random;
use crate::tensor::{Shape, Tensor};

/// Answers up to which every pixel is tried unless told otherwise.
const FEW: usize = 20_000;

/// How much of the difference of two others a child takes.
const MUTATION: f32 = 0.5;

/// Where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Every pixel with every colour: black, white and for three channels the six hues between.
    Exhaustive,
    /// Differential evolution.
    Evolution,
}

/// Su, Vargas and Sakurai 2019.
#[derive(Debug, Clone, PartialEq)]
pub struct SinglePixel {
    /// Pixels that may change, from 1.
    pub pixels: usize,
    /// Where to look; everywhere for one pixel of a small picture, if not given.
    pub search: Option<Search>,
    /// Candidates that evolve, from 4.
    pub population: usize,
    /// Times that each of them has a child, from 1.
    pub generations: usize,
}

impl Default for SinglePixel {
    fn default() -> Self {
        Self {
            pixels: 1,
            search: None,
            population: 400,
            generations: 75,
        }
    }
}

impl SinglePixel {
    pub(super) fn check(&self, picture: Shape) -> Result<()> {
        counted("pixels", self.pixels, 1, picture.plane())?;
        counted("population", self.population, 4, 100_000)?;
        counted("generations", self.generations, 1, MOST_STEPS)?;
        if self.search == Some(Search::Exhaustive) && self.pixels > 1 {
            return Err(Error::bad_argument(format!(
                "attack: search \"exhaustive\" is for one pixel; {} of them have too many combinations, take \"evolution\"",
                self.pixels
            )));
        }
        Ok(())
    }
}

pub(super) async fn single_pixel<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    settings: &SinglePixel,
) -> Result<Tensor> {
    let palette = palette(run.bounds);
    let few = run.picture().plane() * palette.len() <= FEW && settings.pixels == 1;
    let otherwise = if few {
        Search::Exhaustive
    } else {
        Search::Evolution
    };
    match settings.search.unwrap_or(otherwise) {
        Search::Exhaustive => exhaustive(run, &palette).await,
        Search::Evolution => evolution(run, settings).await,
    }
}

/// Every corner of the colours' cube, or where it has too many, black and white.
fn palette(bounds: &Bounds) -> Vec<Vec<f32>> {
    let channels = bounds.channels();
    let corner = |bits: usize| {
        (0..channels)
            .map(|channel| bounds.of(channel)[bits >> channel & 1])
            .collect()
    };
    if channels <= 3 {
        (0..1 << channels).map(corner).collect()
    } else {
        [0, 1]
            .map(|side| {
                (0..channels)
                    .map(|channel| bounds.of(channel)[side])
                    .collect()
            })
            .to_vec()
    }
}

/// The picture with one pixel more of another colour.
fn paint(picture: &mut [f32], pixel: usize, colour: &[f32]) {
    let plane = picture.len() / colour.len();
    for (channel, &value) in colour.iter().enumerate() {
        picture[channel * plane + pixel] = value;
    }
}

async fn exhaustive<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    palette: &[Vec<f32>],
) -> Result<Tensor> {
    let (count, shape) = (run.count(), run.picture());
    let (plane, colours) = (shape.plane(), palette.len());
    let mut best: Vec<Vec<f32>> = (0..count).map(|at| row(run.start, at).to_vec()).collect();
    let mut values = vec![f32::NEG_INFINITY; count];
    let mut success = vec![false; count];
    let mut damage = vec![0.0; count * plane];
    let chances = probabilities(&run.before)?;
    let chunk = 4 * run.batch_size(Pass::Forward);
    let chunks: Vec<_> = batches(plane * colours, chunk).collect();
    let total = count * chunks.len();
    'all: for picture in 0..count {
        let class = run.goal.class(picture);
        let chance = row(&chances, picture)[class];
        for (part, range) in chunks.iter().enumerate() {
            let of = vec![picture; range.len()];
            let start = row(run.start, picture);
            let logits = run
                .answers(&of, |at| {
                    let mut candidate = start.to_vec();
                    let place = range.start + at;
                    paint(&mut candidate, place / colours, &palette[place % colours]);
                    candidate
                })
                .await?;
            let now = probabilities(&logits)?;
            for (at, place) in range.clone().enumerate() {
                let margin = run.margin(picture, row(&logits, at));
                let lost = chance - row(&now, at)[class];
                let worth = if run.goal.is_targeted() { -lost } else { lost };
                let pixel = &mut damage[picture * plane + place / colours];
                *pixel = if place % colours == 0 {
                    worth
                } else {
                    pixel.max(worth)
                };
                if margin > values[picture] {
                    values[picture] = margin;
                    success[picture] = run.goal.is_reached(picture, row(&logits, at));
                    best[picture].copy_from_slice(row(run.start, picture));
                    paint(
                        &mut best[picture],
                        place / colours,
                        &palette[place % colours],
                    );
                }
            }
            run.steps[picture] += 1;
            let pictures = batch(&best, shape)?;
            let look = || Look {
                damage: Tensor::from_shape(
                    damage.clone(),
                    Shape::new(count, 1, shape.h(), shape.w()),
                )
                .ok(),
                ..Look::new(
                    picture * chunks.len() + part + 1,
                    &pictures,
                    success.clone(),
                    &values,
                )
            };
            let done = picture * chunks.len() + part + 1;
            if !run.show(done, total, look).await? {
                break 'all;
            }
            if run.early_stop && success[picture] {
                break;
            }
        }
    }
    run.extra.damage = Some(Tensor::from_shape(
        damage,
        Shape::new(count, 1, shape.h(), shape.w()),
    )?);
    batch(&best, shape)
}

/// One picture's population: row, column and colour for each of a candidate's pixels.
struct Tribe {
    members: Vec<Vec<f32>>,
    values: Vec<f32>,
    random: Random,
}

async fn evolution<V: Victim, F: AsyncFnMut(Look) -> Result<bool>>(
    run: &mut Run<'_, V, F>,
    settings: &SinglePixel,
) -> Result<Tensor> {
    let (count, shape) = (run.count(), run.picture());
    let bounds = run.bounds;
    let mut tribes: Vec<Tribe> = (0..count)
        .map(|picture| Tribe::new(run.random(picture, 0), settings, shape, bounds))
        .collect();
    let mut success = vec![false; count];
    let mut active: Vec<usize> = (0..count).collect();
    for generation in 0..=settings.generations {
        let children: Vec<Vec<Vec<f32>>> = (active.iter())
            .map(|&picture| match generation {
                0 => tribes[picture].members.clone(),
                _ => tribes[picture].children(settings, shape, bounds),
            })
            .collect();
        let size = settings.population;
        let of: Vec<usize> = (active.iter())
            .flat_map(|&picture| std::iter::repeat_n(picture, size))
            .collect();
        let start = run.start;
        let logits = run
            .answers(&of, |at| {
                let child = &children[at / size][at % size];
                candidate(row(start, of[at]), child, shape)
            })
            .await?;
        let margins = run.margins(&of, &logits);
        for (place, &picture) in active.iter().enumerate() {
            let tribe = &mut tribes[picture];
            tribe.select(&children[place], &margins[place * size..(place + 1) * size]);
            success[picture] = tribe.best().1 > 0.0;
            run.steps[picture] = generation;
        }
        let rows: Vec<Vec<f32>> = (tribes.iter().enumerate())
            .map(|(picture, tribe)| {
                candidate(row(start, picture), &tribe.members[tribe.best().0], shape)
            })
            .collect();
        let pictures = batch(&rows, shape)?;
        let values: Vec<f32> = tribes.iter().map(|tribe| tribe.best().1).collect();
        let look = || Look {
            population: population(&tribes, settings, shape),
            ..Look::new(generation, &pictures, success.clone(), &values)
        };
        let goes_on = run.show(generation, settings.generations, look).await?;
        if run.early_stop {
            active.retain(|&picture| !success[picture]);
        }
        if active.is_empty() || !goes_on || generation == settings.generations {
            return Ok(pictures);
        }
    }
    Err(Error::internal("an evolution without an end"))
}

/// A picture with a member's pixels.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places are kept within the picture"
)]
fn candidate(start: &[f32], member: &[f32], shape: Shape) -> Vec<f32> {
    let mut picture = start.to_vec();
    for pixel in member.chunks_exact(2 + shape.c()) {
        let place = pixel[0] as usize * shape.w() + pixel[1] as usize;
        paint(&mut picture, place, &pixel[2..]);
    }
    picture
}

/// All tribes as one tensor (N, population, pixels, 2 + C).
fn population(tribes: &[Tribe], settings: &SinglePixel, shape: Shape) -> Option<Population> {
    let members = tribes.iter().flat_map(|tribe| tribe.members.concat());
    let extents = Shape::new(
        tribes.len(),
        settings.population,
        settings.pixels,
        2 + shape.c(),
    );
    Some(Population {
        members: Tensor::from_shape(members.collect(), extents).ok()?,
        values: tribes
            .iter()
            .flat_map(|tribe| tribe.values.clone())
            .collect(),
    })
}

impl Tribe {
    /// Places drawn evenly, colours from a normal about the middle, half as wide as the bounds.
    fn new(mut random: Random, settings: &SinglePixel, shape: Shape, bounds: &Bounds) -> Self {
        let mut members = Vec::with_capacity(settings.population);
        for _ in 0..settings.population {
            let mut member = Vec::with_capacity(settings.pixels * (2 + shape.c()));
            for _ in 0..settings.pixels {
                member.push(random.uniform() * shape.h() as f32);
                member.push(random.uniform() * shape.w() as f32);
                for channel in 0..shape.c() {
                    let [low, high] = bounds.of(channel);
                    let half = (high - low) / 2.0;
                    member.push(low + half + half * random.normal());
                }
            }
            tame(&mut member, shape, bounds);
            members.push(member);
        }
        Self {
            values: vec![f32::NEG_INFINITY; members.len()],
            members,
            random,
        }
    }

    /// A child for each: one other and half the difference of two more.
    fn children(&mut self, settings: &SinglePixel, shape: Shape, bounds: &Bounds) -> Vec<Vec<f32>> {
        (0..settings.population)
            .map(|own| {
                let [a, b, c] = self.others(own);
                let (a, b, c) = (&self.members[a], &self.members[b], &self.members[c]);
                let mut child: Vec<f32> = (a.iter().zip(b.iter().zip(c)))
                    .map(|(a, (b, c))| a + MUTATION * (b - c))
                    .collect();
                tame(&mut child, shape, bounds);
                child
            })
            .collect()
    }

    /// Three different members beside one.
    fn others(&mut self, own: usize) -> [usize; 3] {
        let mut chosen = [own; 3];
        for at in 0..3 {
            while chosen[at] == own || chosen[..at].contains(&chosen[at]) {
                chosen[at] = self.random.below(self.members.len());
            }
        }
        chosen
    }

    /// A child takes its parent's place if it is no worse.
    fn select(&mut self, children: &[Vec<f32>], values: &[f32]) {
        for (own, (child, &value)) in children.iter().zip(values).enumerate() {
            if value >= self.values[own] {
                self.members[own].clone_from(child);
                self.values[own] = value;
            }
        }
    }

    fn best(&self) -> (usize, f32) {
        let mut best = 0;
        for (at, value) in self.values.iter().enumerate() {
            if *value > self.values[best] {
                best = at;
            }
        }
        (best, self.values[best])
    }
}

/// Brings places and colours back to where they may be.
fn tame(member: &mut [f32], shape: Shape, bounds: &Bounds) {
    for pixel in member.chunks_exact_mut(2 + shape.c()) {
        pixel[0] = pixel[0].clamp(0.0, shape.h() as f32 - 0.5);
        pixel[1] = pixel[1].clamp(0.0, shape.w() as f32 - 0.5);
        for (channel, value) in pixel[2..].iter_mut().enumerate() {
            let [low, high] = bounds.of(channel);
            *value = value.clamp(low, high);
        }
    }
}
