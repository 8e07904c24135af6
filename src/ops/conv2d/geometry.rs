//! Where a convolution's or pooling's window lands: stride, padding, dilation, groups.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::tensor::Shape;

/// Rows and columns added around a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "[usize; 4]", into = "[usize; 4]")]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns at the left.
    pub left: usize,
    /// Columns at the right.
    pub right: usize,
}

impl From<[usize; 4]> for Padding {
    /// From `[top, bottom, left, right]`, the order of networks as data.
    fn from([top, bottom, left, right]: [usize; 4]) -> Self {
        Self {
            top,
            bottom,
            left,
            right,
        }
    }
}

impl From<Padding> for [usize; 4] {
    fn from(padding: Padding) -> Self {
        [padding.top, padding.bottom, padding.left, padding.right]
    }
}

/// A convolution's attributes; pairs are (rows, columns).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Step between neighbouring outputs.
    pub stride: [usize; 2],
    /// Zeros around the picture.
    pub padding: Padding,
    /// Step between neighbouring kernel elements.
    pub dilation: [usize; 2],
    /// Input and output channels are split into that many independent convolutions.
    pub groups: usize,
}

impl Default for Geometry {
    fn default() -> Self {
        Self {
            stride: [1, 1],
            padding: Padding::default(),
            dilation: [1, 1],
            groups: 1,
        }
    }
}

impl Geometry {
    /// (H_out, W_out) for an input (N, C_in, H, W) and a weight (C_out, C_in / groups, K_h, K_w).
    ///
    /// # Errors
    /// `bad_model` if channels, groups, strides or sizes do not fit.
    pub fn output_size(&self, x: Shape, weight: Shape) -> Result<(usize, usize)> {
        let groups = self.groups;
        if groups == 0 || x.c() != weight.c() * groups || !weight.n().is_multiple_of(groups) {
            return Err(Error::bad_model(format!(
                "an input of {} channels in {groups} groups does not fit a weight {weight}",
                x.c()
            )));
        }
        Ok((
            extent(
                "row",
                x.h(),
                weight.h(),
                self.stride[0],
                self.dilation[0],
                self.padding.top + self.padding.bottom,
            )?,
            extent(
                "column",
                x.w(),
                weight.w(),
                self.stride[1],
                self.dilation[1],
                self.padding.left + self.padding.right,
            )?,
        ))
    }

    /// That `upstream` has the shape of the convolution's output.
    ///
    /// # Errors
    /// `bad_model` if it has not.
    pub fn check_upstream(&self, x: Shape, weight: Shape, upstream: Shape) -> Result<()> {
        let (height, width) = self.output_size(x, weight)?;
        let expected = Shape::new(x.n(), weight.n(), height, width);
        if upstream == expected {
            Ok(())
        } else {
            Err(Error::bad_model(format!(
                "the gradient is {upstream}, the convolution's output {expected}"
            )))
        }
    }

    /// Whether neighbouring outputs see neighbouring windows without holes.
    #[must_use]
    pub const fn is_dense_window(&self) -> bool {
        matches!((self.stride, self.dilation), ([1, 1], [1, 1]))
    }

    /// Whether a kernel of one tap makes it a product of the weight with the channels of each picture.
    #[must_use]
    pub fn is_product(&self) -> bool {
        self.stride == [1, 1] && self.groups == 1 && self.padding == Padding::default()
    }

    /// Whether every group has a single input channel.
    #[must_use]
    pub const fn is_depthwise(&self, weight: Shape) -> bool {
        weight.c() == 1 && self.groups > 1
    }
}

/// Outputs along one axis: ⌊(in + padding − dilation·(kernel − 1) − 1) / stride⌋ + 1.
fn extent(
    axis: &str,
    input: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: usize,
) -> Result<usize> {
    if kernel == 0 || stride == 0 || dilation == 0 {
        return Err(Error::bad_model(format!(
            "{axis}s: kernel {kernel}, stride {stride}, dilation {dilation}; none may be 0"
        )));
    }
    let span = dilation * (kernel - 1) + 1;
    (input + padding)
        .checked_sub(span)
        .map(|room| room / stride + 1)
        .ok_or_else(|| {
            Error::bad_model(format!(
                "{axis}s: a window of {span} is larger than the padded input of {}",
                input + padding
            ))
        })
}
