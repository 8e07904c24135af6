//! Groups of alike maps: k-means (Lloyd 1982) with k-means++ (Arthur and Vassilvitskii 2007).

use crate::random::Random;

const ITERATIONS: usize = 50;

/// For each row of `rows` × `width` values the cluster, 0 to `count` − 1, the largest cluster first. The same for one seed.
#[must_use]
pub fn k_means(values: &[f32], width: usize, count: usize, seed: u64) -> Vec<usize> {
    let rows: Vec<&[f32]> = values.chunks_exact(width).collect();
    let count = count.min(rows.len());
    if count == 0 {
        return Vec::new();
    }
    let mut centers = first_centers(&rows, count, &mut Random::new(seed));
    let mut own = vec![0; rows.len()];
    for _ in 0..ITERATIONS {
        let next: Vec<usize> = rows.iter().map(|row| nearest(row, &centers).0).collect();
        for (cluster, center) in centers.iter_mut().enumerate() {
            let members = next.iter().filter(|&&other| other == cluster).count();
            if members == 0 {
                continue;
            }
            center.fill(0.0);
            for (row, _) in rows
                .iter()
                .zip(&next)
                .filter(|(_, other)| **other == cluster)
            {
                for (center, value) in center.iter_mut().zip(*row) {
                    *center += value / members as f32;
                }
            }
        }
        if next == own {
            break;
        }
        own = next;
    }
    let sizes: Vec<usize> = (0..count)
        .map(|cluster| own.iter().filter(|&&other| other == cluster).count())
        .collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&cluster| std::cmp::Reverse(sizes[cluster]));
    let mut rank = vec![0; count];
    for (place, &cluster) in order.iter().enumerate() {
        rank[cluster] = place;
    }
    own.into_iter().map(|cluster| rank[cluster]).collect()
}

/// Each next one drawn with a chance in proportion to its squared distance from those before.
fn first_centers(rows: &[&[f32]], count: usize, random: &mut Random) -> Vec<Vec<f32>> {
    let mut centers = vec![rows[random.below(rows.len())].to_vec()];
    while centers.len() < count {
        let distances: Vec<f32> = rows.iter().map(|row| nearest(row, &centers).1).collect();
        let mut left = random.uniform() * distances.iter().sum::<f32>();
        let chosen = distances.iter().position(|&distance| {
            left -= distance;
            left < 0.0
        });
        centers.push(rows[chosen.unwrap_or(rows.len() - 1)].to_vec());
    }
    centers
}

/// The nearest center and its squared distance.
fn nearest(row: &[f32], centers: &[Vec<f32>]) -> (usize, f32) {
    let distance = |center: &Vec<f32>| -> f32 {
        let pairs = row.iter().zip(center);
        pairs.map(|(a, b)| (a - b) * (a - b)).sum()
    };
    let mut best = (0, f32::INFINITY);
    for (cluster, center) in centers.iter().enumerate() {
        let distance = distance(center);
        if distance < best.1 {
            best = (cluster, distance);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_far_groups_are_told_apart_and_the_larger_comes_first() {
        let mut random = Random::new(3);
        let values: Vec<f32> = (0..60)
            .flat_map(|row| {
                let center = if row % 3 == 0 { 10.0 } else { -10.0 };
                [center + random.normal(), random.normal()]
            })
            .collect();
        let clusters = k_means(&values, 2, 2, 1);
        for (row, &cluster) in clusters.iter().enumerate() {
            assert_eq!(cluster, usize::from(row % 3 == 0), "row {row}");
        }
        assert_eq!(clusters, k_means(&values, 2, 2, 1));
    }

    #[test]
    fn equal_rows_and_more_clusters_than_rows_end_well() {
        assert_eq!(k_means(&[1.0; 10], 2, 3, 0).len(), 5);
        assert_eq!(k_means(&[1.0, 2.0], 2, 5, 0), [0]);
        assert!(k_means(&[], 2, 5, 0).is_empty());
    }
}
