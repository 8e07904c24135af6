//! `synthesize` for JavaScript: its options, read and checked, and its steps shown.

use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;

use super::control::CallControl;
use super::net::WebNet;
use super::options::{Options, whole};
use super::{JsResult, objective, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::lab::synthesis::settings::{
    Blur, Optimizer, Parametrization, Range, Settings, Transform,
};
use crate::lab::synthesis::{Checkpoint, Look, Normalization, Outcome, Request, Start, synthesize};
use crate::net::objective::{Objective, Term};
use crate::picture::Channels;

/// Everything that `synthesize` can be told, apart from what concerns any call.
const OPTIONS: [&str; 34] = [
    "objective",
    "objectives",
    "count",
    "steps",
    "every",
    "stateEvery",
    "preset",
    "size",
    "init",
    "resume",
    "learningRate",
    "optimizer",
    "parametrization",
    "decay",
    "levels",
    "decorrelate",
    "range",
    "transforms",
    "copies",
    "inputNoise",
    "background",
    "l2",
    "tv",
    "blurEvery",
    "blurSigma",
    "gradientBlur",
    "clip",
    "diversity",
    "diversityLayer",
    "redirect",
    "octaves",
    "octaveFactor",
    "noise",
    "override",
];

/// Deviation of `blurEvery`'s Gaussian when none is given, in pixels.
const BLUR_SIGMA: f32 = 0.5;

#[wasm_bindgen]
impl WebNet {
    /// Makes a picture: `{ image, history, state }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn synthesize(&self, options: JsValue, control: &CallControl) -> JsResult<JsValue> {
        let make = async || {
            let options = Options::new("synthesize", &options, &OPTIONS)?;
            let resume = read_state(&options)?;
            let request = self.read_request(&options, resume.as_ref(), control.seed())?;
            let listens = control.has_listener();
            synthesize(&self.net, &request, control.inner(), async |look: Look| {
                if !listens {
                    return Ok(true);
                }
                let answer = control.show(&step_of(&look)).await?;
                let answer = Options::new("the answer to a step", &answer, &["stop"])?;
                Ok(!answer.flag("stop")?.unwrap_or(false))
            })
            .await
        };
        let outcome = make().await.map_err(thrown)?;
        Ok(written(&outcome))
    }

    /// The settings of a preset by the options' names, for pictures of this network: `{ steps, learningRate, … }`.
    ///
    /// # Errors
    /// `bad_argument` for a name that is none.
    #[wasm_bindgen(js_name = synthesisPreset)]
    pub fn synthesis_preset(&self, name: Option<String>) -> JsResult<JsValue> {
        let name = name.unwrap_or_else(|| Settings::default_preset(self.side(), true).to_owned());
        let settings = self.preset(&name).map_err(thrown)?;
        let object = Object::new();
        set(&object, "preset", &name.as_str().into());
        set(&object, "steps", &Settings::steps(&name).into());
        write_settings(&object, &settings);
        Ok(object.into())
    }
}

impl WebNet {
    fn side(&self) -> usize {
        let shape = self.net.input_shape();
        shape.h().max(shape.w())
    }

    fn preset(&self, name: &str) -> Result<Settings> {
        Settings::preset(name, self.net.input_shape().c(), self.side())
    }

    fn read_request<'r>(
        &self,
        options: &Options,
        resume: Option<&'r Checkpoint>,
        seed: u64,
    ) -> Result<Request<'r>> {
        let objectives = match (options.get("objective"), options.get("objectives")) {
            (Some(one), None) => vec![objective::read(&one)?],
            (None, Some(list)) if Array::is_array(&list) => Array::from(&list)
                .iter()
                .map(|each| objective::read(&each))
                .collect::<Result<_>>()?,
            _ => {
                return Err(Error::bad_argument(
                    "synthesize needs an objective, such as { logit: 3 }, or objectives: a list with one for each picture",
                ));
            }
        };
        let count = options.index("count")?.unwrap_or(objectives.len());
        let shape = self.net.input_shape();
        let size = match options.get("size") {
            None => [shape.h(), shape.w()],
            Some(size) => read_size(&size).ok_or_else(|| {
                options.wrong("size", "a whole number of pixels, or [rows, columns]")
            })?,
        };
        let preset = match options.text("preset")? {
            Some(name) => name,
            None => {
                let is_class = objectives.iter().any(names_a_class);
                Settings::default_preset(self.side(), is_class).to_owned()
            }
        };
        let mut settings = self.preset(&preset)?;
        read_settings(options, &mut settings)?;
        let start = match options.get("init") {
            None => Start::Noise,
            Some(init) => match init.as_string().as_deref() {
                Some("noise") => Start::Noise,
                Some("grey") => Start::Grey,
                Some(_) => return Err(options.wrong("init", "\"noise\", \"grey\" or a picture")),
                None => Start::Picture(tensor::read_image(&init)?),
            },
        };
        let named = options.text("diversityLayer")?;
        if named.is_some() && settings.diversity == 0.0 {
            return Err(Error::bad_argument(
                "synthesize: diversityLayer has a meaning only with diversity above 0",
            ));
        }
        let layer = named.or_else(|| {
            let mut layers = objectives
                .first()?
                .iter()
                .filter_map(|(term, _)| term.layer());
            layers.next().map(str::to_owned)
        });
        Ok(Request {
            diverse_layer: layer.filter(|_| settings.diversity > 0.0),
            objectives,
            settings,
            normalization: self.normalization(),
            count,
            size,
            steps: options
                .index("steps")?
                .unwrap_or_else(|| Settings::steps(&preset)),
            start,
            resume,
            overrides: tensor::read_overrides(options.get("override").as_ref())?,
            seed,
            every: options.index("every")?.unwrap_or(1),
            checkpoints: options.index("stateEvery")?.unwrap_or(0),
        })
    }

    /// The rule for pixels; a network without one is given what it takes.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "levels are rounded to the engine's f32"
    )]
    pub(super) fn normalization(&self) -> Normalization {
        let channels = self.net.input_shape().c();
        self.rule().map_or_else(
            |_| Normalization::none(channels),
            |rule| Normalization {
                mean: rule.mean.iter().map(|&value| value as f32).collect(),
                std: rule.std.iter().map(|&value| value as f32).collect(),
                blue_first: rule.channels == Channels::Bgr,
            },
        )
    }
}

/// Whether an objective asks for a class, and not for parts of layers alone.
fn names_a_class(objective: &Objective) -> bool {
    let mut terms = objective.iter().map(|(term, _)| term);
    terms.any(|term| matches!(term, Term::Logit(_) | Term::Probability(_) | Term::Loss(_)))
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "settings are rounded to the engine's f32"
)]
fn read_settings(options: &Options, settings: &mut Settings) -> Result<()> {
    let number = |key: &str| Ok(options.number(key)?.map(|number| number as f32));
    let numbers: [(&str, &mut f32); 9] = [
        ("learningRate", &mut settings.learning_rate),
        ("l2", &mut settings.l2),
        ("tv", &mut settings.tv),
        ("gradientBlur", &mut settings.gradient_blur),
        ("clip", &mut settings.clip),
        ("diversity", &mut settings.diversity),
        ("octaveFactor", &mut settings.octaves.factor),
        ("noise", &mut settings.noise),
        ("inputNoise", &mut settings.input_noise),
    ];
    for (key, target) in numbers {
        if let Some(value) = number(key)? {
            *target = value;
        }
    }
    if let Some(count) = options.index("octaves")? {
        settings.octaves.count = count;
    }
    if let Some(count) = options.index("copies")? {
        settings.copies = count;
    }
    match options.get("background") {
        None => {}
        Some(word) if word.as_string().as_deref() == Some("mean") => settings.background = None,
        Some(value) if value.as_f64().is_some() => settings.background = number("background")?,
        Some(_) => return Err(options.wrong("background", "\"mean\" or a brightness from 0 to 1")),
    }
    if let Some(flag) = options.flag("decorrelate")? {
        settings.decorrelate = flag;
    }
    if let Some(flag) = options.flag("redirect")? {
        settings.redirect = flag;
    }
    match options.text("optimizer")?.as_deref() {
        None => {}
        Some("adam") => settings.optimizer = Optimizer::Adam,
        Some("sgd") => settings.optimizer = Optimizer::Sgd,
        Some(_) => return Err(options.wrong("optimizer", "\"adam\" or \"sgd\"")),
    }
    read_range(options, settings)?;
    read_parametrization("synthesize", options, settings)?;
    match (options.index("blurEvery")?, number("blurSigma")?) {
        (Some(0), None) => settings.blur = None,
        (Some(every), sigma) => {
            let sigma = sigma.unwrap_or(BLUR_SIGMA);
            settings.blur = Some(Blur { every, sigma });
        }
        (None, Some(_)) => {
            return Err(Error::bad_argument(
                "synthesize: blurSigma has a meaning only with blurEvery",
            ));
        }
        (None, None) => {}
    }
    if let Some(transforms) = options.get("transforms") {
        settings.transforms = read_transforms(options, &transforms)?;
    }
    Ok(())
}

/// How the numbers become pixels.
pub(super) fn read_range(options: &Options, settings: &mut Settings) -> Result<()> {
    match options.text("range")?.as_deref() {
        None => {}
        Some("sigmoid") => settings.range = Range::Sigmoid,
        Some("free") => settings.range = Range::Free,
        Some(_) => return Err(options.wrong("range", "\"sigmoid\" or \"free\"")),
    }
    Ok(())
}

/// What is optimised.
#[allow(
    clippy::cast_possible_truncation,
    reason = "settings are rounded to the engine's f32"
)]
pub(super) fn read_parametrization(
    call: &str,
    options: &Options,
    settings: &mut Settings,
) -> Result<()> {
    let mut chosen = match options.text("parametrization")?.as_deref() {
        None => settings.parametrization,
        Some("pixel") => Parametrization::Pixel,
        Some("fourier") => match settings.parametrization {
            fourier @ Parametrization::Fourier { .. } => fourier,
            _ => Parametrization::Fourier { decay: 1.0 },
        },
        Some("pyramid") => Parametrization::Pyramid { levels: 4 },
        Some(_) => {
            return Err(options.wrong("parametrization", "\"pixel\", \"fourier\" or \"pyramid\""));
        }
    };
    if let Some(value) = options.number("decay")? {
        let Parametrization::Fourier { decay } = &mut chosen else {
            return Err(Error::bad_argument(format!(
                "{call}: decay belongs to parametrization \"fourier\""
            )));
        };
        *decay = value as f32;
    }
    if let Some(value) = options.index("levels")? {
        let Parametrization::Pyramid { levels } = &mut chosen else {
            return Err(Error::bad_argument(format!(
                "{call}: levels belongs to parametrization \"pyramid\""
            )));
        };
        *levels = value;
    }
    settings.parametrization = chosen;
    Ok(())
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "settings are rounded to the engine's f32"
)]
fn read_transforms(options: &Options, value: &JsValue) -> Result<Vec<Transform>> {
    const WORDS: &str =
        "a list such as [{ pad: 12 }, { jitter: 8 }, { scale: [0.9, 1.1] }, { rotate: 10 }]";
    let wrong = || options.wrong("transforms", WORDS);
    if !Array::is_array(value) {
        return Err(wrong());
    }
    Array::from(value)
        .iter()
        .map(|each| {
            let one = Options::new("a transform", &each, &["pad", "jitter", "scale", "rotate"])?;
            match one.keys().as_slice() {
                [key] if key == "pad" => Ok(Transform::Pad(one.required_index("pad")?)),
                [key] if key == "jitter" => Ok(Transform::Jitter(one.required_index("jitter")?)),
                [key] if key == "rotate" => {
                    let degrees = one.number("rotate")?.unwrap_or_default();
                    Ok(Transform::Rotate(degrees as f32))
                }
                [key] if key == "scale" => {
                    let factors = one.get("scale").and_then(|list| tensor::numbers(&list));
                    match factors.as_deref() {
                        Some(&[low, high]) => Ok(Transform::Scale(low, high)),
                        _ => Err(one.wrong("scale", "two factors, such as [0.9, 1.1]")),
                    }
                }
                _ => Err(wrong()),
            }
        })
        .collect()
}

/// One number for both extents, or `[rows, columns]`.
pub(super) fn read_size(value: &JsValue) -> Option<[usize; 2]> {
    if let Some(side) = whole(value) {
        return Some([side, side]);
    }
    let list = Array::is_array(value).then(|| Array::from(value))?;
    match list.iter().map(|each| whole(&each)).collect::<Vec<_>>()[..] {
        [Some(height), Some(width)] => Some([height, width]),
        _ => None,
    }
}

/// The state of another run, under `resume`.
pub(super) fn read_state(options: &Options) -> Result<Option<Checkpoint>> {
    let Some(state) = options.get("resume") else {
        return Ok(None);
    };
    let state = Options::new("resume", &state, &["step", "values"])?;
    let values = state
        .get("values")
        .filter(Array::is_array)
        .ok_or_else(|| state.wrong("values", "the state that a run returned"))?;
    Ok(Some(Checkpoint {
        step: state.required_index("step")?,
        values: Array::from(&values)
            .iter()
            .map(|each| tensor::read("resume", &each))
            .collect::<Result<_>>()?,
    }))
}

fn step_of(look: &Look) -> JsValue {
    let step = Object::new();
    set(&step, "step", &look.step.into());
    set(&step, "value", &look.value.into());
    set(&step, "image", &tensor::write(&look.image));
    if let Some(checkpoint) = &look.checkpoint {
        set(&step, "state", &state_of(checkpoint));
    }
    step.into()
}

fn written(outcome: &Outcome) -> JsValue {
    let history: Array = outcome
        .history
        .iter()
        .map(|&value| JsValue::from(value))
        .collect();
    let object = Object::new();
    set(&object, "image", &tensor::write(&outcome.image));
    set(&object, "history", &history);
    set(&object, "state", &state_of(&outcome.checkpoint));
    object.into()
}

/// What `resume` takes.
pub(super) fn state_of(checkpoint: &Checkpoint) -> JsValue {
    let state = Object::new();
    set(&state, "step", &checkpoint.step.into());
    let values: Array = checkpoint.values.iter().map(tensor::write).collect();
    set(&state, "values", &values);
    state.into()
}

fn write_settings(object: &Object, settings: &Settings) {
    write_parametrization(object, settings);
    set(object, "optimizer", &optimizer_name(settings).into());
    set(object, "decorrelate", &settings.decorrelate.into());
    set(object, "redirect", &settings.redirect.into());
    set(object, "octaves", &settings.octaves.count.into());
    set(object, "copies", &settings.copies.into());
    let background = settings.background.map_or_else(
        || JsValue::from("mean"),
        |brightness| tidy(f64::from(brightness)).into(),
    );
    set(object, "background", &background);
    for (key, value) in [
        ("learningRate", settings.learning_rate),
        ("l2", settings.l2),
        ("tv", settings.tv),
        ("gradientBlur", settings.gradient_blur),
        ("clip", settings.clip),
        ("diversity", settings.diversity),
        ("octaveFactor", settings.octaves.factor),
        ("noise", settings.noise),
        ("inputNoise", settings.input_noise),
    ] {
        set(object, key, &tidy(f64::from(value)).into());
    }
    set(
        object,
        "blurEvery",
        &settings.blur.map_or(0, |blur| blur.every).into(),
    );
    let transforms: Array = settings.transforms.iter().map(transform_of).collect();
    set(object, "transforms", &transforms);
}

/// The optimiser as options name it.
pub(super) const fn optimizer_name(settings: &Settings) -> &'static str {
    match settings.optimizer {
        Optimizer::Adam => "adam",
        Optimizer::Sgd => "sgd",
        Optimizer::Lbfgs => "lbfgs",
    }
}

/// What is optimised, and how it becomes pixels.
pub(super) fn write_parametrization(object: &Object, settings: &Settings) {
    let (parametrization, detail) = match settings.parametrization {
        Parametrization::Pixel => ("pixel", None),
        Parametrization::Fourier { decay } => ("fourier", Some(("decay", f64::from(decay)))),
        Parametrization::Pyramid { levels } => ("pyramid", Some(("levels", levels as f64))),
    };
    set(object, "parametrization", &parametrization.into());
    if let Some((key, value)) = detail {
        set(object, key, &tidy(value).into());
    }
    let range = match settings.range {
        Range::Sigmoid => "sigmoid",
        Range::Free => "free",
    };
    set(object, "range", &range.into());
}

fn transform_of(transform: &Transform) -> JsValue {
    let object = Object::new();
    match *transform {
        Transform::Pad(pixels) => set(&object, "pad", &pixels.into()),
        Transform::Jitter(pixels) => set(&object, "jitter", &pixels.into()),
        Transform::Rotate(degrees) => set(&object, "rotate", &tidy(f64::from(degrees)).into()),
        Transform::Scale(low, high) => {
            let factors: Array = [low, high]
                .iter()
                .map(|&factor| JsValue::from(tidy(f64::from(factor))))
                .collect();
            set(&object, "scale", &factors);
        }
    }
    object.into()
}

/// An f32 as a person wrote it: 0.006, not 0.006000000052.
pub(super) fn tidy(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
