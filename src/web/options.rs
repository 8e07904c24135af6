//! Options of a call: read by name, checked, and refused where a name is unknown.

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};

use crate::error::{Error, Result};

/// The greatest whole number that is exact in JavaScript, and far above any index here.
const MOST: f64 = 9_007_199_254_740_991.0;

/// An object whose properties have names known beforehand.
pub struct Options {
    place: String,
    object: Option<Object>,
}

impl Options {
    /// The options of `place`, such as "predict"; `undefined` and `null` are no options.
    ///
    /// # Errors
    /// `bad_argument` if it is no object or has a property that is not `known`.
    pub fn new(place: &str, value: &JsValue, known: &[&str]) -> Result<Self> {
        let options = Self {
            place: place.to_owned(),
            object: object(place, value)?,
        };
        for key in options.keys() {
            if !known.contains(&key.as_str()) {
                return Err(Error::bad_argument(format!(
                    "{place} has no option '{key}'; it has {}",
                    known.join(", ")
                )));
            }
        }
        Ok(options)
    }

    /// The names of its properties that are not `undefined`.
    pub fn keys(&self) -> Vec<String> {
        self.object.as_ref().map_or_else(Vec::new, |object| {
            Object::keys(object)
                .iter()
                .filter_map(|key| key.as_string())
                .filter(|key| self.get(key).is_some())
                .collect()
        })
    }

    /// A property, `None` where it is missing, `undefined` or `null`.
    pub fn get(&self, key: &str) -> Option<JsValue> {
        let value = Reflect::get(self.object.as_ref()?, &key.into()).ok()?;
        (!value.is_undefined() && !value.is_null()).then_some(value)
    }

    /// The sentence for a property of the wrong kind.
    pub fn wrong(&self, key: &str, expected: &str) -> Error {
        let value = self.get(key).unwrap_or(JsValue::UNDEFINED);
        Error::bad_argument(format!(
            "{}: {key} must be {expected}, not {}",
            self.place,
            word(&value)
        ))
    }

    /// A finite number.
    ///
    /// # Errors
    /// `bad_argument` for anything else.
    pub fn number(&self, key: &str) -> Result<Option<f64>> {
        self.get(key)
            .map(|value| {
                value
                    .as_f64()
                    .filter(|number| number.is_finite())
                    .ok_or_else(|| self.wrong(key, "a finite number"))
            })
            .transpose()
    }

    /// A whole number from 0.
    ///
    /// # Errors
    /// `bad_argument` for anything else.
    pub fn index(&self, key: &str) -> Result<Option<usize>> {
        self.get(key)
            .map(|value| whole(&value).ok_or_else(|| self.wrong(key, "a whole number from 0")))
            .transpose()
    }

    /// A whole number from 0 that must be there.
    ///
    /// # Errors
    /// `bad_argument` for anything else.
    pub fn required_index(&self, key: &str) -> Result<usize> {
        self.index(key)?
            .ok_or_else(|| self.wrong(key, "a whole number from 0"))
    }

    /// Text.
    ///
    /// # Errors
    /// `bad_argument` for anything else.
    pub fn text(&self, key: &str) -> Result<Option<String>> {
        self.get(key)
            .map(|value| value.as_string().ok_or_else(|| self.wrong(key, "text")))
            .transpose()
    }

    /// True or false.
    ///
    /// # Errors
    /// `bad_argument` for anything else.
    pub fn flag(&self, key: &str) -> Result<Option<bool>> {
        self.get(key)
            .map(|value| {
                value
                    .as_bool()
                    .ok_or_else(|| self.wrong(key, "true or false"))
            })
            .transpose()
    }
}

/// The object, `None` for `undefined` and `null`.
fn object(place: &str, value: &JsValue) -> Result<Option<Object>> {
    if value.is_undefined() || value.is_null() {
        return Ok(None);
    }
    if !value.is_object() || Array::is_array(value) {
        return Err(Error::bad_argument(format!(
            "{place}: an object is expected, not {}",
            word(value)
        )));
    }
    Ok(value.dyn_ref::<Object>().cloned())
}

/// A whole number from 0.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be whole and within range"
)]
pub fn whole(value: &JsValue) -> Option<usize> {
    value
        .as_f64()
        .filter(|number| number.fract() == 0.0 && (0.0..=MOST).contains(number))
        .map(|number| number as usize)
}

/// A value in a sentence, shortened where it is long.
pub fn word(value: &JsValue) -> String {
    if let Some(text) = value.as_string() {
        let short: String = text.chars().take(60).collect();
        return format!("'{short}'");
    }
    if let Some(number) = value.as_f64() {
        return number.to_string();
    }
    if Array::is_array(value) {
        return format!("a list of {}", Array::from(value).length());
    }
    if value.is_object() {
        return "an object".to_owned();
    }
    format!("{value:?}")
        .trim_start_matches("JsValue(")
        .trim_end_matches(')')
        .to_owned()
}
