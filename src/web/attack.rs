//! `attack` for JavaScript, and what goes with it: the smallest budget, the loss around a picture.

use js_sys::Object;
use wasm_bindgen::prelude::*;

use super::attack_options::{count, number, read_method, read_overrides};
use super::attack_result::{each, show, write_tried};
use super::control::CallControl;
use super::defend::read_defence;
use super::net::WebNet;
use super::options::Options;
use super::{JsResult, set, tensor, thrown};
use crate::error::Error;
use crate::lab::attack::{self, Method, Plain};
use crate::lab::defence::{Defended, judged};

#[wasm_bindgen]
impl WebNet {
    /// `{ image, success, steps, queries, distance, before, after }`; lists of those that are one a picture for several.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn attack(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let run = async || {
            let (method, options) = read_method("attack", &options, &["defence"])?;
            let origin = self.read_origin(&image, &options)?;
            let request = self.read_request_of(method, &origin, &options, control)?;
            let overrides = read_overrides(&options, &origin)?;
            let units = origin.units().clone();
            let victim = Plain::new(&self.net, units, &overrides, control.inner())?;
            let look = async |look| show(control, &origin, look).await;
            let control = control.inner();
            let outcome = if let Some(defence) = options.get("defence") {
                let (defence, adaptive) = read_defence("attack: defence", &defence)?;
                let (pixels, seed) = (self.pixels_of(&origin)?, request.seed);
                let outcome = if adaptive {
                    let defended = Defended::new(&victim, &defence, &pixels, seed);
                    attack::attack(&defended, &request, control, look).await?
                } else {
                    attack::attack(&victim, &request, control, look).await?
                };
                let start = origin.start();
                judged(&victim, &defence, &pixels, start, outcome, seed, control).await?
            } else {
                attack::attack(&victim, &request, control, look).await?
            };
            self.write_outcome(&origin, &outcome)
        };
        run().await.map_err(thrown)
    }
}

#[wasm_bindgen]
impl WebNet {
    /// The smallest budget with which an attack succeeds: `{ epsilon, image, success, queries, tried }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = smallestEpsilon)]
    pub async fn smallest_epsilon(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let search = async || {
            let call = "smallestEpsilon";
            let (method, options) = read_method(call, &options, &["most", "tolerance"])?;
            for key in ["epsilon", "earlyStop", "every"] {
                if options.get(key).is_some() {
                    return Err(Error::bad_argument(format!(
                        "{call} has no option '{key}': it chooses the budget, up to most, and looks at the last picture of each run"
                    )));
                }
            }
            let origin = self.read_origin(&image, &options)?;
            let request = self.read_request_of(method, &origin, &options, control)?;
            let overrides = read_overrides(&options, &origin)?;
            let (mut most, mut tolerance) = (1.0, 1.0 / 2550.0);
            number(&options, "most", &mut most)?;
            number(&options, "tolerance", &mut tolerance)?;
            let units = origin.units().clone();
            let victim = Plain::new(&self.net, units, &overrides, control.inner())?;
            let control = control.inner();
            let found =
                attack::smallest_epsilon(&victim, &request, most, tolerance, control).await?;
            let object = Object::new();
            let epsilons = found.epsilon.iter().map(|epsilon| match epsilon {
                Some(epsilon) => JsValue::from(*epsilon),
                None => JsValue::NULL,
            });
            set(&object, "epsilon", &each(epsilons));
            let success = found.epsilon.iter().map(|epsilon| epsilon.is_some().into());
            set(&object, "success", &each(success));
            set(
                &object,
                "image",
                &tensor::write(&origin.back(&found.pictures)?),
            );
            let queries = found.queries.iter().map(|&count| count.into());
            set(&object, "queries", &each(queries));
            let tried = found.tried.iter().map(|tried| write_tried(tried));
            set(&object, "tried", &each(tried));
            Ok(JsValue::from(object))
        };
        search().await.map_err(thrown)
    }

    /// The loss around a picture: `{ loss, classes }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = lossSurface)]
    pub async fn loss_surface(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let survey = async || {
            let known = [
                "label", "target", "min", "max", "units", "override", "epsilon", "size",
            ];
            let options = Options::new("lossSurface", &options, &known)?;
            let origin = self.read_origin(&image, &options)?;
            let (mut epsilon, mut size) = (2.0 * attack::EPSILON, 21);
            number(&options, "epsilon", &mut epsilon)?;
            count(&options, "size", &mut size)?;
            let request = self.read_request_of(Method::Fgsm, &origin, &options, control)?;
            let overrides = read_overrides(&options, &origin)?;
            let units = origin.units().clone();
            let victim = Plain::new(&self.net, units, &overrides, control.inner())?;
            let control = control.inner();
            let surface = attack::loss_surface(&victim, &request, size, epsilon, control).await?;
            let classes: Vec<i32> = (surface.classes.iter())
                .map(|&class| i32::try_from(class).unwrap_or(i32::MAX))
                .collect();
            let object = Object::new();
            set(&object, "loss", &tensor::write(&surface.losses));
            set(
                &object,
                "classes",
                &js_sys::Int32Array::from(classes.as_slice()),
            );
            Ok(JsValue::from(object))
        };
        survey().await.map_err(thrown)
    }
}
