//! Gram matrices of feature maps (Gatys et al. 2015).

mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::binary::Binary;
use crate::ops::reshape::Transpose;
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// G = factor · F Fᵀ, F the (C, H·W) matrix of each picture: input (N, C, H, W), output (N, C, C, 1).
/// With factor 1 it is the lecture's Σ_k F_ik F_jk, with 1/(H·W) its mean form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gram {
    /// The factor.
    pub factor: f32,
}

impl Operator for Gram {
    fn name(&self) -> &'static str {
        "gram"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] => Ok(Shape::new(x.n(), x.c(), x.c(), 1)),
            _ => Err(Error::bad_model("a Gram matrix takes one input")),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        // dF = factor · (dG + dGᵀ) F.
        let x = graph.input(node, 0);
        let transposed = graph.push(Transpose, &[upstream])?;
        let symmetric = graph.push(Binary::ADD, &[upstream, transposed])?;
        Ok(vec![Some(graph.push(
            GramInputGrad {
                factor: self.factor,
            },
            &[symmetric, x],
        )?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        let (channels, plane) = (shape.c(), inputs[0].shape.plane());
        let factor = T::of(f64::from(self.factor));
        for (n, out) in output.chunks_exact_mut(channels * channels).enumerate() {
            let maps = &inputs[0].data[n * channels * plane..][..channels * plane];
            for (i, a) in maps.chunks_exact(plane).enumerate() {
                for (j, b) in maps.chunks_exact(plane).enumerate().take(i + 1) {
                    let sum: T = a
                        .chunks(256)
                        .zip(b.chunks(256))
                        .map(|(a, b)| a.iter().zip(b).map(|(&a, &b)| a * b).sum::<T>())
                        .sum();
                    out[i * channels + j] = factor * sum;
                    out[j * channels + i] = factor * sum;
                }
            }
        }
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::forward(self, inputs, output)
    }
}

/// factor · S F: inputs S (N, C, C, 1) and F (N, C, H, W); output of F's shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GramInputGrad {
    /// The Gram matrix's factor.
    pub factor: f32,
}

impl Operator for GramInputGrad {
    fn name(&self) -> &'static str {
        "gram_input_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [s, x] if *s == Shape::new(x.n(), x.c(), x.c(), 1) => Ok(*x),
            _ => Err(Error::bad_model(format!(
                "the gradient of a Gram matrix does not fit: {inputs:?}"
            ))),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        if wanted[0] {
            return Err(Error::unsupported_op(
                "the second derivative of a Gram matrix is not implemented",
            ));
        }
        let transposed = {
            let s = graph.input(node, 0);
            graph.push(Transpose, &[s])?
        };
        Ok(vec![
            None,
            Some(graph.push(*self, &[transposed, upstream])?),
        ])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        let (channels, plane) = (shape.c(), shape.plane());
        let factor = T::of(f64::from(self.factor));
        output.fill(T::zero());
        for (row, out) in output.chunks_exact_mut(plane).enumerate() {
            let (n, weights) = (
                row / channels,
                &inputs[0].data[row * channels..][..channels],
            );
            let maps = &inputs[1].data[n * shape.picture()..][..shape.picture()];
            for (&weight, map) in weights.iter().zip(maps.chunks_exact(plane)) {
                out.iter_mut()
                    .zip(map)
                    .for_each(|(sum, &x)| *sum += factor * weight * x);
            }
        }
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::gradient(self, inputs, output)
    }
}
