//! Compute pipelines, made once a shader and set of constants.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::shader;
use crate::error::{Error, Result};
use crate::ops::{Binding, Kernel};

/// A pipeline with the layout that its bind groups have.
#[derive(Debug)]
pub struct Pipeline {
    /// What a pass sets.
    pub raw: wgpu::ComputePipeline,
    /// Storage buffers in order, then the uniform block at a dynamic offset.
    pub layout: Rc<wgpu::BindGroupLayout>,
}

/// A shader's name, the bits of its constants, and which of its buffers are read only.
type Key = (&'static str, Vec<(&'static str, u64)>, Vec<bool>);

/// All pipelines of a device.
#[derive(Debug)]
pub struct Pipelines {
    device: wgpu::Device,
    modules: RefCell<HashMap<&'static str, wgpu::ShaderModule>>,
    layouts: RefCell<HashMap<Vec<bool>, Rc<wgpu::BindGroupLayout>>>,
    pipelines: RefCell<HashMap<Key, Rc<Pipeline>>>,
}

impl Pipelines {
    /// No pipeline yet.
    pub fn new(device: wgpu::Device) -> Self {
        Self {
            device,
            modules: RefCell::default(),
            layouts: RefCell::default(),
            pipelines: RefCell::default(),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.pipelines.borrow().len()
    }

    /// The pipeline of a kernel.
    ///
    /// # Errors
    /// `internal` if no shader has that name. A shader that does not compile is reported by the device's error scope.
    pub fn get(&self, kernel: &Kernel) -> Result<Rc<Pipeline>> {
        let read_only: Vec<bool> = kernel.bindings.iter().map(is_read_only).collect();
        let key = (
            kernel.shader,
            kernel
                .constants
                .iter()
                .map(|&(name, value)| (name, value.to_bits()))
                .collect(),
            read_only.clone(),
        );
        if let Some(pipeline) = self.pipelines.borrow().get(&key) {
            return Ok(Rc::clone(pipeline));
        }
        let module = self.module(kernel.shader)?;
        let layout = self.layout(read_only);
        let pipeline_layout = self
            .device
            .create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: None,
                bind_group_layouts: &[Some(&*layout)],
                immediate_size: 0,
            });
        let raw = self
            .device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(kernel.shader),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &kernel.constants,
                    // Every shader writes its workgroup memory before it reads it.
                    zero_initialize_workgroup_memory: false,
                },
                cache: None,
            });
        let pipeline = Rc::new(Pipeline { raw, layout });
        self.pipelines
            .borrow_mut()
            .insert(key, Rc::clone(&pipeline));
        Ok(pipeline)
    }

    fn module(&self, name: &'static str) -> Result<wgpu::ShaderModule> {
        if let Some(module) = self.modules.borrow().get(name) {
            return Ok(module.clone());
        }
        let source = shader::source(name)
            .ok_or_else(|| Error::internal(format!("there is no shader '{name}'")))?;
        let module = self
            .device
            .create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(name),
                source: wgpu::ShaderSource::Wgsl(source.into()),
            });
        self.modules.borrow_mut().insert(name, module.clone());
        Ok(module)
    }

    fn layout(&self, read_only: Vec<bool>) -> Rc<wgpu::BindGroupLayout> {
        if let Some(layout) = self.layouts.borrow().get(&read_only) {
            return Rc::clone(layout);
        }
        let entry = |binding: usize, ty, has_dynamic_offset| wgpu::BindGroupLayoutEntry {
            binding: u32::try_from(binding).unwrap_or(u32::MAX),
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty,
                has_dynamic_offset,
                min_binding_size: None,
            },
            count: None,
        };
        let mut entries: Vec<_> = read_only
            .iter()
            .enumerate()
            .map(|(binding, &read_only)| {
                entry(
                    binding,
                    wgpu::BufferBindingType::Storage { read_only },
                    false,
                )
            })
            .collect();
        entries.push(entry(
            read_only.len(),
            wgpu::BufferBindingType::Uniform,
            true,
        ));
        let layout = Rc::new(self.device.create_bind_group_layout(
            &wgpu::BindGroupLayoutDescriptor {
                label: None,
                entries: &entries,
            },
        ));
        self.layouts
            .borrow_mut()
            .insert(read_only, Rc::clone(&layout));
        layout
    }
}

/// Inputs and prepared buffers are `var<storage, read>` in the shader, outputs and scratch `read_write`.
fn is_read_only(binding: &Binding) -> bool {
    matches!(binding, Binding::Input(_) | Binding::Prepared)
}
