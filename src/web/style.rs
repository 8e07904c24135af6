//! `stylize` for JavaScript: its options, read and checked, and its steps shown.

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;

use super::control::CallControl;
use super::net::{WebNet, texts};
use super::options::{Options, word};
use super::synthesize::{
    optimizer_name, read_parametrization, read_range, read_size, read_state, state_of, tidy,
    write_parametrization,
};
use super::{JsResult, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::lab::style::settings::{Colours, Form, Settings, Statistic};
use crate::lab::style::{Distance, Init, Look, Outcome, Request, Style, stylize};
use crate::lab::synthesis::Checkpoint;
use crate::lab::synthesis::settings::Optimizer;

/// Everything that `stylize` can be told, apart from what concerns any call.
const OPTIONS: [&str; 29] = [
    "preset",
    "contentLayers",
    "styleLayers",
    "alpha",
    "beta",
    "tv",
    "reduction",
    "statistic",
    "preserveColors",
    "jitter",
    "styleScale",
    "steps",
    "every",
    "stateEvery",
    "optimizer",
    "learningRate",
    "parametrization",
    "decay",
    "levels",
    "decorrelate",
    "range",
    "noise",
    "init",
    "size",
    "scales",
    "scaleFactor",
    "grams",
    "resume",
    "override",
];

/// The preset that is taken when none is named.
const PRESET: &str = "natural";

/// The learning rate of L-BFGS when none is given: the step that it holds to be right.
const NEWTON: f32 = 1.0;

/// That of Adam and of plain descent where the preset's is one for L-BFGS.
const ADAM: f32 = 0.03;

#[wasm_bindgen]
impl WebNet {
    /// Makes a picture: `{ image, history, grams, state }`. `styles` is a list of `{ image, weight, mask }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn stylize(
        &self,
        content: JsValue,
        styles: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let make = async || {
            let options = Options::new("stylize", &options, &OPTIONS)?;
            let resume = read_state(&options)?;
            let mut request = self.style_request(&options, resume.as_ref(), control.seed())?;
            request.content = tensor::read_image(&content)?;
            request.styles = read_styles(&styles)?;
            let listens = control.has_listener();
            let look = async |look: Look| {
                if !listens {
                    return Ok(true);
                }
                let answer = control.show(&step_of(&request, &look)).await?;
                let answer = Options::new("the answer to a step", &answer, &["stop"])?;
                Ok(!answer.flag("stop")?.unwrap_or(false))
            };
            let outcome = stylize(&self.net, &request, control.inner(), look).await?;
            Ok(written(&request, &outcome))
        };
        make().await.map_err(thrown)
    }

    /// The settings of a preset by the options' names, for this network: `{ steps, contentLayers, … }`.
    ///
    /// # Errors
    /// `bad_argument` for a name that is none or does not fit this network.
    #[wasm_bindgen(js_name = stylePreset)]
    pub fn style_preset(&self, name: Option<String>) -> JsResult<JsValue> {
        let name = name.unwrap_or_else(|| PRESET.to_owned());
        let settings = Settings::preset(&name, &self.net, &self.normalization()).map_err(thrown)?;
        let object = Object::new();
        set(&object, "preset", &name.as_str().into());
        set(&object, "steps", &Settings::steps(&name).into());
        write_settings(&object, &settings);
        Ok(object.into())
    }
}

impl WebNet {
    /// Everything but the pictures.
    fn style_request<'r>(
        &self,
        options: &Options,
        resume: Option<&'r Checkpoint>,
        seed: u64,
    ) -> Result<Request<'r>> {
        let shape = self.net.input_shape();
        let preset = options.text("preset")?.unwrap_or_else(|| PRESET.to_owned());
        let mut settings = Settings::preset(&preset, &self.net, &self.normalization())?;
        read_settings(options, &mut settings)?;
        let size = match options.get("size") {
            None => [shape.h(), shape.w()],
            Some(size) => read_size(&size).ok_or_else(|| {
                options.wrong("size", "a whole number of pixels, or [rows, columns]")
            })?,
        };
        let init = match options.get("init") {
            None => Init::Content,
            Some(init) => match init.as_string().as_deref() {
                Some("content") => Init::Content,
                Some("style") => Init::Style,
                Some("noise") => Init::Noise,
                Some(_) => {
                    return Err(
                        options.wrong("init", "\"content\", \"style\", \"noise\" or a picture")
                    );
                }
                None => Init::Picture(tensor::read_image(&init)?),
            },
        };
        let grams = match options.get("grams") {
            None => Vec::new(),
            Some(list) => texts("stylize", "grams", &list)?,
        };
        Ok(Request {
            content: crate::tensor::Tensor::zeros(shape),
            styles: Vec::new(),
            settings,
            normalization: self.normalization(),
            size,
            steps: options
                .index("steps")?
                .unwrap_or_else(|| Settings::steps(&preset)),
            init,
            resume,
            overrides: tensor::read_overrides(options.get("override").as_ref())?,
            seed,
            every: options.index("every")?.unwrap_or(1),
            checkpoints: options.index("stateEvery")?.unwrap_or(0),
            grams,
        })
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "settings are rounded to the engine's f32"
)]
fn read_settings(options: &Options, settings: &mut Settings) -> Result<()> {
    let numbers: [(&str, &mut f32); 7] = [
        ("alpha", &mut settings.alpha),
        ("beta", &mut settings.beta),
        ("tv", &mut settings.tv),
        ("styleScale", &mut settings.style_scale),
        ("learningRate", &mut settings.descent.learning_rate),
        ("scaleFactor", &mut settings.descent.octaves.factor),
        ("noise", &mut settings.descent.noise),
    ];
    for (key, target) in numbers {
        if let Some(value) = options.number(key)? {
            *target = value as f32;
        }
    }
    if let Some(layers) = options.get("contentLayers") {
        settings.content_layers = read_layers(options, "contentLayers", &layers)?;
    }
    if let Some(layers) = options.get("styleLayers") {
        settings.style_layers = read_layers(options, "styleLayers", &layers)?;
    }
    if let Some(pixels) = options.index("jitter")? {
        settings.jitter = pixels;
    }
    if let Some(count) = options.index("scales")? {
        settings.descent.octaves.count = count;
    }
    if let Some(flag) = options.flag("decorrelate")? {
        settings.descent.decorrelate = flag;
    }
    match options.text("reduction")?.as_deref() {
        None => {}
        Some("relative") => settings.form = Form::Relative,
        Some("mean") => settings.form = Form::Mean,
        Some("sum") => settings.form = Form::Sum,
        Some("scaled") => settings.form = Form::Scaled,
        Some(_) => {
            return Err(options.wrong("reduction", "\"relative\", \"mean\", \"sum\" or \"scaled\""));
        }
    }
    match options.text("statistic")?.as_deref() {
        None => {}
        Some("gram") => settings.statistic = Statistic::Gram,
        Some("moments") => settings.statistic = Statistic::Moments,
        Some(_) => return Err(options.wrong("statistic", "\"gram\" or \"moments\"")),
    }
    match options.text("optimizer")?.as_deref() {
        None => {}
        Some("adam") => switch(options, settings, Optimizer::Adam, ADAM)?,
        Some("sgd") => switch(options, settings, Optimizer::Sgd, ADAM)?,
        Some("lbfgs") => {
            switch(options, settings, Optimizer::Lbfgs, NEWTON)?;
            if options.get("jitter").is_none() {
                settings.jitter = 0;
            }
        }
        Some(_) => {
            return Err(options.wrong("optimizer", "\"adam\", \"lbfgs\" or \"sgd\""));
        }
    }
    if let Some(keeps) = options.get("preserveColors") {
        settings.colours = match (keeps.as_bool(), keeps.as_string().as_deref()) {
            (Some(false), _) => Colours::Style,
            (Some(true), _) | (_, Some("luminance")) => Colours::Kept,
            (_, Some("match")) => Colours::Matched,
            _ => {
                return Err(
                    options.wrong("preserveColors", "true, false, \"luminance\" or \"match\"")
                );
            }
        };
    }
    read_range(options, &mut settings.descent)?;
    read_parametrization("stylize", options, &mut settings.descent)
}

/// Takes another optimiser than the preset's; between one that knows its step and one that does not, with its own rate where
/// none is given.
fn switch(
    options: &Options,
    settings: &mut Settings,
    optimizer: Optimizer,
    rate: f32,
) -> Result<()> {
    let descent = &mut settings.descent;
    let knows_its_step = |optimizer: Optimizer| optimizer == Optimizer::Lbfgs;
    let is_alike = knows_its_step(optimizer) == knows_its_step(descent.optimizer);
    descent.optimizer = optimizer;
    if !is_alike && options.number("learningRate")?.is_none() {
        descent.learning_rate = rate;
    }
    Ok(())
}

/// Layers by name with their weights; a list gives each the same share.
#[allow(
    clippy::cast_possible_truncation,
    reason = "weights are rounded to the engine's f32"
)]
fn read_layers(options: &Options, key: &str, value: &JsValue) -> Result<Vec<(String, f32)>> {
    let wrong = || options.wrong(key, "a list of layers' names, or their weights by name");
    if Array::is_array(value) {
        let names = texts("stylize", key, value)?;
        let share = 1.0 / names.len().max(1) as f32;
        return Ok(names.into_iter().map(|name| (name, share)).collect());
    }
    let object = value.dyn_ref::<Object>().ok_or_else(wrong)?;
    Object::keys(object)
        .iter()
        .filter_map(|name| name.as_string())
        .map(|name| {
            let weight = Reflect::get(object, &name.as_str().into()).ok();
            let weight = weight
                .and_then(|weight| weight.as_f64())
                .ok_or_else(wrong)?;
            Ok((name, weight as f32))
        })
        .collect()
}

/// A list of `{ image, weight, mask }`.
#[allow(
    clippy::cast_possible_truncation,
    reason = "weights are rounded to the engine's f32"
)]
fn read_styles(value: &JsValue) -> Result<Vec<Style>> {
    if !Array::is_array(value) {
        return Err(Error::bad_argument(format!(
            "stylize: style must be a picture or a list of {{ image, weight, mask }}, not {}",
            word(value)
        )));
    }
    Array::from(value)
        .iter()
        .map(|each| {
            let style = Options::new("a style", &each, &["image", "weight", "mask"])?;
            let image = style.get("image");
            let image = image.ok_or_else(|| style.wrong("image", "a picture"))?;
            let mask = style.get("mask").map(|mask| tensor::read("mask", &mask));
            Ok(Style {
                picture: tensor::read_image(&image)?,
                weight: style.number("weight")?.unwrap_or(1.0) as f32,
                mask: mask.transpose()?,
            })
        })
        .collect()
}

fn step_of(request: &Request<'_>, look: &Look) -> JsValue {
    let step = Object::new();
    set(&step, "step", &look.step.into());
    let first = (look.step + 1).saturating_sub(look.history.len());
    set(&step, "history", &history_of(request, first, &look.history));
    if let Some(distance) = look.history.last() {
        write_distance(&step, distance);
    }
    set(&step, "image", &tensor::write(&look.image));
    set(&step, "grams", &grams_of(request, &look.grams));
    if let Some(checkpoint) = &look.checkpoint {
        set(&step, "state", &state_of(checkpoint));
    }
    step.into()
}

fn written(request: &Request<'_>, outcome: &Outcome) -> JsValue {
    let object = Object::new();
    set(&object, "image", &tensor::write(&outcome.image));
    let last = outcome.checkpoint.step;
    let first = (last + 1).saturating_sub(outcome.history.len());
    set(
        &object,
        "history",
        &history_of(request, first, &outcome.history),
    );
    set(&object, "grams", &grams_of(request, &outcome.grams));
    set(&object, "state", &state_of(&outcome.checkpoint));
    object.into()
}

/// `[{ step, total, content, style, tv, layers: { content, style } }]`.
fn history_of(request: &Request<'_>, first: usize, history: &[Distance]) -> Array {
    let named = |layers: &[(String, f32)], losses: &[f32]| {
        let object = Object::new();
        for ((name, _), &loss) in layers.iter().zip(losses) {
            set(&object, name, &loss.into());
        }
        object
    };
    let settings = &request.settings;
    let entries = history.iter().enumerate();
    entries
        .map(|(index, distance)| {
            let entry = Object::new();
            set(&entry, "step", &(first + index).into());
            write_distance(&entry, distance);
            let layers = Object::new();
            let content = named(&settings.content_layers, &distance.content_layers);
            set(&layers, "content", &content);
            let style = named(&settings.style_layers, &distance.style_layers);
            set(&layers, "style", &style);
            set(&entry, "layers", &layers);
            JsValue::from(entry)
        })
        .collect()
}

fn write_distance(object: &Object, distance: &Distance) {
    set(object, "total", &distance.total.into());
    set(object, "content", &distance.content.into());
    set(object, "style", &distance.style.into());
    set(object, "tv", &distance.tv.into());
}

fn grams_of(request: &Request<'_>, grams: &[crate::tensor::Tensor]) -> Object {
    let object = Object::new();
    for (name, gram) in request.grams.iter().zip(grams) {
        set(&object, name, &tensor::write(gram));
    }
    object
}

fn write_settings(object: &Object, settings: &Settings) {
    let layers = |layers: &[(String, f32)]| {
        let object = Object::new();
        for (name, weight) in layers {
            set(&object, name, &tidy(f64::from(*weight)).into());
        }
        object
    };
    set(object, "contentLayers", &layers(&settings.content_layers));
    set(object, "styleLayers", &layers(&settings.style_layers));
    let descent = &settings.descent;
    let words = [
        (
            "reduction",
            match settings.form {
                Form::Relative => "relative",
                Form::Mean => "mean",
                Form::Sum => "sum",
                Form::Scaled => "scaled",
            },
        ),
        (
            "statistic",
            match settings.statistic {
                Statistic::Gram => "gram",
                Statistic::Moments => "moments",
            },
        ),
        ("optimizer", optimizer_name(descent)),
    ];
    for (key, word) in words {
        set(object, key, &word.into());
    }
    let colours = match settings.colours {
        Colours::Style => JsValue::FALSE,
        Colours::Kept => "luminance".into(),
        Colours::Matched => "match".into(),
    };
    set(object, "preserveColors", &colours);
    set(object, "decorrelate", &descent.decorrelate.into());
    set(object, "jitter", &settings.jitter.into());
    set(object, "scales", &descent.octaves.count.into());
    write_parametrization(object, descent);
    for (key, value) in [
        ("alpha", settings.alpha),
        ("beta", settings.beta),
        ("tv", settings.tv),
        ("styleScale", settings.style_scale),
        ("learningRate", descent.learning_rate),
        ("scaleFactor", descent.octaves.factor),
        ("noise", descent.noise),
    ] {
        set(object, key, &tidy(f64::from(value)).into());
    }
}
