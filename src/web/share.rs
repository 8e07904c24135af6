//! Helpers of a network: other workers, each with an engine and a copy of the network. Here is how a pass crosses to one and
//! back; `api/pool.js` keeps the workers.

use std::rc::Rc;

use js_sys::{Array, Object, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::control::CallControl;
use super::net::{WebNet, texts};
use super::options::{Options, whole};
use super::{JsResult, objective, set, tensor, thrown};
use crate::engine::Parameter;
use crate::error::{Error, Result};
use crate::net::share::{Answer, Helpers, Request, Wanted};
use crate::net::slopes::Loss;
use crate::tensor::Tensor;

#[wasm_bindgen]
extern "C" {
    /// `{ count, hasRoom(), ask(request) }`
    pub type Pool;

    #[wasm_bindgen(method, getter)]
    fn count(this: &Pool) -> usize;

    #[wasm_bindgen(method, js_name = hasRoom)]
    fn has_room(this: &Pool) -> bool;

    /// A promise of what [`WebNet::answer`] says.
    #[wasm_bindgen(method)]
    fn ask(this: &Pool, request: JsValue) -> Promise;
}

impl Helpers for Pool {
    fn count(&self) -> usize {
        Self::count(self)
    }

    fn offer(&self, request: &Request<'_>) -> Option<Answer> {
        if !self.has_room() {
            return None;
        }
        let promise = self.ask(write(request));
        Some(Box::pin(async {
            // Why it failed is not asked: whoever runs the pass again says it.
            let failed = |_| Error::internal("a helper failed");
            let answer = JsFuture::from(promise).await.map_err(failed)?;
            let tensors = Array::from(&answer);
            tensors
                .iter()
                .map(|each| tensor::read("an answer", &each))
                .collect()
        }))
    }
}

#[wasm_bindgen]
impl WebNet {
    /// Has passes of sweeps run by the workers of a pool, too.
    #[wasm_bindgen(js_name = shareWith)]
    pub fn share_with(&self, pool: Pool) {
        self.net().share_with(Rc::new(pool));
    }

    /// The number of the weights' version.
    #[wasm_bindgen(getter)]
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "versions are far below 2^53")]
    pub fn version(&self) -> f64 {
        self.net().weights_version() as f64
    }

    /// The weights that were changed after a version, or all, as `load` takes them.
    ///
    /// # Errors
    /// None in practice; the signature is that of the tensor's constructor.
    #[wasm_bindgen(js_name = weightsSince)]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "versions come from `version`"
    )]
    pub fn weights_since(&self, version: Option<f64>) -> JsResult<JsValue> {
        let parameters = self.net().parameters();
        let object = Object::new();
        let put = |(name, parameter): (&String, &Parameter)| -> Result<()> {
            let values = parameter.values.to_vec();
            let tensor = Tensor::new(values, parameter.shape.clone())?;
            set(&object, name, &tensor::write(&tensor));
            Ok(())
        };
        match version {
            None => parameters.iter().try_for_each(put),
            Some(version) => parameters.since(version as u64).try_for_each(put),
        }
        .map_err(thrown)?;
        Ok(object.into())
    }

    /// Runs a pass as a helper: a list of tensors.
    ///
    /// # Errors
    /// Those of the pass.
    pub async fn answer(&self, request: JsValue, control: &CallControl) -> JsResult<Array> {
        let tensors = self.run_request(&request, control).await.map_err(thrown)?;
        Ok(tensors.iter().map(tensor::write).collect())
    }
}

/// A request for a helper.
fn write(request: &Request<'_>) -> JsValue {
    let object = Object::new();
    let put = |key: &str, value: JsValue| set(&object, key, &value);
    put("images", tensor::write(request.images));
    put("overrides", tensor::write_overrides(request.overrides));
    let names = |names: &[&str]| {
        JsValue::from(
            names
                .iter()
                .map(|&name| JsValue::from(name))
                .collect::<Array>(),
        )
    };
    match request.wanted {
        Wanted::Logits => {}
        Wanted::Values(wanted) => put("objective", objective::write(wanted)),
        Wanted::Activations(layers) => put("layers", names(layers)),
        Wanted::Gradient(wanted, wrt) => {
            put("objective", objective::write(wanted));
            put("wrt", names(wrt));
        }
        Wanted::Slopes(Loss::CrossEntropy(classes)) => {
            let classes: Array = classes.iter().map(|&class| JsValue::from(class)).collect();
            put("classes", classes.into());
        }
        Wanted::Slopes(Loss::Logits(weights)) => put("weights", tensor::write(weights)),
    }
    object.into()
}

impl WebNet {
    async fn run_request(&self, request: &JsValue, control: &CallControl) -> Result<Vec<Tensor>> {
        let known = [
            "images",
            "overrides",
            "objective",
            "layers",
            "wrt",
            "classes",
            "weights",
        ];
        let request = Options::new("a helper", request, &known)?;
        let images = request.get("images").unwrap_or_default();
        let images = tensor::read("the pictures", &images)?;
        let overrides = tensor::read_overrides(request.get("overrides").as_ref())?;
        let list = |key: &str| -> Result<Option<Vec<String>>> {
            let list = request.get(key);
            list.map(|list| texts("a helper", key, &list)).transpose()
        };
        let (layers, wrt) = (list("layers")?, list("wrt")?);
        let wanted = request.get("objective");
        let wanted = wanted.map(|wanted| objective::read(&wanted)).transpose()?;
        let loss = match (request.get("classes"), request.get("weights")) {
            (Some(classes), _) => {
                let classes = Array::from(&classes);
                let classes: Option<Vec<usize>> = classes.iter().map(|each| whole(&each)).collect();
                classes.map(Loss::CrossEntropy)
            }
            (None, Some(weights)) => Some(Loss::Logits(tensor::read("weights", &weights)?)),
            (None, None) => None,
        };
        let (layers, wrt) = (
            layers.as_deref().map(borrowed),
            wrt.as_deref().map(borrowed),
        );
        let wanted = match (&wanted, &layers, &wrt, &loss) {
            (Some(wanted), _, Some(wrt), _) => Wanted::Gradient(wanted, wrt),
            (Some(wanted), _, None, _) => Wanted::Values(wanted),
            (None, Some(layers), _, _) => Wanted::Activations(layers),
            (None, None, _, Some(loss)) => Wanted::Slopes(loss),
            (None, None, _, None) => Wanted::Logits,
        };
        let request = Request {
            images: &images,
            overrides: &overrides,
            wanted,
        };
        self.net().answer(&request, control.inner()).await
    }
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
