//! `defend` for JavaScript, and the defences that other calls take: options, read and checked.

use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;

use super::attack_result::each;
use super::control::CallControl;
use super::net::WebNet;
use super::options::Options;
use super::{JsResult, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::lab::attack::{Origin, Plain};
use crate::lab::defence::{Certificate, Defence, Detection, Smoothing, Squeezing, certify, detect};
use crate::lab::filters::{Filter, Pixels};

/// Options of every defence of a picture.
const COMMON: [&str; 5] = ["method", "units", "min", "max", "override"];

/// The defences: their names, their options for `defend`, and those of a network that is attacked behind them.
const METHODS: [(&str, &[&str], &[&str]); 8] = [
    ("bit_depth", &["bits"], &["bits"]),
    ("median", &["size"], &["size"]),
    ("gaussian", &["sigma"], &["sigma"]),
    ("jpeg", &["quality"], &["quality"]),
    ("tv", &["weight", "steps"], &["weight", "steps"]),
    ("random_resize", &["scale"], &["scale", "draws"]),
    (
        "smoothing",
        &["sigma", "samples", "guesses", "alpha"],
        &["sigma", "draws"],
    ),
    (
        "squeezing",
        &["squeezers", "threshold"],
        &["squeezers", "threshold"],
    ),
];

/// Draws of an answer of a defence that is random.
const DRAWS: usize = 10;

#[wasm_bindgen]
impl WebNet {
    /// The pictures as a filter leaves them; with `class`, `radius`, `lower` and `votes` of smoothing, whose picture is one
    /// noisy copy, and `score`, `detected` and `distances` of squeezing, whose picture is the squeezed one.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn defend(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let defend = async || {
            let (method, options) = read_method("defend", &options, &COMMON, |entry| entry.1)?;
            let origin = self.read_origin(&image, &options)?;
            let pixels = self.pixels_of(&origin)?;
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            let seed = control.seed();
            if let Some(filter) = read_filter(method, &options)? {
                if !overrides.is_empty() {
                    return Err(Error::bad_argument(format!(
                        "defend: {method} has no option 'override'; it does not run the network"
                    )));
                }
                let filtered = filter.apply(origin.start(), &pixels, seed)?;
                return Ok(tensor::write(&origin.back(&filtered)?));
            }
            let units = origin.units().clone();
            let victim = Plain::new(&self.net, units, &overrides, control.inner())?;
            if method == "smoothing" {
                let settings = read_smoothing(&options)?;
                let pictures = origin.start();
                let found = certify(&victim, pictures, &settings, seed, control.inner()).await?;
                let copy = settings.copy(pictures, seed);
                let object = tensor::write(&origin.back(&copy)?);
                return Ok(write_certificates(object, &found));
            }
            let settings = read_squeezing(&options)?;
            let (found, shown) = detect(&victim, origin.start(), &pixels, &settings).await?;
            let object = tensor::write(&origin.back(&shown)?);
            Ok(write_detections(object, &found))
        };
        defend().await.map_err(thrown)
    }
}

impl WebNet {
    /// What black and white are in attack units: the bounds, or those of the network's own rule.
    pub(super) fn pixels_of(&self, origin: &Origin) -> Result<Pixels> {
        let rule = self.rule().ok();
        let bounds = origin.bounds();
        if !bounds.is_finite() {
            return rule.map(Pixels::of_model).ok_or_else(|| {
                Error::bad_argument(
                    "a defence needs to know black and white; this network has no rule for pictures, so give min and max",
                )
            });
        }
        let count = self.net.input_shape().c();
        let side = |side: usize| (0..count).map(|channel| bounds.of(channel)[side]).collect();
        Ok(Pixels {
            low: side(0),
            high: side(1),
            channels: rule.map(|rule| rule.channels),
        })
    }
}

/// A defence that a network is attacked behind, such as `{ method: "jpeg", quality: 75 }`, and whether the attack knows it.
///
/// # Errors
/// `bad_argument` for anything else.
pub(super) fn read_defence(place: &str, value: &JsValue) -> Result<(Defence, bool)> {
    let (method, options) = read_method(place, value, &["method", "adaptive"], |entry| entry.2)?;
    let adaptive = options.flag("adaptive")?.unwrap_or(true);
    let draws = counted(&options, "draws", DRAWS, [1, 1000])?;
    let defence = match read_filter(method, &options)? {
        Some(filter) => Defence::Filter { filter, draws },
        None if method == "smoothing" => {
            let mut smoothing = read_smoothing(&options)?;
            smoothing.draws = draws;
            Defence::Smoothing(smoothing)
        }
        None => Defence::Squeezing(read_squeezing(&options)?),
    };
    Ok((defence, adaptive))
}

/// The method of a defence and its options, of which none is unknown to it or the call.
fn read_method(
    place: &str,
    value: &JsValue,
    common: &[&'static str],
    of: impl Fn(
        &(
            &'static str,
            &'static [&'static str],
            &'static [&'static str],
        ),
    ) -> &'static [&'static str],
) -> Result<(&'static str, Options)> {
    let mut known = common.to_vec();
    known.extend(METHODS.iter().flat_map(|entry| [entry.1, entry.2].concat()));
    known.sort_unstable();
    known.dedup();
    let options = Options::new(place, value, &known)?;
    let name = options
        .text("method")?
        .ok_or_else(|| options.wrong("method", "the name of a defence, such as \"median\""))?;
    let Some(entry) = METHODS.iter().find(|entry| entry.0 == name) else {
        let names: Vec<&str> = METHODS.iter().map(|entry| entry.0).collect();
        return Err(Error::bad_argument(format!(
            "{place}: there is no defence '{name}'; there are {}",
            names.join(", ")
        )));
    };
    for key in options.keys() {
        if !common.contains(&key.as_str()) && !of(entry).contains(&key.as_str()) {
            return Err(Error::bad_argument(format!(
                "{place}: {name} has no option '{key}' here; it has {}",
                of(entry).join(", ")
            )));
        }
    }
    Ok((entry.0, options))
}

/// The filter of that name, `None` for defences that are none.
#[allow(
    clippy::cast_possible_truncation,
    reason = "whole numbers were checked to be small"
)]
fn read_filter(method: &str, options: &Options) -> Result<Option<Filter>> {
    Ok(Some(match method {
        "bit_depth" => Filter::BitDepth {
            bits: counted(options, "bits", 4, [1, 8])? as u32,
        },
        "median" => Filter::Median {
            size: counted(options, "size", 3, [2, 15])?,
        },
        "gaussian" => Filter::Gaussian {
            sigma: positive(options, "sigma", 1.0, 100.0)?,
        },
        "jpeg" => Filter::Jpeg {
            quality: counted(options, "quality", 75, [1, 100])? as u32,
        },
        "tv" => Filter::TotalVariation {
            weight: positive(options, "weight", 0.1, 100.0)?,
            steps: counted(options, "steps", 100, [1, 10_000])?,
        },
        "random_resize" => Filter::RandomResize {
            scale: positive(options, "scale", 0.9, 1.0)?,
        },
        _ => return Ok(None),
    }))
}

fn read_smoothing(options: &Options) -> Result<Smoothing> {
    let settings = Smoothing::default();
    let alpha = options.number("alpha")?.unwrap_or(settings.alpha);
    if alpha <= 0.0 || alpha >= 0.5 {
        return Err(options.wrong("alpha", "above 0 and below 0.5"));
    }
    Ok(Smoothing {
        sigma: positive(options, "sigma", settings.sigma, f32::MAX)?,
        samples: counted(options, "samples", settings.samples, [1, 1_000_000])?,
        guesses: counted(options, "guesses", settings.guesses, [1, 1_000_000])?,
        alpha,
        ..settings
    })
}

fn read_squeezing(options: &Options) -> Result<Squeezing> {
    let mut settings = Squeezing::default();
    if let Some(threshold) = options.number("threshold")? {
        if !(0.0..=2.0).contains(&threshold) {
            return Err(options.wrong("threshold", "from 0 to 2"));
        }
        settings.threshold = threshold;
    }
    let Some(list) = options.get("squeezers") else {
        return Ok(settings);
    };
    let expected = "a list of 1 to 8 filters, such as { method: \"median\", size: 2 }";
    if !Array::is_array(&list) || !(1..=8).contains(&Array::from(&list).length()) {
        return Err(options.wrong("squeezers", expected));
    }
    let read = |value: JsValue| {
        let (method, options) = read_method("squeezers", &value, &["method"], |entry| entry.1)?;
        read_filter(method, &options)?
            .filter(|filter| !filter.is_random())
            .ok_or_else(|| {
                Error::bad_argument(format!("{method} squeezes nothing; {expected} is expected"))
            })
    };
    settings.squeezers = Array::from(&list).iter().map(read).collect::<Result<_>>()?;
    Ok(settings)
}

/// A whole number within a range.
fn counted(
    options: &Options,
    key: &str,
    otherwise: usize,
    [low, high]: [usize; 2],
) -> Result<usize> {
    match options.index(key)? {
        Some(count) if !(low..=high).contains(&count) => {
            Err(options.wrong(key, &format!("a whole number from {low} to {high}")))
        }
        count => Ok(count.unwrap_or(otherwise)),
    }
}

/// A number above 0.
#[allow(
    clippy::cast_possible_truncation,
    reason = "settings are rounded to the engine's f32"
)]
fn positive(options: &Options, key: &str, otherwise: f32, most: f32) -> Result<f32> {
    match options.number(key)? {
        Some(number) if number <= 0.0 || number > f64::from(most) => {
            let limit = if most < f32::MAX {
                format!(" and at most {most}")
            } else {
                String::new()
            };
            Err(options.wrong(key, &format!("above 0{limit}")))
        }
        number => Ok(number.map_or(otherwise, |number| number as f32)),
    }
}

fn write_certificates(object: JsValue, found: &[Certificate]) -> JsValue {
    let object: Object = object.unchecked_into();
    let class = |one: &Certificate| one.class.map_or(JsValue::NULL, JsValue::from);
    let votes = |one: &Certificate| -> JsValue {
        let votes: Array = one
            .votes
            .iter()
            .map(|&count| JsValue::from(count))
            .collect();
        votes.into()
    };
    set(&object, "class", &each(found.iter().map(class)));
    set(
        &object,
        "radius",
        &each(found.iter().map(|one| one.radius.into())),
    );
    set(
        &object,
        "lower",
        &each(found.iter().map(|one| one.lower.into())),
    );
    set(&object, "votes", &each(found.iter().map(votes)));
    object.into()
}

fn write_detections(object: JsValue, found: &[Detection]) -> JsValue {
    let object: Object = object.unchecked_into();
    let distances = |one: &Detection| -> JsValue {
        let list: Array = one
            .distances
            .iter()
            .map(|&each| JsValue::from(each))
            .collect();
        list.into()
    };
    set(
        &object,
        "score",
        &each(found.iter().map(|one| one.score.into())),
    );
    set(
        &object,
        "detected",
        &each(found.iter().map(|one| one.detected.into())),
    );
    set(&object, "distances", &each(found.iter().map(distances)));
    object.into()
}
