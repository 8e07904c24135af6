//! The adapter and the device: what was found, what it can hold, and what went wrong with it.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::error::{Error, Result};

/// What runs the shaders, in words a page can show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdapterInfo {
    /// The adapter's name; browsers often withhold it.
    pub name: String,
    /// Its vendor (a PCI id natively).
    pub vendor: String,
    /// Its family, as browsers name it.
    pub architecture: String,
    /// The driver, or the browser's description.
    pub description: String,
    /// Which interface it is reached through.
    pub backend: String,
    /// Whether a processor only pretends to be a GPU.
    pub is_fallback: bool,
    /// The limits that matter here.
    pub limits: Limits,
    /// Optional features that the adapter has.
    pub features: Vec<String>,
}

/// Limits of the device, in bytes and counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The largest buffer.
    pub max_buffer_size: u64,
    /// The largest part of a buffer that a shader can see.
    pub max_storage_buffer_binding_size: u64,
    /// Workgroups a dimension.
    pub max_workgroups: u32,
    /// Invocations a workgroup.
    pub max_invocations: u32,
    /// Workgroup memory.
    pub max_workgroup_storage: u32,
    /// Storage buffers a shader.
    pub max_storage_buffers: u32,
}

/// What the device's callbacks reported; they may come from another thread natively.
#[derive(Debug, Default, Clone)]
pub struct Faults(Arc<Mutex<Reported>>);

#[derive(Debug, Default)]
struct Reported {
    lost: Option<String>,
    uncaptured: Option<Error>,
}

impl Faults {
    fn with<R>(&self, f: impl FnOnce(&mut Reported) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the device went away, if it did.
    pub fn lost(&self) -> Option<String> {
        self.with(|reported| reported.lost.clone())
    }

    /// Records that the device went away.
    pub fn lose(&self, reason: String) {
        self.with(|reported| {
            reported.lost.get_or_insert(reason);
        });
    }

    /// Fails if the device is lost or an error was reported that nothing else caught; the latter is reported once.
    pub fn check(&self) -> Result<()> {
        self.with(
            |reported| match (&reported.lost, reported.uncaptured.take()) {
                (Some(reason), _) => Err(lost(reason)),
                (None, Some(error)) => Err(error),
                (None, None) => Ok(()),
            },
        )
    }
}

fn lost(reason: &str) -> Error {
    Error::device_lost(format!(
        "the GPU device was lost ({reason}); reload the network to start a new one"
    ))
}

/// An error of the device as ours.
pub fn convert(error: &wgpu::Error) -> Error {
    match error {
        wgpu::Error::OutOfMemory { .. } => Error::out_of_memory(
            "the GPU has no memory left for this; take a smaller picture, batch or network",
        ),
        other => Error::internal(format!("WebGPU refused a call: {other}")),
    }
}

/// A device with its queue and what is known of both.
pub struct Opened {
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    /// What it is.
    pub info: AdapterInfo,
    /// What its callbacks report.
    pub faults: Faults,
}

/// Asks for an adapter and a device with the adapter's own limits.
///
/// # Errors
/// `no_webgpu` if there is no adapter, or only a software one and `software_allowed` is false.
pub async fn open(software_allowed: bool) -> Result<Opened> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        flags: wgpu::InstanceFlags::empty(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    let adapter = instance
        .request_adapter(&options)
        .await
        .map_err(|error| Error::no_webgpu(format!("there is no WebGPU adapter: {error}")))?;
    // Only features that a shader here uses are asked for: none so far.
    let descriptor = wgpu::DeviceDescriptor {
        label: Some("convscope"),
        required_limits: adapter.limits(),
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        ..Default::default()
    };
    let (device, queue) = adapter
        .request_device(&descriptor)
        .await
        .map_err(|error| Error::no_webgpu(format!("the adapter gave no device: {error}")))?;
    let info = describe(&adapter, &device);
    if info.is_fallback && !software_allowed {
        device.destroy();
        return Err(Error::no_webgpu(format!(
            "the only WebGPU adapter is a software one ({}), which the CPU engine outruns",
            info.name
        )));
    }
    let faults = Faults::default();
    let on_error = faults.clone();
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        on_error.with(|reported| {
            reported.uncaptured.get_or_insert_with(|| convert(&error));
        });
    }));
    let on_loss = faults.clone();
    device.set_device_lost_callback(move |_, reason| on_loss.lose(reason));
    Ok(Opened {
        device,
        queue,
        info,
        faults,
    })
}

fn describe(adapter: &wgpu::Adapter, device: &wgpu::Device) -> AdapterInfo {
    let info = adapter.get_info();
    let limits = device.limits();
    let (vendor, architecture) = vendor(&info, device);
    let description = [&info.driver, &info.driver_info]
        .into_iter()
        .filter(|part| !part.is_empty())
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    let words = format!("{} {architecture} {description}", info.name).to_lowercase();
    let is_software = ["swiftshader", "llvmpipe", "lavapipe", "basic render"]
        .iter()
        .any(|name| words.contains(name));
    AdapterInfo {
        is_fallback: is_software || info.device_type == wgpu::DeviceType::Cpu,
        name: info.name,
        vendor,
        architecture,
        description,
        backend: format!("{:?}", info.backend),
        limits: Limits {
            max_buffer_size: limits.max_buffer_size,
            max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
            max_workgroups: limits.max_compute_workgroups_per_dimension,
            max_invocations: limits.max_compute_invocations_per_workgroup,
            max_workgroup_storage: limits.max_compute_workgroup_storage_size,
            max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
        },
        features: adapter
            .features()
            .iter_names()
            .map(|(name, _)| name.to_lowercase().replace('_', "-"))
            .collect(),
    }
}

/// (vendor, architecture).
#[cfg(not(target_arch = "wasm32"))]
fn vendor(info: &wgpu::AdapterInfo, _device: &wgpu::Device) -> (String, String) {
    (format!("{:#06x}", info.vendor), String::new())
}

/// (vendor, architecture): wgpu does not pass them on, the browser's device does.
#[cfg(target_arch = "wasm32")]
fn vendor(_info: &wgpu::AdapterInfo, device: &wgpu::Device) -> (String, String) {
    let info = device
        .as_webgpu()
        .and_then(|device| js_sys::Reflect::get(device, &"adapterInfo".into()).ok());
    let read = |key: &str| {
        info.as_ref()
            .and_then(|info| js_sys::Reflect::get(info, &key.into()).ok())
            .and_then(|value| value.as_string())
            .unwrap_or_default()
    };
    (read("vendor"), read("architecture"))
}
