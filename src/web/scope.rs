//! An engine for JavaScript, and the networks loaded into it.

use js_sys::{Object, Reflect, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::*;

use super::net::WebNet;
use super::{JsResult, set, tensor, thrown};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::load::{data, safetensors};
use crate::net::{Net, objective};
use crate::picture::Preprocess;

/// An engine.
#[wasm_bindgen]
pub struct WebScope {
    engine: Engine,
    reason: String,
}

#[wasm_bindgen]
impl WebScope {
    /// Opens an engine: "auto", "webgpu" or "cpu".
    ///
    /// # Errors
    /// `no_webgpu` if it was asked for and there is none; `bad_argument` for another word.
    pub async fn open(backend: String) -> JsResult<Self> {
        choose(&backend).await.map_err(thrown)
    }

    /// "webgpu" or "cpu": what runs.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn backend(&self) -> String {
        match self.engine {
            Engine::Cpu => "cpu".to_owned(),
        }
    }

    /// Why it runs.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn reason(&self) -> String {
        self.reason.clone()
    }

    /// The GPU, or `null`.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn adapter(&self) -> JsValue {
        match self.engine {
            Engine::Cpu => JsValue::NULL,
        }
    }

    /// `{ gpuBytes, wasmBytes, buffers, pipelines }`.
    #[must_use]
    pub fn memory(&self) -> JsValue {
        let object = Object::new();
        let wasm_bytes = wasm_bindgen::memory()
            .dyn_into::<js_sys::WebAssembly::Memory>()
            .ok()
            .and_then(|memory| Reflect::get(&memory.buffer(), &"byteLength".into()).ok())
            .unwrap_or(JsValue::from(0));
        set(&object, "wasmBytes", &wasm_bytes);
        let [gpu_bytes, buffers, pipelines] = match self.engine {
            Engine::Cpu => [0.0; 3],
        };
        set(&object, "gpuBytes", &gpu_bytes.into());
        set(&object, "buffers", &buffers.into());
        set(&object, "pipelines", &pipelines.into());
        object.into()
    }

    /// A network as data: the graph's JSON, the bytes of a safetensors file or an object of tensors, the rule for
    /// pictures as JSON, and the names of the classes.
    ///
    /// # Errors
    /// `bad_model` or `unsupported_op` for the network, `bad_argument` for the rule and the names.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "values of JavaScript come owned"
    )]
    pub fn load(
        &self,
        graph: &str,
        weights: JsValue,
        preprocess: Option<String>,
        labels: Option<Vec<String>>,
    ) -> JsResult<WebNet> {
        self.build(graph, &weights, preprocess.as_deref(), labels)
            .map_err(thrown)
    }

    /// The tensors of a safetensors file by name.
    ///
    /// # Errors
    /// `bad_model` if it is none.
    pub fn tensors(&self, bytes: &[u8]) -> JsResult<JsValue> {
        let object = Object::new();
        for (name, values) in safetensors::load(bytes).map_err(thrown)? {
            set(&object, &name, &tensor::write(&values));
        }
        Ok(object.into())
    }
}

impl WebScope {
    fn build(
        &self,
        graph: &str,
        weights: &JsValue,
        preprocess: Option<&str>,
        labels: Option<Vec<String>>,
    ) -> Result<WebNet> {
        let weights = match weights.dyn_ref::<Uint8Array>() {
            Some(bytes) => safetensors::load(&bytes.to_vec())?,
            None => tensor::read_named(weights)?,
        };
        let loaded = data::load(graph, &weights)?;
        let input = loaded.graph.shape(loaded.input);
        let output = loaded
            .graph
            .shape(objective::logits(&loaded.graph, loaded.output));
        let extents = [input.c(), input.h(), input.w()];
        let rule = match preprocess {
            Some(json) => Some(Preprocess::new(Some(json), extents)?),
            // Without a rule of its own, a network whose channels no picture has takes tensors only.
            None => Preprocess::new(None, extents).ok(),
        };
        let classes = if output.plane() == 1 { output.c() } else { 0 };
        let labels = match labels {
            None => (0..classes).map(|class| format!("class {class}")).collect(),
            Some(labels) if labels.len() == classes => labels,
            Some(labels) => {
                return Err(Error::bad_argument(format!(
                    "there are {} labels for {classes} classes; give one for each",
                    labels.len()
                )));
            }
        };
        let net = Net::new(loaded, weights, self.engine.clone());
        Ok(WebNet::new(net, labels, rule))
    }
}

/// The engine for a backend: software adapters lose to the CPU engine, so "auto" takes WebGPU on a real one only.
#[allow(clippy::unused_async, reason = "a GPU is asked for by promises")]
async fn choose(backend: &str) -> Result<WebScope> {
    match backend {
        "auto" => Ok(WebScope {
            engine: Engine::Cpu,
            reason: "there is no WebGPU engine yet".to_owned(),
        }),
        "cpu" => Ok(WebScope {
            engine: Engine::Cpu,
            reason: "the CPU engine was asked for".to_owned(),
        }),
        "webgpu" => Err(Error::no_webgpu("there is no WebGPU engine yet")),
        other => Err(Error::bad_argument(format!(
            "backend must be \"auto\", \"webgpu\" or \"cpu\", not '{other}'"
        ))),
    }
}
