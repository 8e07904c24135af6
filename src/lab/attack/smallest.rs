//! The smallest budget with which an attack succeeds, picture by picture.

use super::run::Run;
use super::space::{gather, row, row_mut};
use super::{Look, Request, Victim, check, iterative, within};
use crate::engine::control::Control;
use crate::error::Result;
use crate::tensor::Tensor;

/// From how small a share of the greatest budget the search goes up.
const FIRST: f32 = 1.0 / 256.0;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Smallest {
    /// The smallest budget that did, for each picture; none if not even the greatest.
    pub epsilon: Vec<Option<f32>>,
    /// (N, C, H, W) in attack units: what the attack made with it, or with the greatest.
    pub pictures: Tensor,
    /// Every budget that was tried for each picture, and whether it did.
    pub tried: Vec<Vec<(f32, bool)>>,
    /// How often the network was asked about each picture.
    pub queries: Vec<usize>,
}

/// Doubles the budget of `request`'s attack until it succeeds, up to `most`, then halves the gap until it is at most
/// `tolerance`.
///
/// # Errors
/// `bad_argument` for an attack without a budget to search; as [`super::attack`].
pub async fn smallest_epsilon<V: Victim>(
    victim: &V,
    request: &Request,
    most: f32,
    tolerance: f32,
    control: &Control,
) -> Result<Smallest> {
    within(
        "most",
        most,
        f32::MIN_POSITIVE..=f32::MAX,
        "a number above 0",
    )?;
    within(
        "tolerance",
        tolerance,
        f32::MIN_POSITIVE..=most,
        "above 0 and at most most",
    )?;
    let shape = check(victim, request)?;
    let quiet = control.quiet();
    let mut run = Run::new(victim, request, &quiet, async |_: Look| Ok(true));
    run.begin(request).await?;
    let count = shape.n();
    let mut found = Smallest {
        epsilon: vec![None; count],
        pictures: request.pictures.clone(),
        tried: vec![Vec::new(); count],
        queries: Vec::new(),
    };
    let mut low = vec![0.0; count];
    let mut next = vec![(most * FIRST).max(tolerance).min(most); count];
    let mut open = Vec::new();
    for picture in 0..count {
        let errs = run.goal.is_reached(picture, row(&run.before, picture));
        found.tried[picture].push((0.0, errs));
        if errs {
            found.epsilon[picture] = Some(0.0);
        } else {
            open.push(picture);
        }
    }
    let rounds = ((most / tolerance).log2().ceil() as usize) + 10;
    let mut round = 0;
    while !open.is_empty() {
        control.progress(round.min(rounds), rounds);
        round += 1;
        let budgets: Vec<f32> = open.iter().map(|&picture| next[picture]).collect();
        let part = Request {
            pictures: gather(&request.pictures, &open)?,
            ..request.clone()
        };
        let mut attempt = Run::new(victim, &part, &quiet, async |_: Look| Ok(true));
        attempt.continue_for(&run, &open)?;
        let ends = iterative::with_budgets(&mut attempt, &request.attack, &budgets).await?;
        let all: Vec<usize> = (0..open.len()).collect();
        let logits = attempt.logits(&all, &ends).await?;
        let reached = attempt.reached(&all, &logits);
        for (queries, &picture) in attempt.queries.iter().zip(&open) {
            run.queries[picture] += queries;
        }
        let mut still = Vec::new();
        for (at, &picture) in open.iter().enumerate() {
            let budget = budgets[at];
            found.tried[picture].push((budget, reached[at]));
            let best = &mut found.epsilon[picture];
            if reached[at] {
                *best = Some(budget);
            } else {
                low[picture] = budget;
            }
            if reached[at] || best.is_none() {
                row_mut(&mut found.pictures, picture).copy_from_slice(row(&ends, at));
            }
            next[picture] = match *best {
                Some(high) => f32::midpoint(low[picture], high),
                None => (2.0 * budget).min(most),
            };
            let is_done = match *best {
                Some(high) => high - low[picture] <= tolerance,
                None => budget >= most,
            };
            if !is_done {
                still.push(picture);
            }
        }
        open = still;
    }
    control.progress(rounds, rounds);
    found.queries = run.queries;
    Ok(found)
}
