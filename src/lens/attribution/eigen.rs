//! The first principal component of a layer's positions.

/// Steps of power iteration after which two components must be as good as equal.
const STEPS: usize = 5000;

/// M v for the centred matrix M of positions × channels (`activations` holds channel after channel of `plane` positions) and
/// its first right singular vector v, with the sign that makes Σ A v positive.
#[allow(
    clippy::cast_possible_truncation,
    reason = "computed in f64, returned as f32"
)]
#[must_use]
pub fn first_projection(activations: &[f32], plane: usize) -> Vec<f32> {
    let means: Vec<f64> = activations
        .chunks_exact(plane)
        .map(|channel| channel.iter().map(|&a| f64::from(a)).sum::<f64>() / plane as f64)
        .collect();
    let centred: Vec<f64> = activations
        .chunks_exact(plane)
        .zip(&means)
        .flat_map(|(channel, mean)| channel.iter().map(move |&a| f64::from(a) - mean))
        .collect();
    let channels = means.len();
    let v = if channels <= plane {
        leading(
            &gram(&centred, channels, |c, p| c * plane + p, plane),
            channels,
        )
    } else {
        // v = Mᵀ u / σ for the first left singular vector u.
        let u = leading(
            &gram(&centred, plane, |p, c| c * plane + p, channels),
            plane,
        );
        let v: Vec<f64> = centred
            .chunks_exact(plane)
            .map(|channel| channel.iter().zip(&u).map(|(a, u)| a * u).sum())
            .collect();
        normalized(v)
    };
    let along_mean: f64 = means.iter().zip(&v).map(|(mean, v)| mean * v).sum();
    let sign = if along_mean < 0.0 { -1.0 } else { 1.0 };
    (0..plane)
        .map(|position| {
            let channels = centred.iter().skip(position).step_by(plane);
            let value: f64 = channels.zip(&v).map(|(a, v)| a * v).sum();
            (sign * value) as f32
        })
        .collect()
}

/// Inner products of `count` rows of `length` values that `at` finds.
fn gram(
    values: &[f64],
    count: usize,
    at: impl Fn(usize, usize) -> usize,
    length: usize,
) -> Vec<f64> {
    let mut gram = vec![0.0; count * count];
    for i in 0..count {
        for j in i..count {
            let sum = (0..length)
                .map(|k| values[at(i, k)] * values[at(j, k)])
                .sum();
            gram[i * count + j] = sum;
            gram[j * count + i] = sum;
        }
    }
    gram
}

/// The eigenvector of a symmetric matrix's greatest eigenvalue by power iteration, from its column of the greatest diagonal.
fn leading(matrix: &[f64], size: usize) -> Vec<f64> {
    let start = (0..size).fold(0, |best, i| {
        if matrix[i * size + i] > matrix[best * size + best] {
            i
        } else {
            best
        }
    });
    let mut v = normalized(matrix[start * size..][..size].to_vec());
    for _ in 0..STEPS {
        let next = normalized(
            matrix
                .chunks_exact(size)
                .map(|row| row.iter().zip(&v).map(|(m, v)| m * v).sum())
                .collect(),
        );
        let change: f64 = next.iter().zip(&v).map(|(a, b)| (a - b) * (a - b)).sum();
        v = next;
        if change < 1e-22 {
            break;
        }
    }
    v
}

/// A vector of length 1; of zeros where there is no direction.
fn normalized(v: Vec<f64>) -> Vec<f64> {
    let norm = v.iter().map(|v| v * v).sum::<f64>().sqrt();
    if norm == 0.0 {
        return v;
    }
    v.into_iter().map(|v| v / norm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Channels that all follow one pattern, plus a weaker one at right angles to it.
    fn layer(channels: usize, pattern: &[f32], other: &[f32]) -> Vec<f32> {
        (0..channels)
            .flat_map(|c| {
                let (strong, weak) = (1.0 + c as f32, if c % 2 == 0 { 0.1 } else { -0.1 });
                let pairs = pattern.iter().zip(other);
                pairs
                    .map(move |(p, o)| strong * (p + 5.0) + weak * o)
                    .collect::<Vec<f32>>()
            })
            .collect()
    }

    #[test]
    fn the_strongest_pattern_is_found_whichever_side_is_smaller() {
        let pattern = [3.0, -1.0, -1.0, -1.0, 2.0, -2.0];
        let other = [0.0, 1.0, -1.0, 0.0, 0.0, 0.0];
        for channels in [2, 3, 9, 20] {
            let got = first_projection(&layer(channels, &pattern, &other), pattern.len());
            let scale = got[0] / pattern[0];
            assert!(scale > 0.0, "the sign follows the mean: {got:?}");
            for (got, expected) in got.iter().zip(pattern) {
                assert!(
                    (got / scale - expected).abs() < 0.05,
                    "{channels}: {got} {expected}"
                );
            }
        }
    }

    #[test]
    fn constant_activations_have_no_component() {
        assert_eq!(first_projection(&[2.0; 12], 4), [0.0; 4]);
    }
}
