//! What a network says: probabilities and the likeliest classes.

use crate::error::Result;
use crate::tensor::Tensor;

/// The softmax of logits (N, K), summed in f64.
///
/// # Errors
/// None in practice; the signature is that of the tensor's constructor.
#[allow(
    clippy::cast_possible_truncation,
    reason = "summed in f64, returned as f32"
)]
pub fn probabilities(logits: &Tensor) -> Result<Tensor> {
    let classes = logits.activation_shape().c().max(1);
    let mut data = Vec::with_capacity(logits.data().len());
    for row in logits.data().chunks_exact(classes) {
        let greatest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let powers: Vec<f64> = row
            .iter()
            .map(|&logit| (f64::from(logit) - greatest).exp())
            .collect();
        let sum: f64 = powers.iter().sum();
        data.extend(powers.iter().map(|power| (power / sum) as f32));
    }
    Tensor::new(data, logits.shape())
}

/// The `count` likeliest classes of each picture with their probabilities, the likeliest first; of equals, the first.
#[must_use]
pub fn top(probabilities: &Tensor, count: usize) -> Vec<Vec<(usize, f32)>> {
    let classes = probabilities.activation_shape().c().max(1);
    probabilities
        .data()
        .chunks_exact(classes)
        .map(|row| {
            let mut ranking: Vec<(usize, f32)> = row.iter().copied().enumerate().collect();
            ranking.sort_by(|a, b| b.1.total_cmp(&a.1));
            ranking.truncate(count);
            ranking
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits(rows: &[[f32; 3]]) -> Tensor {
        Tensor::new(rows.concat(), [rows.len(), 3]).expect("the test's shape fits")
    }

    #[test]
    fn probabilities_sum_to_one_and_survive_large_logits() {
        let p = probabilities(&logits(&[[1000.0, 1000.0, -1000.0], [0.0, 1.0, 2.0]]))
            .expect("logits have probabilities");
        assert_eq!(p.shape(), [2, 3]);
        assert_eq!(p.data()[..3], [0.5, 0.5, 0.0]);
        let e = std::f32::consts::E;
        let sum = 1.0 + e + e * e;
        for (value, expected) in p.data()[3..].iter().zip([1.0, e, e * e]) {
            assert!((value - expected / sum).abs() < 1e-6);
        }
    }

    #[test]
    fn the_top_is_sorted_cut_and_stable() {
        let p = logits(&[[0.2, 0.6, 0.2], [0.1, 0.1, 0.8]]);
        assert_eq!(
            top(&p, 2),
            [vec![(1, 0.6), (0, 0.2)], vec![(2, 0.8), (0, 0.1)]]
        );
        assert_eq!(top(&p, 9)[0], [(1, 0.6), (0, 0.2), (2, 0.2)]);
    }
}
