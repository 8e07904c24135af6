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

/// Multiply-adds that a dispatch may have at that rate.
pub fn budget(rate: f64) -> u64 {
    (rate * TARGET).max(1e6) as u64
}

/// Times a small convolution, whose pipeline networks need anyway.
///
/// # Errors
/// `internal` or `device_lost` if it cannot run.
pub async fn multiply_adds_per_millisecond(gpu: &Gpu) -> Result<f64> {
    let layer = Layer {
        op: Conv2d {
            geometry: Geometry::default(),
            activation: None,
        }
        .into(),
        inputs: vec![Shape::new(1, 32, 32, 32), Shape::new(32, 32, 3, 3)],
        output: Shape::new(1, 32, 30, 30),
    };
    let macs = layer.op.macs(&layer.inputs, layer.output) as f64;
    let kernels = gpu.kernels(&layer)?;
    let elapsed = gpu.time(&layer, &kernels, &Control::new()).await?;
    Ok(macs / elapsed.max(0.01))
}
