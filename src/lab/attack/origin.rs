//! Where attacked pictures come from, and their way back: from model space to attack units, and from there to model space.

use super::{Bounds, Units};
use crate::error::Result;
use crate::tensor::Tensor;

/// Pictures (N, C, H, W) before an attack.
#[derive(Debug, Clone)]
pub struct Origin {
    given: Tensor,
    start: Tensor,
    units: Units,
    bounds: Bounds,
}

impl Origin {
    /// Pictures in model space, to be attacked in `units` within `bounds`.
    ///
    /// # Errors
    /// `bad_image` for another number of channels, `bad_argument` for pictures that lie outside.
    pub fn new(given: Tensor, units: Units, bounds: Bounds) -> Result<Self> {
        let mut start = units.from_model(&given)?;
        bounds.check(&start)?;
        // What rounding carried over a bound would count as changed.
        let length = start.activation_shape().picture();
        start
            .data_mut()
            .chunks_exact_mut(length)
            .for_each(|picture| bounds.clamp(picture));
        Ok(Self {
            given,
            start,
            units,
            bounds,
        })
    }

    /// The pictures in attack units.
    #[must_use]
    pub const fn start(&self) -> &Tensor {
        &self.start
    }

    /// What no pixel may leave.
    #[must_use]
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// How units become those of the network.
    #[must_use]
    pub const fn units(&self) -> &Units {
        &self.units
    }

    /// What became of the pictures, in model space. A value that did not change is exactly the one that was given.
    ///
    /// # Errors
    /// `bad_image` for another number of channels.
    pub fn back(&self, pictures: &Tensor) -> Result<Tensor> {
        let mut model = self.units.to_model(pictures)?;
        let was = self.start.data().iter().zip(self.given.data());
        let now = model.data_mut().iter_mut().zip(pictures.data());
        for ((model, value), (start, given)) in now.zip(was) {
            if value.to_bits() == start.to_bits() {
                *model = *given;
            }
        }
        Ok(model)
    }
}
