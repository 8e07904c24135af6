//! Compute pipelines, made once a shader and set of constants.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::shader;
use crate::error::{Error, Result};
use crate::ops::Kernel;

/// A pipeline with the layout that its bind groups have.
#[derive(Debug)]
pub struct Pipeline {
    /// What a pass sets.
    pub raw: wgpu::ComputePipeline,
    /// Storage buffers in order, then the uniform block at a dynamic offset.
    pub layout: Rc<wgpu::BindGroupLayout>,
}

/// A shader's name, the bits of its constants, and how many storage buffers it binds.
type Key = (&'static str, Vec<(&'static str, u64)>, usize);

/// All pipelines of a device.
#[derive(Debug)]
pub struct Pipelines {
    device: wgpu::Device,
    modules: RefCell<HashMap<&'static str, wgpu::ShaderModule>>,
    layouts: RefCell<HashMap<usize, Rc<wgpu::BindGroupLayout>>>,
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
        let storages = kernel.bindings.len();
        let key = (
            kernel.shader,
            kernel
                .constants
                .iter()
                .map(|&(name, value)| (name, value.to_bits()))
                .collect(),
            storages,
        );
        if let Some(pipeline) = self.pipelines.borrow().get(&key) {
            return Ok(Rc::clone(pipeline));
        }
        let module = self.module(kernel.shader)?;
        let layout = self.layout(storages);
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

    /// Storage buffers of which the last is written, then the uniform block.
    fn layout(&self, storages: usize) -> Rc<wgpu::BindGroupLayout> {
        if let Some(layout) = self.layouts.borrow().get(&storages) {
            return Rc::clone(layout);
        }
        let entries: Vec<_> = (0..=storages)
            .map(|binding| wgpu::BindGroupLayoutEntry {
                binding: u32::try_from(binding).unwrap_or(u32::MAX),
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: if binding == storages {
                        wgpu::BufferBindingType::Uniform
                    } else {
                        wgpu::BufferBindingType::Storage {
                            read_only: binding + 1 != storages,
                        }
                    },
                    has_dynamic_offset: binding == storages,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let layout = Rc::new(self.device.create_bind_group_layout(
            &wgpu::BindGroupLayoutDescriptor {
                label: None,
                entries: &entries,
            },
        ));
        self.layouts
            .borrow_mut()
            .insert(storages, Rc::clone(&layout));
        layout
    }
}
