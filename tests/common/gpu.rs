//! One operator on a WebGPU device. Needs an adapter (a software one will do). Without one tests say so and pass, unless
//! `CONVSCOPE_REQUIRE_GPU` is set.

use convscope::engine::control::Control;
use convscope::engine::gpu::{Buffer, Gpu};
use convscope::error::Result;
use convscope::ops::{Op, Operator as _};
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
    let kernels: Vec<(_, Vec<Buffer>)> = op
        .gpu(&shapes, output)?
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
