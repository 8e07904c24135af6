//! A call that can be stopped from outside.

use wasm_bindgen::prelude::*;

use crate::engine::control::Control;

/// Stops one call.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct CallControl {
    control: Control,
}

#[wasm_bindgen]
impl CallControl {
    /// For one call.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self {
            control: Control::new(),
        }
    }

    /// Asks the call to stop at its next step; it then fails with `aborted`.
    pub fn abort(&self) {
        self.control.abort();
    }
}

impl CallControl {
    /// What the engine looks at.
    pub(super) const fn inner(&self) -> &Control {
        &self.control
    }
}
