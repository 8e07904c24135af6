//! Cross-entropy of logits against target distributions, from the logits directly.

mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// L_n = log Σ_j e^{z_nj} − Σ_j t_nj z_nj for logits z and targets t (rows sum to 1), both (N, K, 1, 1); output (N, 1, 1, 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrossEntropy;

fn check(inputs: &[Shape]) -> Result<Shape> {
    match inputs {
        [z, t, ..] if z == t && z.plane() == 1 => Ok(*z),
        _ => Err(Error::bad_model(format!(
            "cross-entropy needs logits and targets [N, K, 1, 1], not {inputs:?}"
        ))),
    }
}

impl Operator for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        check(inputs).map(|z| Shape::new(z.n(), 1, 1, 1))
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        if wanted[1] {
            return Err(Error::unsupported_op(
                "cross-entropy has no gradient to its targets",
            ));
        }
        let (z, t) = (graph.input(node, 0), graph.input(node, 1));
        Ok(vec![
            Some(graph.push(CrossEntropyGrad, &[z, t, upstream])?),
            None,
        ])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        let classes = inputs[0].shape.c();
        let rows = inputs[0]
            .data
            .chunks_exact(classes)
            .zip(inputs[1].data.chunks_exact(classes));
        for (loss, (z, t)) in output.iter_mut().zip(rows) {
            let largest = z.iter().copied().fold(T::neg_infinity(), T::max);
            let total: T = z.iter().map(|&z| (z - largest).exp()).sum();
            // Σ t (z_max − z) + log Σ e^{z − z_max}: both terms stay small for a sure network.
            let distance: T = z.iter().zip(t).map(|(&z, &t)| t * (largest - z)).sum();
            *loss = distance + total.ln();
        }
    }

    fn gpu(&self, inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
        gpu::forward(inputs)
    }
}

/// dz_j = dL · (p_j − t_j): inputs z, t and dL (N, 1, 1, 1). Written as p_j (1 − t_j) − t_j Σ_{i≠j} p_i, because p_k − 1
/// rounds to 0 for a sure network and makes attacks look masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrossEntropyGrad;

impl Operator for CrossEntropyGrad {
    fn name(&self) -> &'static str {
        "cross_entropy_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        check(inputs)
    }

    fn backward(
        &self,
        _graph: &mut Graph,
        _node: NodeId,
        _upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Err(Error::unsupported_op(
            "the second derivative of cross-entropy is not implemented",
        ))
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        let classes = shape.c();
        for (n, out) in output.chunks_exact_mut(classes).enumerate() {
            let z = &inputs[0].data[n * classes..][..classes];
            let t = &inputs[1].data[n * classes..][..classes];
            let largest = z.iter().copied().fold(T::neg_infinity(), T::max);
            for (p, &z) in out.iter_mut().zip(z) {
                *p = (z - largest).exp();
            }
            let total: T = out.iter().copied().sum();
            let others: Vec<T> = (0..classes)
                .map(|j| {
                    if t[j] == T::zero() {
                        return T::zero();
                    }
                    out.iter()
                        .enumerate()
                        .filter(|&(i, _)| i != j)
                        .map(|(_, &p)| p)
                        .sum::<T>()
                        / total
                })
                .collect();
            for ((p, &t), others) in out.iter_mut().zip(t).zip(others) {
                *p = inputs[2].data[n] * (*p / total * (T::one() - t) - t * others);
            }
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::gradient(output)
    }
}
