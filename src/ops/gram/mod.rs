//! Gram matrices of feature maps (Gatys et al. 2015).

mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::binary::Binary;
use crate::ops::gemm;
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
        let offsets: Vec<usize> = (0..channels).map(|channel| channel * plane).collect();
        output.fill(T::zero());
        for (n, out) in output.chunks_exact_mut(channels * channels).enumerate() {
            let maps = gemm::Rows {
                data: &inputs[0].data[n * channels * plane..][..channels * plane],
                offsets: &offsets,
                step: 0,
            };
            gemm::inner_products(maps, maps, 1, plane, out);
            out.iter_mut().for_each(|value| *value *= factor);
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
        for (n, out) in output.chunks_exact_mut(shape.picture()).enumerate() {
            let left = gemm::Left {
                data: &inputs[0].data[n * channels * channels..][..channels * channels],
                row: channels,
                columns: gemm::Columns::InOrder,
            };
            let maps = gemm::rows_of(&inputs[1].data[n * shape.picture()..], plane);
            let size = [channels, plane, channels];
            gemm::product(size, left, maps, (out, gemm::Before::Dropped), |_, run| {
                run.iter_mut().for_each(|value| *value *= factor);
            });
        }
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::gradient(self, inputs, output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{Random, assert_close, view};

    #[test]
    fn gram_kernels_equal_plain_loops() {
        for shape in [
            Shape::new(2, 5, 3, 7),
            Shape::new(1, 9, 1, 1),
            Shape::new(3, 2, 8, 8),
        ] {
            let gram_shape = Shape::new(shape.n(), shape.c(), shape.c(), 1);
            let mut random = Random(3);
            let (x, s) = (
                random.values::<f64>(shape),
                random.values::<f64>(gram_shape),
            );
            let mut expected = vec![0.0; gram_shape.len()];
            let mut expected_grad = vec![0.0; shape.len()];
            for (at, gram) in expected.iter_mut().enumerate() {
                let (n, i, j) = (
                    at / shape.c() / shape.c(),
                    at / shape.c() % shape.c(),
                    at % shape.c(),
                );
                for k in 0..shape.plane() {
                    let index = |channel: usize| (n * shape.c() + channel) * shape.plane() + k;
                    *gram += 0.5 * x[index(i)] * x[index(j)];
                    expected_grad[index(i)] += 0.5 * s[at] * x[index(j)];
                }
            }
            let mut found = vec![f64::NAN; gram_shape.len()];
            Gram { factor: 0.5 }.cpu(&[view(&x, shape)], &mut found, gram_shape);
            assert_close(&found, &expected, 1e-12, shape);
            let mut found = vec![f64::NAN; shape.len()];
            let inputs = [view(&s, gram_shape), view(&x, shape)];
            GramInputGrad { factor: 0.5 }.cpu(&inputs, &mut found, shape);
            assert_close(&found, &expected_grad, 1e-12, shape);
        }
    }
}
