//! How much two points belong together in t-SNE's sense: P of van der Maaten and Hinton (2008).

use super::neighbors::Neighbors;
use super::space::Space;
use crate::engine::control::Control;
use crate::error::Result;

/// Halvings of a width before the search gives up, as in scikit-learn.
const HALVINGS: usize = 100;
/// Tolerance on the entropy, as in scikit-learn.
const ENTROPY_TOLERANCE: f64 = 1e-5;

/// All affinities, row-major (N × `stride`) with a row's end filled with zeros: symmetric, zero on the diagonal, summing
/// to 1.
#[derive(Debug, Clone)]
pub struct Dense {
    /// The values.
    pub values: Vec<f32>,
    /// Values a row, a multiple of [`LANES`].
    pub stride: usize,
}

/// Affinities below this are nothing: numbers near the least there are make every product with them slow.
const LEAST: f32 = 1e-20;

/// Values that are computed side by side.
pub const LANES: usize = 8;

/// Affinities of near points only: symmetric, summing to 1.
#[derive(Debug, Clone)]
pub struct Sparse {
    /// Where each point's entries start, and the end.
    pub starts: Vec<u32>,
    /// The other point of each entry.
    pub others: Vec<u32>,
    /// The values.
    pub values: Vec<f32>,
}

/// All affinities at a perplexity.
///
/// # Errors
/// `aborted`.
pub async fn dense(space: &Space, perplexity: f32, control: &Control) -> Result<Dense> {
    let count = space.count();
    let stride = count.next_multiple_of(LANES);
    let mut values = vec![0.0; count * stride];
    let all: Vec<usize> = (0..count).collect();
    let mut others = Vec::with_capacity(count);
    // A band of rows at a time, as the search for the widths takes longer than the distances do.
    for band in all.chunks(8) {
        space
            .distances(band, control, |point, squares| {
                others.clear();
                others.extend_from_slice(&squares[..point]);
                others.extend_from_slice(&squares[point + 1..]);
                conditional(&mut others, perplexity);
                let row = &mut values[point * stride..][..count];
                row[..point].copy_from_slice(&others[..point]);
                row[point + 1..].copy_from_slice(&others[point..]);
            })
            .await?;
    }
    // P = (P_j|i + P_i|j) / 2N
    let share = 0.5 / count as f32;
    for i in 0..count {
        for j in 0..i {
            let sum = (values[i * stride + j] + values[j * stride + i]) * share;
            let sum = if sum < LEAST { 0.0 } else { sum };
            values[i * stride + j] = sum;
            values[j * stride + i] = sum;
        }
    }
    Ok(Dense { values, stride })
}

/// The affinities of points to the 3 · perplexity nearest of each.
///
/// # Errors
/// `aborted`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the perplexity is positive, points are counted in 32 bits"
)]
pub async fn sparse(space: &Space, perplexity: f32, control: &Control) -> Result<Sparse> {
    let near = Neighbors::of(space, (3.0 * perplexity + 1.0) as usize, control).await?;
    let mut conditionals = near.squares.clone();
    for band in conditionals.chunks_mut(near.each * 64) {
        for row in band.chunks_exact_mut(near.each) {
            conditional(row, perplexity);
        }
        control.step().await?;
    }
    let share = 0.5 / space.count() as f32;
    symmetric(&near, control, |at, back| {
        (conditionals[at] + back.map_or(0.0, |at| conditionals[at])) * share
    })
    .await
}

/// The union of a relation of neighbours with its reverse; `value(there, back)` joins the two entries, by their position in
/// the lists of neighbours.
///
/// # Errors
/// `aborted`.
#[allow(
    clippy::cast_possible_truncation,
    reason = "entries are counted in 32 bits"
)]
pub(super) async fn symmetric(
    near: &Neighbors,
    control: &Control,
    value: impl Fn(usize, Option<usize>) -> f32,
) -> Result<Sparse> {
    let count = near.indices.len() / near.each.max(1);
    let position = |from: usize, to: usize| {
        let row = &near.indices[from * near.each..][..near.each];
        row.iter()
            .position(|&other| other as usize == to)
            .map(|at| from * near.each + at)
    };
    let mut rows: Vec<Vec<(u32, f32)>> = vec![Vec::new(); count];
    for point in 0..count {
        for (at, (other, _)) in (point * near.each..).zip(near.row(point)) {
            let back = position(other, point);
            let joined = value(at, back);
            rows[point].push((other as u32, joined));
            if back.is_none() {
                rows[other].push((point as u32, joined));
            }
        }
        if point % 500 == 0 {
            control.step().await?;
        }
    }
    let mut joined = Sparse {
        starts: vec![0],
        others: Vec::new(),
        values: Vec::new(),
    };
    for row in &mut rows {
        row.sort_unstable_by_key(|&(other, _)| other);
        joined.others.extend(row.iter().map(|&(other, _)| other));
        joined.values.extend(row.iter().map(|&(_, value)| value));
        joined.starts.push(joined.others.len() as u32);
    }
    Ok(joined)
}

/// Turns the squared distances of a point to others into their share of its neighbourhood, p_j ∝ exp(−β d_j²), with the
/// width β at which the entropy is the logarithm of the perplexity.
pub(super) fn conditional(squares: &mut [f32], perplexity: f32) {
    let wanted = f64::from(perplexity).ln();
    let nearest = squares.iter().copied().fold(f32::INFINITY, f32::min);
    // Only differences of distances count, so that large ones do not underflow together.
    squares.iter_mut().for_each(|square| *square -= nearest);
    // Distances have any unit: the search starts at their mean.
    let mean = squares.iter().map(|&s| f64::from(s)).sum::<f64>() / squares.len().max(1) as f64;
    let (mut beta, mut low, mut high) = (
        if mean > 0.0 { 1.0 / mean } else { 1.0 },
        0.0,
        f64::INFINITY,
    );
    for _ in 0..HALVINGS {
        let (sum, weighted) = moments(squares, beta as f32);
        // H = ln Σ e + β Σ d² e / Σ e
        let excess = sum.ln() + beta * weighted / sum - wanted;
        if excess.abs() <= ENTROPY_TOLERANCE {
            break;
        }
        if excess > 0.0 {
            low = beta;
            beta = if high.is_finite() {
                0.5 * (beta + high)
            } else {
                beta * 2.0
            };
        } else {
            high = beta;
            beta = 0.5 * (beta + low);
        }
    }
    let (sum, _) = moments(squares, beta as f32);
    for square in squares.iter_mut() {
        *square = (f64::from((-beta as f32 * *square).exp()) / sum) as f32;
    }
}

/// Σ exp(−β s) and Σ s exp(−β s).
fn moments(squares: &[f32], beta: f32) -> (f64, f64) {
    let (mut sum, mut weighted) = (0.0_f64, 0.0_f64);
    for &square in squares {
        let exponent = beta * square;
        // exp(−50) is nothing beside the nearest point's 1.
        if exponent < 50.0 {
            let weight = f64::from((-exponent).exp());
            sum += weight;
            weighted += f64::from(square) * weight;
        }
    }
    (sum, weighted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn space(count: usize, width: usize) -> Space {
        let mut random = Random::new(5);
        let values = (0..count * width).map(|_| random.normal()).collect();
        pollster::block_on(Space::new(values, width, &Control::new()))
            .expect("the points are sound")
    }

    #[test]
    fn a_neighbourhood_has_the_perplexity_asked_for() {
        let mut random = Random::new(1);
        for (perplexity, scale) in [(5.0, 1.0), (30.0, 1e-6), (30.0, 1e6), (50.0, 1.0)] {
            let mut shares: Vec<f32> = (0..400).map(|_| random.normal().powi(2) * scale).collect();
            conditional(&mut shares, perplexity);
            let sum: f32 = shares.iter().sum();
            let entropy: f64 = shares
                .iter()
                .filter(|&&p| p > 0.0)
                .map(|&p| -f64::from(p) * f64::from(p).ln())
                .sum();
            assert!((sum - 1.0).abs() < 1e-5, "{sum}");
            assert!(
                (entropy - f64::from(perplexity).ln()).abs() < 1e-4,
                "{entropy}"
            );
        }
    }

    #[test]
    fn copies_share_a_neighbourhood_evenly() {
        let mut shares = vec![0.0; 12];
        conditional(&mut shares, 3.0);
        assert!(
            shares.iter().all(|p| (p - 1.0 / 12.0).abs() < 1e-6),
            "{shares:?}"
        );
    }

    #[test]
    fn affinities_are_symmetric_and_sum_to_one() {
        let (space, control) = (space(60, 5), Control::new());
        let all = pollster::block_on(dense(&space, 10.0, &control)).expect("nobody aborts");
        let sum: f64 = all.values.iter().map(|&p| f64::from(p)).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        for i in 0..60 {
            assert!(all.values[i * all.stride + i].abs() < f32::MIN_POSITIVE);
            assert!(
                all.values[i * all.stride + 60..][..all.stride - 60]
                    .iter()
                    .all(|&p| p == 0.0)
            );
            for j in 0..60 {
                let (there, back) = (
                    all.values[i * all.stride + j],
                    all.values[j * all.stride + i],
                );
                assert!((there - back).abs() < f32::EPSILON);
            }
        }
        let near = pollster::block_on(sparse(&space, 10.0, &control)).expect("nobody aborts");
        let sum: f64 = near.values.iter().map(|&p| f64::from(p)).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        // Far points have next to no share, so that leaving them out changes little.
        for point in 0..60 {
            for at in near.starts[point]..near.starts[point + 1] {
                let other = near.others[at as usize] as usize;
                let (value, exact) = (
                    near.values[at as usize],
                    all.values[point * all.stride + other],
                );
                assert!(
                    (value - exact).abs() < 0.02 * exact + 2e-5,
                    "{value} {exact}"
                );
            }
        }
    }
}
