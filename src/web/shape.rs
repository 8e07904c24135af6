//! `shapeBias`, `stimulus` and `foreground` for JavaScript: options, read and checked, and what was found.

use js_sys::{Array, Float32Array, Object, Reflect};
use wasm_bindgen::prelude::*;

use super::control::CallControl;
use super::net::WebNet;
use super::options::{Options, whole, word};
use super::{JsResult, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::lab::attack::Units;
use crate::lab::shape::categories::find;
use crate::lab::shape::edges::Rule;
use crate::lab::shape::stimulus::{Piece, Tones};
use crate::lab::shape::{
    self, Category, Crop, Cue, Decision, Outcome, Stimulus, Summary, Tally, Which, decide,
    summarize,
};
use crate::lens::prediction;

/// A stimulus is blurred by this share of the shorter side unless told otherwise.
const BLUR: f32 = 1.0 / 40.0;

/// Deviation of the Gaussian before slopes are drawn, in pixels, and the share of pixels that are not drawn in full.
const SLOPES: f32 = 1.0;
const FULL: f32 = 0.97;

/// Squares a side that a picture is shuffled in.
const GRID: usize = 4;

/// Kinds of stimuli with the options that each has.
const KINDS: [(&str, &[&str]); 10] = [
    ("original", &[]),
    ("grey", &[]),
    ("blur", &["sigma"]),
    ("two_tones", &["sigma", "threshold"]),
    ("shuffle", &["grid"]),
    ("edges", &["sigma", "quiet", "ratio", "ink", "paper"]),
    ("slopes", &["sigma", "full", "ink", "paper"]),
    ("silhouette", &["mask", "ink", "paper"]),
    ("texture", &["y", "x", "size", "block"]),
    (
        "fill",
        &[
            "texture", "mask", "paper", "strength", "y", "x", "size", "block",
        ],
    ),
];

#[wasm_bindgen]
impl WebNet {
    /// The categories that answers are gathered into: `[{ name, classes }]`.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "values of JavaScript come owned"
    )]
    pub fn categories(&self, which: JsValue) -> JsResult<JsValue> {
        let categories = self.read_categories(&which).map_err(thrown)?;
        let list: Array = categories.iter().map(write_category).collect();
        Ok(list.into())
    }

    /// The answers to a batch of pictures that show `cues`, `[{ shape, texture }]` by the categories' names:
    /// `[{ category, probability, decision, … }]`.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = shapeDecisions)]
    pub async fn shape_decisions(
        &self,
        images: JsValue,
        cues: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let decisions = async || {
            let options = Options::new("shapeBias", &options, &["categories", "override"])?;
            let categories = self.read_categories(&options.get("categories").into())?;
            let cues = read_cues(&cues, &categories)?;
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            let images = tensor::read_image(&images)?;
            let logits = self
                .net
                .logits_of_set(&images, &overrides, control.inner())
                .await?;
            let decisions = decide(&prediction::probabilities(&logits)?, &categories);
            if decisions.len() != cues.len() {
                return Err(Error::bad_image(format!(
                    "shapeBias: each image is one picture; {} images hold {}",
                    cues.len(),
                    decisions.len()
                )));
            }
            Ok((categories, cues, decisions))
        };
        let (categories, cues, decisions) = decisions().await.map_err(thrown)?;
        let list: Array = cues
            .iter()
            .zip(&decisions)
            .map(|(cue, decision)| write_decision(*cue, decision, &categories))
            .collect();
        Ok(list.into())
    }

    /// What decisions come to: `{ shape, texture, other, same, bias, interval, coverage, categories }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = shapeSummary)]
    #[allow(
        clippy::needless_pass_by_value,
        reason = "values of JavaScript come owned"
    )]
    pub fn shape_summary(
        &self,
        cues: JsValue,
        decisions: JsValue,
        options: JsValue,
    ) -> JsResult<JsValue> {
        let summary = || {
            let options = Options::new("shapeBias", &options, &["categories", "override"])?;
            let categories = self.read_categories(&options.get("categories").into())?;
            let cues = read_cues(&cues, &categories)?;
            let answer = |decision: JsValue| {
                let name = Reflect::get(&decision, &"category".into()).ok();
                let name = name.and_then(|name| name.as_string()).unwrap_or_default();
                find(&categories, &name)
            };
            let answers = Array::from(&decisions)
                .iter()
                .map(answer)
                .collect::<Result<Vec<usize>>>()?;
            let summary = summarize(&cues, &answers, categories.len())?;
            Ok((categories, summary))
        };
        let (categories, summary) = summary().map_err(thrown)?;
        Ok(write_summary(&summary, &categories))
    }

    /// Pictures that leave shape or texture, a tensor `[N, C, H, W]`.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn stimulus(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let stimulus = async || {
            let image = tensor::read_image(&image)?;
            self.net.check_pictures(&image)?;
            let units = self.pixels();
            let stimulus = self.read_stimulus(&options, &units)?;
            let made = shape::make(
                &units.from_model(&image)?,
                &stimulus,
                self.normalization().blue_first,
                control.seed(),
                control.inner(),
            )
            .await?;
            if stimulus == Stimulus::Original {
                return Ok(image);
            }
            units.to_model(&made)
        };
        let made = stimulus().await.map_err(thrown)?;
        Ok(tensor::write(&made))
    }

    /// Where the object is, a tensor `[N, 1, H, W]` of 0 and 1.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn foreground(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let foreground = async || {
            Options::new("foreground", &options, &[])?;
            let image = tensor::read_image(&image)?;
            self.net.check_pictures(&image)?;
            shape::foreground(&self.pixels().from_model(&image)?, control.inner()).await
        };
        let mask = foreground().await.map_err(thrown)?;
        Ok(tensor::write(&mask))
    }
}

impl WebNet {
    /// From the network's units to brightness from 0 to 1.
    fn pixels(&self) -> Units {
        let rule = self.normalization();
        Units {
            mean: rule.mean,
            std: rule.std,
        }
    }

    /// `undefined`, "imagenet16", "classes", or `{ name: [class, …] }`.
    fn read_categories(&self, which: &JsValue) -> Result<Vec<Category>> {
        let wrong = || {
            Error::bad_argument(format!(
                "categories must be \"imagenet16\", \"classes\" or {{ name: [class, …] }}, not {}",
                word(which)
            ))
        };
        let which = match which.as_string().as_deref() {
            Some("imagenet16") => Which::Sixteen,
            Some("classes") => Which::Classes,
            Some(_) => return Err(wrong()),
            None if which.is_undefined() || which.is_null() => Which::Default,
            None if which.is_object() && !Array::is_array(which) => Which::Own(read_own(which)?),
            None => return Err(wrong()),
        };
        self.net.classes()?;
        which.of(self.labels())
    }

    fn read_stimulus(&self, options: &JsValue, units: &Units) -> Result<Stimulus> {
        let kind = Reflect::get(options, &"kind".into())
            .ok()
            .and_then(|kind| kind.as_string())
            .unwrap_or_default();
        let Some((_, own)) = KINDS.iter().find(|(name, _)| *name == kind) else {
            let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
            return Err(Error::bad_argument(format!(
                "stimulus: kind must be one of {}",
                names.join(", ")
            )));
        };
        let place = format!("stimulus of kind {kind}");
        let options = Options::new(&place, options, &[&["kind"], *own].concat())?;
        let shape = self.net.input_shape();
        let side = shape.h().min(shape.w()) as f32;
        let tones = || {
            Ok(Tones {
                ink: number(&options, "ink", 0.0)?,
                paper: number(&options, "paper", 1.0)?,
            })
        };
        let mask = || {
            let mask = options.get("mask");
            mask.map(|mask| tensor::read("stimulus: mask", &mask))
                .transpose()
        };
        Ok(match kind.as_str() {
            "grey" => Stimulus::Grey,
            "blur" => Stimulus::Blur {
                sigma: number(&options, "sigma", BLUR * side)?,
            },
            "two_tones" => Stimulus::TwoTones {
                sigma: number(&options, "sigma", 0.0)?,
                threshold: match options.get("threshold") {
                    None => None,
                    Some(_) => Some(number(&options, "threshold", 0.0)?),
                },
            },
            "shuffle" => Stimulus::Shuffle {
                grid: options.index("grid")?.unwrap_or(GRID),
            },
            "edges" => {
                let rule = Rule::default();
                Stimulus::Edges {
                    rule: Rule {
                        sigma: number(&options, "sigma", rule.sigma)?,
                        quiet: number(&options, "quiet", rule.quiet)?,
                        ratio: number(&options, "ratio", rule.ratio)?,
                    },
                    tones: tones()?,
                }
            }
            "slopes" => Stimulus::Slopes {
                sigma: number(&options, "sigma", SLOPES)?,
                full: number(&options, "full", FULL)?,
                tones: tones()?,
            },
            "silhouette" => Stimulus::Silhouette {
                mask: mask()?,
                tones: tones()?,
            },
            "texture" => Stimulus::Texture(self.read_piece(&options)?),
            "fill" => {
                let texture = options.get("texture").ok_or_else(|| {
                    Error::bad_argument(
                        "stimulus of kind fill: texture is missing; give the picture to fill with",
                    )
                })?;
                Stimulus::Fill {
                    texture: units.from_model(&tensor::read_image(&texture)?)?,
                    piece: self.read_piece(&options)?,
                    mask: mask()?,
                    paper: number(&options, "paper", 1.0)?,
                    strength: number(&options, "strength", 1.0)?,
                }
            }
            _ => Stimulus::Original,
        })
    }

    /// `y` and `x` place the piece; without them it is looked for.
    fn read_piece(&self, options: &Options) -> Result<Piece> {
        let shape = self.net.input_shape();
        let side = shape.h().min(shape.w());
        let size = options.index("size")?.unwrap_or(side.div_ceil(3));
        let crop = match (options.index("y")?, options.index("x")?) {
            (None, None) => None,
            (y, x) => Some(Crop {
                y: y.unwrap_or(0),
                x: x.unwrap_or(0),
                size,
            }),
        };
        Ok(Piece {
            crop,
            size,
            block: options.index("block")?.unwrap_or(size.div_ceil(2)),
        })
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "numbers are rounded to the engine's f32"
)]
fn number(options: &Options, key: &str, otherwise: f32) -> Result<f32> {
    Ok(options.number(key)?.map_or(otherwise, |value| value as f32))
}

/// `{ name: [class, …] }`.
fn read_own(value: &JsValue) -> Result<Vec<Category>> {
    let entries = Object::entries(&value.clone().unchecked_into::<Object>());
    entries
        .iter()
        .map(|entry| {
            let entry = Array::from(&entry);
            let name = entry.get(0).as_string().unwrap_or_default();
            let list = entry.get(1);
            let classes: Option<Vec<usize>> = if Array::is_array(&list) {
                Array::from(&list)
                    .iter()
                    .map(|class| whole(&class))
                    .collect()
            } else {
                None
            };
            let classes = classes.ok_or_else(|| {
                Error::bad_argument(format!(
                    "categories: '{name}' must be a list of class indices, not {}",
                    word(&list)
                ))
            })?;
            Ok(Category { name, classes })
        })
        .collect()
}

fn read_cues(value: &JsValue, categories: &[Category]) -> Result<Vec<Cue>> {
    Array::from(value)
        .iter()
        .map(|cue| {
            let cue = Options::new("shapeBias: a picture", &cue, &["shape", "texture"])?;
            let place = |key: &str| {
                let name = cue
                    .text(key)?
                    .ok_or_else(|| cue.wrong(key, "the name of a category"))?;
                find(categories, &name).map_err(|error| Error {
                    message: format!("shapeBias: {key}: {}", error.message),
                    ..error
                })
            };
            Ok(Cue {
                shape: place("shape")?,
                texture: place("texture")?,
            })
        })
        .collect()
}

fn write_category(category: &Category) -> JsValue {
    let classes: Array = category
        .classes
        .iter()
        .map(|&class| JsValue::from(class))
        .collect();
    let object = Object::new();
    set(&object, "name", &category.name.as_str().into());
    set(&object, "classes", &classes);
    object.into()
}

fn write_decision(cue: Cue, decision: &Decision, categories: &[Category]) -> JsValue {
    let outcome = match cue.outcome(decision.category) {
        Outcome::Shape => "shape",
        Outcome::Texture => "texture",
        Outcome::Other => "other",
        Outcome::Same => "same",
    };
    let name = |at: usize| JsValue::from(categories[at].name.as_str());
    let object = Object::new();
    set(&object, "category", &name(decision.category));
    set(
        &object,
        "probability",
        &decision.means[decision.category].into(),
    );
    set(&object, "decision", &outcome.into());
    set(&object, "shape", &name(cue.shape));
    set(&object, "texture", &name(cue.texture));
    let vector = |values: &[f32]| JsValue::from(Float32Array::from(values));
    set(&object, "means", &vector(&decision.means));
    set(&object, "sums", &vector(&decision.sums));
    object.into()
}

fn write_tally(object: &Object, tally: Tally) {
    let or_null = |share: Option<f64>| share.map_or(JsValue::NULL, JsValue::from);
    set(object, "shape", &tally.shape.into());
    set(object, "texture", &tally.texture.into());
    set(object, "other", &tally.other.into());
    set(object, "same", &tally.same.into());
    set(object, "bias", &or_null(tally.bias()));
    let interval: Array = tally
        .interval()
        .iter()
        .map(|&end| JsValue::from(end))
        .collect();
    set(object, "interval", &interval);
    set(object, "coverage", &or_null(tally.coverage()));
}

fn write_summary(summary: &Summary, categories: &[Category]) -> JsValue {
    let by_shape: Array = categories
        .iter()
        .zip(&summary.by_shape)
        .map(|(category, tally)| {
            let object = Object::new();
            set(&object, "category", &category.name.as_str().into());
            write_tally(&object, *tally);
            JsValue::from(object)
        })
        .collect();
    let object = Object::new();
    write_tally(&object, summary.all);
    set(&object, "categories", &by_shape);
    object.into()
}
