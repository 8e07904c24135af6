//! `attribute` for JavaScript: its options, read and checked.

use wasm_bindgen::prelude::*;

use super::control::CallControl;
use super::net::WebNet;
use super::options::{Options, whole};
use super::{JsResult, objective, tensor, thrown};
use crate::error::{Error, Result};
use crate::lens::attribution::{Baseline, Method, Settings, attribute};
use crate::lens::rules::Lrp;

/// Options of every method.
const COMMON: [&str; 3] = ["method", "target", "override"];

/// The words for baselines, beside a number and a picture.
const BASELINES: &str =
    "\"zero\", \"black\", \"mean\", \"blur\", \"noise\", a number in model space or a picture";

#[wasm_bindgen]
impl WebNet {
    /// An attribution map.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn attribute(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let attribute = async || {
            let (method, options) = read_method("attribute", &options, &[])?;
            let settings = self.read_settings(method, &options, control.seed())?;
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            let image = tensor::read_image(&image)?;
            let control = control.inner();
            attribute(&self.net, &image, method, &settings, &overrides, control).await
        };
        let map = attribute().await.map_err(thrown)?;
        Ok(tensor::write(&map))
    }
}

/// The method of a call, and its options, of which none is unknown to it or the call.
pub(super) fn read_method(
    call: &str,
    value: &JsValue,
    more: &[&'static str],
) -> Result<(Method, Options)> {
    let common = [&COMMON, more].concat();
    let mut known = common.clone();
    for method in Method::ALL {
        known.extend(
            method
                .options()
                .iter()
                .filter(|name| !common.contains(name)),
        );
    }
    known.sort_unstable();
    known.dedup();
    let options = Options::new(call, value, &known)?;
    let name = options.text("method")?;
    let known = || {
        let names: Vec<&str> = Method::ALL.iter().map(|method| method.name()).collect();
        options.wrong("method", &format!("one of {}", names.join(", ")))
    };
    let method: Method = name.and_then(|name| name.parse().ok()).ok_or_else(known)?;
    for key in options.keys() {
        let key = key.as_str();
        if !common.contains(&key) && !method.options().contains(&key) {
            let has = match method.options() {
                [] => "none of its own".to_owned(),
                names => names.join(", "),
            };
            return Err(Error::bad_argument(format!(
                "{call}: {} has no option '{key}'; it has {has}",
                method.name()
            )));
        }
    }
    Ok((method, options))
}

impl WebNet {
    /// The settings of a method.
    pub(super) fn read_settings(
        &self,
        method: Method,
        options: &Options,
        seed: u64,
    ) -> Result<Settings> {
        let mut settings = Settings {
            seed,
            target: options
                .get("target")
                .map(|target| objective::read_target(&target))
                .transpose()?,
            window: pair(options, "window")?,
            stride: pair(options, "stride")?,
            ..Settings::default()
        };
        set(&mut settings.steps, options.index("steps")?);
        settings.layer = options.text("layer")?;
        set(&mut settings.relu, options.flag("relu")?);
        set(&mut settings.resize, options.flag("resize")?);
        match options.get("masks").filter(JsValue::is_object) {
            Some(masks) => settings.given_masks = Some(tensor::read("masks", &masks)?),
            None => set(&mut settings.masks, options.index("masks")?),
        }
        match (options.text("rule")?, method) {
            (Some(name), Method::Lrp) => settings.lrp.rule = name.parse()?,
            (Some(name), _) => settings.rule = name.parse()?,
            (None, _) => {}
        }
        if method == Method::Lrp {
            self.read_lrp(options, &mut settings.lrp)?;
        }
        set(
            &mut settings.baseline,
            read_baseline(self, options, "baseline")?,
        );
        set(&mut settings.fill, read_baseline(self, options, "fill")?);
        self.read_noise(options, &mut settings)?;
        if method == Method::VarGrad && settings.samples < 2 && settings.noise.is_none() {
            return Err(options.wrong("samples", "at least 2, as a variance of one is none"));
        }
        Ok(settings)
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "the deviation is rounded to the engine's f32"
    )]
    fn read_noise(&self, options: &Options, settings: &mut Settings) -> Result<()> {
        let sigma = options.number("sigma")?;
        if sigma.is_some_and(|sigma| sigma < 0.0) {
            return Err(options.wrong("sigma", "a share from 0"));
        }
        let samples = options.index("samples")?;
        if let Some(noise) = options.get("noise") {
            let noise = tensor::read("noise", &noise)?;
            if sigma.is_some() {
                return Err(Error::bad_argument(
                    "attribute: noise is added as it is, so that sigma would change nothing; give one of them",
                ));
            }
            if samples.is_some_and(|samples| samples != noise.activation_shape().n()) {
                return Err(options.wrong("samples", "the first extent of noise, or left out"));
            }
            settings.noise = Some(noise);
        }
        set(&mut settings.samples, samples);
        set(&mut settings.sigma, sigma.map(|sigma| sigma as f32));
        Ok(())
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "options are rounded to the engine's f32"
    )]
    fn read_lrp(&self, options: &Options, lrp: &mut Lrp) -> Result<()> {
        for (key, setting) in [("epsilon", &mut lrp.epsilon), ("gamma", &mut lrp.gamma)] {
            let number = options.number(key)?;
            if number.is_some_and(|number| number < 0.0) {
                return Err(options.wrong(key, "a number from 0"));
            }
            set(setting, number.map(|number| number as f32));
        }
        // Pixels are from 0 to 1 before they are normalised; where no rule says how, 0 and 1 it is.
        let rule = self.rule().ok();
        for (key, bound, pixel) in [("low", &mut lrp.low, 0.0), ("high", &mut lrp.high, 1.0)] {
            *bound = match options.get(key) {
                Some(value) => numbers(&value).ok_or_else(|| {
                    options.wrong(key, "a number in model space, or a list with one a channel")
                })?,
                None => rule.map_or_else(
                    || vec![pixel as f32],
                    |rule| {
                        (rule.mean.iter().zip(&rule.std))
                            .map(|(mean, std)| ((pixel - mean) / std) as f32)
                            .collect()
                    },
                ),
            };
        }
        if let Some(rules) = options.get("layerRules") {
            let wrong = || options.wrong("layerRules", "an object of rules by layer");
            let rules = rules.dyn_ref::<js_sys::Object>().ok_or_else(wrong)?;
            for entry in js_sys::Object::entries(rules) {
                let entry: js_sys::Array = entry.unchecked_into();
                let (Some(layer), Some(rule)) =
                    (entry.get(0).as_string(), entry.get(1).as_string())
                else {
                    return Err(wrong());
                };
                lrp.layer_rules.insert(layer, rule.parse()?);
            }
        }
        Ok(())
    }

    /// Black in model space, a number a channel.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "colours are rounded to the engine's f32"
    )]
    fn black(&self) -> Result<Vec<f32>> {
        let rule = self.rule()?;
        Ok(rule
            .mean
            .iter()
            .zip(&rule.std)
            .map(|(mean, std)| (-mean / std) as f32)
            .collect())
    }
}

/// A word, a number or a picture.
#[allow(
    clippy::cast_possible_truncation,
    reason = "colours are rounded to the engine's f32"
)]
pub(super) fn read_baseline(
    net: &WebNet,
    options: &Options,
    key: &str,
) -> Result<Option<Baseline>> {
    let Some(value) = options.get(key) else {
        return Ok(None);
    };
    let channels = net.net.input_shape().c();
    if let Some(number) = options.number(key).ok().flatten() {
        return Ok(Some(Baseline::Colour(vec![number as f32; channels])));
    }
    Ok(Some(match value.as_string().as_deref() {
        Some("zero") => Baseline::Zero,
        Some("black") => Baseline::Colour(net.black()?),
        Some("mean") => Baseline::Mean,
        Some("blur") => Baseline::Blur,
        Some("noise") => Baseline::Noise,
        None if value.is_object() => Baseline::Picture(tensor::read(key, &value)?),
        _ => return Err(options.wrong(key, BASELINES)),
    }))
}

/// A whole number for both axes, or `[rows, columns]`.
pub(super) fn pair(options: &Options, key: &str) -> Result<Option<[usize; 2]>> {
    let Some(value) = options.get(key) else {
        return Ok(None);
    };
    let list: Option<Vec<usize>> = if js_sys::Array::is_array(&value) {
        js_sys::Array::from(&value)
            .iter()
            .map(|entry| whole(&entry))
            .collect()
    } else {
        whole(&value).map(|side| vec![side, side])
    };
    match list.as_deref() {
        Some(&[rows, columns]) if rows > 0 && columns > 0 => Ok(Some([rows, columns])),
        _ => Err(options.wrong(key, "a whole number of pixels from 1, or [rows, columns]")),
    }
}

/// A number, or a list of them.
#[allow(
    clippy::cast_possible_truncation,
    reason = "options are rounded to the engine's f32"
)]
pub(super) fn numbers(value: &JsValue) -> Option<Vec<f32>> {
    if let Some(number) = value.as_f64().filter(|v| v.is_finite()) {
        return Some(vec![number as f32]);
    }
    if !js_sys::Array::is_array(value) && !value.is_instance_of::<js_sys::Float32Array>() {
        return None;
    }
    js_sys::Array::from(value)
        .iter()
        .map(|entry| entry.as_f64().filter(|v| v.is_finite()).map(|v| v as f32))
        .collect()
}

/// Takes what was given.
fn set<T>(setting: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *setting = given;
    }
}
