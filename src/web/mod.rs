//! The only place that knows JavaScript: the engine's objects as the page's worker sees them. What is published is
//! `convscope.js`, which talks to these.

mod attack;
mod attack_options;
mod attack_result;
mod attribute;
mod bias;
mod control;
mod defend;
mod embed;
mod ladder;
mod measure;
mod net;
mod objective;
mod options;
mod paint;
pub mod pause;
mod perturb;
mod prepared;
mod scope;
mod shape;
mod share;
mod style;
mod synthesize;
mod tensor;
mod train;
mod truth;
mod units;

pub use attack_result::attacks;
pub use control::CallControl;
pub use net::WebNet;
pub use scope::WebScope;
pub use units::initial_weights;

use std::cell::RefCell;

use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::*;

use crate::error::Error;
use crate::load::kind::{self, Kind};
use crate::picture::header;

/// A result whose error JavaScript can throw.
type JsResult<T> = std::result::Result<T, JsValue>;

thread_local! {
    static ON_PANIC: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Has `callback` called with a sentence if the engine comes upon a defect of its own, after which it must not be used.
#[wasm_bindgen(js_name = onPanic)]
pub fn on_panic(callback: Function) {
    ON_PANIC.set(Some(callback));
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        ON_PANIC.with_borrow(|callback| {
            if let Some(callback) = callback {
                // There is nobody left to tell if telling fails.
                let _ = callback.call1(&JsValue::NULL, &info.to_string().into());
            }
        });
    }));
}

/// The engine, compiled, for another worker to run.
#[wasm_bindgen(js_name = compiledModule)]
#[must_use]
pub fn compiled_module() -> JsValue {
    wasm_bindgen::module()
}

/// Width and height of a picture file from its first bytes.
///
/// # Errors
/// `bad_image` for a file that is no picture, or one with too many pixels.
#[wasm_bindgen(js_name = pictureSize)]
pub fn picture_size(file: &[u8]) -> JsResult<Vec<usize>> {
    let (width, height) = header::picture_size(file).map_err(thrown)?;
    Ok(vec![width, height])
}

/// "json" or "safetensors", by a file's content.
///
/// # Errors
/// `bad_model` for anything else, with what it seems to be.
#[wasm_bindgen]
pub fn identify(file: &[u8]) -> JsResult<String> {
    let name = match kind::identify(file).map_err(thrown)? {
        Kind::Json => "json",
        Kind::Safetensors => "safetensors",
    };
    Ok(name.to_owned())
}

/// The error as a JavaScript `Error` with a `code`.
#[allow(
    clippy::needless_pass_by_value,
    reason = "its use is as the function of map_err"
)]
fn thrown(error: Error) -> JsValue {
    let value = js_sys::Error::new(&error.message);
    // An error object is extensible, so that setting a property of it cannot fail.
    let _ = Reflect::set(&value, &"code".into(), &error.code.as_str().into());
    value.into()
}

/// A value that serde knows as plain JavaScript objects.
///
/// # Errors
/// An `Error` of code `internal` if it has no such form.
fn plain<T: serde::Serialize>(value: &T) -> JsResult<JsValue> {
    value
        .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
        .map_err(|error| thrown(Error::internal(error.to_string())))
}

/// Sets a property of an object made here.
fn set(object: &js_sys::Object, key: &str, value: &JsValue) {
    // A plain object takes any property.
    let _ = Reflect::set(object, &key.into(), value);
}
