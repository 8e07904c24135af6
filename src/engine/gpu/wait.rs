//! Waiting without threads: a flag that a callback raises and a future that awaits it, a clock, a pause for the browser.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// A value that a callback delivers once and a future receives. Callbacks may come from another thread natively.
pub struct Signal<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

impl<T> Signal<T> {
    /// A signal that nothing was delivered to.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            value: None,
            waker: None,
        })))
    }

    /// Another handle of the same signal, for the callback.
    pub fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// Delivers the value and wakes who waits.
    pub fn deliver(&self, value: T) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.value = Some(value);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Whether a value stands ready.
    #[cfg(target_arch = "wasm32")]
    pub fn is_delivered(&self) -> bool {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.value.is_some()
    }
}

impl<T> Future for Signal<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Milliseconds since some moment.
#[cfg(not(target_arch = "wasm32"))]
pub fn now() -> f64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e3
}

/// Milliseconds since some moment.
#[cfg(target_arch = "wasm32")]
pub fn now() -> f64 {
    use wasm_bindgen::JsCast as _;
    js_sys::Reflect::get(&js_sys::global(), &"performance".into())
        .ok()
        .and_then(|performance| performance.dyn_into::<web_sys::Performance>().ok())
        .map_or_else(js_sys::Date::now, |performance| performance.now())
}

/// A pause of about a millisecond by the browser's timer.
#[cfg(target_arch = "wasm32")]
pub async fn pause() {
    use wasm_bindgen::JsCast as _;
    let promise = js_sys::Promise::new(&mut |resolve, reject| {
        let timer = js_sys::Reflect::get(&js_sys::global(), &"setTimeout".into())
            .ok()
            .and_then(|timer| timer.dyn_into::<js_sys::Function>().ok());
        let started = timer.is_some_and(|timer| {
            timer
                .call2(&wasm_bindgen::JsValue::UNDEFINED, &resolve, &1.into())
                .is_ok()
        });
        if !started {
            // Whoever waits goes on at once.
            let _ = reject.call0(&wasm_bindgen::JsValue::UNDEFINED);
        }
    });
    let _ = wasm_bindgen_futures::JsFuture::from(promise).await;
}

/// Waits until the device delivered to `signal`.
#[cfg(not(target_arch = "wasm32"))]
#[allow(clippy::unused_async, reason = "on the web it waits")]
pub async fn poll<T>(device: &wgpu::Device, _queue: &wgpu::Queue, _signal: &Signal<T>) {
    // An error here is a lost device, which the callbacks report.
    let _ = device.poll(wgpu::PollType::wait_indefinitely());
}

/// Waits until the device delivered to `signal`, or leaves the waiting to it. Firefox answers only after 100 ms unless
/// something is submitted meanwhile, so it is given empty submits.
#[cfg(target_arch = "wasm32")]
pub async fn poll<T>(_device: &wgpu::Device, queue: &wgpu::Queue, signal: &Signal<T>) {
    if !is_firefox() {
        return;
    }
    while !signal.is_delivered() {
        queue.submit([]);
        pause().await;
    }
}

#[cfg(target_arch = "wasm32")]
fn is_firefox() -> bool {
    let read = |object: &wasm_bindgen::JsValue, key: &str| {
        js_sys::Reflect::get(object, &key.into()).unwrap_or(wasm_bindgen::JsValue::UNDEFINED)
    };
    read(&read(&js_sys::global(), "navigator"), "userAgent")
        .as_string()
        .is_some_and(|agent| agent.contains("Firefox"))
}

/// Keeps a long run from flooding the device: at most two submits are under way, so that other work gets in between.
pub struct Pace {
    #[cfg(target_arch = "wasm32")]
    previous: Option<Signal<()>>,
}

impl Pace {
    /// Nothing is under way.
    pub fn new() -> Self {
        Self {
            #[cfg(target_arch = "wasm32")]
            previous: None,
        }
    }

    /// Natively nobody has to be let in.
    #[cfg(not(target_arch = "wasm32"))]
    #[allow(
        clippy::unused_async,
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "on the web it waits"
    )]
    pub async fn submitted(&mut self, _queue: &wgpu::Queue) {}

    /// Waits for the submit before the latest one.
    #[cfg(target_arch = "wasm32")]
    pub async fn submitted(&mut self, queue: &wgpu::Queue) {
        let done = Signal::new();
        let deliver = done.share();
        queue.on_submitted_work_done(move || deliver.deliver(()));
        if let Some(previous) = self.previous.replace(done) {
            previous.await;
        }
        crate::web::pause::pause().await;
    }
}
