//! Objectives as the API writes them: one term, or a list of terms with weights.

use js_sys::{Array, Float32Array, Object};
use wasm_bindgen::JsValue;

use super::options::{Options, word};
use super::{set, tensor};
use crate::error::{Error, Result};
use crate::net::objective::{Objective, Term};
use crate::tensor::Tensor;

/// What a term may hold, apart from its `weight`.
const FIELDS: [&str; 18] = [
    "logit",
    "probability",
    "loss",
    "layer",
    "channel",
    "y",
    "x",
    "direction",
    "dot",
    "caricature",
    "power",
    "content",
    "gram",
    "reduction",
    "normalize",
    "tv",
    "l2",
    "weight",
];

/// How much a caricature's direction counts when nothing is said.
const CARICATURE_POWER: usize = 2;
const MOST_POWER: usize = 8;

/// An objective.
///
/// # Errors
/// `bad_argument` for a term that is none.
pub fn read(value: &JsValue) -> Result<Objective> {
    if Array::is_array(value) {
        return Array::from(value)
            .iter()
            .map(|term| read_term(&term))
            .collect();
    }
    Ok(vec![read_term(value)?])
}

/// An objective as [`read`] takes it.
pub fn write(objective: &Objective) -> JsValue {
    let terms: Array = objective.iter().map(write_term).collect();
    terms.into()
}

fn write_term((term, weight): &(Term, f32)) -> JsValue {
    let object = Object::new();
    let put = |key: &str, value: JsValue| set(&object, key, &value);
    let reduction = |mean: bool| JsValue::from(if mean { "mean" } else { "sum" });
    put("weight", (*weight).into());
    if let Some(layer) = term.layer() {
        put("layer", layer.into());
    }
    match term {
        Term::Logit(class) => put("logit", (*class).into()),
        Term::Probability(class) => put("probability", (*class).into()),
        Term::Loss(class) => put("loss", (*class).into()),
        Term::Channel { channel, .. } => put("channel", (*channel).into()),
        Term::Unit { channel, y, x, .. } => {
            put("channel", (*channel).into());
            put("y", (*y).into());
            put("x", (*x).into());
        }
        Term::Direction { direction, .. } => {
            put("direction", Float32Array::from(direction.as_slice()).into());
        }
        Term::Dot { tensor, .. } => put("dot", tensor::write(tensor)),
        Term::Caricature { target, power, .. } => {
            put("caricature", tensor::write(target));
            put("power", (*power).into());
        }
        Term::MeanSquare { .. } => {}
        Term::Content { target, mean, .. } => {
            put("content", tensor::write(target));
            put("reduction", reduction(*mean));
        }
        Term::Gram {
            target,
            mean,
            normalize,
            ..
        } => {
            put("gram", tensor::write(target));
            put("reduction", reduction(*mean));
            put("normalize", (*normalize).into());
        }
        Term::TotalVariation { factor, mean } => {
            put("tv", (*factor).into());
            put("reduction", reduction(*mean));
        }
        Term::L2 { factor, mean } => {
            put("l2", (*factor).into());
            put("reduction", reduction(*mean));
        }
    }
    object.into()
}

/// What attribution starts from: a class or an objective.
///
/// # Errors
/// `bad_argument` for neither.
pub fn read_target(value: &JsValue) -> Result<Objective> {
    match value.as_f64() {
        None => read(value),
        Some(_) => super::options::whole(value)
            .map(|class| vec![(Term::Logit(class), 1.0)])
            .ok_or_else(|| {
                Error::bad_argument(format!(
                    "target must be a class, a whole number from 0, or an objective, not {}",
                    word(value)
                ))
            }),
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "weights are rounded to the engine's f32"
)]
fn read_term(value: &JsValue) -> Result<(Term, f32)> {
    if !value.is_object() {
        return Err(Error::bad_argument(format!(
            "an objective is an object such as {{ logit: 3 }} or a list of them, not {}",
            word(value)
        )));
    }
    let options = Options::new("the objective", value, &FIELDS)?;
    let weight = options.number("weight")?.unwrap_or(1.0) as f32;
    let mut keys = options.keys();
    keys.retain(|key| key != "weight");
    keys.sort_unstable();
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let term = match *names.as_slice() {
        ["logit"] => Term::Logit(options.required_index("logit")?),
        ["probability"] => Term::Probability(options.required_index("probability")?),
        ["loss"] => Term::Loss(options.required_index("loss")?),
        ["tv"] | ["reduction", "tv"] => Term::TotalVariation {
            factor: factor(&options, "tv")?,
            mean: is_mean(&options, false)?,
        },
        ["l2"] | ["l2", "reduction"] => Term::L2 {
            factor: factor(&options, "l2")?,
            mean: is_mean(&options, false)?,
        },
        _ => read_layer_term(&options, &names)?,
    };
    Ok((term, weight))
}

fn read_layer_term(options: &Options, names: &[&str]) -> Result<Term> {
    let none = || {
        Error::bad_argument(format!(
            "an objective with {} is none; there are {{logit}}, {{probability}}, {{loss}}, {{layer}}, {{layer, channel}}, \
             {{layer, channel, y, x}}, {{layer, direction}}, {{layer, dot}}, {{layer, caricature}}, {{layer, content}}, {{layer, gram}}, {{tv}} \
             and {{l2}}",
            if names.is_empty() {
                "nothing in it".to_owned()
            } else {
                names.join(", ")
            }
        ))
    };
    let layer = options.text("layer")?.ok_or_else(none)?;
    let rest: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| *name != "layer")
        .collect();
    let tensor = |key: &str| -> Result<Tensor> {
        let value = options.get(key).unwrap_or(JsValue::UNDEFINED);
        tensor::read(&format!("the objective's {key}"), &value)
    };
    Ok(match *rest.as_slice() {
        [] => Term::MeanSquare { layer },
        ["channel"] => Term::Channel {
            layer,
            channel: options.required_index("channel")?,
        },
        ["channel", "x", "y"] => Term::Unit {
            layer,
            channel: options.required_index("channel")?,
            y: options.required_index("y")?,
            x: options.required_index("x")?,
        },
        ["direction"] => Term::Direction {
            layer,
            direction: options
                .get("direction")
                .and_then(|value| tensor::numbers(&value))
                .ok_or_else(|| options.wrong("direction", "a Float32Array"))?,
        },
        ["dot"] => Term::Dot {
            layer,
            tensor: tensor("dot")?,
        },
        ["caricature"] | ["caricature", "power"] => {
            let power = options.index("power")?.unwrap_or(CARICATURE_POWER);
            if power > MOST_POWER {
                return Err(options.wrong("power", "a whole number from 0 to 8"));
            }
            Term::Caricature {
                layer,
                target: tensor("caricature")?,
                power,
            }
        }
        ["content"] | ["content", "reduction"] => Term::Content {
            layer,
            target: tensor("content")?,
            mean: is_mean(options, true)?,
        },
        ["gram"]
        | ["gram", "reduction"]
        | ["gram", "normalize"]
        | ["gram", "normalize", "reduction"] => Term::Gram {
            layer,
            target: tensor("gram")?,
            mean: is_mean(options, true)?,
            normalize: options.flag("normalize")?.unwrap_or(true),
        },
        _ => return Err(none()),
    })
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "factors are rounded to the engine's f32"
)]
fn factor(options: &Options, key: &str) -> Result<f32> {
    let factor = options.number(key)?;
    factor
        .map(|factor| factor as f32)
        .ok_or_else(|| options.wrong(key, "a finite number"))
}

fn is_mean(options: &Options, default: bool) -> Result<bool> {
    match options.text("reduction")?.as_deref() {
        None => Ok(default),
        Some("mean") => Ok(true),
        Some("sum") => Ok(false),
        Some(_) => Err(options.wrong("reduction", "\"mean\" or \"sum\"")),
    }
}
