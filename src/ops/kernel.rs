//! What an operator asks of a GPU: dispatches as plain data, run by an engine that knows nothing of their meaning.

/// What a shader's binding refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binding {
    /// The operator's input of that index, read only.
    Input(usize),
    /// The operator's output, read and written.
    Output,
    /// A scratch buffer of the operator (index into its scratch buffers), of that many f32 values.
    Scratch(usize, usize),
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
    /// The shader's uniform block after its first `vec4<u32>`; f32 values as their bits.
    pub params: Vec<u32>,
    /// Workgroups in x, y, z.
    pub workgroups: [u64; 3],
    /// Multiply-adds (or values moved, if that is more) of the whole dispatch: the engine splits those that would take too long.
    pub cost: u64,
}
