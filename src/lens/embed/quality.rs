//! How far a map can be trusted, and how well classes lie apart.

use super::neighbors::nearest;
use super::space::Space;
use crate::engine::control::Control;
use crate::error::Result;
use crate::random::Random;

/// Neighbours that trustworthiness asks about, as in scikit-learn.
const TRUSTED: usize = 5;

/// Neighbours that vote on a point's class, fewer where classes are small: at most half their mean size.
pub const VOTERS: usize = 10;

/// Most points whose trustworthiness is taken whole; of more, it is that of as many as [`SAMPLE`] drawn ones.
const WHOLE: usize = 4096;
/// Points drawn where there are too many.
const SAMPLE: usize = 1000;

/// Trustworthiness (Venna and Kaski 2001) of a map (N × 2): 1 − 2 / (N k (2N − 3k − 1)) Σ (rank − k) over the k = 5 nearest
/// in the map that are no such neighbours in the space, `rank` being theirs there; 1 if no neighbour in the map is false.
/// `None` for maps of fewer than 4 points. For more than 4,096 points the mean over 1,000 drawn ones.
///
/// # Errors
/// `aborted`.
pub async fn trustworthiness(
    space: &Space,
    map: &[f32],
    seed: u64,
    control: &Control,
) -> Result<Option<f32>> {
    let count = space.count();
    // As scikit-learn has it, k must be below N / 2.
    let k = TRUSTED.min((count - 1) / 2);
    if k == 0 {
        return Ok(None);
    }
    let asked = drawn(count, seed);
    let (mut penalty, mut in_map, mut list) = (0.0_f64, vec![0.0; count], Vec::new());
    space
        .distances(&asked, control, |point, squares| {
            map_squares(map, point, &mut in_map);
            nearest(point, &in_map, k, &mut list);
            for &(_, other) in &list {
                let rank = rank_of(point, other as usize, squares);
                penalty += rank.saturating_sub(k) as f64;
            }
        })
        .await?;
    let (n, k) = (count as f64, k as f64);
    let worst = asked.len() as f64 * k * (2.0 * n - 3.0 * k - 1.0) / 2.0;
    Ok(Some((1.0 - penalty / worst) as f32))
}

/// How many points are as near to `point` as `other` or nearer, `other` among them; of equally far ones the first come
/// first.
fn rank_of(point: usize, other: usize, squares: &[f32]) -> usize {
    let limit = squares[other];
    let nearer = squares.iter().filter(|&&square| square < limit).count();
    let equal = squares[..=other]
        .iter()
        .filter(|&&square| square == limit)
        .count();
    let is_self_counted = squares[point] < limit || (squares[point] == limit && point < other);
    nearer + equal - usize::from(is_self_counted)
}

/// Squared distances of a point to all in the map.
fn map_squares(map: &[f32], point: usize, squares: &mut [f32]) {
    let [x, y] = [map[2 * point], map[2 * point + 1]];
    for (square, other) in squares.iter_mut().zip(map.as_chunks::<2>().0) {
        *square = (x - other[0]).powi(2) + (y - other[1]).powi(2);
    }
}

/// All points, or some that are drawn.
fn drawn(count: usize, seed: u64) -> Vec<usize> {
    let mut points: Vec<usize> = (0..count).collect();
    if count > WHOLE {
        Random::new(seed).shuffle(&mut points);
        points.truncate(SAMPLE);
        points.sort_unstable();
    }
    points
}

/// How well classes lie apart in a space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Separation {
    /// The share of points whose [`VOTERS`] nearest others vote for their class (of equal votes the smaller class wins).
    pub knn_accuracy: f32,
    /// The silhouette (Rousseeuw 1987): the mean of (b − a) / max(a, b), a being the mean distance to the own class, b that
    /// to the nearest other one; 0 for a class of one. From −1 to 1.
    pub silhouette: f32,
}

/// How well the classes of `labels` lie apart; `None` where there are fewer than two. For more than 4,096 points the mean
/// over 1,000 drawn ones.
///
/// # Errors
/// `aborted`.
pub async fn separation(
    space: &Space,
    labels: &[u32],
    seed: u64,
    control: &Control,
) -> Result<Option<Separation>> {
    let classes = labels.iter().max().map_or(0, |&most| most as usize + 1);
    let mut sizes = vec![0_usize; classes];
    for &label in labels {
        sizes[label as usize] += 1;
    }
    let present = sizes.iter().filter(|&&size| size > 0).count();
    if present < 2 {
        return Ok(None);
    }
    let voters = (labels.len() / (2 * present)).clamp(1, VOTERS);
    let asked = drawn(space.count(), seed);
    let (mut right, mut silhouettes) = (0_usize, 0.0_f64);
    let (mut list, mut sums) = (Vec::new(), vec![0.0_f64; classes]);
    space
        .distances(&asked, control, |point, squares| {
            let own = labels[point] as usize;
            nearest(point, squares, voters, &mut list);
            let votes = list
                .iter()
                .map(|&(_, other)| labels[other as usize] as usize);
            right += usize::from(winner(votes, classes) == own);
            sums.fill(0.0);
            for (&label, square) in labels.iter().zip(squares) {
                sums[label as usize] += f64::from(square.sqrt());
            }
            silhouettes += silhouette(&sums, &sizes, own);
        })
        .await?;
    let count = asked.len() as f64;
    Ok(Some(Separation {
        knn_accuracy: (right as f64 / count) as f32,
        silhouette: (silhouettes / count) as f32,
    }))
}

/// The class with most votes; of equals, the smallest.
fn winner(votes: impl Iterator<Item = usize>, classes: usize) -> usize {
    let mut counts = vec![0_usize; classes];
    votes.for_each(|class| counts[class] += 1);
    let most = counts.iter().max().copied().unwrap_or(0);
    counts.iter().position(|&count| count == most).unwrap_or(0)
}

/// The silhouette of one point from its summed distances to the classes.
fn silhouette(sums: &[f64], sizes: &[usize], own: usize) -> f64 {
    if sizes[own] < 2 {
        return 0.0;
    }
    let within = sums[own] / (sizes[own] - 1) as f64;
    let beside = (0..sizes.len())
        .filter(|&class| class != own && sizes[class] > 0)
        .map(|class| sums[class] / sizes[class] as f64)
        .fold(f64::INFINITY, f64::min);
    let greater = within.max(beside);
    if greater > 0.0 {
        (beside - within) / greater
    } else {
        0.0
    }
}
