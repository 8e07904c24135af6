//! Anisotropic total variation, and its squared form.

mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::binary::Binary;
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// Σ |x[i+1, j] − x[i, j]| + Σ |x[i, j+1] − x[i, j]| over all pictures and channels, or the sums of the squares: one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TotalVariation {
    /// Factor of the vertical differences.
    pub vertical: f32,
    /// Factor of the horizontal differences.
    pub horizontal: f32,
    /// Whether differences are squared.
    pub squared: bool,
}

impl Operator for TotalVariation {
    fn name(&self) -> &'static str {
        "total_variation"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [_] => Ok(Shape::SCALAR),
            _ => Err(Error::bad_model("total variation takes one input")),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let x = graph.input(node, 0);
        let gradient = graph.push(
            TotalVariationGrad {
                vertical: self.vertical,
                horizontal: self.horizontal,
                squared: self.squared,
            },
            &[x],
        )?;
        Ok(vec![Some(graph.push(Binary::MUL, &[gradient, upstream])?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        let x = inputs[0];
        let width = x.shape.w();
        let (mut vertical, mut horizontal) = (T::zero(), T::zero());
        let squared = self.squared;
        let size = |d: T| if squared { d * d } else { d.abs() };
        for plane in x.data.chunks_exact(x.shape.plane()) {
            vertical += plane
                .iter()
                .zip(&plane[width..])
                .map(|(&a, &b)| size(b - a))
                .sum();
            horizontal += plane
                .chunks_exact(width)
                .map(|row| {
                    row.iter()
                        .zip(&row[1..])
                        .map(|(&a, &b)| size(b - a))
                        .sum::<T>()
                })
                .sum();
        }
        output[0] = T::of(f64::from(self.vertical)) * vertical
            + T::of(f64::from(self.horizontal)) * horizontal;
    }

    fn gpu(&self, inputs: &[Shape], _output: Shape) -> Result<Vec<Kernel>> {
        gpu::forward(self, inputs)
    }
}

/// The gradient of [`TotalVariation`] at x, with sign(0) = 0; it is linear in x where differences are squared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TotalVariationGrad {
    /// Factor of the vertical differences.
    pub vertical: f32,
    /// Factor of the horizontal differences.
    pub horizontal: f32,
    /// Whether differences are squared.
    pub squared: bool,
}

impl Operator for TotalVariationGrad {
    fn name(&self) -> &'static str {
        "total_variation_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] => Ok(*x),
            _ => Err(Error::bad_model(
                "the gradient of total variation takes one input",
            )),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        _node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        if self.squared {
            // Linear and symmetric.
            return Ok(vec![Some(graph.push(*self, &[upstream])?)]);
        }
        // Piecewise constant: its derivative is 0 wherever it exists.
        Ok(vec![None])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        let (height, width) = (shape.h(), shape.w());
        let (vertical, horizontal) = (
            T::of(f64::from(self.vertical)),
            T::of(f64::from(self.horizontal)),
        );
        let squared = self.squared;
        let slope = |d: T| if squared { d + d } else { sign(d) };
        for (x, out) in inputs[0]
            .data
            .chunks_exact(shape.plane())
            .zip(output.chunks_exact_mut(shape.plane()))
        {
            for i in 0..height {
                for j in 0..width {
                    let here = x[i * width + j];
                    let mut sum = T::zero();
                    if i > 0 {
                        sum += vertical * slope(here - x[(i - 1) * width + j]);
                    }
                    if i + 1 < height {
                        sum -= vertical * slope(x[(i + 1) * width + j] - here);
                    }
                    if j > 0 {
                        sum += horizontal * slope(here - x[i * width + j - 1]);
                    }
                    if j + 1 < width {
                        sum -= horizontal * slope(x[i * width + j + 1] - here);
                    }
                    out[i * width + j] = sum;
                }
            }
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::gradient(self, output)
    }
}

fn sign<T: Real>(x: T) -> T {
    if x > T::zero() {
        T::one()
    } else if x < T::zero() {
        -T::one()
    } else {
        T::zero()
    }
}
