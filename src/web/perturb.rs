//! `perturb`, `perturbationCurve` and `pixelMap` for JavaScript: options, read and checked, and what came of them.

use js_sys::{Array, Int32Array, Object};
use wasm_bindgen::prelude::*;

use super::attack_options::read_overrides;
use super::control::CallControl;
use super::net::WebNet;
use super::options::{Options, whole};
use super::{JsResult, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::lab::attack::{Bounds, Plain};
use crate::lab::perturb::curve::{self, Band, Point, curve};
use crate::lab::perturb::pixels::{self, PixelMap, pixel_map};
use crate::lab::perturb::{Method, Settings};
use crate::picture::Channels;
use crate::tensor::Tensor;

/// Options of a perturbation.
const PERTURBATION: [&str; 8] = [
    "method", "fill", "angle", "place", "units", "min", "max", "override",
];

/// More draws of one picture than anybody needs.
const MOST_REPEATS: usize = 10_000;

const REPEATS: usize = 16;

/// Red, green and blue, each none or all: black, white, red, yellow, green, cyan, blue, magenta.
const HUES: [[usize; 3]; 8] = [
    [0, 0, 0],
    [1, 1, 1],
    [1, 0, 0],
    [1, 1, 0],
    [0, 1, 0],
    [0, 1, 1],
    [0, 0, 1],
    [1, 0, 1],
];

/// Milliseconds between two looks at a map.
const LOOK_MS: f64 = 120.0;

#[wasm_bindgen]
impl WebNet {
    /// The perturbed pictures, in model space.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "values of JavaScript come owned"
    )]
    pub fn perturb(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let perturb = || {
            let known = [&PERTURBATION[..], &["strength"]].concat();
            let options = Options::new("perturb", &options, &known)?;
            let origin = self.read_origin(&image, &options)?;
            let settings = self.read_perturbation("perturb", &options, origin.bounds())?;
            let strength = options
                .number("strength")?
                .ok_or_else(|| options.wrong("strength", "a number"))?;
            let perturbed = settings.perturb(origin.start(), strength as f32, control.seed(), 0)?;
            origin.back(&perturbed)
        };
        perturb()
            .map(|tensor| tensor::write(&tensor))
            .map_err(thrown)
    }

    /// `[{ strength, confidence, accuracy }]`, each `{ mean, low, high }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = perturbationCurve)]
    pub async fn perturbation_curve(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let draw = async || {
            let known = [&PERTURBATION[..], &["strengths", "repeats", "labels"]].concat();
            let options = Options::new("perturbationCurve", &options, &known)?;
            let origin = self.read_origin(&image, &options)?;
            let settings =
                self.read_perturbation("perturbationCurve", &options, origin.bounds())?;
            let strengths = options
                .get("strengths")
                .and_then(|list| tensor::numbers(&list))
                .ok_or_else(|| options.wrong("strengths", "a list of numbers"))?;
            let repeats = options.index("repeats")?.unwrap_or(REPEATS);
            if !(1..=MOST_REPEATS).contains(&repeats) {
                return Err(options.wrong("repeats", &format!("from 1 to {MOST_REPEATS}")));
            }
            let labels = read_labels(&options)?;
            let overrides = read_overrides(&options, &origin)?;
            let units = origin.units().clone();
            let victim = Plain::new(&self.net, units, &overrides, control.inner())?;
            let request = curve::Request {
                pictures: origin.start(),
                labels: labels.as_deref(),
                settings: &settings,
                strengths: &strengths,
                repeats,
                seed: control.seed(),
            };
            let listens = control.has_listener();
            curve(&victim, &request, control.inner(), async |point| {
                if !listens {
                    return Ok(true);
                }
                goes_on(&control.show(&write_point(point)).await?)
            })
            .await
        };
        let points = draw().await.map_err(thrown)?;
        let list: Array = points.iter().map(write_point).collect();
        Ok(list.into())
    }

    /// The map of single pixels.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = pixelMap)]
    pub async fn pixel_map(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let find = async || {
            let known = [
                "target", "colors", "stride", "size", "region", "units", "min", "max", "override",
            ];
            let options = Options::new("pixelMap", &options, &known)?;
            let origin = self.read_origin(&image, &options)?;
            let overrides = read_overrides(&options, &origin)?;
            let shape = origin.start().activation_shape();
            let colours = match options.get("colors") {
                Some(list) => read_colours(&options, &list)?,
                None => self.colours(origin.bounds(), origin.start()),
            };
            let (stride, size) = (from_one(&options, "stride")?, from_one(&options, "size")?);
            let region = match options.get("region") {
                None => [0, 0, shape.h(), shape.w()],
                Some(region) => {
                    let known = ["top", "left", "height", "width"];
                    let region = Options::new("pixelMap: region", &region, &known)?;
                    let side = |key: &str| region.required_index(key);
                    [side("top")?, side("left")?, side("height")?, side("width")?]
                }
            };
            let units = origin.units().clone();
            let victim = Plain::new(&self.net, units, &overrides, control.inner())?;
            let request = pixels::Request {
                picture: origin.start(),
                label: options.index("target")?,
                colours: &colours,
                stride,
                size,
                region,
            };
            let listens = control.has_listener();
            let mut last = 0.0;
            let map = pixel_map(&victim, &request, control.inner(), async |map| {
                let now = js_sys::Date::now();
                if !listens || (now - last < LOOK_MS && map.done < map.total) {
                    return Ok(true);
                }
                last = now;
                goes_on(&control.show(&write_map(map)).await?)
            })
            .await?;
            Ok((map, colours))
        };
        let (map, colours) = find().await.map_err(thrown)?;
        let object = write_map(&map);
        let list: Array = colours
            .iter()
            .map(|colour| {
                colour
                    .iter()
                    .map(|&value| JsValue::from(value))
                    .collect::<Array>()
            })
            .collect();
        set(&object, "colors", &list);
        Ok(object.into())
    }
}

impl WebNet {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "values of pictures are rounded to the engine's f32"
    )]
    fn read_perturbation(
        &self,
        call: &str,
        options: &Options,
        bounds: &Bounds,
    ) -> Result<Settings> {
        let name = options.text("method")?;
        let names = Method::ALL.map(Method::name).join(", ");
        let method = Method::ALL
            .into_iter()
            .find(|method| Some(method.name()) == name.as_deref())
            .ok_or_else(|| options.wrong("method", &format!("one of {names}")))?;
        for (key, fits) in [
            (
                "fill",
                &[Method::Rotation, Method::Shift, Method::Occlusion][..],
            ),
            ("angle", &[Method::Shift]),
            ("place", &[Method::Occlusion]),
        ] {
            if options.get(key).is_some() && !fits.contains(&method) {
                return Err(Error::bad_argument(format!(
                    "{call}: \"{}\" has no option '{key}'",
                    method.name()
                )));
            }
        }
        let place = match options.get("place").map(|place| tensor::numbers(&place)) {
            None => None,
            Some(Some(place))
                if place.len() == 2 && place.iter().all(|s| (0.0..=1.0).contains(s)) =>
            {
                Some([place[0], place[1]])
            }
            Some(_) => {
                return Err(options.wrong("place", "[y, x], shares of the picture from 0 to 1"));
            }
        };
        Ok(Settings {
            channels: self.rule().ok().map(|rule| rule.channels),
            fill: options.number("fill")?.map(|value| value as f32),
            angle: options.number("angle")?.map(|value| value as f32),
            place,
            ..Settings::new(method, bounds.clone())
        })
    }

    /// Black and white, and six hues where there are three channels.
    fn colours(&self, bounds: &Bounds, picture: &Tensor) -> Vec<Vec<f32>> {
        let shape = picture.activation_shape();
        let planes = picture.data().chunks_exact(shape.plane());
        // Where there is no bound, the picture's own values give it.
        let extremes: Vec<[f32; 2]> = planes
            .take(shape.c())
            .enumerate()
            .map(|(channel, plane)| {
                let [low, high] = bounds.of(channel);
                let least = plane.iter().copied().fold(f32::INFINITY, f32::min);
                let most = plane.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                [
                    if low.is_finite() { low } else { least },
                    if high.is_finite() { high } else { most },
                ]
            })
            .collect();
        let is_bgr = self.rule().is_ok_and(|rule| rule.channels == Channels::Bgr);
        let colour = |red_green_blue: [usize; 3]| -> Vec<f32> {
            let channels = extremes.iter().enumerate();
            channels
                .map(|(channel, extremes)| {
                    let channel = if is_bgr { 2 - channel.min(2) } else { channel };
                    extremes[red_green_blue.get(channel).copied().unwrap_or(0)]
                })
                .collect()
        };
        if shape.c() == 3 {
            return HUES.iter().map(|&hue| colour(hue)).collect();
        }
        let even = |which: usize| extremes.iter().map(|extremes| extremes[which]).collect();
        vec![even(0), even(1)]
    }
}

/// Whether a listener lets the call go on.
fn goes_on(answer: &JsValue) -> Result<bool> {
    let answer = Options::new("the answer to a step", answer, &["stop"])?;
    Ok(!answer.flag("stop")?.unwrap_or(false))
}

fn from_one(options: &Options, key: &str) -> Result<usize> {
    match options.index(key)? {
        Some(0) => Err(options.wrong(key, "a whole number from 1")),
        value => Ok(value.unwrap_or(1)),
    }
}

fn read_labels(options: &Options) -> Result<Option<Vec<usize>>> {
    let Some(list) = options.get("labels") else {
        return Ok(None);
    };
    let wrong = || options.wrong("labels", "a list with a class for each picture");
    if let Some(array) = list.dyn_ref::<Int32Array>() {
        let labels = array.to_vec().into_iter().map(usize::try_from);
        return labels
            .collect::<std::result::Result<_, _>>()
            .map(Some)
            .map_err(|_| wrong());
    }
    if !Array::is_array(&list) {
        return Err(wrong());
    }
    Array::from(&list)
        .iter()
        .map(|label| whole(&label))
        .collect::<Option<_>>()
        .map(Some)
        .ok_or_else(wrong)
}

fn read_colours(options: &Options, list: &JsValue) -> Result<Vec<Vec<f32>>> {
    let wrong = || {
        options.wrong(
            "colors",
            "a list of colours, each a list with a value a channel",
        )
    };
    if !Array::is_array(list) {
        return Err(wrong());
    }
    Array::from(list)
        .iter()
        .map(|colour| {
            tensor::numbers(&colour)
                .filter(|colour| colour.iter().all(|value| value.is_finite()))
                .ok_or_else(wrong)
        })
        .collect()
}

fn write_band(band: &Band) -> Object {
    let object = Object::new();
    set(&object, "mean", &band.mean.into());
    set(&object, "low", &band.low.into());
    set(&object, "high", &band.high.into());
    object
}

fn write_point(point: &Point) -> JsValue {
    let object = Object::new();
    set(&object, "strength", &point.strength.into());
    set(&object, "confidence", &write_band(&point.confidence));
    set(&object, "accuracy", &write_band(&point.accuracy));
    object.into()
}

/// What every place did; places that were not tried have a fall of NaN.
fn write_map(map: &PixelMap) -> Object {
    let [rows, columns] = map.grid;
    let plane = |data: Vec<f32>| -> JsValue {
        let shape: Array = [1, 1, rows, columns]
            .into_iter()
            .map(JsValue::from)
            .collect();
        let object = Object::new();
        set(
            &object,
            "data",
            &js_sys::Float32Array::from(data.as_slice()),
        );
        set(&object, "shape", &shape);
        object.into()
    };
    let indices = |list: &[usize]| {
        let list: Vec<i32> = list
            .iter()
            .map(|&index| i32::try_from(index).unwrap_or(i32::MAX))
            .collect();
        Int32Array::from(list.as_slice())
    };
    let flips: Vec<i32> = map
        .flips
        .iter()
        .map(|flip| flip.map_or(-1, |colour| i32::try_from(colour).unwrap_or(i32::MAX)))
        .collect();
    let object = Object::new();
    set(&object, "fall", &plane(map.fall.clone()));
    set(&object, "color", &indices(&map.colour));
    set(&object, "answer", &indices(&map.answer));
    set(&object, "probability", &plane(map.probability.clone()));
    set(&object, "flips", &Int32Array::from(flips.as_slice()));
    set(&object, "target", &map.label.into());
    set(&object, "before", &map.before.into());
    set(&object, "predicted", &map.said.into());
    set(&object, "done", &map.done.into());
    set(&object, "total", &map.total.into());
    object
}
