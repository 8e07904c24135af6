//! What units respond to, and the statistics of filters.

use js_sys::{Array, Date, Float32Array, Object, Uint32Array};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::control::CallControl;
use super::net::WebNet;
use super::options::{Options, whole, word};
use super::{JsResult, plain, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::lens::{field, filters, units};
use crate::load::arch::fashion;

/// Milliseconds between two steps that a listener sees.
const STEP_MS: f64 = 150.0;

/// More hits than this are no selection any more.
const MOST_HITS: usize = 1000;

/// The share of Σ|∂unit/∂X| along each axis that the core of a measured field holds.
const SHARE: f64 = 0.95;

/// The finest grid of frequencies.
const MOST_FREQUENCIES: usize = 256;

#[derive(Serialize)]
struct Survey {
    layer: String,
    pictures: usize,
    units: Vec<units::Unit>,
}

#[wasm_bindgen]
impl WebNet {
    /// Where channels of a layer are highest over a set of pictures: `{ layer, pictures, units }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = topActivations)]
    pub async fn top_activations(
        &self,
        images: JsValue,
        layer: String,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let survey = async || {
            let options = Options::new(
                "topActivations",
                &options,
                &["count", "channels", "perPicture", "apart"],
            )?;
            let count = options.index("count")?.unwrap_or(9);
            if !(1..=MOST_HITS).contains(&count) {
                return Err(options.wrong("count", &format!("from 1 to {MOST_HITS}")));
            }
            let per_picture = options.index("perPicture")?.unwrap_or(1);
            if per_picture == 0 {
                return Err(options.wrong("perPicture", "at least 1"));
            }
            let search = units::Search {
                layer: layer.clone(),
                channels: channels(&options)?,
                count,
                per_picture: per_picture.min(count),
                apart: options.index("apart")?.unwrap_or(1),
            };
            let images = tensor::read_image(&images)?;
            let mut shown = Date::now();
            let survey = units::top_activations(
                self.net(),
                &images,
                &search,
                control.inner(),
                async |survey, pictures| {
                    if control.has_listener() && Date::now() - shown > STEP_MS {
                        control.show(&survey_of(&layer, survey, pictures)?).await?;
                        shown = Date::now();
                    }
                    Ok(())
                },
            )
            .await?;
            survey_of(&layer, &survey, images.activation_shape().n())
        };
        survey().await.map_err(thrown)
    }

    /// What one unit sees of a picture: `{ theoretical, support, core, share, map }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = receptiveField)]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a share is rounded to the engine's f32"
    )]
    pub async fn receptive_field(
        &self,
        image: JsValue,
        layer: String,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let measured = async || {
            let options =
                Options::new("receptiveField", &options, &["channel", "y", "x", "share"])?;
            let unit = [
                options.required_index("channel")?,
                options.required_index("y")?,
                options.required_index("x")?,
            ];
            let share = options.number("share")?.unwrap_or(SHARE);
            let image = tensor::read_image(&image)?;
            let found = field::measured(
                self.net(),
                &image,
                &layer,
                unit,
                share as f32,
                control.inner(),
            )
            .await?;
            Ok((found, share))
        };
        let (found, share) = measured().await.map_err(thrown)?;
        let object = Object::new();
        set(&object, "theoretical", &plain(&found.theoretical)?);
        set(&object, "support", &plain(&found.support)?);
        set(&object, "core", &plain(&found.core)?);
        set(&object, "share", &share.into());
        set(&object, "map", &tensor::write(&found.map));
        Ok(object.into())
    }

    /// Statistics of the filters of a layer: `{ norms, sums, mean, deviation, histogram, nearest, cosines, spectra }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn filters(
        &self,
        layer: String,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let filters = async || {
            let options = Options::new("filters", &options, &["bins", "spectrum"])?;
            let bins = options.index("bins")?.unwrap_or(61);
            if !(1..=10_000).contains(&bins) {
                return Err(options.wrong("bins", "from 1 to 10000"));
            }
            let size = options.index("spectrum")?;
            if size.is_some_and(|size| size > MOST_FREQUENCIES) {
                return Err(options.wrong("spectrum", &format!("at most {MOST_FREQUENCIES}")));
            }
            let weight = self.weight_of(&layer)?;
            let found = filters::statistics(&weight, bins, control.inner()).await?;
            let spectra = match size {
                Some(size) => Some(filters::spectra(&weight, size, control.inner()).await?),
                None => None,
            };
            Ok((found, spectra))
        };
        let (found, spectra) = filters().await.map_err(thrown)?;
        let histogram = Object::new();
        set(&histogram, "most", &found.histogram.most.into());
        set(
            &histogram,
            "counts",
            &Uint32Array::from(found.histogram.counts.as_slice()),
        );
        let object = Object::new();
        set(
            &object,
            "norms",
            &Float32Array::from(found.norms.as_slice()),
        );
        set(&object, "sums", &Float32Array::from(found.sums.as_slice()));
        set(&object, "mean", &found.mean.into());
        set(&object, "deviation", &found.deviation.into());
        set(&object, "histogram", &histogram);
        set(&object, "nearest", &plain(&found.nearest)?);
        let or_null =
            |value: Option<&crate::tensor::Tensor>| value.map_or(JsValue::NULL, tensor::write);
        set(&object, "cosines", &or_null(found.cosines.as_ref()));
        set(&object, "spectra", &or_null(spectra.as_ref()));
        Ok(object.into())
    }
}

impl WebNet {
    /// The weight of a layer, as it is now.
    fn weight_of(&self, layer: &str) -> Result<crate::tensor::Tensor> {
        let layers = self.net().layers();
        let found = layers
            .iter()
            .find(|each| each.name == layer)
            .ok_or_else(|| {
                Error::bad_argument(format!(
                    "there is no layer '{layer}' in this network; `layers` lists them"
                ))
            })?;
        match &found.weight {
            Some(weight) if ["conv2d", "linear"].contains(&found.op.as_str()) => {
                self.net().weights(weight)
            }
            _ => Err(Error::bad_argument(format!(
                "layer '{layer}' is {}, which has no filters; take a convolution or a linear layer",
                found.op
            ))),
        }
    }
}

/// The weights by name with which the training of a shipped network began: its architecture and seed stand in its entry
/// among the models.
///
/// # Errors
/// `bad_argument` for an architecture that is not trained here, or a seed that is no whole number.
#[wasm_bindgen(js_name = initialWeights)]
#[allow(
    clippy::needless_pass_by_value,
    reason = "values of JavaScript come owned"
)]
pub fn initial_weights(architecture: &str, seed: JsValue) -> JsResult<JsValue> {
    let weights = || {
        if architecture != "fashion" {
            return Err(Error::bad_argument(format!(
                "initialWeights: no architecture '{architecture}' is trained here; there is fashion"
            )));
        }
        let seed = whole(&seed).ok_or_else(|| {
            Error::bad_argument(format!(
                "initialWeights: seed must be a whole number from 0, not {}",
                word(&seed)
            ))
        })?;
        fashion::initial_weights(seed as u64)
    };
    let object = Object::new();
    for (name, weight) in weights().map_err(thrown)? {
        set(&object, &name, &tensor::write(&weight));
    }
    Ok(object.into())
}

/// The list of channels, empty for all of them.
fn channels(options: &Options) -> Result<Vec<usize>> {
    let Some(value) = options.get("channels") else {
        return Ok(Vec::new());
    };
    let wrong = || options.wrong("channels", "a list of at least one channel");
    if !Array::is_array(&value) {
        return Err(wrong());
    }
    let list: Option<Vec<usize>> = Array::from(&value)
        .iter()
        .map(|channel| whole(&channel))
        .collect();
    list.filter(|list| !list.is_empty()).ok_or_else(wrong)
}

fn survey_of(layer: &str, survey: &units::Survey, pictures: usize) -> Result<JsValue> {
    plain(&Survey {
        layer: layer.to_owned(),
        pictures,
        units: survey.units(),
    })
    .map_err(|_| Error::internal("what units respond to has no form in JavaScript"))
}
