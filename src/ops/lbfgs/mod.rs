//! The direction of L-BFGS (Nocedal 1980) as an operator of a program: what to add up of the last steps, of the changes of
//! gradients that they made, and of the gradient, found from the inner products of these alone (Chen et al. 2014).

mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// Steps that are remembered at most.
pub const MOST_MEMORY: usize = 10;

/// Steps along which the gradient grew by less than this, as an inner product, tell nothing of curvature (PyTorch).
pub const LEAST_CURVATURE: f32 = 1e-10;

/// How much longer than the last a step along the gradient is, times the rate.
const GROWTH: f64 = 4.0;

/// Coefficients (1, 2M + 1, 1, 1) of a step downhill over M steps s, the oldest first, M changes y of the gradient, and the
/// gradient g.
///
/// Inputs: the inner products (1, 2M + 1, 2M + 1, 1) of these rows; Σ |g|, one number; the rate and the most that a step's
/// square may be, (1, 2, 1, 1). The step is the rate times −H g. Without a step that tells of curvature, and where that leads
/// uphill, it is along −g: the first one the rate times at most 1 / Σ |g|, a later one longer than the last. A step that is
/// longer than may be is shortened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LbfgsStep;

impl Operator for LbfgsStep {
    fn name(&self) -> &'static str {
        "lbfgs_step"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [products, Shape::SCALAR, rates]
                if *rates == Shape::channels(2)
                    && *products == Shape::new(1, products.c(), products.c(), 1)
                    && products.c() % 2 == 1
                    && products.c() <= 2 * MOST_MEMORY + 1 =>
            {
                Ok(Shape::channels(products.c()))
            }
            _ => Err(Error::bad_model(format!(
                "products of 2M + 1 rows, M up to {MOST_MEMORY}, a sum and two rates are needed, not {inputs:?}"
            ))),
        }
    }

    fn backward(
        &self,
        _graph: &mut Graph,
        _node: NodeId,
        _upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Err(Error::unsupported_op(
            "lbfgs_step is a step of an optimiser, it has no gradient",
        ))
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        let rows = shape.c();
        let memory = rows / 2;
        let product = |a: usize, b: usize| inputs[0].data[a * rows + b];
        let along = |row: usize, step: &[T]| -> T {
            (0..rows)
                .map(|other| product(row, other) * step[other])
                .sum()
        };
        let floor = T::of(f64::from(LEAST_CURVATURE));
        let tells: Vec<usize> = (0..memory)
            .filter(|&i| product(i, memory + i) > floor)
            .collect();
        let curvature = |i: usize| product(i, memory + i);
        let rate = inputs[2].data[0];
        output.fill(T::zero());
        output[rows - 1] = -T::one();
        if let Some(&newest) = tells.last() {
            let mut shares = vec![T::zero(); memory];
            for &i in tells.iter().rev() {
                shares[i] = along(i, output) / curvature(i);
                output[memory + i] -= shares[i];
            }
            let scale = curvature(newest) / product(memory + newest, memory + newest);
            output.iter_mut().for_each(|value| *value *= scale);
            for &i in &tells {
                let back = along(memory + i, output) / curvature(i);
                output[i] += shares[i] - back;
            }
        }
        if tells.is_empty() || along(rows - 1, output) >= T::zero() {
            let before = product(memory - 1, memory - 1);
            let length = if before > T::zero() {
                T::of(GROWTH) * (before / product(rows - 1, rows - 1)).sqrt()
            } else {
                T::one() / inputs[1].data[0].max(T::one())
            };
            output.fill(T::zero());
            output[rows - 1] = -length;
        }
        output.iter_mut().for_each(|value| *value *= rate);
        let square: T = (0..rows).map(|row| output[row] * along(row, output)).sum();
        let most = inputs[2].data[1];
        if square > most {
            let share = (most / square).sqrt();
            output.iter_mut().for_each(|value| *value *= share);
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        Ok(gpu::step(output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{Random, view};

    #[test]
    fn a_parabola_is_solved_in_as_many_steps_as_it_has_directions() {
        // ½ xᵀ A x − bᵀ x with exact line search: L-BFGS with enough memory is the method of conjugate gradients.
        const N: usize = 4;
        let mut random = Random(5);
        let shape = Shape::new(1, 1, N, N);
        let root = random.values::<f64>(shape);
        let b = random.values::<f64>(Shape::channels(N));
        let a = |i: usize, j: usize| -> f64 {
            let sum: f64 = (0..N).map(|k| root[i * N + k] * root[j * N + k]).sum();
            sum + if i == j { 0.3 } else { 0.0 }
        };
        let times = |x: &[f64]| -> Vec<f64> {
            (0..N)
                .map(|i| (0..N).map(|j| a(i, j) * x[j]).sum())
                .collect()
        };
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let gradient =
            |x: &[f64]| -> Vec<f64> { times(x).iter().zip(&b).map(|(ax, b)| ax - b).collect() };
        let mut x = vec![0.0; N];
        let mut rows = vec![vec![0.0; N]; 2 * N];
        let mut g = gradient(&x);
        for _ in 0..N {
            let mut all = rows.clone();
            all.push(g.clone());
            let count = all.len();
            let products: Vec<f64> = (0..count * count)
                .map(|at| dot(&all[at / count], &all[at % count]))
                .collect();
            let l1 = [g.iter().map(|g| g.abs()).sum()];
            let mut found = vec![f64::NAN; count];
            let inputs = [
                view(&products, Shape::new(1, count, count, 1)),
                view(&l1, Shape::SCALAR),
                view(&[1.0, f64::INFINITY], Shape::channels(2)),
            ];
            LbfgsStep.cpu(&inputs, &mut found, Shape::channels(count));
            let direction: Vec<f64> = (0..N)
                .map(|i| all.iter().zip(&found).map(|(row, c)| c * row[i]).sum())
                .collect();
            let length = -dot(&direction, &g) / dot(&direction, &times(&direction));
            let step: Vec<f64> = direction.iter().map(|d| length * d).collect();
            x.iter_mut().zip(&step).for_each(|(x, s)| *x += s);
            let next = gradient(&x);
            let change = next.iter().zip(&g).map(|(new, old)| new - old).collect();
            rows[..N].rotate_left(1);
            rows[N..].rotate_left(1);
            rows[N - 1] = step;
            rows[2 * N - 1] = change;
            g = next;
        }
        assert!(g.iter().all(|g| g.abs() < 1e-9), "{g:?}");
    }
}
