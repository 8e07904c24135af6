//! Optimisers with PyTorch's meaning: weight decay is added to the gradient of every weight, biases and norms too.

use crate::ops::adam::EPSILON;

/// How much of the running means of gradients and of their squares Adam keeps at each step.
pub const ADAM_DECAYS: [f32; 2] = [0.9, 0.999];

/// Which step is taken along a gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// v ← μ v + g, w ← w − η v.
    Sgd {
        /// μ in [0, 1): how much of the last step is kept.
        momentum: f32,
    },
    /// m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², w ← w − η m̂ / (√v̂ + ε), with β = (0.9, 0.999), ε = 1e-8
    /// (Kingma and Ba 2015).
    Adam,
}

impl Rule {
    /// Whether both keep the same kind of state, so that one can go on where the other stopped.
    #[must_use]
    pub const fn continues(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Sgd { .. }, Self::Sgd { .. }) | (Self::Adam, Self::Adam)
        )
    }
}

/// Which step is taken, and how far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Which step.
    pub rule: Rule,
    /// η, above 0.
    pub learning_rate: f32,
    /// Times each weight, added to its gradient; from 0.
    pub weight_decay: f32,
}

/// The moments of every weight, and how many steps were taken: for training whose gradients are gathered from several
/// threads; where one program does all, the optimiser is a part of it.
#[derive(Debug, Clone, Default)]
pub struct Optimizer {
    moments: Vec<[Vec<f32>; 2]>,
    steps: i32,
}

impl Optimizer {
    /// Begins a step; [`Self::update`] follows for each weight.
    pub const fn advance(&mut self) {
        self.steps += 1;
    }

    /// Moves the weight of that index against its gradient plus the weight decay times itself.
    pub fn update(&mut self, rates: Rates, index: usize, weight: &mut [f32], gradient: &[f32]) {
        let Rates {
            rule,
            learning_rate,
            weight_decay,
        } = rates;
        while self.moments.len() <= index {
            self.moments.push(Default::default());
        }
        let [first, second] = &mut self.moments[index];
        first.resize(weight.len(), 0.0);
        match rule {
            Rule::Sgd { momentum } => {
                for ((w, &g), v) in weight.iter_mut().zip(gradient).zip(first) {
                    *v = momentum * *v + (g + weight_decay * *w);
                    *w -= learning_rate * *v;
                }
            }
            Rule::Adam => {
                let [keep, keep_square] = ADAM_DECAYS;
                let corrections = ADAM_DECAYS.map(|decay| 1.0 - decay.powi(self.steps));
                second.resize(weight.len(), 0.0);
                let moments = first.iter_mut().zip(second);
                for ((w, &g), (m, v)) in weight.iter_mut().zip(gradient).zip(moments) {
                    let g = g + weight_decay * *w;
                    *m = keep * *m + (1.0 - keep) * g;
                    *v = keep_square * *v + (1.0 - keep_square) * g * g;
                    *w -= learning_rate
                        * ((*m / corrections[0]) / ((*v / corrections[1]).sqrt() + EPSILON));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(optimizer: &mut Optimizer, rates: Rates, weight: &mut [f32], gradient: f32) {
        optimizer.advance();
        optimizer.update(rates, 0, weight, &[gradient]);
    }

    #[test]
    fn momentum_adds_a_share_of_the_last_step() {
        let rates = Rates {
            rule: Rule::Sgd { momentum: 0.5 },
            learning_rate: 0.1,
            weight_decay: 0.0,
        };
        let mut optimizer = Optimizer::default();
        let mut weight = [1.0];
        for expected in [0.9, 0.75] {
            step(&mut optimizer, rates, &mut weight, 1.0);
            assert!((weight[0] - expected).abs() < 1e-6, "{}", weight[0]);
        }
    }

    #[test]
    fn weight_decay_pulls_towards_zero_without_a_gradient() {
        let rates = Rates {
            rule: Rule::Sgd { momentum: 0.0 },
            learning_rate: 0.1,
            weight_decay: 0.5,
        };
        let mut weight = [2.0];
        step(&mut Optimizer::default(), rates, &mut weight, 0.0);
        assert!((weight[0] - 1.9).abs() < 1e-6, "{}", weight[0]);
    }

    #[test]
    fn the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient() {
        let rates = Rates {
            rule: Rule::Adam,
            learning_rate: 0.01,
            weight_decay: 0.0,
        };
        for gradient in [1e-3, 7.0] {
            let mut weight = [0.0];
            step(&mut Optimizer::default(), rates, &mut weight, gradient);
            assert!((weight[0] + 0.01).abs() < 1e-5, "{}", weight[0]);
        }
    }
}
