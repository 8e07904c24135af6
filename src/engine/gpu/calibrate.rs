//! How fast this adapter multiplies, roughly: software ones differ from GPUs by a factor of a thousand, and how long a
//! dispatch may be follows from it.

use super::{Gpu, wait};
use crate::engine::control::Control;
use crate::error::Result;
use crate::ops::Operator as _;
use crate::ops::conv2d::{Conv2d, Geometry};
use crate::tensor::Shape;

/// How long a dispatch or a submit should take at most, in milliseconds. Drivers kill those that take seconds, and other
/// kernels than the calibration's may be a few times slower.
const TARGET: f64 = 25.0;
/// The measurement is repeated with more work until it takes that many milliseconds.
const LONG_ENOUGH: f64 = 3.0;
/// Repetitions at most.
const MAX_REPETITIONS: usize = 64;

/// Multiply-adds that a dispatch may have at that rate.
pub fn budget(rate: f64) -> u64 {
    (rate * TARGET).max(1e6) as u64
}

/// Times a small convolution, whose pipeline networks need anyway.
///
/// # Errors
/// `internal` or `device_lost` if it cannot run.
pub async fn multiply_adds_per_millisecond(gpu: &Gpu) -> Result<f64> {
    let x = Shape::new(1, 32, 32, 32);
    let weight = Shape::new(32, 32, 3, 3);
    let output = Shape::new(1, 32, 30, 30);
    let op = Conv2d {
        geometry: Geometry::default(),
        activation: None,
    };
    let buffers = [x, weight, output]
        .map(|shape| gpu.allocate(shape.len()))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    gpu.upload(&buffers[0], &vec![0.5; x.len()]);
    gpu.upload(&buffers[1], &vec![0.25; weight.len()]);
    let macs = op.macs(&[x, weight], output) as f64;
    let kernels = op.gpu(&[x, weight], output)?;
    let mut repetitions = 1;
    // The first run compiles the pipeline.
    time(gpu, &kernels, &buffers, 1).await?;
    loop {
        let elapsed = time(gpu, &kernels, &buffers, repetitions).await?;
        if elapsed >= LONG_ENOUGH || repetitions >= MAX_REPETITIONS {
            return Ok(macs * repetitions as f64 / elapsed.max(0.01));
        }
        repetitions *= 4;
    }
}

async fn time(
    gpu: &Gpu,
    kernels: &[crate::ops::Kernel],
    buffers: &[super::Buffer],
    repetitions: usize,
) -> Result<f64> {
    let steps: Vec<_> = (0..repetitions)
        .flat_map(|_| kernels)
        .map(|kernel| (kernel.clone(), buffers.to_vec()))
        .collect();
    let recording = gpu.compile(&steps)?;
    let start = wait::now();
    gpu.run(&recording, &Control::new()).await?;
    gpu.read(&[(&buffers[2], 1)]).await?;
    Ok(wait::now() - start)
}
