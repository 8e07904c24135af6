//! Channels put one after another, and its adjoint: a range of channels.

mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// Concatenation along channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concat;

impl Operator for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        let Some(first) = inputs.first() else {
            return Err(Error::bad_model("it needs at least one input"));
        };
        if let Some(other) = inputs
            .iter()
            .find(|x| (x.n(), x.h(), x.w()) != (first.n(), first.h(), first.w()))
        {
            return Err(Error::bad_model(format!(
                "{first} and {other} differ in more than their channels"
            )));
        }
        Ok(Shape::new(
            first.n(),
            inputs.iter().map(Shape::c).sum(),
            first.h(),
            first.w(),
        ))
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let mut start = 0;
        let mut gradients = Vec::with_capacity(wanted.len());
        for (shape, &wanted) in graph.input_shapes(node).iter().zip(wanted) {
            let slice = Slice {
                start,
                count: shape.c(),
            };
            gradients.push(wanted.then(|| graph.push(slice, &[upstream])).transpose()?);
            start += shape.c();
        }
        Ok(gradients)
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        for (n, mut picture) in output.chunks_exact_mut(shape.picture()).enumerate() {
            for x in inputs {
                let (head, tail) = picture.split_at_mut(x.shape.picture());
                head.copy_from_slice(&x.data[n * x.shape.picture()..][..x.shape.picture()]);
                picture = tail;
            }
        }
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::concat(inputs, output)
    }
}

/// Channels `start .. start + count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// The first channel.
    pub start: usize,
    /// How many.
    pub count: usize,
}

impl Operator for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] if self.start + self.count <= x.c() => {
                Ok(Shape::new(x.n(), self.count, x.h(), x.w()))
            }
            _ => Err(Error::bad_model(format!(
                "channels {}..{} of {inputs:?}",
                self.start,
                self.start + self.count
            ))),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let x = graph.shape(graph.input(node, 0));
        let mut parts = Vec::with_capacity(3);
        for (channels, is_slice) in [
            (self.start, false),
            (self.count, true),
            (x.c() - self.start - self.count, false),
        ] {
            if is_slice {
                parts.push(upstream);
            } else if channels > 0 {
                parts.push(graph.constant(0.0, Shape::new(x.n(), channels, x.h(), x.w()))?);
            }
        }
        Ok(vec![Some(graph.push(Concat, &parts)?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        let x = inputs[0];
        let pictures = x
            .data
            .chunks_exact(x.shape.picture())
            .zip(output.chunks_exact_mut(shape.picture()));
        for (picture, out) in pictures {
            out.copy_from_slice(&picture[self.start * shape.plane()..][..out.len()]);
        }
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::slice(self, inputs, output)
    }
}
