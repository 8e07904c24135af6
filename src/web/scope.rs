//! An engine for JavaScript, and the networks loaded into it.

use std::cell::RefCell;

use js_sys::{Object, Reflect, Uint8Array};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::*;

use super::net::WebNet;
use super::{JsResult, plain, set, tensor, thrown};
use crate::engine::Engine;
use crate::engine::control::Control;
use crate::engine::gpu::{Gpu, Limits};
use crate::error::{Error, Result};
use crate::load::{data, safetensors};
use crate::net::{Net, objective};
use crate::picture::Preprocess;

/// How long ways to compute layers are measured when a network is loaded, in milliseconds.
const TUNING_MS: f64 = 300.0;

/// An engine.
#[wasm_bindgen]
pub struct WebScope {
    /// The device, unless the CPU runs.
    gpu: RefCell<Option<Gpu>>,
    reason: String,
    /// Whether the ways to compute a network's layers are measured as it is loaded.
    tunes: bool,
}

#[wasm_bindgen]
impl WebScope {
    /// Opens an engine: "auto", "webgpu" or "cpu". It measures the ways to compute a network's layers as it is loaded if
    /// `tune` says so; by default if the adapter is a GPU, as the operators' rules were measured on software ones.
    ///
    /// # Errors
    /// `no_webgpu` if it was asked for and there is none; `bad_argument` for another word.
    pub async fn open(backend: String, tune: Option<bool>) -> JsResult<Self> {
        let (gpu, reason) = choose(&backend).await.map_err(thrown)?;
        let is_real = gpu.as_ref().is_some_and(|gpu| !gpu.adapter().is_fallback);
        Ok(Self {
            gpu: RefCell::new(gpu),
            reason,
            tunes: tune.unwrap_or(is_real),
        })
    }

    /// The ways that were chosen, by layer, as JSON.
    ///
    /// # Errors
    /// None in practice.
    pub fn choices(&self) -> JsResult<String> {
        let choices = self.gpu.borrow().as_ref().map(Gpu::choices);
        serde_json::to_string(&choices.unwrap_or_default())
            .map_err(|error| thrown(Error::internal(error.to_string())))
    }

    /// Chooses ways, given as [`Self::choices`] gives them, for networks that are loaded from now on.
    ///
    /// # Errors
    /// `bad_argument` for anything but an object of strings.
    pub fn choose(&self, choices: &str) -> JsResult<()> {
        let choices = serde_json::from_str(choices).map_err(|error| {
            thrown(Error::bad_argument(format!(
                "choices must be an object with the name of a way for each layer: {error}"
            )))
        })?;
        if let Some(gpu) = self.gpu.borrow().as_ref() {
            gpu.choose(choices);
        }
        Ok(())
    }

    /// "webgpu" or "cpu": what runs.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn backend(&self) -> String {
        let is_gpu = self.gpu.borrow().is_some();
        if is_gpu { "webgpu" } else { "cpu" }.to_owned()
    }

    /// Why it runs.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn reason(&self) -> String {
        self.reason.clone()
    }

    /// The GPU, or `null`.
    ///
    /// # Errors
    /// None in practice.
    #[wasm_bindgen(getter)]
    pub fn adapter(&self) -> JsResult<JsValue> {
        self.gpu
            .borrow()
            .as_ref()
            .map_or(Ok(JsValue::NULL), |gpu| plain(&Adapter::of(gpu)))
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
        let held = self.gpu.borrow().as_ref().map(Gpu::memory);
        #[allow(
            clippy::cast_precision_loss,
            reason = "JavaScript counts in f64; no device holds 2^53 bytes"
        )]
        let gpu_bytes = held.map_or(0.0, |held| held.gpu_bytes as f64);
        set(&object, "gpuBytes", &gpu_bytes.into());
        let buffers = held.map_or(0, |held| held.buffers);
        set(&object, "buffers", &buffers.into());
        let pipelines = held.map_or(0, |held| held.pipelines);
        set(&object, "pipelines", &pipelines.into());
        object.into()
    }

    /// A network as data: the graph's JSON, the bytes of a safetensors file or an object of tensors, the rule for
    /// pictures as JSON, and the names of the classes.
    ///
    /// # Errors
    /// `bad_model` or `unsupported_op` for the network, `bad_argument` for the rule and the names; `no_webgpu` if the
    /// device was lost and there is no other.
    pub async fn load(
        &self,
        graph: String,
        weights: JsValue,
        preprocess: Option<String>,
        labels: Option<Vec<String>>,
    ) -> JsResult<WebNet> {
        let engine = self.engine().await.map_err(thrown)?;
        let net = build(engine, &graph, &weights, preprocess.as_deref(), labels).map_err(thrown)?;
        if self.tunes {
            // What cannot be measured is left to the rules; a device that is lost is told by the first call.
            net.net().tune(TUNING_MS, &Control::new()).await.ok();
        }
        // A pass that cannot be had says so when it is asked for.
        net.net().warm_up().ok();
        Ok(net)
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
    /// The engine for one network; a device that was lost is replaced.
    async fn engine(&self) -> Result<Engine> {
        let Some(gpu) = self.gpu.borrow().clone() else {
            return Ok(Engine::Cpu);
        };
        if gpu.is_lost().is_none() {
            return Ok(Engine::gpu(&gpu));
        }
        let another = Gpu::open(true).await?;
        another.choose(gpu.choices());
        let engine = Engine::gpu(&another);
        self.gpu.replace(Some(another));
        Ok(engine)
    }
}

fn build(
    engine: Engine,
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
    Ok(WebNet::new(Net::new(loaded, weights, engine), labels, rule))
}

/// The device for a backend, `None` for the CPU engine, and why: software adapters lose to the CPU engine, so "auto" takes
/// WebGPU on a real one only.
async fn choose(backend: &str) -> Result<(Option<Gpu>, String)> {
    let on_gpu = |gpu: Gpu, why: &str| (Some(gpu), why.to_owned());
    let on_cpu = |reason: String| (None, reason);
    match backend {
        "auto" => match Gpu::open(false).await {
            Ok(gpu) => Ok(on_gpu(gpu, "there is a WebGPU adapter")),
            Err(error) => Ok(on_cpu(error.message)),
        },
        "cpu" => Ok(on_cpu("the CPU engine was asked for".to_owned())),
        "webgpu" => Ok(on_gpu(Gpu::open(true).await?, "WebGPU was asked for")),
        other => Err(Error::bad_argument(format!(
            "backend must be \"auto\", \"webgpu\" or \"cpu\", not '{other}'"
        ))),
    }
}

/// The adapter as the API shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Adapter {
    vendor: String,
    architecture: String,
    description: String,
    is_fallback_adapter: bool,
    features: Vec<String>,
    limits: Limits,
}

impl Adapter {
    fn of(gpu: &Gpu) -> Self {
        let info = gpu.adapter();
        Self {
            vendor: info.vendor,
            architecture: info.architecture,
            description: info.description,
            is_fallback_adapter: info.is_fallback,
            features: info.features,
            limits: info.limits,
        }
    }
}
