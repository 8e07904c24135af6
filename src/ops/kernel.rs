//! What an operator asks of a GPU: dispatches as plain data, run by an engine that knows nothing of their meaning.

/// What a shader's binding refers to. The last one of a kernel is what it writes, `var<storage, read_write>` in the shader;
/// all others are `var<storage, read>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binding {
    /// The operator's input of that index.
    Input(usize),
    /// The operator's output.
    Output,
    /// A scratch buffer of the operator (index into its scratch buffers), of that many f32 values.
    Scratch(usize, usize),
    /// What [`Kernel::prepared`] computes.
    Prepared,
}

/// A buffer that is computed from an operator's inputs and kept until one of them is written again: packed weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Preparation {
    /// Computes it; [`Binding::Output`] is the prepared buffer, [`Binding::Input`] the operator's input.
    pub kernel: Kernel,
    /// How many f32 values it holds.
    pub values: usize,
}

/// One dispatch of one shader.
///
/// Bindings stand in group 0 in the order of `bindings`; the uniform block with `params` follows as the last binding. Its
/// first `vec4<u32>` belongs to the engine: the first workgroup of this dispatch in x, y, z, for a dispatch split in several.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// The shader's file name without its extension; see [`crate::engine::gpu::shader`].
    pub shader: &'static str,
    /// Values of the shader's `override` constants.
    pub constants: Vec<(&'static str, f64)>,
    /// What stands in each binding.
    pub bindings: Vec<Binding>,
    /// What [`Binding::Prepared`] stands for.
    pub prepared: Option<Box<Preparation>>,
    /// The shader's uniform block after its first `vec4<u32>`; f32 values as their bits.
    pub params: Vec<u32>,
    /// Workgroups in x, y, z.
    pub workgroups: [u64; 3],
    /// Multiply-adds (or values moved, if that is more) of the whole dispatch: the engine splits those that would take too long.
    pub cost: u64,
}

/// One way to compute an operator's output. All ways of an operator give the same, up to rounding: they differ in speed.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// Its name among the operator's ways.
    pub name: &'static str,
    /// Its dispatches.
    pub kernels: Vec<Kernel>,
}

impl Kernel {
    /// A shader over `count` invocations in a row, 64 a workgroup.
    #[must_use]
    pub fn linear(
        shader: &'static str,
        bindings: Vec<Binding>,
        params: Vec<u32>,
        count: usize,
    ) -> Self {
        Self {
            shader,
            constants: Vec::new(),
            bindings,
            prepared: None,
            params,
            workgroups: [(count as u64).div_ceil(64), 1, 1],
            cost: count as u64,
        }
    }

    /// The same with a value for one more of the shader's `override` constants.
    #[must_use]
    pub fn with_constant(mut self, name: &'static str, value: u32) -> Self {
        self.constants.push((name, value.into()));
        self
    }

    /// The same with another cost.
    #[must_use]
    pub fn with_cost(mut self, cost: usize) -> Self {
        self.cost = cost as u64;
        self
    }
}

/// A count or index as a shader's u32. Buffers are smaller than 16 GiB, so every index into one fits; a larger tensor is
/// refused when its buffer is allocated.
#[must_use]
pub fn word(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
