//! The end of a convolution's shader: what is done to a sum before it is written.

use crate::ops::Kernel;
use crate::ops::kernel::Binding;

/// The bend of no activation.
const NO_BEND: (f32, f32) = (1.0, f32::MAX);

/// Bias and residual are added to a sum, which is then activated and written.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    pub bias: Option<Binding>,
    pub residual: Option<Binding>,
    /// (slope, ceiling) of the activation.
    pub bend: (f32, f32),
    pub written: Binding,
}

impl Ending {
    /// Sums are written as they are.
    pub const fn plain(written: Binding) -> Self {
        Self {
            bias: None,
            residual: None,
            bend: NO_BEND,
            written,
        }
    }

    /// Appends to a kernel, which computes the sums, what the end of its shader is given. Where there is no bias or residual
    /// nothing is read, and any input will do.
    pub fn append_to(&self, mut kernel: Kernel) -> Kernel {
        let any = Binding::Input(1);
        let (bias, residual) = (self.bias.unwrap_or(any), self.residual.unwrap_or(any));
        kernel.bindings.extend([bias, residual, self.written]);
        let (slope, ceiling) = self.bend;
        let has_bias = u32::from(self.bias.is_some());
        kernel
            .params
            .extend([has_bias, slope.to_bits(), ceiling.to_bits()]);
        kernel.with_constant("RESIDUAL", u32::from(self.residual.is_some()))
    }
}
