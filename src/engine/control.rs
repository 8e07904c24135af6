//! Long work stays polite: it yields to the browser, and stops when asked to.

use std::cell::Cell;
use std::rc::Rc;

use crate::error::{Error, Result};

/// Milliseconds after which work gives way to the page.
#[cfg(target_arch = "wasm32")]
const SLICE_MS: f64 = 30.0;

/// Told to whoever computes: whether the caller still wants the result.
#[derive(Debug, Clone, Default)]
pub struct Control {
    aborted: Rc<Cell<bool>>,
    #[cfg(target_arch = "wasm32")]
    last_pause: Rc<Cell<f64>>,
}

impl Control {
    /// A control for one call.
    #[must_use]
    pub fn new() -> Self {
        let control = Self::default();
        #[cfg(target_arch = "wasm32")]
        control.last_pause.set(js_sys::Date::now());
        control
    }

    /// Asks the work to stop at its next step.
    pub fn abort(&self) {
        self.aborted.set(true);
    }

    /// Gives way if it is time to, then says whether to go on.
    ///
    /// # Errors
    /// `aborted` if [`Self::abort`] was called.
    #[allow(
        clippy::unused_async,
        reason = "natively there is nobody to give way to"
    )]
    pub async fn step(&self) -> Result<()> {
        #[cfg(target_arch = "wasm32")]
        {
            let now = js_sys::Date::now();
            if now - self.last_pause.get() > SLICE_MS {
                crate::web::pause::pause().await;
                self.last_pause.set(js_sys::Date::now());
            }
        }
        if self.aborted.get() {
            Err(Error::aborted("the call was aborted by its signal"))
        } else {
            Ok(())
        }
    }
}
