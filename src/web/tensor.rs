//! Tensors and overrides across the border: `{ data: Float32Array, shape: number[] }`.

use std::collections::{BTreeMap, HashMap};

use js_sys::{Array, Float32Array, Object, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};

use super::options::{Options, whole, word};
use super::set;
use crate::error::{Error, Result};
use crate::net::{Override, Overrides};
use crate::tensor::Tensor;

/// A tensor that JavaScript gave as `what`.
///
/// # Errors
/// `bad_argument` if it is no tensor or its extents do not fit its values.
pub fn read(what: &str, value: &JsValue) -> Result<Tensor> {
    let tensor = Options::new(what, value, &["data", "shape"])?;
    let data = tensor
        .get("data")
        .ok_or_else(|| tensor.wrong("data", "a Float32Array"))?;
    let shape = tensor
        .get("shape")
        .filter(Array::is_array)
        .and_then(|list| {
            Array::from(&list)
                .iter()
                .map(|extent| whole(&extent))
                .collect::<Option<Vec<usize>>>()
        })
        .ok_or_else(|| tensor.wrong("shape", "a list of whole numbers"))?;
    let data = numbers(&data).ok_or_else(|| tensor.wrong("data", "a Float32Array"))?;
    Tensor::new(data, shape).map_err(|error| Error {
        message: format!("{what}: {}", error.message),
        ..error
    })
}

/// A picture in model space.
///
/// # Errors
/// As [`read`]; `bad_image` if a value is not finite.
pub fn read_image(value: &JsValue) -> Result<Tensor> {
    let tensor = read("the picture", value)?;
    match tensor.data().iter().position(|value| !value.is_finite()) {
        None => Ok(tensor),
        Some(position) => Err(Error::bad_image(format!(
            "the picture holds {} at position {position}; a picture has finite numbers only",
            tensor.data()[position]
        ))),
    }
}

/// Numbers in a `Float32Array` or a plain list.
#[allow(
    clippy::cast_possible_truncation,
    reason = "lists of JavaScript numbers are rounded to f32"
)]
pub fn numbers(value: &JsValue) -> Option<Vec<f32>> {
    if let Some(array) = value.dyn_ref::<Float32Array>() {
        return Some(array.to_vec());
    }
    if !Array::is_array(value) {
        return None;
    }
    Array::from(value)
        .iter()
        .map(|number| number.as_f64().map(|number| number as f32))
        .collect()
}

/// A tensor for JavaScript.
pub fn write(tensor: &Tensor) -> JsValue {
    let shape: Array = tensor
        .shape()
        .iter()
        .map(|&extent| JsValue::from(extent))
        .collect();
    let object = Object::new();
    set(&object, "data", &Float32Array::from(tensor.data()));
    set(&object, "shape", &shape);
    object.into()
}

/// Tensors by name.
///
/// # Errors
/// `bad_model` if a value is no tensor.
pub fn read_named(value: &JsValue) -> Result<HashMap<String, Tensor>> {
    let object = value
        .dyn_ref::<Object>()
        .filter(|_| !Array::is_array(value))
        .ok_or_else(|| {
            Error::bad_model(format!(
                "weights must be the bytes of a safetensors file or {{name: {{data, shape}}}}, not {}",
                word(value)
            ))
        })?;
    Object::keys(object)
        .iter()
        .filter_map(|key| key.as_string())
        .map(|name| {
            let value = Reflect::get(object, &name.as_str().into()).unwrap_or(JsValue::UNDEFINED);
            let tensor = read(&format!("weight '{name}'"), &value)
                .map_err(|error| Error::bad_model(error.message))?;
            Ok((name, tensor))
        })
        .collect()
}

/// The override of a call: `{ [layer]: { scale: { [channel]: number } } | Tensor }`.
///
/// # Errors
/// `bad_argument` if it is neither.
pub fn read_overrides(value: Option<&JsValue>) -> Result<Overrides> {
    let mut overrides = Overrides::new();
    let Some(value) = value else {
        return Ok(overrides);
    };
    let object = value
        .dyn_ref::<Object>()
        .filter(|_| !Array::is_array(value))
        .ok_or_else(|| {
            Error::bad_argument(format!(
                "override must be an object of layers, not {}",
                word(value)
            ))
        })?;
    for layer in Object::keys(object)
        .iter()
        .filter_map(|key| key.as_string())
    {
        let change = Reflect::get(object, &layer.as_str().into()).unwrap_or(JsValue::UNDEFINED);
        if !change.is_undefined() {
            overrides.insert(layer.clone(), read_override(&layer, &change)?);
        }
    }
    Ok(overrides)
}

/// Overrides as [`read_overrides`] takes them.
pub fn write_overrides(overrides: &Overrides) -> JsValue {
    let object = Object::new();
    for (layer, change) in overrides {
        let change = match change {
            Override::Replace(tensor) => write(tensor),
            Override::Scale(factors) => {
                let scale = Object::new();
                for (channel, &factor) in factors {
                    set(&scale, &channel.to_string(), &factor.into());
                }
                let change = Object::new();
                set(&change, "scale", &scale);
                change.into()
            }
        };
        set(&object, layer, &change);
    }
    object.into()
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "factors are rounded to the engine's f32"
)]
fn read_override(layer: &str, change: &JsValue) -> Result<Override> {
    let place = format!("override of '{layer}'");
    let options = Options::new(&place, change, &["scale", "data", "shape"])?;
    let Some(scale) = options.get("scale") else {
        return Ok(Override::Replace(read(&place, change)?));
    };
    if options.get("data").is_some() || options.get("shape").is_some() {
        return Err(Error::bad_argument(format!(
            "{place}: either a scale or a Tensor, not both"
        )));
    }
    let object = scale
        .dyn_ref::<Object>()
        .ok_or_else(|| options.wrong("scale", "an object of channels"))?;
    let mut factors = BTreeMap::new();
    for key in Object::keys(object)
        .iter()
        .filter_map(|key| key.as_string())
    {
        let factor = Reflect::get(object, &key.as_str().into())
            .ok()
            .and_then(|factor| factor.as_f64());
        let (Ok(channel), Some(factor)) = (key.parse::<usize>(), factor) else {
            return Err(Error::bad_argument(format!(
                "{place}: scale must give numbers by channel index, such as {{ 3: 0 }}; '{key}' is none"
            )));
        };
        factors.insert(channel, factor as f32);
    }
    Ok(Override::Scale(factors))
}
