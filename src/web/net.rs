//! A loaded network for JavaScript. Pictures come as tensors here; `preprocess` makes them from pixels.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Object, Uint8ClampedArray};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::control::CallControl;
use super::embed::Embedded;
use super::options::{Options, word};
use super::prepared::PreparedPasses;
use super::synthesize::read_size;
use super::{JsResult, objective, plain, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::graph::layers::Layer;
use crate::lab::train::Trainer;
use crate::lens::prediction;
use crate::net::Net;
use crate::picture::{self, Preprocess};
use crate::tensor::Tensor;

/// A network with what a person wants to know of it.
#[wasm_bindgen]
pub struct WebNet {
    pub(super) net: Net,
    labels: Vec<String>,
    rule: Option<Preprocess>,
    /// What training keeps between calls; away while one trains.
    pub(super) trainer: RefCell<Option<Trainer>>,
    /// Passes with their pictures.
    pub(super) prepared: PreparedPasses,
    /// The space that was embedded last.
    pub(super) embedded: RefCell<Option<Rc<Embedded>>>,
}

/// Rows or columns to which a picture is resized at most.
const MOST_SIDE: usize = 4096;

/// What the API shows as properties.
#[derive(Serialize)]
struct Description<'n> {
    name: &'n str,
    labels: &'n [String],
    input: Input<'n>,
    layers: Vec<Layer>,
    folded: bool,
}

#[derive(Serialize)]
struct Input<'n> {
    shape: [usize; 4],
    preprocess: Option<&'n Preprocess>,
}

impl WebNet {
    pub(super) fn new(net: Net, labels: Vec<String>, rule: Option<Preprocess>) -> Self {
        Self {
            net,
            labels,
            rule,
            trainer: RefCell::new(Some(Trainer::default())),
            prepared: PreparedPasses::default(),
            embedded: RefCell::new(None),
        }
    }

    /// The network itself.
    pub(super) const fn net(&self) -> &Net {
        &self.net
    }

    /// The names of its classes.
    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The rule that makes its input from a picture.
    pub(super) fn rule(&self) -> Result<&Preprocess> {
        self.rule.as_ref().ok_or_else(|| {
            Error::bad_image(format!(
                "this network's input has {} channels, which no picture gives; pass a Tensor instead",
                self.net.input_shape().c()
            ))
        })
    }
}

#[wasm_bindgen]
impl WebNet {
    /// `{ name, labels, input, layers, folded }`.
    ///
    /// # Errors
    /// None in practice.
    pub fn describe(&self) -> JsResult<JsValue> {
        plain(&Description {
            name: self.net.name(),
            labels: &self.labels,
            input: Input {
                shape: self.net.input_shape().0,
                preprocess: self.rule.as_ref(),
            },
            layers: self.net.layers(),
            folded: self.net.is_folded(),
        })
    }

    /// Whether a weight differs from the loaded one.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn modified(&self) -> bool {
        self.net.is_modified()
    }

    /// RGBA pixels in model space: a tensor `[1, C, H, W]`, at the network's size or that of the options, `{ size }`.
    ///
    /// # Errors
    /// `bad_image` if the pixels do not fit the extents or the network takes no pictures; `bad_argument` for another size.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "values of JavaScript come owned"
    )]
    pub fn preprocess(
        &self,
        rgba: &[u8],
        width: usize,
        height: usize,
        options: JsValue,
    ) -> JsResult<JsValue> {
        let prepare = || {
            let options = Options::new("preprocess", &options, &["size"])?;
            let mut rule = self.rule()?.clone();
            if let Some(size) = options.get("size") {
                let is_size = |length: &usize| (1..=MOST_SIDE).contains(length);
                let fits = read_size(&size).filter(|size| size.iter().all(is_size));
                rule.size = fits.ok_or_else(|| {
                    options.wrong(
                        "size",
                        "a whole number of pixels up to 4096, or [rows, columns]",
                    )
                })?;
            }
            picture::preprocess(rgba, width, height, &rule)
        };
        let tensor = prepare().map_err(thrown)?;
        Ok(tensor::write(&tensor))
    }

    /// RGBA pixels of a tensor `[1, C, H, W]` in model space.
    ///
    /// # Errors
    /// `bad_argument` if it is no picture of this network, or several.
    #[wasm_bindgen(js_name = toPixels)]
    #[allow(
        clippy::needless_pass_by_value,
        reason = "values of JavaScript come owned"
    )]
    pub fn to_pixels(&self, values: JsValue) -> JsResult<JsValue> {
        let pixels = || {
            let tensor = tensor::read("toPixels", &values)?;
            let shape = tensor.activation_shape();
            if shape.n() != 1 || shape.is_empty() {
                return Err(Error::bad_argument(format!(
                    "toPixels takes one picture, a tensor [1, C, H, W], not {:?}",
                    tensor.shape()
                )));
            }
            Ok((picture::to_pixels(&tensor, self.rule()?)?, shape))
        };
        let (rgba, shape) = pixels().map_err(thrown)?;
        let object = Object::new();
        set(&object, "rgba", &Uint8ClampedArray::from(rgba.as_slice()));
        set(&object, "width", &shape.w().into());
        set(&object, "height", &shape.h().into());
        Ok(object.into())
    }

    /// `{ logits, probabilities, top }`; `top` is a list of lists for several pictures.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn predict(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let predict = async || {
            let options = Options::new("predict", &options, &["top", "override"])?;
            let count = options.index("top")?.unwrap_or(5);
            if count == 0 {
                return Err(options.wrong("top", "at least 1"));
            }
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            let image = tensor::read_image(&image)?;
            let logits = self
                .net
                .logits_of_set(&image, &overrides, control.inner())
                .await?;
            self.write_prediction(&logits, count)
        };
        predict().await.map_err(thrown)
    }

    /// A parameter.
    ///
    /// # Errors
    /// `bad_argument` if there is none of that name.
    pub fn weights(&self, name: &str) -> JsResult<JsValue> {
        let weight = self.net.weights(name).map_err(thrown)?;
        Ok(tensor::write(&weight))
    }

    /// Replaces a parameter.
    ///
    /// # Errors
    /// `bad_argument` if it does not fit.
    #[wasm_bindgen(js_name = setWeights)]
    #[allow(
        clippy::needless_pass_by_value,
        reason = "values of JavaScript come owned"
    )]
    pub fn set_weights(&self, name: &str, values: JsValue) -> JsResult<()> {
        tensor::read("setWeights", &values)
            .and_then(|tensor| self.net.set_weights(name, tensor))
            .map_err(thrown)
    }

    /// Brings the loaded parameters back.
    pub fn restore(&self) {
        self.net.restore();
    }

    /// Outputs of layers by name.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn activations(
        &self,
        image: JsValue,
        names: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let activations = async || {
            let options = Options::new("activations", &options, &["override"])?;
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            let names = texts("activations", "layer names", &names)?;
            let image = tensor::read_image(&image)?;
            let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
            let values = self
                .net
                .activations_of_set(&image, &borrowed, &overrides, control.inner())
                .await?;
            Ok((names, values))
        };
        let (names, values) = activations().await.map_err(thrown)?;
        let object = Object::new();
        for (name, value) in names.iter().zip(&values) {
            set(&object, name, &tensor::write(value));
        }
        Ok(object.into())
    }

    /// The value of an objective.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn value(
        &self,
        image: JsValue,
        objective: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<f32> {
        let value = async || {
            let options = Options::new("value", &options, &["override"])?;
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            let objective = objective::read(&objective)?;
            let image = tensor::read_image(&image)?;
            self.net
                .value(&image, &objective, &overrides, control.inner())
                .await
        };
        value().await.map_err(thrown)
    }

    /// The gradient of an objective: a tensor, or `{ value, [name]: tensor }` where `wrt` is a list.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn gradient(
        &self,
        image: JsValue,
        objective: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let gradient = async || {
            let options = Options::new("gradient", &options, &["wrt", "override"])?;
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            let wrt = options.get("wrt").unwrap_or_else(|| "input".into());
            let is_list = Array::is_array(&wrt);
            let names = match wrt.as_string() {
                Some(name) => vec![name],
                None => texts("gradient", "wrt", &wrt)?,
            };
            let objective = objective::read(&objective)?;
            let image = tensor::read_image(&image)?;
            let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
            let (value, gradients) = self
                .net
                .gradient(&image, &objective, &borrowed, &overrides, control.inner())
                .await?;
            Ok((is_list, value, names, gradients))
        };
        let (is_list, value, names, gradients) = gradient().await.map_err(thrown)?;
        if !is_list {
            return Ok(gradients.first().map_or(JsValue::UNDEFINED, tensor::write));
        }
        let object = Object::new();
        set(&object, "value", &value.into());
        for (name, gradient) in names.iter().zip(&gradients) {
            set(&object, name, &tensor::write(gradient));
        }
        Ok(object.into())
    }

    /// The Gram matrix of a layer.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn gram(
        &self,
        image: JsValue,
        layer: String,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let gram = async || {
            let options = Options::new("gram", &options, &["normalize", "override"])?;
            let normalize = options.flag("normalize")?.unwrap_or(true);
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            let image = tensor::read_image(&image)?;
            self.net
                .gram(&image, &layer, normalize, &overrides, control.inner())
                .await
        };
        let matrix = gram().await.map_err(thrown)?;
        Ok(tensor::write(&matrix))
    }

    fn labelled(&self, list: &[(usize, f32)]) -> JsValue {
        let entries: Array = list
            .iter()
            .map(|&(index, probability)| {
                let label = self.labels.get(index).map_or("", String::as_str);
                let entry = Object::new();
                set(&entry, "index", &index.into());
                set(&entry, "label", &label.into());
                set(&entry, "probability", &probability.into());
                JsValue::from(entry)
            })
            .collect();
        entries.into()
    }
}

impl WebNet {
    /// `{ logits, probabilities, top }` with `count` likeliest classes; `top` is a list of lists for several pictures.
    pub(super) fn write_prediction(&self, logits: &Tensor, count: usize) -> Result<JsValue> {
        let probabilities = prediction::probabilities(logits)?;
        let top = prediction::top(&probabilities, count);
        let lists: Array = top.iter().map(|list| self.labelled(list)).collect();
        let object = Object::new();
        set(&object, "logits", &tensor::write(logits));
        set(&object, "probabilities", &tensor::write(&probabilities));
        if top.len() == 1 {
            set(&object, "top", &lists.get(0));
        } else {
            set(&object, "top", &lists);
        }
        Ok(object.into())
    }
}

/// A list of names.
pub(super) fn texts(call: &str, what: &str, value: &JsValue) -> Result<Vec<String>> {
    let wrong = || {
        Error::bad_argument(format!(
            "{call}: {what} must be a list of names, not {}",
            word(value)
        ))
    };
    if !Array::is_array(value) {
        return Err(wrong());
    }
    Array::from(value)
        .iter()
        .map(|name| name.as_string().ok_or_else(wrong))
        .collect()
}
