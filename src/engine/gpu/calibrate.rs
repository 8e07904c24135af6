//! How fast this adapter multiplies, roughly: software ones differ from GPUs by a factor of a thousand, and how long a
//! dispatch may be follows from it.

use super::{Gpu, Layer};
use crate::engine::control::Control;
use crate::error::Result;
use crate::ops::Operator as _;
use crate::ops::conv2d::{Conv2d, Geometry};
use crate::tensor::Shape;

/// How long a dispatch or a submit should take at most, in milliseconds. Drivers kill those that take seconds, and other
/// kernels than the calibration's may be a few times slower.
const TARGET: f64 = 25.0;
/// Multiply-adds in a millisecond that products reached on SwiftShader with two cores. Software adapters are not measured: what
/// a few cores can do is known well enough, and compiling a shader takes them longer than a first answer should.
const SOFTWARE_RATE: f64 = 2.5e6;

/// Multiply-adds that a dispatch may have at that rate.
pub fn budget(rate: f64) -> u64 {
    (rate * TARGET).max(1e6) as u64
}

/// Multiply-adds in a millisecond, about: measured on a GPU, assumed on a software adapter.
///
/// # Errors
/// `internal` or `device_lost` if it cannot run.
pub async fn multiply_adds_per_millisecond(gpu: &Gpu) -> Result<f64> {
    if gpu.adapter().is_fallback {
        Ok(SOFTWARE_RATE)
    } else {
        measured(gpu).await
    }
}

/// Times a small convolution.
async fn measured(gpu: &Gpu) -> Result<f64> {
    let layer = Layer {
        op: Conv2d::plain(Geometry::default()).into(),
        inputs: vec![Shape::new(1, 32, 32, 32), Shape::new(32, 32, 3, 3)],
        output: Shape::new(1, 32, 30, 30),
    };
    let macs = layer.op.macs(&layer.inputs, layer.output) as f64;
    let kernels = gpu.kernels(&layer)?;
    let elapsed = gpu.time(&layer, &kernels, &Control::new()).await?;
    Ok(macs / elapsed.max(0.01))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;

    /// Needs an adapter, a software one will do.
    #[test]
    fn a_measurement_is_within_reason() {
        let Ok(gpu) = block_on(Gpu::open(true)) else {
            return;
        };
        let rate = block_on(measured(&gpu)).expect("it runs");
        // From a tenth of a GFLOP/s to a thousand TFLOP/s.
        assert!(
            (5e4..5e11).contains(&rate),
            "{rate} multiply-adds a millisecond"
        );
    }
}
