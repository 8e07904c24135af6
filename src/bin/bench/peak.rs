//! A fixed loop in plain Rust: what a processor's thread does at best in the shape that convolution kernels have, and the
//! yardstick that stands beside every figure. It depends on nothing, so that `rustc` alone also makes it a wasm module,
//! which a page times.

use std::array;
use std::hint::black_box;

const ROWS: usize = 4;
const COLUMNS: usize = 8;
const DEPTH: usize = 256;
const REPETITIONS: usize = 4096;

/// Floating point operations of [`main`], two a multiply-add. The browser's half of the benchmark knows this number too.
#[allow(dead_code, reason = "as a program of its own it only runs")]
pub const OPERATIONS: f64 = (2 * ROWS * COLUMNS * DEPTH * REPETITIONS) as f64;

/// Products of a 4 × 256 and a 256 × 8 matrix, both in the first cache, the sums in registers.
pub fn main() {
    let left: Vec<[f32; ROWS]> = (0..DEPTH).map(|k| [k as f32 * 1e-3; ROWS]).collect();
    let right: Vec<[f32; COLUMNS]> = (0..DEPTH)
        .map(|k| [1.0 - k as f32 * 1e-3; COLUMNS])
        .collect();
    for _ in 0..REPETITIONS {
        black_box(tile(black_box(&left), black_box(&right)));
    }
}

fn tile(left: &[[f32; ROWS]], right: &[[f32; COLUMNS]]) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[0.0_f32; COLUMNS]; ROWS];
    for (a, b) in left.iter().zip(right) {
        sums = array::from_fn(|i| array::from_fn(|j| sums[i][j] + a[i] * b[j]));
    }
    sums
}
