//! The greatest eigenvalues of a large symmetric matrix, by the method of Lanczos (1950) with full reorthogonalisation.

use crate::engine::control::Control;
use crate::error::Result;
use crate::random::Random;

/// Residual, relative to the greatest eigenvalue, at which an eigenvector counts as found.
const TOLERANCE: f64 = 1e-9;

/// Steps between two looks at how far the eigenvalues have settled.
const CHECK_EVERY: usize = 15;

/// Eigenvalues in descending order with their unit vectors.
#[derive(Debug, Clone)]
pub struct Eigen {
    /// The values.
    pub values: Vec<f64>,
    /// A vector for each value.
    pub vectors: Vec<Vec<f64>>,
}

/// The `wanted` greatest eigenvalues of the symmetric `n` × `n` matrix that `multiply(x, y)` applies, y = A x. The start is
/// drawn from a fixed seed, so that runs repeat.
///
/// # Errors
/// `aborted`.
pub async fn greatest(
    n: usize,
    wanted: usize,
    control: &Control,
    mut multiply: impl FnMut(&[f64], &mut [f64]),
) -> Result<Eigen> {
    let wanted = wanted.min(n);
    let mut random = Random::new(1);
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let (mut diagonal, mut side) = (Vec::new(), Vec::new());
    let mut next = fresh_direction(n, &basis, &mut random);
    let mut image = vec![0.0; n];
    loop {
        basis.push(next);
        let step = basis.len();
        multiply(&basis[step - 1], &mut image);
        diagonal.push(dot(&basis[step - 1], &image));
        let scale = diagonal
            .iter()
            .chain(&side)
            .fold(f64::MIN_POSITIVE, |most: f64, v| most.max(v.abs()));
        // Twice is enough (Kahan, in Parlett 1980).
        orthogonalize(&mut image, &basis);
        orthogonalize(&mut image, &basis);
        let mut length = dot(&image, &image).sqrt();
        if length <= 1e-13 * scale {
            length = 0.0;
        }
        let is_done = step == n
            || (step >= wanted + 2 && (length == 0.0 || step.is_multiple_of(CHECK_EVERY)) && {
                let (_, last) = tridiagonal(&diagonal, &side, true);
                let settled = |i: usize| length * last[i][0].abs() <= TOLERANCE * scale;
                (0..wanted).all(settled)
            });
        if is_done {
            break;
        }
        side.push(length);
        next = if length == 0.0 {
            fresh_direction(n, &basis, &mut random)
        } else {
            image.iter().map(|value| value / length).collect()
        };
        control.step().await?;
    }
    let (values, weights) = tridiagonal(&diagonal, &side, false);
    let vectors = weights
        .iter()
        .take(wanted)
        .map(|weights| combine(weights, &basis))
        .collect();
    Ok(Eigen {
        values: values[..wanted].to_vec(),
        vectors,
    })
}

/// A symmetric matrix of f32, row-major, times a vector.
pub fn multiply_symmetric(matrix: &[f32], x: &[f64], y: &mut [f64]) {
    for (row, y) in matrix.chunks_exact(x.len()).zip(y) {
        let mut sums = [0.0; 4];
        let (rows, rest) = row.as_chunks::<4>();
        let (xs, x_rest) = x.as_chunks::<4>();
        for (row, x) in rows.iter().zip(xs) {
            for lane in 0..4 {
                sums[lane] += f64::from(row[lane]) * x[lane];
            }
        }
        let tail: f64 = rest
            .iter()
            .zip(x_rest)
            .map(|(&a, x)| f64::from(a) * x)
            .sum();
        *y = sums.iter().sum::<f64>() + tail;
    }
}

/// A random unit vector orthogonal to those of the basis.
fn fresh_direction(n: usize, basis: &[Vec<f64>], random: &mut Random) -> Vec<f64> {
    loop {
        let mut vector: Vec<f64> = (0..n).map(|_| f64::from(random.normal())).collect();
        orthogonalize(&mut vector, basis);
        orthogonalize(&mut vector, basis);
        let length = dot(&vector, &vector).sqrt();
        if length > 1e-8 {
            vector.iter_mut().for_each(|value| *value /= length);
            return vector;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Takes the part within the basis off a vector.
fn orthogonalize(vector: &mut [f64], basis: &[Vec<f64>]) {
    for direction in basis {
        let along = dot(vector, direction);
        for (value, unit) in vector.iter_mut().zip(direction) {
            *value -= along * unit;
        }
    }
}

/// The weighted sum of the basis, with length 1.
fn combine(weights: &[f64], basis: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = vec![0.0; basis[0].len()];
    for (weight, direction) in weights.iter().zip(basis) {
        for (sum, value) in sum.iter_mut().zip(direction) {
            *sum += weight * value;
        }
    }
    let length = dot(&sum, &sum).sqrt();
    sum.iter_mut().for_each(|value| *value /= length);
    sum
}

/// Eigenvalues of a tridiagonal matrix in descending order with their vectors, or with only the last entry of each, by QL
/// with implicit shifts (Dubrulle, Martin and Wilkinson 1968).
fn tridiagonal(diagonal: &[f64], side: &[f64], last_only: bool) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = diagonal.len();
    let mut d = diagonal.to_vec();
    let mut e = side[..n - 1].to_vec();
    e.push(0.0);
    // Row i of `z` becomes the vector of value i, as far as it is wanted.
    let kept = if last_only { n - 1..n } else { 0..n };
    let mut z: Vec<Vec<f64>> = (0..n)
        .map(|i| kept.clone().map(|j| f64::from(u8::from(i == j))).collect())
        .collect();
    for low in 0..n {
        while let Some(high) = coupled_end(&d, &e, low) {
            rotate_block(&mut d, &mut e, &mut z, low, high);
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| d[b].total_cmp(&d[a]));
    (
        order.iter().map(|&i| d[i]).collect(),
        order.iter().map(|&i| z[i].clone()).collect(),
    )
}

/// The end of the block that starts at `low`, unless that is a block of one.
fn coupled_end(d: &[f64], e: &[f64], low: usize) -> Option<usize> {
    let end = (low..d.len() - 1)
        .find(|&i| e[i].abs() <= f64::EPSILON * (d[i].abs() + d[i + 1].abs()))
        .unwrap_or(d.len() - 1);
    (end > low).then_some(end)
}

/// One implicit QL step on the block `low ..= high`.
fn rotate_block(d: &mut [f64], e: &mut [f64], z: &mut [Vec<f64>], low: usize, high: usize) {
    let half_gap = (d[low + 1] - d[low]) / (2.0 * e[low]);
    let root = half_gap.hypot(1.0).copysign(half_gap);
    let mut g = d[high] - d[low] + e[low] / (half_gap + root);
    let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
    for i in (low..high).rev() {
        let (f, b) = (sine * e[i], cosine * e[i]);
        let length = f.hypot(g);
        e[i + 1] = length;
        if length == 0.0 {
            d[i + 1] -= shift;
            e[high] = 0.0;
            return;
        }
        (sine, cosine) = (f / length, g / length);
        g = d[i + 1] - shift;
        let turned = (d[i] - g) * sine + 2.0 * cosine * b;
        shift = sine * turned;
        d[i + 1] = g + shift;
        g = cosine * turned - b;
        let (left, right) = z.split_at_mut(i + 1);
        for (low, high) in left[i].iter_mut().zip(&mut right[0]) {
            (*low, *high) = (cosine * *low - sine * *high, sine * *low + cosine * *high);
        }
    }
    d[low] -= shift;
    e[low] = g;
    e[high] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A = Q diag(values) Qᵀ with Q a Householder reflection.
    fn matrix_of(values: &[f64]) -> Vec<f32> {
        let n = values.len();
        let mut random = Random::new(7);
        let v: Vec<f64> = (0..n).map(|_| f64::from(random.normal())).collect();
        let norm = dot(&v, &v);
        let q = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * v[i] * v[j] / norm;
        (0..n * n)
            .map(|at| {
                (0..n)
                    .map(|k| q(at / n, k) * values[k] * q(at % n, k))
                    .sum::<f64>() as f32
            })
            .collect()
    }

    fn solve(matrix: &[f32], n: usize, wanted: usize) -> Eigen {
        let control = Control::new();
        pollster::block_on(greatest(n, wanted, &control, |x, y| {
            multiply_symmetric(matrix, x, y)
        }))
        .expect("nobody aborts")
    }

    #[test]
    fn the_greatest_eigenvalues_and_their_vectors_are_found() {
        let values: Vec<f64> = (0..120).map(|i| 100.0 * 0.9_f64.powi(i)).collect();
        let matrix = matrix_of(&values);
        let eigen = solve(&matrix, 120, 6);
        for (value, vector) in eigen.values.iter().zip(&eigen.vectors) {
            let mut image = vec![0.0; 120];
            multiply_symmetric(&matrix, vector, &mut image);
            let residual: f64 = image
                .iter()
                .zip(vector)
                .map(|(a, x)| (a - value * x).powi(2))
                .sum();
            assert!(residual.sqrt() < 1e-6, "{residual}");
        }
        for (value, expected) in eigen.values.iter().zip(&values) {
            assert!((value - expected).abs() < 1e-4, "{value} {expected}");
        }
    }

    #[test]
    fn equal_eigenvalues_are_all_found_and_zeros_do_not_disturb() {
        for values in [[vec![5.0; 4], vec![0.0; 56]].concat(), vec![2.0; 60]] {
            let eigen = solve(&matrix_of(&values), 60, 5);
            for (value, expected) in eigen.values.iter().zip(&values) {
                assert!((value - expected).abs() < 1e-5, "{:?}", eigen.values);
            }
            let overlap = dot(&eigen.vectors[0], &eigen.vectors[1]).abs();
            assert!(overlap < 1e-6, "{overlap}");
        }
    }
}
