//! Long work stays polite: it yields to the browser, says how far it is, and stops when asked to.

use std::cell::Cell;
use std::fmt;
#[cfg(not(target_arch = "wasm32"))]
use std::future::poll_fn;
use std::rc::Rc;
#[cfg(not(target_arch = "wasm32"))]
use std::task::Poll;

use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Milliseconds after which work gives way to the page.
#[cfg(target_arch = "wasm32")]
const SLICE_MS: f64 = 30.0;

/// How far long work is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Pictures, passes or steps done.
    pub done: usize,
    /// Those in all.
    pub total: usize,
    /// The result as it stands, of work that sharpens an estimate.
    pub partial: Option<Tensor>,
}

/// Between whoever computes and the caller: whether the result is still wanted, and how far it is.
#[derive(Clone, Default)]
pub struct Control {
    aborted: Rc<Cell<bool>>,
    on_progress: Option<Rc<dyn Fn(Progress)>>,
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

    /// A control whose caller is told by `on_progress` how far the work is.
    #[must_use]
    pub fn reporting(on_progress: impl Fn(Progress) + 'static) -> Self {
        Self {
            on_progress: Some(Rc::new(on_progress)),
            ..Self::new()
        }
    }

    /// The same call for a part of its work, whose own progress nobody is told.
    #[must_use]
    pub fn quiet(&self) -> Self {
        Self {
            on_progress: None,
            ..self.clone()
        }
    }

    /// Says that `done` of `total` pictures or steps are done.
    pub fn progress(&self, done: usize, total: usize) {
        self.estimate(done, total, || None);
    }

    /// As [`Self::progress`], with the result as it stands, which is computed only if somebody is told.
    pub fn estimate(&self, done: usize, total: usize, partial: impl FnOnce() -> Option<Tensor>) {
        if let Some(on_progress) = &self.on_progress {
            on_progress(Progress {
                done,
                total,
                partial: partial(),
            });
        }
    }

    /// Asks the work to stop at its next step.
    pub fn abort(&self) {
        self.aborted.set(true);
    }

    /// Gives way once: to the browser's events, and to other work of the same call.
    pub async fn give_way(&self) {
        #[cfg(target_arch = "wasm32")]
        {
            crate::web::pause::pause().await;
            self.last_pause.set(js_sys::Date::now());
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            let mut is_first = true;
            poll_fn(|context| {
                context.waker().wake_by_ref();
                if std::mem::take(&mut is_first) {
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })
            .await;
        }
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
                self.give_way().await;
            }
        }
        self.check()
    }

    /// Says whether to go on, for work that gives way by itself.
    ///
    /// # Errors
    /// `aborted` if [`Self::abort`] was called.
    pub fn check(&self) -> Result<()> {
        if self.aborted.get() {
            Err(Error::aborted("the call was aborted by its signal"))
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("aborted", &self.aborted)
            .finish_non_exhaustive()
    }
}
