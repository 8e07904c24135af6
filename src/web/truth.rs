//! Whether maps are true, for JavaScript: identities, deletion and insertion curves, randomised weights, likeness of maps.

use wasm_bindgen::prelude::*;

use super::attribute::{read_baseline, read_method};
use super::control::CallControl;
use super::net::{WebNet, texts};
use super::options::Options;
use super::{JsResult, objective, plain, tensor, thrown};
use crate::lens::attribution::identities;
use crate::lens::faithfulness::{self, faithfulness};
use crate::lens::similarity;

#[wasm_bindgen]
impl WebNet {
    /// The identities of an attribution method, `[{ name, formula, left, right, error, tolerance, holds }]`.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn check(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let check = async || {
            let (method, options) = read_method("check", &options, &["map"])?;
            let settings = self.read_settings(method, &options, control.seed())?;
            let map = options
                .get("map")
                .map(|map| tensor::read("map", &map))
                .transpose()?;
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            let image = tensor::read_image(&image)?;
            identities(
                &self.net,
                &image,
                method,
                &settings,
                map.as_ref(),
                &overrides,
                control.inner(),
            )
            .await
        };
        plain(&check().await.map_err(thrown)?)
    }

    /// Deletion and insertion curves of a map, `{ map, random, reversed }`, each `{ deletion, insertion }` of
    /// `{ values, area }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn faithfulness(
        &self,
        image: JsValue,
        map: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let curves = async || {
            let known = ["target", "steps", "baseline", "override"];
            let options = Options::new("faithfulness", &options, &known)?;
            let mut settings = faithfulness::Settings {
                target: options
                    .get("target")
                    .map(|target| objective::read_target(&target))
                    .transpose()?,
                seed: control.seed(),
                ..faithfulness::Settings::default()
            };
            if let Some(steps) = options.index("steps")? {
                settings.steps = steps;
            }
            if let Some(baseline) = read_baseline(self, &options, "baseline")? {
                settings.baseline = baseline;
            }
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            let image = tensor::read_image(&image)?;
            let map = tensor::read("the map", &map)?;
            let control = control.inner();
            faithfulness(&self.net, &image, &map, &settings, &overrides, control).await
        };
        plain(&curves().await.map_err(thrown)?)
    }

    /// Re-initialises the weights of layers; all of them without `layers`.
    ///
    /// # Errors
    /// `bad_argument` for a layer that does not exist.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "values of JavaScript come owned"
    )]
    pub fn randomize(&self, options: JsValue, control: &CallControl) -> JsResult<()> {
        let randomize = || {
            let options = Options::new("randomize", &options, &["layers"])?;
            let layers = match options.get("layers") {
                Some(layers) => texts("randomize", "layers", &layers)?,
                None => self
                    .net
                    .layers()
                    .into_iter()
                    .map(|layer| layer.name)
                    .collect(),
            };
            let names: Vec<&str> = layers.iter().map(String::as_str).collect();
            self.net.randomize(&names, control.seed())
        };
        randomize().map_err(thrown)
    }
}

/// How alike two maps are, `{ spearman, spearmanAbsolute, ssim }`.
///
/// # Errors
/// `bad_argument` if their shapes differ.
#[wasm_bindgen]
#[allow(
    clippy::needless_pass_by_value,
    reason = "values of JavaScript come owned"
)]
pub fn similarity(a: JsValue, b: JsValue) -> JsResult<JsValue> {
    let compare = || {
        similarity::similarity(
            &tensor::read("the first map", &a)?,
            &tensor::read("the second map", &b)?,
        )
    };
    plain(&compare().map_err(thrown)?)
}
