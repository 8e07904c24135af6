//! Maximum and average pooling with overlapping windows, padding and ceil mode, and their gradients.
//!
//! Global average pooling is [`AvgPool2d`] with a window as large as the picture; see [`Window::global`].

mod cpu;
mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::conv2d::Padding;
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// A pooling window; pairs are (rows, columns).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Extents of the window.
    pub kernel: [usize; 2],
    /// Step between windows.
    pub stride: [usize; 2],
    /// Rows and columns added around the picture: they never win a maximum and count as zeros in an average.
    pub padding: Padding,
    /// Rounds the number of windows up, so that the last may hang over the edge (but starts inside picture or left padding).
    pub ceil: bool,
}

impl Window {
    /// One window over the whole picture.
    #[must_use]
    pub fn global(x: Shape) -> Self {
        Self {
            kernel: [x.h(), x.w()],
            stride: [x.h(), x.w()],
            padding: Padding::default(),
            ceil: false,
        }
    }

    /// The output for an input of that shape.
    ///
    /// # Errors
    /// `bad_model` if the window does not fit.
    pub fn output(&self, x: Shape) -> Result<Shape> {
        let p = self.padding;
        let rows = self.extent(0, x.h(), p.top, p.bottom)?;
        let columns = self.extent(1, x.w(), p.left, p.right)?;
        Ok(Shape::new(x.n(), x.c(), rows, columns))
    }

    fn extent(&self, axis: usize, input: usize, before: usize, after: usize) -> Result<usize> {
        let (kernel, stride) = (self.kernel[axis], self.stride[axis]);
        if kernel == 0 || stride == 0 || before >= kernel || after >= kernel {
            return Err(Error::bad_model(format!(
                "a window of {kernel} with stride {stride} and padding {before}, {after}: none may be 0 and padding must be smaller than the window"
            )));
        }
        let Some(room) = (input + before + after).checked_sub(kernel) else {
            return Err(Error::bad_model(format!(
                "a window of {kernel} is larger than the padded input of {}",
                input + before + after
            )));
        };
        if !self.ceil {
            return Ok(room / stride + 1);
        }
        let count = room.div_ceil(stride) + 1;
        Ok(if (count - 1) * stride >= input + before {
            count - 1
        } else {
            count
        })
    }

    /// The part of window `index` along an axis that lies inside the picture: (first, one past the last).
    #[must_use]
    pub fn span(&self, axis: usize, index: usize, input: usize) -> (usize, usize) {
        let before = if axis == 0 {
            self.padding.top
        } else {
            self.padding.left
        };
        let start = index * self.stride[axis];
        (
            start.saturating_sub(before),
            (start + self.kernel[axis])
                .saturating_sub(before)
                .min(input),
        )
    }

    /// The extent along an axis that an average divides by when padding counts: the window clipped at the padded edge.
    #[must_use]
    pub fn padded_extent(&self, axis: usize, index: usize, input: usize) -> usize {
        let (before, after) = if axis == 0 {
            (self.padding.top, self.padding.bottom)
        } else {
            (self.padding.left, self.padding.right)
        };
        let start = index * self.stride[axis];
        (start + self.kernel[axis]).min(input + before + after) - start
    }
}

/// Maximum over windows: input x (N, C, H, W).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2d {
    /// The window.
    pub window: Window,
}

impl Operator for MaxPool2d {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] => self.window.output(*x),
            _ => Err(Error::bad_model("pooling takes one input")),
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
        let argmax = graph.push(
            MaxPool2dArgmax {
                window: self.window,
            },
            &[x],
        )?;
        let input = graph.shape(x);
        Ok(vec![Some(graph.push(
            MaxPool2dInputGrad {
                window: self.window,
                input,
            },
            &[upstream, argmax],
        )?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        cpu::max(&self.window, inputs[0], output, shape);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::max(&self.window, inputs[0], output)
    }
}

/// For each window the index (row · W + column, as a number) of its first maximum within the plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2dArgmax {
    /// The window.
    pub window: Window,
}

impl Operator for MaxPool2dArgmax {
    fn name(&self) -> &'static str {
        "max_pool2d_argmax"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            // Indices are kept as f32, which counts exactly up to 2^24.
            [x] if x.plane() >= 1 << 24 => Err(Error::out_of_memory(format!(
                "planes of {} values are too large to pool",
                x.plane()
            ))),
            [x] => self.window.output(*x),
            _ => Err(Error::bad_model("pooling takes one input")),
        }
    }

    fn backward(
        &self,
        _graph: &mut Graph,
        _node: NodeId,
        _upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![None])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        cpu::argmax(&self.window, inputs[0], output, shape);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::argmax(&self.window, inputs[0], output)
    }
}

/// Sends each window's gradient to its first maximum: inputs dy and the argmax; output of the input's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2dInputGrad {
    /// The window.
    pub window: Window,
    /// The extents of the pooling's input.
    pub input: Shape,
}

impl Operator for MaxPool2dInputGrad {
    fn name(&self) -> &'static str {
        "max_pool2d_input_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [dy, argmax] if dy == argmax && self.window.output(self.input)? == *dy => {
                Ok(self.input)
            }
            _ => Err(Error::bad_model(format!(
                "the gradient does not fit the pooling: {inputs:?}"
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
            "the second derivative of max pooling is not implemented",
        ))
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        cpu::max_input_grad(inputs[0], inputs[1], output, shape);
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::max_input_grad(&self.window, inputs[0], output)
    }
}

/// Average over windows: input x (N, C, H, W).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPool2d {
    /// The window.
    pub window: Window,
    /// Divides by the window's extent in the padded picture rather than by the number of real values.
    pub count_include_pad: bool,
    /// Loaded as `global_avg_pool`, and named so.
    pub global: bool,
}

impl Operator for AvgPool2d {
    fn name(&self) -> &'static str {
        if self.global {
            "global_avg_pool"
        } else {
            "avg_pool2d"
        }
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] => self.window.output(*x),
            _ => Err(Error::bad_model("pooling takes one input")),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let input = graph.shape(graph.input(node, 0));
        let gradient = AvgPool2dInputGrad {
            window: self.window,
            count_include_pad: self.count_include_pad,
            input,
        };
        Ok(vec![Some(graph.push(gradient, &[upstream])?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        cpu::average(
            &self.window,
            self.count_include_pad,
            inputs[0],
            output,
            shape,
        );
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::average(&self.window, self.count_include_pad, inputs[0], output)
    }
}

/// Spreads each window's gradient evenly over its values: input dy; output of the pooling's input's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPool2dInputGrad {
    /// The window.
    pub window: Window,
    /// As in [`AvgPool2d`].
    pub count_include_pad: bool,
    /// The extents of the pooling's input.
    pub input: Shape,
}

impl Operator for AvgPool2dInputGrad {
    fn name(&self) -> &'static str {
        "avg_pool2d_input_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [dy] if self.window.output(self.input)? == *dy => Ok(self.input),
            _ => Err(Error::bad_model(format!(
                "the gradient does not fit the pooling: {inputs:?}"
            ))),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        _node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let forward = AvgPool2d {
            window: self.window,
            count_include_pad: self.count_include_pad,
            global: false,
        };
        Ok(vec![Some(graph.push(forward, &[upstream])?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
        cpu::average_input_grad(
            &self.window,
            self.count_include_pad,
            inputs[0],
            output,
            shape,
        );
    }

    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::average_input_grad(&self.window, self.count_include_pad, inputs[0], output)
    }
}
