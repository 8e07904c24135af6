//! Principal components (Pearson 1901): the directions in which points spread most.

use super::eigen::{self, Eigen};
use super::space::Space;
use crate::engine::control::Control;
use crate::error::Result;

/// The first principal components of a set of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// Coordinates along the components, row-major (N × k).
    pub points: Vec<f32>,
    /// Unit directions, row-major (k × D). Of each the entry of greatest magnitude is positive, scikit-learn's `svd_flip`
    /// by the components.
    pub loadings: Vec<f32>,
    /// The share of all variance along each component.
    pub explained: Vec<f32>,
}

/// The first `components` principal components: eigenvectors of the smaller of the two matrices of inner products, X Xᵀ
/// (N × N) and Xᵀ X (D × D), of centred points X; the coordinates are X v.
///
/// # Errors
/// `aborted`.
pub async fn pca(space: &Space, components: usize, control: &Control) -> Result<Pca> {
    let (count, width) = (space.count(), space.width());
    let wanted = components.min(count).min(width);
    let is_wide = width > count;
    let matrix = if is_wide {
        space.point_products(control).await?
    } else {
        space.feature_products(control).await?
    };
    let Eigen { values, vectors } = eigen::greatest(count.min(width), wanted, control, |x, y| {
        eigen::multiply_symmetric(&matrix, x, y);
    })
    .await?;
    let mut loadings = Vec::with_capacity(wanted * width);
    for vector in &vectors {
        // Of X Xᵀ u = λ u the direction is Xᵀ u, to be made 1 long.
        let direction = if is_wide {
            unit(transposed_times(space, vector, control).await?)
        } else {
            vector.clone()
        };
        loadings.extend(flipped(&direction));
    }
    let mut points = vec![0.0; count * wanted];
    let rows = space.values().chunks_exact(width);
    for (row, out) in rows.zip(points.chunks_exact_mut(wanted)) {
        control.step().await?;
        for (loading, out) in loadings.chunks_exact(width).zip(out) {
            let along: f64 = row
                .iter()
                .zip(loading)
                .map(|(&x, &v)| f64::from(x) * f64::from(v))
                .sum();
            *out = along as f32;
        }
    }
    let variation = space.variation();
    Ok(Pca {
        points,
        loadings,
        explained: values
            .iter()
            .map(|value| (value.max(0.0) / variation) as f32)
            .collect(),
    })
}

/// Xᵀ u.
async fn transposed_times(space: &Space, vector: &[f64], control: &Control) -> Result<Vec<f64>> {
    let mut sums = vec![0.0; space.width()];
    for (row, weight) in space.values().chunks_exact(space.width()).zip(vector) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += weight * f64::from(value);
        }
        control.step().await?;
    }
    Ok(sums)
}

/// A vector made 1 long; zero stays zero.
fn unit(mut vector: Vec<f64>) -> Vec<f64> {
    let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|v| *v /= length);
    }
    vector
}

/// A direction turned so that its entry of greatest magnitude (of equals, the first) is positive.
fn flipped(direction: &[f64]) -> impl Iterator<Item = f32> + '_ {
    let greatest = direction.iter().fold(
        0.0_f64,
        |most, &v| if v.abs() > most.abs() { v } else { most },
    );
    let sign = if greatest < 0.0 { -1.0 } else { 1.0 };
    direction.iter().map(move |v| (v * sign) as f32)
}
