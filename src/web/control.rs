//! What belongs to a call whatever its method: stopping it, its seed, its progress, and its steps.

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::JsResult;
use crate::engine::control::Control;
use crate::error::Result;

/// One call.
#[wasm_bindgen]
#[derive(Debug)]
pub struct CallControl {
    control: Control,
    seed: u64,
    on_step: Option<Function>,
}

#[wasm_bindgen]
impl CallControl {
    /// For one call: its `seed`, a function that takes (done, total), and one that takes a step and returns a promise,
    /// which settles when the caller has looked at it.
    #[wasm_bindgen(constructor)]
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "seeds are safe integers, counts are far below 2^53"
    )]
    pub fn new(
        seed: Option<f64>,
        on_progress: Option<Function>,
        on_step: Option<Function>,
    ) -> Self {
        let control = match on_progress {
            None => Control::new(),
            Some(listener) => Control::reporting(move |done, total| {
                // A call does not end because nobody could be told how far it is.
                let _ = listener.call2(
                    &JsValue::NULL,
                    &(done as f64).into(),
                    &(total as f64).into(),
                );
            }),
        };
        Self {
            control,
            seed: seed.unwrap_or(0.0) as i64 as u64,
            on_step,
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

    /// The call's seed, 0 unless one was given.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether somebody wants to see steps.
    pub const fn has_listener(&self) -> bool {
        self.on_step.is_some()
    }

    /// Shows a step, and returns what the listener said, `undefined` if nothing, once it has looked.
    ///
    /// # Errors
    /// `aborted` if the call was stopped meanwhile.
    pub async fn show(&self, step: &JsValue) -> Result<JsValue> {
        let mut answer = JsValue::UNDEFINED;
        if let Some(listener) = &self.on_step {
            let looked: JsResult<JsValue> = match listener.call1(&JsValue::NULL, step) {
                Ok(promise) => JsFuture::from(Promise::resolve(&promise)).await,
                Err(error) => Err(error),
            };
            answer = looked.unwrap_or(JsValue::UNDEFINED);
        }
        self.control.step().await?;
        Ok(answer)
    }
}
