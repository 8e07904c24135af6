//! Rules that sample the unit interval, as Captum has them.

use std::f64::consts::PI;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A rule of integration over \[0, 1\].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The zeros of the Legendre polynomial: exact for polynomials of degree 2 n − 1.
    GaussLegendre,
    /// The left end of each of n pieces.
    RiemannLeft,
    /// The right end.
    RiemannRight,
    /// The middle.
    RiemannMiddle,
    /// n points from end to end with weights 1/n, half that at both ends; as in Captum these sum to 1 − 1/n.
    RiemannTrapezoid,
}

impl Rule {
    /// All rules with their names in the API.
    pub const ALL: [(&'static str, Self); 5] = [
        ("gausslegendre", Self::GaussLegendre),
        ("riemann_left", Self::RiemannLeft),
        ("riemann_right", Self::RiemannRight),
        ("riemann_middle", Self::RiemannMiddle),
        ("riemann_trapezoid", Self::RiemannTrapezoid),
    ];

    /// `n` points with their weights.
    ///
    /// # Errors
    /// `bad_argument` for no points, or fewer than 2 of the trapezoidal rule.
    pub fn points(self, n: usize) -> Result<Vec<(f64, f64)>> {
        let least = if self == Self::RiemannTrapezoid { 2 } else { 1 };
        if n < least {
            return Err(Error::bad_argument(format!(
                "this rule needs at least {least} steps, not {n}"
            )));
        }
        let count = n as f64;
        let pieces = |offset: f64| {
            (0..n)
                .map(|i| ((i as f64 + offset) / count, 1.0 / count))
                .collect()
        };
        Ok(match self {
            Self::GaussLegendre => gauss_legendre(n),
            Self::RiemannLeft => pieces(0.0),
            Self::RiemannRight => pieces(1.0),
            Self::RiemannMiddle => pieces(0.5),
            Self::RiemannTrapezoid => (0..n)
                .map(|i| {
                    let share = if i == 0 || i == n - 1 { 0.5 } else { 1.0 };
                    (i as f64 / (count - 1.0), share / count)
                })
                .collect(),
        })
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, rule)| *rule).ok_or_else(|| {
            let known = Self::ALL.map(|(name, _)| name).join(", ");
            Error::bad_argument(format!("there is no rule '{name}'; there are {known}"))
        })
    }
}

/// The zeros z of the Legendre polynomial P_n by Newton's method from Chebyshev's, moved to \[0, 1\], with the weights
/// 1 / ((1 − z²) P_n'(z)²).
fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let count = n as f64;
    (0..n)
        .map(|i| {
            let mut z = -(PI * (i as f64 + 0.75) / (count + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..100 {
                let (mut value, mut before) = (1.0, 0.0);
                for degree in 1..=n {
                    let k = degree as f64;
                    let next = ((2.0 * k - 1.0) * z * value - (k - 1.0) * before) / k;
                    (before, value) = (value, next);
                }
                slope = count * (z * value - before) / (z * z - 1.0);
                let step = value / slope;
                z -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            (0.5 * (1.0 + z), 1.0 / ((1.0 - z * z) * slope * slope))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integral(rule: Rule, n: usize, f: impl Fn(f64) -> f64) -> f64 {
        let points = rule.points(n).expect("enough points");
        points.iter().map(|&(at, weight)| weight * f(at)).sum()
    }

    #[test]
    fn gauss_legendre_is_exact_up_to_degree_2n_minus_1_and_no_further() {
        for n in [1, 2, 5, 20, 50] {
            for power in 0..2 * n {
                let error = integral(Rule::GaussLegendre, n, |x| x.powi(power as i32))
                    - 1.0 / (power as f64 + 1.0);
                assert!(error.abs() < 1e-12, "{n} points, degree {power}: {error}");
            }
        }
        let missed = integral(Rule::GaussLegendre, 2, |x| x.powi(4)) - 0.2;
        assert!(missed.abs() > 1e-3, "{missed}");
    }

    #[test]
    fn riemann_rules_stand_where_their_names_say() {
        assert_eq!(
            Rule::RiemannLeft.points(2).unwrap(),
            [(0.0, 0.5), (0.5, 0.5)]
        );
        assert_eq!(
            Rule::RiemannRight.points(2).unwrap(),
            [(0.5, 0.5), (1.0, 0.5)]
        );
        assert_eq!(
            Rule::RiemannMiddle.points(2).unwrap(),
            [(0.25, 0.5), (0.75, 0.5)]
        );
        assert_eq!(
            Rule::RiemannTrapezoid.points(3).unwrap(),
            [(0.0, 0.5 / 3.0), (0.5, 1.0 / 3.0), (1.0, 0.5 / 3.0)]
        );
        assert!(Rule::RiemannTrapezoid.points(1).is_err());
        assert!(Rule::GaussLegendre.points(0).is_err());
    }

    #[test]
    fn rules_are_found_by_name_and_others_are_named() {
        for (name, rule) in Rule::ALL {
            assert_eq!(name.parse::<Rule>().unwrap(), rule);
        }
        let message = "simpson".parse::<Rule>().unwrap_err().message;
        assert!(message.contains("simpson") && message.contains("riemann_middle"));
    }
}
