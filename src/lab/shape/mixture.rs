//! A mixture of Gaussians over weighted points, by expectation–maximisation (Dempster, Laird, Rubin 1977).

/// Components of a mixture.
const COMPONENTS: usize = 5;

/// Rounds of expectation and maximisation.
const ROUNDS: usize = 10;

/// What is added to each variance, so that a component does not shrink to a point.
const FLOOR: f64 = 1e-3;

/// Weighted Gaussians in D dimensions.
#[derive(Debug, Clone)]
pub struct Mixture<const D: usize> {
    components: Vec<Component<D>>,
}

#[derive(Debug, Clone)]
struct Component<const D: usize> {
    mean: [f64; D],
    /// L of Σ = L Lᵀ.
    factor: [[f64; D]; D],
    /// log weight − log √det Σ; the factor of 2π is the same for all and left out.
    height: f64,
}

impl<const D: usize> Mixture<D> {
    /// The mixture that fits points with weights. It starts from equal shares along the axis of greatest variance, so that
    /// nothing is drawn.
    pub fn fit(points: &[[f64; D]], weights: &[f64]) -> Self {
        let shares = Self::shares(points, weights);
        let mut mixture = Self::by(points, weights, |at, component| {
            f64::from(u8::from(shares[at] == component))
        });
        for _ in 0..ROUNDS {
            let shares: Vec<[f64; COMPONENTS]> = points
                .iter()
                .map(|point| mixture.posterior(point))
                .collect();
            mixture = Self::by(points, weights, |at, component| shares[at][component]);
        }
        mixture
    }

    /// log p(point), but for a constant.
    pub fn log_density(&self, point: &[f64; D]) -> f64 {
        let logs = self.logs(point);
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + logs.iter().map(|log| (log - most).exp()).sum::<f64>().ln()
    }

    fn logs(&self, point: &[f64; D]) -> [f64; COMPONENTS] {
        std::array::from_fn(|k| self.components[k].log(point))
    }

    fn posterior(&self, point: &[f64; D]) -> [f64; COMPONENTS] {
        let logs = self.logs(point);
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers = logs.map(|log| (log - most).exp());
        let sum: f64 = powers.iter().sum();
        powers.map(|power| power / sum)
    }

    /// Which of the equal shares along the first principal axis each point belongs to.
    fn shares(points: &[[f64; D]], weights: &[f64]) -> Vec<usize> {
        let (mean, covariance) = moments(points, weights, |_| 1.0).1;
        let mut axis = [1.0; D];
        for _ in 0..24 {
            let turned: [f64; D] =
                std::array::from_fn(|i| (0..D).map(|j| covariance[i][j] * axis[j]).sum());
            let length = turned.iter().map(|v| v * v).sum::<f64>().sqrt();
            axis = turned.map(|v| v / length.max(f64::MIN_POSITIVE));
        }
        let place =
            |point: &[f64; D]| -> f64 { (0..D).map(|i| (point[i] - mean[i]) * axis[i]).sum() };
        let mut order: Vec<(f64, usize)> = points.iter().map(place).zip(0..).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = weights.iter().sum();
        let mut shares = vec![0; points.len()];
        let mut before = 0.0;
        for (_, at) in order {
            let share = before / total.max(f64::MIN_POSITIVE) * COMPONENTS as f64;
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of the number of components"
            )]
            let component = (share as usize).min(COMPONENTS - 1);
            shares[at] = component;
            before += weights[at];
        }
        shares
    }

    /// The components for given shares of each point.
    fn by(points: &[[f64; D]], weights: &[f64], share: impl Fn(usize, usize) -> f64) -> Self {
        let total: f64 = weights.iter().sum();
        let component = |k: usize| {
            let (weight, (mean, mut covariance)) = moments(points, weights, |at| share(at, k));
            for (i, row) in covariance.iter_mut().enumerate() {
                row[i] += FLOOR;
            }
            let factor = cholesky(&covariance);
            let log_root: f64 = (0..D).map(|i| factor[i][i].ln()).sum();
            Component {
                mean,
                factor,
                height: (weight.max(1e-9) / total.max(f64::MIN_POSITIVE)).ln() - log_root,
            }
        };
        Self {
            components: (0..COMPONENTS).map(component).collect(),
        }
    }
}

impl<const D: usize> Component<D> {
    fn log(&self, point: &[f64; D]) -> f64 {
        let mut solved = [0.0; D];
        let mut square = 0.0;
        for i in 0..D {
            let known: f64 = (0..i).map(|j| self.factor[i][j] * solved[j]).sum();
            solved[i] = (point[i] - self.mean[i] - known) / self.factor[i][i];
            square += solved[i] * solved[i];
        }
        self.height - 0.5 * square
    }
}

/// The weight, mean and covariance of points by weight times share.
type Moments<const D: usize> = (f64, ([f64; D], [[f64; D]; D]));

fn moments<const D: usize>(
    points: &[[f64; D]],
    weights: &[f64],
    share: impl Fn(usize) -> f64,
) -> Moments<D> {
    let (mut weight, mut mean, mut covariance) = (0.0, [0.0; D], [[0.0; D]; D]);
    let part = |at: usize| weights[at] * share(at);
    for (at, point) in points.iter().enumerate() {
        weight += part(at);
        for i in 0..D {
            mean[i] += part(at) * point[i];
        }
    }
    let divisor = weight.max(1e-9);
    mean = mean.map(|sum| sum / divisor);
    for (at, point) in points.iter().enumerate() {
        let part = part(at) / divisor;
        if part == 0.0 {
            continue;
        }
        let apart: [f64; D] = std::array::from_fn(|i| point[i] - mean[i]);
        for (row, left) in covariance.iter_mut().zip(&apart) {
            for (sum, right) in row.iter_mut().zip(&apart) {
                *sum += part * left * right;
            }
        }
    }
    (weight, (mean, covariance))
}

/// L with L Lᵀ = A, for a symmetric positive definite A.
fn cholesky<const D: usize>(a: &[[f64; D]; D]) -> [[f64; D]; D] {
    let mut l = [[0.0; D]; D];
    for i in 0..D {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            l[i][j] = if i == j {
                (a[i][i] - known).max(1e-12).sqrt()
            } else {
                (a[i][j] - known) / l[j][j]
            };
        }
    }
    l
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_s_square_is_the_matrix() {
        let a = [[4.0, 2.0, 0.4], [2.0, 3.0, 0.5], [0.4, 0.5, 1.0]];
        let l = cholesky(&a);
        for i in 0..3 {
            for j in 0..3 {
                let product: f64 = (0..3).map(|k| l[i][k] * l[j][k]).sum();
                assert!((product - a[i][j]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_mixture_is_denser_where_its_points_are() {
        let points: Vec<[f64; 2]> = (0..400)
            .map(|i| {
                let spread = [
                    (i * 37 % 101) as f64 / 2000.0,
                    (i * 53 % 97) as f64 / 2000.0,
                ];
                let centre = if i % 2 == 0 { 0.1 } else { 0.8 };
                [centre + spread[0], centre + spread[1]]
            })
            .collect();
        let mixture = Mixture::fit(&points, &vec![1.0; 400]);
        let at = |x: f64| mixture.log_density(&[x, x]);
        assert!(at(0.12) > at(0.4) + 5.0 && at(0.82) > at(0.5) + 5.0);
        // Points without weight do not count.
        let one: Vec<f64> = (0..400)
            .map(|i| if i % 2 == 0 { 1.0 } else { 0.0 })
            .collect();
        let mixture = Mixture::fit(&points, &one);
        assert!(mixture.log_density(&[0.12, 0.12]) > mixture.log_density(&[0.82, 0.82]) + 20.0);
    }
}
