//! What the adapter itself can do: multiply-adds in registers and copies between buffers, with shaders made for this.

use convscope::error::{Error, Result};
use serde::Serialize;

use crate::rounds::time;

/// Invocations of a dispatch, 64 a workgroup.
const INVOCATIONS: u64 = 1 << 17;
/// Operations of an invocation of `multiply_adds.wgsl`: rounds · chains · lanes · 2.
const OPERATIONS: u64 = 64 * 8 * 4 * 2;
/// Bytes of each buffer of a copy: two million vec4.
const COPIED: u64 = 1 << 25;
const VEC4: u64 = 16;

/// Limits of an adapter, as measured.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Peak {
    /// 10⁹ floating point operations a second.
    pub gflops: f64,
    /// 10⁹ bytes read or written a second while copying.
    pub gigabytes: f64,
}

struct Bench {
    device: wgpu::Device,
    queue: wgpu::Queue,
}

/// Measures the adapter that the engine would take.
///
/// # Errors
/// `no_webgpu` if there is none.
pub fn measure(rounds: usize) -> Result<Peak> {
    let bench = pollster::block_on(open())?;
    let results = bench.buffer(COPIED);
    let source = bench.buffer(COPIED);
    bench.queue.write_buffer(
        &source,
        0,
        bytemuck::cast_slice(&[[0.999_f32; 4], [1e-3; 4]]),
    );
    let operations = (INVOCATIONS * OPERATIONS) as f64;
    let bytes = (2 * COPIED) as f64;
    let milliseconds = |shader, invocations: u64| {
        bench.time(shader, [&results, &source], invocations / 64, rounds)
    };
    Ok(Peak {
        gflops: operations / milliseconds(include_str!("multiply_adds.wgsl"), INVOCATIONS)? / 1e6,
        gigabytes: bytes / milliseconds(include_str!("copy.wgsl"), COPIED / VEC4)? / 1e6,
    })
}

async fn open() -> Result<Bench> {
    let missing = |error: &dyn std::fmt::Display| Error::no_webgpu(error.to_string());
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    let adapter = instance
        .request_adapter(&options)
        .await
        .map_err(|error| missing(&error))?;
    let (device, queue) = adapter
        .request_device(&wgpu::DeviceDescriptor::default())
        .await
        .map_err(|error| missing(&error))?;
    Ok(Bench { device, queue })
}

impl Bench {
    fn buffer(&self, size: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// Milliseconds of one dispatch.
    fn time(
        &self,
        shader: &str,
        buffers: [&wgpu::Buffer; 2],
        workgroups: u64,
        rounds: usize,
    ) -> Result<f64> {
        let module = self
            .device
            .create_shader_module(wgpu::ShaderModuleDescriptor {
                label: None,
                source: wgpu::ShaderSource::Wgsl(shader.into()),
            });
        let pipeline = self
            .device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: None,
                layout: None,
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            });
        let [results, source] = buffers.map(wgpu::Buffer::as_entire_binding);
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: results,
                },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: source,
                },
            ],
        });
        let workgroups = u32::try_from(workgroups).unwrap_or(u32::MAX);
        let timing = time(rounds, |repetitions| {
            let mut encoder = self.device.create_command_encoder(&Default::default());
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                pass.set_pipeline(&pipeline);
                pass.set_bind_group(0, &group, &[]);
                for _ in 0..repetitions {
                    pass.dispatch_workgroups(workgroups, 1, 1);
                }
            }
            self.queue.submit([encoder.finish()]);
            self.device
                .poll(wgpu::PollType::wait_indefinitely())
                .map(|_| ())
                .map_err(|error| Error::device_lost(error.to_string()))
        })?;
        Ok(timing.ms)
    }
}
