//! Graph to numbers and gradients.
pub mod gpu {
    //! GPU.
    pub mod shader {
        //! Shaders.
    }
}
