//! Total-variation denoising.

/// Chambolle's step; his dual iteration converges up to 1/4.
const TAU: f64 = 0.25;

/// The plane u with the least ½ ‖u − f‖² + weight · Σ √(∂x u² + ∂y u²), approached by `steps` steps of Chambolle's projection
/// (2004): u = f − weight · div p, with p ← (p + τ ∇(div p − f / weight)) / (1 + τ |∇(div p − f / weight)|).
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    reason = "computed in f64, returned as f32"
)]
pub fn total_variation(plane: &[f32], size: [usize; 2], weight: f32, steps: usize) -> Vec<f32> {
    let weight = f64::from(weight);
    let mut field = vec![[0.0; 2]; plane.len()];
    for _ in 0..steps {
        let rest: Vec<f64> = divergence(&field, size)
            .iter()
            .zip(plane)
            .map(|(div, &f)| div - f64::from(f) / weight)
            .collect();
        for (p, [dy, dx]) in field.iter_mut().zip(gradient(&rest, size)) {
            let shrink = 1.0 + TAU * dy.hypot(dx);
            *p = [(p[0] + TAU * dy) / shrink, (p[1] + TAU * dx) / shrink];
        }
    }
    divergence(&field, size)
        .iter()
        .zip(plane)
        .map(|(div, &f)| (f64::from(f) - weight * div) as f32)
        .collect()
}

/// Differences to the pixel below and to the right; 0 at the last ones.
fn gradient(plane: &[f64], [rows, columns]: [usize; 2]) -> impl Iterator<Item = [f64; 2]> {
    (0..plane.len()).map(move |i| {
        let below = (i / columns + 1 < rows).then(|| plane[i + columns] - plane[i]);
        let right = (i % columns + 1 < columns).then(|| plane[i + 1] - plane[i]);
        [below.unwrap_or(0.0), right.unwrap_or(0.0)]
    })
}

/// The negative adjoint of [`gradient`].
fn divergence(field: &[[f64; 2]], [rows, columns]: [usize; 2]) -> Vec<f64> {
    let mut sum = vec![0.0; field.len()];
    for (i, [down, right]) in field.iter().enumerate() {
        if i / columns + 1 < rows {
            sum[i] += down;
            sum[i + columns] -= down;
        }
        if i % columns + 1 < columns {
            sum[i] += right;
            sum[i + 1] -= right;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What of ½ ‖u − f‖² + weight · TV(u) stays above its dual bound ½ ‖f‖² − ½ ‖u‖², which the solution reaches.
    fn gap(plane: &[f32], u: &[f32], size: [usize; 2], weight: f64) -> f64 {
        let wide: Vec<f64> = u.iter().map(|&u| f64::from(u)).collect();
        let squares = |values: &[f32]| values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
        let difference: Vec<f32> = u.iter().zip(plane).map(|(u, f)| u - f).collect();
        let variation: f64 = gradient(&wide, size).map(|[dy, dx]| dy.hypot(dx)).sum();
        let primal = 0.5 * squares(&difference) + weight * variation;
        primal - (0.5 * squares(plane) - 0.5 * squares(u))
    }

    #[test]
    fn the_duality_gap_closes() {
        let size = [9, 13];
        let plane: Vec<f32> = (0..9 * 13)
            .map(|i| ((i * 7919) % 97) as f32 / 96.0)
            .collect();
        let of = |steps| {
            let u = total_variation(&plane, size, 0.1, steps);
            gap(&plane, &u, size, 0.1)
        };
        let (first, last) = (of(1), of(3000));
        assert!(first > 0.1, "{first}");
        assert!((-1e-6..1e-3).contains(&last), "{last}");
    }

    #[test]
    fn a_flat_picture_stays_and_a_step_loses_what_the_weight_says() {
        assert_eq!(total_variation(&[0.3; 12], [3, 4], 0.5, 50), [0.3; 12]);
        // Of two values with a distance d, each moves by the weight towards the other.
        let two = total_variation(&[0.0, 1.0], [1, 2], 0.2, 500);
        assert!(
            (two[0] - 0.2).abs() < 1e-4 && (two[1] - 0.8).abs() < 1e-4,
            "{two:?}"
        );
    }
}
