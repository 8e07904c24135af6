//! The options of `attack`, read and checked.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::control::CallControl;
use super::net::WebNet;
use super::options::{Options, whole};
use super::tensor;
use crate::error::{Error, Result};
use crate::lab::attack::{
    Attack, Bounds, Cw, DeepFool, Fgsm, HopSkipJump, Jsma, Method, MiFgsm, Noise, Norm, Origin,
    Patch, Pgd, Request, Search, SinglePixel, Square, Units, Universal,
};
use crate::net::Overrides;
use crate::tensor::Tensor;

/// Options of every attack.
const COMMON: [&str; 9] = [
    "method",
    "label",
    "target",
    "min",
    "max",
    "units",
    "earlyStop",
    "every",
    "override",
];

/// The attack of a call, and its options, of which none is unknown to it or the call.
pub(super) fn read_method(
    call: &str,
    value: &JsValue,
    more: &[&'static str],
) -> Result<(Method, Options)> {
    let common = [&COMMON, more].concat();
    let mut known = common.clone();
    for method in Method::ALL {
        known.extend(method.options());
    }
    known.sort_unstable();
    known.dedup();
    let options = Options::new(call, value, &known)?;
    let method: Method = options
        .text("method")?
        .ok_or_else(|| options.wrong("method", "the name of an attack, such as \"fgsm\""))?
        .parse()?;
    for key in options.keys() {
        let key = key.as_str();
        if !common.contains(&key) && !method.options().contains(&key) {
            let has = method.options().join(", ");
            return Err(Error::bad_argument(format!(
                "{call}: {} has no option '{key}'; it has {has}",
                method.name()
            )));
        }
    }
    Ok((method, options))
}

/// Layers changed on the way; as pictures are asked about in any number, an output that replaces a layer's must be for one.
pub(super) fn read_overrides(options: &Options, origin: &Origin) -> Result<Overrides> {
    let overrides = tensor::read_overrides(options.get("override").as_ref())?;
    let count = origin.start().activation_shape().n();
    let is_each = |change: &crate::net::Override| match change {
        crate::net::Override::Replace(tensor) => {
            tensor.shape().len() == 4 && tensor.shape()[0] == count
        }
        crate::net::Override::Scale(_) => false,
    };
    if count > 1 && overrides.values().any(is_each) {
        return Err(Error::bad_argument(
            "attack: an output in override must be that of one picture, [1, C, H, W], for all alike",
        ));
    }
    Ok(overrides)
}

impl WebNet {
    /// The pictures, in pixels from 0 to 1 or a tensor's own units.
    pub(super) fn read_origin(&self, image: &JsValue, options: &Options) -> Result<Origin> {
        self.origin_of(tensor::read_image(image)?, options)
    }

    /// As [`Self::read_origin`], of pictures in model space.
    pub(super) fn origin_of(&self, given: Tensor, options: &Options) -> Result<Origin> {
        let channels = self.net.check_pictures(&given)?.c();
        let pixels = self.pixel_units(options)?;
        let otherwise = if pixels.is_some() {
            Bounds::pixels(channels)
        } else {
            Bounds::none(channels)
        };
        let bounds = read_bounds(options, &otherwise)?;
        let units = pixels.unwrap_or_else(|| Units::own(channels));
        Origin::new(given, units, bounds)
    }

    /// What is wanted.
    pub(super) fn read_request_of(
        &self,
        method: Method,
        origin: &Origin,
        options: &Options,
        control: &CallControl,
    ) -> Result<Request> {
        let every = options.index("every")?.unwrap_or(1);
        if every == 0 {
            return Err(options.wrong("every", "a whole number from 1"));
        }
        let count = origin.start().activation_shape().n();
        Ok(Request {
            pictures: origin.start().clone(),
            labels: read_classes(options, "label", count)?,
            targets: read_classes(options, "target", count)?,
            bounds: origin.bounds().clone(),
            attack: read_attack(method, origin, options)?,
            early_stop: options.flag("earlyStop")?.unwrap_or(false),
            seed: control.seed(),
            every: if control.has_listener() { every } else { 0 },
        })
    }
}

/// `min` and `max`, or else those that are there without them.
pub(super) fn read_bounds(options: &Options, otherwise: &Bounds) -> Result<Bounds> {
    let channels = otherwise.channels();
    let bound = |key: &str, side: usize| match options.get(key) {
        None => Ok((0..channels)
            .map(|channel| otherwise.of(channel)[side])
            .collect()),
        Some(value) => super::attribute::numbers(&value)
            .ok_or_else(|| options.wrong(key, "a number, or a list with one a channel")),
    };
    Bounds::new(&bound("min", 0)?, &bound("max", 1)?, channels)
}

/// A class for all pictures, or a list with one for each.
fn read_classes(options: &Options, key: &str, count: usize) -> Result<Option<Vec<usize>>> {
    let Some(value) = options.get(key) else {
        return Ok(None);
    };
    if let Some(class) = whole(&value) {
        return Ok(Some(vec![class; count]));
    }
    let list = value
        .is_object()
        .then(|| {
            Array::from(&value)
                .iter()
                .map(|each| whole(&each))
                .collect()
        })
        .flatten();
    list.map(Some)
        .ok_or_else(|| options.wrong(key, "a class, or a list with one for each picture"))
}

pub(super) fn read_attack(method: Method, origin: &Origin, options: &Options) -> Result<Attack> {
    Ok(match method {
        Method::Fgsm => {
            let mut attack = Fgsm::default();
            number(options, "epsilon", &mut attack.epsilon)?;
            Attack::Fgsm(attack)
        }
        Method::Pgd => {
            let mut attack = Pgd::default();
            number(options, "epsilon", &mut attack.epsilon)?;
            norm(options, &mut attack.norm)?;
            count(options, "steps", &mut attack.steps)?;
            attack.step_size = optional(options, "stepSize")?;
            count(options, "restarts", &mut attack.restarts)?;
            flag(options, "randomStart", &mut attack.random_start)?;
            Attack::Pgd(attack)
        }
        Method::MiFgsm => {
            let mut attack = MiFgsm::default();
            number(options, "epsilon", &mut attack.epsilon)?;
            count(options, "steps", &mut attack.steps)?;
            attack.step_size = optional(options, "stepSize")?;
            number(options, "momentum", &mut attack.momentum)?;
            Attack::MiFgsm(attack)
        }
        Method::DeepFool => {
            let mut attack = DeepFool::default();
            norm(options, &mut attack.norm)?;
            number(options, "overshoot", &mut attack.overshoot)?;
            count(options, "candidates", &mut attack.candidates)?;
            count(options, "steps", &mut attack.steps)?;
            Attack::DeepFool(attack)
        }
        Method::Cw => {
            let mut attack = Cw::default();
            number(options, "confidence", &mut attack.confidence)?;
            number(options, "initialConst", &mut attack.initial_const)?;
            count(
                options,
                "binarySearchSteps",
                &mut attack.binary_search_steps,
            )?;
            number(options, "stepSize", &mut attack.step_size)?;
            count(options, "steps", &mut attack.steps)?;
            Attack::Cw(attack)
        }
        Method::Jsma => {
            let mut attack = Jsma::default();
            number(options, "theta", &mut attack.theta)?;
            attack.max_pixels = options.index("maxPixels")?;
            Attack::Jsma(attack)
        }
        Method::SinglePixel => {
            let mut attack = SinglePixel::default();
            count(options, "pixels", &mut attack.pixels)?;
            attack.search = match options.text("search")?.as_deref() {
                None => None,
                Some("exhaustive") => Some(Search::Exhaustive),
                Some("evolution") => Some(Search::Evolution),
                Some(_) => return Err(options.wrong("search", "\"exhaustive\" or \"evolution\"")),
            };
            count(options, "population", &mut attack.population)?;
            count(options, "generations", &mut attack.generations)?;
            Attack::SinglePixel(attack)
        }
        Method::Square => {
            let mut attack = Square::default();
            number(options, "epsilon", &mut attack.epsilon)?;
            count(options, "steps", &mut attack.steps)?;
            number(options, "pInit", &mut attack.p_init)?;
            Attack::Square(attack)
        }
        Method::HopSkipJump => {
            let mut attack = HopSkipJump::default();
            norm(options, &mut attack.norm)?;
            count(options, "steps", &mut attack.steps)?;
            count(options, "initialQueries", &mut attack.initial_queries)?;
            count(options, "maxQueries", &mut attack.max_queries)?;
            attack.start = read_in_units(options, "start", origin)?;
            Attack::HopSkipJump(attack)
        }
        Method::Universal => {
            let mut attack = Universal::default();
            number(options, "epsilon", &mut attack.epsilon)?;
            norm(options, &mut attack.norm)?;
            count(options, "steps", &mut attack.steps)?;
            attack.step_size = optional(options, "stepSize")?;
            Attack::Universal(attack)
        }
        Method::Patch => {
            let mut attack = Patch {
                size: super::attribute::pair(options, "size")?,
                position: read_position(options)?,
                patch: read_in_units(options, "patch", origin)?,
                ..Patch::default()
            };
            flag(options, "anywhere", &mut attack.anywhere)?;
            count(options, "steps", &mut attack.steps)?;
            number(options, "stepSize", &mut attack.step_size)?;
            Attack::Patch(attack)
        }
        Method::Noise => {
            let mut attack = Noise::default();
            number(options, "epsilon", &mut attack.epsilon)?;
            if let Some(name) = options.text("distribution")? {
                attack.distribution = name.parse()?;
            }
            count(options, "samples", &mut attack.samples)?;
            Attack::Noise(attack)
        }
    })
}

/// A tensor in model space, in attack units.
fn read_in_units(options: &Options, key: &str, origin: &Origin) -> Result<Option<Tensor>> {
    let Some(value) = options.get(key) else {
        return Ok(None);
    };
    let given = tensor::read(key, &value)?;
    origin.units().from_model(&given).map(Some)
}

/// `[row, column]`.
fn read_position(options: &Options) -> Result<Option<[usize; 2]>> {
    let Some(value) = options.get("position") else {
        return Ok(None);
    };
    let list: Option<Vec<usize>> = Array::is_array(&value)
        .then(|| {
            Array::from(&value)
                .iter()
                .map(|each| whole(&each))
                .collect()
        })
        .flatten();
    match list.as_deref() {
        Some(&[row, column]) => Ok(Some([row, column])),
        _ => Err(options.wrong("position", "[row, column]")),
    }
}

fn norm(options: &Options, setting: &mut Norm) -> Result<()> {
    *setting = match options.text("norm")?.as_deref() {
        None => *setting,
        Some("linf") => Norm::Linf,
        Some("l2") => Norm::L2,
        Some(_) => return Err(options.wrong("norm", "\"linf\" or \"l2\"")),
    };
    Ok(())
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "settings are rounded to the engine's f32"
)]
fn optional(options: &Options, key: &str) -> Result<Option<f32>> {
    Ok(options.number(key)?.map(|number| number as f32))
}

pub(super) fn number(options: &Options, key: &str, setting: &mut f32) -> Result<()> {
    *setting = optional(options, key)?.unwrap_or(*setting);
    Ok(())
}

pub(super) fn count(options: &Options, key: &str, setting: &mut usize) -> Result<()> {
    *setting = options.index(key)?.unwrap_or(*setting);
    Ok(())
}

fn flag(options: &Options, key: &str, setting: &mut bool) -> Result<()> {
    *setting = options.flag(key)?.unwrap_or(*setting);
    Ok(())
}
