//! How times are taken: the shortest of several rounds, with a fixed loop timed in the same rounds.

use std::time::{Duration, Instant};

use convscope::error::Result;
use serde::Serialize;

use crate::peak;

/// A round repeats the work until it takes about this long, so that the clock and a fence weigh little.
const ROUND: Duration = Duration::from_millis(3);
/// Rounds go on for this long, so that short work finds a quiet moment on a busy machine.
const PATIENCE: Duration = Duration::from_millis(400);
const MAX_REPETITIONS: usize = 1 << 16;
const MAX_ROUNDS: usize = 100;

/// Times in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timing {
    /// One repetition in the fastest round.
    pub ms: f64,
    /// The fastest pass of the fixed loop meanwhile.
    pub calibration_ms: f64,
    /// How many rounds there were.
    pub rounds: usize,
}

/// Times `work`, which is told how often to repeat what it does; at least `rounds` times.
///
/// # Errors
/// Those of `work`.
pub fn time(rounds: usize, mut work: impl FnMut(usize) -> Result<()>) -> Result<Timing> {
    let mut repetitions = 1;
    loop {
        // What is made once for that many repetitions is not counted.
        work(repetitions)?;
        if repetitions >= MAX_REPETITIONS || seconds(&mut work, repetitions)? >= ROUND.as_secs_f64()
        {
            break;
        }
        repetitions *= 2;
    }
    let begin = Instant::now();
    let (mut best, mut calibration, mut done) = (f64::INFINITY, f64::INFINITY, 0);
    while done < rounds || (begin.elapsed() < PATIENCE && done < MAX_ROUNDS) {
        calibration = calibration.min(calibrate());
        best = best.min(seconds(&mut work, repetitions)? * 1e3 / repetitions as f64);
        done += 1;
    }
    Ok(Timing {
        ms: best,
        calibration_ms: calibration,
        rounds: done,
    })
}

fn seconds(work: &mut impl FnMut(usize) -> Result<()>, repetitions: usize) -> Result<f64> {
    let begin = Instant::now();
    work(repetitions)?;
    Ok(begin.elapsed().as_secs_f64())
}

/// Milliseconds of the fixed loop.
pub fn calibrate() -> f64 {
    let begin = Instant::now();
    peak::main();
    begin.elapsed().as_secs_f64() * 1e3
}
