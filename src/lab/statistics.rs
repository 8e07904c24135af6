//! Bounds on what was counted.

/// The standard normal quantile of 0.975.
const Z_95: f64 = 1.959_963_984_540_054;

/// The two-sided 95 % interval of a share of `successes` in `trials` (Wilson 1927), which holds its level for few trials
/// and near 0 and 1, where the normal one leaves the unit interval; all of it without a trial.
#[must_use]
pub fn wilson(successes: usize, trials: usize) -> [f64; 2] {
    if trials == 0 {
        return [0.0, 1.0];
    }
    let n = trials as f64;
    let p = successes as f64 / n;
    let z2 = Z_95 * Z_95;
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z_95 / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // At 0 and 1 the ends are exact, whatever the rounding.
    let low = if successes == 0 { 0.0 } else { centre - half };
    let high = if successes == trials {
        1.0
    } else {
        centre + half
    };
    [low.max(0.0), high.min(1.0)]
}

/// The greatest p for which k or more of `trials` draws of chance p have a probability of at most `alpha`: the lower end of
/// a one-sided interval of confidence 1 − `alpha` (Clopper and Pearson 1934).
#[must_use]
pub fn clopper_pearson_lower(k: usize, trials: usize, alpha: f64) -> f64 {
    if k == 0 {
        return 0.0;
    }
    let ways = ln_factorial(trials) - ln_factorial(k) - ln_factorial(trials - k);
    let tail = |p: f64| {
        // P(k or more), from its first term on; beyond the mean the terms only fall.
        let mut term = (ways + k as f64 * p.ln() + (trials - k) as f64 * (-p).ln_1p()).exp();
        let mut sum = 0.0;
        for j in k..=trials {
            sum += term;
            term *= (trials - j) as f64 / (j + 1) as f64 * p / (1.0 - p);
            if term < sum * f64::EPSILON {
                break;
            }
        }
        sum
    };
    // The tail rises with p, and at k / trials it is about a half.
    bisect([0.0, k as f64 / trials as f64], |p| tail(p) < alpha)
}

/// The x that a standard normal number is below with probability `p`, for `p` above 0 and below 1.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    bisect([-9.0, 9.0], |x| normal(x) < p)
}

/// Φ(x) = ½ + φ(x) · (x + x³/3 + x⁵/(3·5) + …).
fn normal(x: f64) -> f64 {
    let density = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    let (mut term, mut sum) = (x, 0.0);
    for odd in (3..).step_by(2).map(f64::from) {
        sum += term;
        term *= x * x / odd;
        if term.abs() <= f64::EPSILON * f64::abs(sum) {
            break;
        }
    }
    0.5 + density * sum
}

fn ln_factorial(n: usize) -> f64 {
    (2..=n).map(|i| (i as f64).ln()).sum()
}

/// Where `is_below` turns false, to the last bit that matters.
fn bisect([mut low, mut high]: [f64; 2], is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if is_below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.beta.ppf(alpha, k, n - k + 1)`.
    #[test]
    fn lower_bounds_are_those_of_scipy() {
        for (k, trials, alpha, expected) in CASES {
            let got = clopper_pearson_lower(k, trials, alpha);
            assert!(
                (got - expected).abs() < 1e-9,
                "{k} of {trials}: {got}, not {expected}"
            );
        }
        assert!(clopper_pearson_lower(0, 10, 0.05).abs() < f64::EPSILON);
    }

    /// `scipy.stats.norm.ppf(p)`.
    #[test]
    fn quantiles_are_those_of_scipy() {
        for (p, expected) in QUANTILES {
            let got = normal_quantile(p);
            assert!((got - expected).abs() < 1e-9, "{p}: {got}, not {expected}");
        }
    }

    const CASES: [(usize, usize, f64, f64); 9] = [
        (1, 1, 0.05, 0.050000000000000),
        (5, 10, 0.05, 0.222441101008129),
        (10, 10, 0.001, 0.501187233627272),
        (99, 100, 0.001, 0.911373111296042),
        (1000, 1000, 0.001, 0.993116048420934),
        (612, 1000, 0.001, 0.563247174775990),
        (60000, 100000, 0.001, 0.595201047294585),
        (99990, 100000, 0.001, 0.999758677343591),
        (3, 50, 0.01, 0.008860761445873),
    ];

    const QUANTILES: [(f64, f64); 6] = [
        (0.5, 0.000000000000000),
        (0.6, 0.253347103135800),
        (0.9, 1.281_551_565_544_6),
        (0.999, 3.090232306167813),
        (0.999999, 4.753424308817087),
        (0.01, -2.326347874040841),
    ];
}
