//! Numbers on the host: a four-dimensional shape and an f32 tensor in row-major NCHW order.

use std::fmt;

use crate::error::{Error, Result};

/// Four extents in row-major order. For activations they are (N, C, H, W), for convolution weights (out, in / groups, K_h, K_w);
/// a vector over channels is (1, C, 1, 1), a linear layer's weight (out, in, 1, 1), a scalar (1, 1, 1, 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape(pub [usize; 4]);

impl Shape {
    /// A single number.
    pub const SCALAR: Self = Self([1, 1, 1, 1]);

    /// Extents (n, c, h, w).
    #[must_use]
    pub const fn new(n: usize, c: usize, h: usize, w: usize) -> Self {
        Self([n, c, h, w])
    }

    /// A vector over channels: (1, c, 1, 1).
    #[must_use]
    pub const fn channels(c: usize) -> Self {
        Self([1, c, 1, 1])
    }

    /// The first extent: pictures in a batch, output channels of a weight.
    #[must_use]
    pub const fn n(&self) -> usize {
        self.0[0]
    }

    /// The second extent: channels.
    #[must_use]
    pub const fn c(&self) -> usize {
        self.0[1]
    }

    /// The third extent: rows.
    #[must_use]
    pub const fn h(&self) -> usize {
        self.0[2]
    }

    /// The fourth extent: columns.
    #[must_use]
    pub const fn w(&self) -> usize {
        self.0[3]
    }

    /// The number of values.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0[0] * self.0[1] * self.0[2] * self.0[3]
    }

    /// Whether there is no value at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values of one channel of one picture: H · W.
    #[must_use]
    pub const fn plane(&self) -> usize {
        self.0[2] * self.0[3]
    }

    /// Values of one picture: C · H · W.
    #[must_use]
    pub const fn picture(&self) -> usize {
        self.0[1] * self.plane()
    }

    /// The same shape for another batch size.
    #[must_use]
    pub const fn with_n(self, n: usize) -> Self {
        Self([n, self.0[1], self.0[2], self.0[3]])
    }

    /// The shape that both broadcast to (extents equal, or one of them 1), if there is one.
    #[must_use]
    pub fn broadcast(self, other: Self) -> Option<Self> {
        let mut extents = [0; 4];
        for (axis, extent) in extents.iter_mut().enumerate() {
            *extent = match (self.0[axis], other.0[axis]) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => return None,
            };
        }
        Some(Self(extents))
    }

    /// Row-major strides, with 0 along extents of 1 so that broadcasting needs no special case.
    #[must_use]
    pub const fn broadcast_strides(&self) -> [usize; 4] {
        let [n, c, h, w] = self.0;
        let full = [c * h * w, h * w, w, 1];
        [
            if n == 1 { 0 } else { full[0] },
            if c == 1 { 0 } else { full[1] },
            if h == 1 { 0 } else { full[2] },
            if w == 1 { 0 } else { full[3] },
        ]
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [n, c, h, w] = self.0;
        write!(f, "[{n}, {c}, {h}, {w}]")
    }
}

/// f32 values with the shape they were given under: 1 to 4 extents, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    data: Vec<f32>,
    shape: Vec<usize>,
}

impl Tensor {
    /// Values under a shape of 1 to 4 extents.
    ///
    /// # Errors
    /// `bad_argument` if the number of extents or of values does not fit.
    pub fn new(data: Vec<f32>, shape: impl Into<Vec<usize>>) -> Result<Self> {
        let shape = shape.into();
        let length = shape
            .iter()
            .try_fold(1_usize, |product, &extent| product.checked_mul(extent));
        if shape.is_empty() || shape.len() > 4 {
            return Err(Error::bad_argument(format!(
                "a tensor needs 1 to 4 extents, its shape is {shape:?}"
            )));
        }
        if length != Some(data.len()) {
            return Err(Error::bad_argument(format!(
                "a tensor of shape {shape:?} does not hold {} values",
                data.len()
            )));
        }
        Ok(Self { data, shape })
    }

    /// Values under four extents.
    ///
    /// # Errors
    /// `bad_argument` if the number of values does not fit.
    pub fn from_shape(data: Vec<f32>, shape: Shape) -> Result<Self> {
        Self::new(data, shape.0.to_vec())
    }

    /// Zeros.
    #[must_use]
    pub fn zeros(shape: Shape) -> Self {
        Self {
            data: vec![0.0; shape.len()],
            shape: shape.0.to_vec(),
        }
    }

    /// The values in row-major order.
    #[must_use]
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The values in row-major order, to be changed.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The values, without a copy.
    #[must_use]
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// The extents it was given under.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// As an activation (N, C, H, W); missing extents are 1 on the right, so `[N, K]` is (N, K, 1, 1).
    #[must_use]
    pub fn activation_shape(&self) -> Shape {
        let mut extents = [1; 4];
        extents[..self.shape.len()].copy_from_slice(&self.shape);
        Shape(extents)
    }

    /// As a parameter: a vector is one value a channel, (1, C, 1, 1); anything else as an activation.
    #[must_use]
    pub fn parameter_shape(&self) -> Shape {
        match *self.shape.as_slice() {
            [channels] => Shape::channels(channels),
            _ => self.activation_shape(),
        }
    }

    /// The same values under other extents.
    ///
    /// # Errors
    /// `bad_argument` if the number of values differs.
    pub fn reshape(self, shape: impl Into<Vec<usize>>) -> Result<Self> {
        Self::new(self.data, shape)
    }

    /// The values of some pictures of a batch of `count`, repeated and ordered as in `pictures`; a tensor that does not hold
    /// `count` times `picture_length` values is for every picture alike and comes back as it is.
    ///
    /// # Errors
    /// `internal` if a picture does not exist.
    pub fn pictures(
        &self,
        pictures: &[usize],
        count: usize,
        picture_length: usize,
    ) -> Result<Self> {
        if count == 1 || self.data.len() != count * picture_length {
            return Ok(self.clone());
        }
        let mut data = Vec::with_capacity(pictures.len() * picture_length);
        for &picture in pictures {
            let values = self.data.chunks_exact(picture_length).nth(picture);
            data.extend_from_slice(
                values.ok_or_else(|| Error::internal(format!("there is no picture {picture}")))?,
            );
        }
        let mut shape = self.shape.clone();
        shape[0] = pictures.len();
        Self::new(data, shape)
    }

    /// Whether it holds the values of an activation of `shape`, for the whole batch or for one picture: its extents must be
    /// those, however the ones that are 1 were written.
    #[must_use]
    pub fn fits(&self, shape: Shape) -> bool {
        let squeezed = |extents: &[usize]| -> Vec<usize> {
            extents
                .iter()
                .copied()
                .filter(|&extent| extent != 1)
                .collect()
        };
        let own = squeezed(&self.shape);
        own == squeezed(&shape.0) || own == squeezed(&shape.with_n(1).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_fits_by_its_extents_not_by_its_number_of_values() {
        let tensor = |shape: &[usize]| {
            Tensor::new(vec![0.0; shape.iter().product()], shape).expect("the shape is sound")
        };
        let activation = Shape::new(2, 3, 4, 5);
        for shape in [&[2, 3, 4, 5][..], &[1, 3, 4, 5], &[3, 4, 5]] {
            assert!(tensor(shape).fits(activation), "{shape:?}");
        }
        for shape in [&[3, 5, 4][..], &[60], &[2, 60], &[4, 3, 5]] {
            assert!(!tensor(shape).fits(activation), "{shape:?}");
        }
        let vector = Shape::new(1, 7, 1, 1);
        for shape in [&[7][..], &[1, 7], &[1, 7, 1, 1]] {
            assert!(tensor(shape).fits(vector), "{shape:?}");
        }
    }
}
