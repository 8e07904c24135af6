//! What belongs to a call whatever its method: stopping it, its seed, its progress, and its steps.

use std::cell::Cell;

use js_sys::{Function, Object, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::{JsResult, set, tensor};
use crate::engine::control::{Control, Progress};
use crate::error::Result;

/// Milliseconds between two estimates that are shown.
const FRAME_MS: f64 = 60.0;

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
    /// For one call: its `seed`, a function that takes
    /// `{ loaded, done, total, partial? }`, and one that takes a step and returns a promise,
    /// which settles when the caller has looked at it.
    #[wasm_bindgen(constructor)]
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seeds are safe integers"
    )]
    pub fn new(
        seed: Option<f64>,
        on_progress: Option<Function>,
        on_step: Option<Function>,
    ) -> Self {
        let control = on_progress.map_or_else(Control::new, reporting);
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

/// A control that tells `listener`, with estimates no faster than they can be shown.
fn reporting(listener: Function) -> Control {
    let last = Cell::new(0.0);
    Control::reporting(move |progress| {
        let now = js_sys::Date::now();
        if progress.partial.is_some()
            && now - last.get() < FRAME_MS
            && progress.done < progress.total
        {
            return;
        }
        last.set(now);
        // A call does not end because nobody could be told how far it is.
        let _ = listener.call1(&JsValue::NULL, &message(&progress));
    })
}

/// `{ loaded, done, total, partial? }`.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn message(progress: &Progress) -> JsValue {
    let object = Object::new();
    set(&object, "loaded", &(progress.done as f64).into());
    set(&object, "done", &(progress.done as f64).into());
    set(&object, "total", &(progress.total as f64).into());
    if let Some(partial) = &progress.partial {
        set(&object, "partial", &tensor::write(partial));
    }
    object.into()
}
