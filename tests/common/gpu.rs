//! One operator on a WebGPU device. Needs an adapter (a software one will do). Without one tests say so and pass, unless
//! `CONVSCOPE_REQUIRE_GPU` is set.

#![allow(
    dead_code,
    reason = "every test file is a crate of its own and uses a part of this"
)]

use convscope::engine::control::Control;
use convscope::engine::gpu::{Buffer, Gpu};
use convscope::error::Result;
use convscope::ops::{Kernel, Op, Operator as _};
use convscope::tensor::Shape;

/// The device, if there is one.
pub fn device() -> Option<Gpu> {
    match pollster::block_on(Gpu::open(true)) {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            assert!(
                std::env::var_os("CONVSCOPE_REQUIRE_GPU").is_none(),
                "{error}"
            );
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// The operator's output on the device.
pub fn on_gpu(gpu: &Gpu, op: &Op, inputs: &[(Shape, Vec<f32>)], output: Shape) -> Result<Vec<f32>> {
    let shapes: Vec<Shape> = inputs.iter().map(|(shape, _)| *shape).collect();
    run(gpu, op.gpu(&shapes, output)?, inputs, output)
}

/// The operator's output on the device in every way that it has, by their names.
pub fn every_way(
    gpu: &Gpu,
    op: &Op,
    inputs: &[(Shape, Vec<f32>)],
    output: Shape,
) -> Result<Vec<(&'static str, Vec<f32>)>> {
    let shapes: Vec<Shape> = inputs.iter().map(|(shape, _)| *shape).collect();
    let ways = op.gpu_ways(&shapes, output)?;
    assert_eq!(ways[0].kernels, op.gpu(&shapes, output)?, "the first one");
    let found = ways
        .into_iter()
        .map(|way| Ok((way.name, run(gpu, way.kernels, inputs, output)?)));
    found.collect()
}

/// What dispatches make of inputs.
fn run(
    gpu: &Gpu,
    kernels: Vec<Kernel>,
    inputs: &[(Shape, Vec<f32>)],
    output: Shape,
) -> Result<Vec<f32>> {
    let mut buffers = Vec::new();
    for (shape, data) in inputs {
        let buffer = gpu.allocate(shape.len())?;
        gpu.upload(&buffer, data);
        buffers.push(buffer);
    }
    let result = gpu.allocate(output.len())?;
    // What stands in a buffer before must not matter.
    gpu.upload(&result, &vec![f32::NAN; output.len()]);
    buffers.push(result);
    let kernels: Vec<(_, Vec<Buffer>)> = kernels
        .into_iter()
        .map(|kernel| (kernel, buffers.clone()))
        .collect();
    let recording = gpu.compile(&kernels)?;
    pollster::block_on(async {
        gpu.run(&recording, &Control::new()).await?;
        Ok(gpu
            .read(&[(&buffers[inputs.len()], output.len())])
            .await?
            .remove(0))
    })
}
