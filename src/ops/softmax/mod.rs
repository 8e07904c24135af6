//! Softmax over channels, and its gradient in a form that stays exact for a sure network.

pub(in crate::ops) mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// p_j = e^{z_j} / Σ_i e^{z_i} over the channels of each picture and position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Softmax;

impl Operator for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] => Ok(*x),
            _ => Err(Error::bad_model("softmax takes one input")),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.push(SoftmaxGrad, &[upstream, node])?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        for_each_column(shape, |index| {
            let x = inputs[0].data;
            let largest = index.clone().map(|i| x[i]).fold(T::neg_infinity(), T::max);
            let total: T = index.clone().map(|i| (x[i] - largest).exp()).sum();
            for i in index {
                output[i] = (x[i] - largest).exp() / total;
            }
        });
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::forward(output)
    }
}

/// Gradient through softmax: inputs dp and p. dz_j = p_j Σ_i p_i (dp_j − dp_i): differences are taken before they are
/// weighted, so that for p_k ≈ 1 the gradient of p_k is p_k Σ_{i≠k} p_i and not p_k (1 − p_k), which rounds to 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoftmaxGrad;

impl Operator for SoftmaxGrad {
    fn name(&self) -> &'static str {
        "softmax_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [upstream, p] if upstream == p => Ok(*p),
            _ => Err(Error::bad_model(format!(
                "the gradient of softmax does not fit: {inputs:?}"
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
            "the second derivative of softmax is not implemented",
        ))
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        let (dp, p) = (inputs[0].data, inputs[1].data);
        for_each_column(shape, |index| {
            for j in index.clone() {
                output[j] = p[j] * index.clone().map(|i| p[i] * (dp[j] - dp[i])).sum();
            }
        });
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::gradient(output)
    }
}

/// Visits the indices of each picture's and position's channels.
fn for_each_column(shape: Shape, mut visit: impl FnMut(std::iter::StepBy<std::ops::Range<usize>>)) {
    let (plane, picture) = (shape.plane(), shape.picture());
    for n in 0..shape.n() {
        for position in 0..plane {
            let start = n * picture + position;
            visit((start..start + picture - plane + 1).step_by(plane));
        }
    }
}
