//! Giving way to the browser for a moment.

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::MessageChannel;

/// Lets the events that wait be handled, in a page as in a worker. Unlike a timer of 0 ms, which browsers stretch to 4, a
/// message comes back at once.
pub async fn pause() {
    // Without channels there is no way to give way; the work then just goes on.
    let Ok(channel) = MessageChannel::new() else {
        return;
    };
    let (here, there) = (channel.port1(), channel.port2());
    let message = Promise::new(&mut |resolve, _| here.set_onmessage(Some(&resolve)));
    if there.post_message(&JsValue::NULL).is_ok() {
        // The promise is never rejected.
        let _ = JsFuture::from(message).await;
    }
    here.close();
}
