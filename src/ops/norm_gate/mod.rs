//! Clipping of small norms (Yosinski et al. 2015): what hardly differs from the mean colour becomes the mean colour.

mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// Keeps the pixels whose norm over the channels is at least `ratio` times the picture's root mean square of norms, and
/// makes the rest 0: inputs x (N, C, H, W) and the sums Σ x² (N, 1, 1, 1) over each picture; output of x's shape. It is
/// applied between steps, so it has no gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormGate {
    /// The share, from 0.
    pub ratio: f32,
}

impl NormGate {
    /// What Σ_c x² of a pixel is compared with, as a factor of the picture's Σ x².
    fn factor(&self, shape: Shape) -> f64 {
        f64::from(self.ratio).powi(2) / shape.plane() as f64
    }
}

impl Operator for NormGate {
    fn name(&self) -> &'static str {
        "norm_gate"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x, sums] if *sums == Shape::new(x.n(), 1, 1, 1) => Ok(*x),
            _ => Err(Error::bad_model(format!(
                "pictures and a sum of squares for each are needed, not {inputs:?}"
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
            "norm_gate is applied between steps, it has no gradient",
        ))
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        let factor = T::of(self.factor(shape));
        let pictures = inputs[0].data.chunks_exact(shape.picture());
        let outputs = output.chunks_exact_mut(shape.picture());
        for ((x, out), &sum) in pictures.zip(outputs).zip(inputs[1].data) {
            for pixel in 0..shape.plane() {
                let of = |channel: usize| channel * shape.plane() + pixel;
                let square: T = (0..shape.c()).map(|c| x[of(c)] * x[of(c)]).sum();
                let keeps = square >= factor * sum;
                for channel in 0..shape.c() {
                    out[of(channel)] = if keeps { x[of(channel)] } else { T::zero() };
                }
            }
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::forward(self, output)
    }
}
