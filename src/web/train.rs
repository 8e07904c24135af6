//! `train` and `reset` for JavaScript: options, read and checked, and each step shown.

use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;

use super::attack_options::read_bounds;
use super::control::CallControl;
use super::net::WebNet;
use super::options::{Options, whole, word};
use super::{JsResult, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::lab::attack::{Bounds, EPSILON, Units};
use crate::lab::shortcut::{Mark, Shortcut};
use crate::lab::train::{self, Adversary, Examples, Rates, Rule, Settings, Step};

/// Options of `train`.
const OPTIONS: [&str; 12] = [
    "epochs",
    "steps",
    "batch",
    "learningRate",
    "momentum",
    "weightDecay",
    "optimizer",
    "labelNoise",
    "shortcut",
    "adversarial",
    "shuffle",
    "every",
];

/// What a step's listener may change.
const CHANGES: [&str; 3] = ["learningRate", "momentum", "weightDecay"];

const BATCH: usize = 64;

/// More steps than anybody waits for.
const MOST_STEPS: usize = 1_000_000;

#[wasm_bindgen]
impl WebNet {
    /// `{ history: [{ step, loss, accuracy }] }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn train(
        &self,
        data: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let train = async || {
            let options = Options::new("train", &options, &OPTIONS)?;
            let examples = read_examples("train", &data)?;
            let mut settings = read_settings(&options, &examples, control.seed())?;
            if let Some(adversarial) = options.get("adversarial") {
                settings.adversary = Some(self.read_adversary(&adversarial)?);
            }
            if !control.has_listener() {
                settings.every = settings.steps;
            }
            let mut trainer = self.trainer.take().ok_or_else(|| {
                Error::bad_argument(
                    "train: another call is training this network; wait for it, or stop it with its signal",
                )
            })?;
            let on_step = async |step: Step, rates: &mut Rates| {
                if control.has_listener() {
                    let answer = control.show(&write_step(&step)).await?;
                    change(rates, &answer)?;
                }
                Ok(())
            };
            let history = trainer
                .train(&self.net, &examples, &settings, control.inner(), on_step)
                .await;
            self.trainer.replace(Some(trainer));
            history
        };
        let history = train().await.map_err(thrown)?;
        let steps: Array = history.iter().map(write_step).collect();
        let object = Object::new();
        set(&object, "history", &steps);
        Ok(object.into())
    }

    /// Gives the network the weights that training begins with, drawn from a seed.
    ///
    /// # Errors
    /// None in practice.
    pub fn reset(&self, control: &CallControl) -> JsResult<()> {
        train::reset(&self.net, control.seed()).map_err(thrown)
    }
}

impl WebNet {
    /// `{ method, epsilon, steps, stepSize, units, min, max }`.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "settings are rounded to the engine's f32"
    )]
    fn read_adversary(&self, value: &JsValue) -> Result<Adversary> {
        let known = [
            "method", "epsilon", "steps", "stepSize", "units", "min", "max",
        ];
        let options = Options::new("train: adversarial", value, &known)?;
        let length = |key: &str, otherwise: f32| match options.number(key)? {
            Some(number) if number <= 0.0 => Err(options.wrong(key, "above 0")),
            number => Ok(number.map_or(otherwise, |number| number as f32)),
        };
        let epsilon = length("epsilon", EPSILON)?;
        let (steps, reach) = match options.text("method")?.as_deref() {
            Some("pgd") => (options.index("steps")?.unwrap_or(7), 0.25),
            Some("fgsm") if options.get("steps").is_some() => {
                return Err(Error::bad_argument(
                    "train: adversarial: fgsm has no option 'steps'; it takes one",
                ));
            }
            Some("fgsm") => (1, 1.25),
            _ => return Err(options.wrong("method", "\"pgd\" or \"fgsm\"")),
        };
        if !(1..=1000).contains(&steps) {
            return Err(options.wrong("steps", "a whole number from 1 to 1000"));
        }
        let step_size = length("stepSize", reach * epsilon)?;
        let channels = self.net.input_shape().c();
        let pixels = self.pixel_units(&options)?;
        let otherwise = if pixels.is_some() {
            Bounds::pixels(channels)
        } else {
            Bounds::none(channels)
        };
        let bounds = read_bounds(&options, &otherwise)?;
        let units = pixels.unwrap_or_else(|| Units::own(channels));
        Ok(Adversary::pgd(epsilon, steps, step_size, units, bounds))
    }
}

/// `{ images, labels }`.
///
/// # Errors
/// `bad_argument` and `bad_image` for what is neither.
pub(super) fn read_examples(call: &str, value: &JsValue) -> Result<Examples> {
    let data = Options::new(call, value, &["images", "labels", "classes"])?;
    let images = data
        .get("images")
        .ok_or_else(|| data.wrong("images", "a Tensor [N, C, H, W]"))?;
    let images = tensor::read(&format!("{call}: images"), &images)?;
    let labels = data
        .get("labels")
        .filter(JsValue::is_object)
        .ok_or_else(|| data.wrong("labels", "a list of classes, one a picture"))?;
    let labels = Array::from(&labels)
        .iter()
        .enumerate()
        .map(|(index, label)| {
            whole(&label).ok_or_else(|| {
                Error::bad_argument(format!(
                    "{call}: label {index} must be a whole number from 0, not {}",
                    word(&label)
                ))
            })
        })
        .collect::<Result<Vec<usize>>>()?;
    Examples::new(images, labels).map_err(|error| Error {
        message: format!("{call}: {}", error.message),
        ..error
    })
}

fn read_settings(options: &Options, examples: &Examples, seed: u64) -> Result<Settings> {
    let batch = options.index("batch")?.unwrap_or(BATCH);
    let count = examples.labels().len();
    if batch == 0 || batch > count {
        return Err(options.wrong(
            "batch",
            &format!("from 1 to {count}, the number of pictures"),
        ));
    }
    let (epochs, steps) = (options.index("epochs")?, options.index("steps")?);
    if epochs.is_some() && steps.is_some() {
        return Err(Error::bad_argument(
            "train: give either epochs or steps, not both",
        ));
    }
    let steps = steps.unwrap_or_else(|| epochs.unwrap_or(1).saturating_mul(count / batch));
    if steps == 0 || steps > MOST_STEPS {
        return Err(Error::bad_argument(format!(
            "train: from 1 to {MOST_STEPS} steps can be taken in one call, not {steps}"
        )));
    }
    let rule = match options.text("optimizer")?.as_deref() {
        None | Some("sgd") => Rule::Sgd { momentum: 0.9 },
        Some("adam") => Rule::Adam,
        Some(_) => return Err(options.wrong("optimizer", "\"sgd\" or \"adam\"")),
    };
    let mut rates = Rates {
        rule,
        learning_rate: if rule == Rule::Adam { 1e-3 } else { 0.05 },
        weight_decay: 0.0,
    };
    read_rates(options, &mut rates)?;
    let every = options.index("every")?.unwrap_or(1);
    if every == 0 {
        return Err(options.wrong("every", "a whole number from 1"));
    }
    Ok(Settings {
        steps,
        every,
        batch,
        rates,
        label_noise: share(options, "labelNoise")?.unwrap_or(0.0),
        shortcut: options
            .get("shortcut")
            .map(|shortcut| read_shortcut(&shortcut, examples))
            .transpose()?,
        adversary: None,
        shuffle: options.flag("shuffle")?.unwrap_or(true),
        seed,
    })
}

/// What the listener of a step said: rates to be changed, or nothing.
fn change(rates: &mut Rates, answer: &JsValue) -> Result<()> {
    if !answer.is_object() {
        return Ok(());
    }
    let options = Options::new("train: what onStep returned", answer, &CHANGES)?;
    read_rates(&options, rates)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "rates are rounded to the engine's f32"
)]
fn read_rates(options: &Options, rates: &mut Rates) -> Result<()> {
    if let Some(rate) = options.number("learningRate")? {
        if rate <= 0.0 {
            return Err(options.wrong("learningRate", "above 0"));
        }
        rates.learning_rate = rate as f32;
    }
    if let Some(decay) = options.number("weightDecay")? {
        if decay < 0.0 {
            return Err(options.wrong("weightDecay", "from 0"));
        }
        rates.weight_decay = decay as f32;
    }
    if let Some(share) = options.number("momentum")? {
        let Rule::Sgd { momentum } = &mut rates.rule else {
            return Err(Error::bad_argument(
                "train: momentum is an option of \"sgd\"; \"adam\" has its own",
            ));
        };
        if !(0.0..1.0).contains(&share) {
            return Err(options.wrong("momentum", "from 0 and below 1"));
        }
        *momentum = share as f32;
    }
    Ok(())
}

/// `{ class, share, others, top, left, height, width, value }`; white is the brightest value among the pictures.
#[allow(
    clippy::cast_possible_truncation,
    reason = "values of pictures are rounded to the engine's f32"
)]
fn read_shortcut(value: &JsValue, examples: &Examples) -> Result<Shortcut> {
    let known = [
        "class", "share", "others", "top", "left", "height", "width", "value",
    ];
    let options = Options::new("train: shortcut", value, &known)?;
    let class = options.required_index("class")?;
    if !examples.labels().contains(&class) {
        return Err(options.wrong("class", "the class of some of the pictures"));
    }
    let mark = read_mark(&options, examples)?;
    Ok(Shortcut {
        mark,
        class,
        share: share(&options, "share")?.unwrap_or(0.95),
        others: share(&options, "others")?.unwrap_or(0.015),
    })
}

/// A mark within the pictures: 3×3 from row and column 1, white, unless said otherwise.
///
/// # Errors
/// `bad_argument` if it does not lie within the pictures.
#[allow(
    clippy::cast_possible_truncation,
    reason = "values of pictures are rounded to the engine's f32"
)]
pub(super) fn read_mark(options: &Options, examples: &Examples) -> Result<Mark> {
    let shape = examples.images().activation_shape();
    let brightest = || {
        examples
            .images()
            .data()
            .iter()
            .copied()
            .fold(f32::MIN, f32::max)
    };
    let mark = Mark {
        top: options.index("top")?.unwrap_or(1),
        left: options.index("left")?.unwrap_or(1),
        height: options.index("height")?.unwrap_or(3),
        width: options.index("width")?.unwrap_or(3),
        value: options
            .number("value")?
            .map_or_else(brightest, |value| value as f32),
    };
    for (first, extent, most, what) in [
        (mark.top, mark.height, shape.h(), ["top", "height", "rows"]),
        (
            mark.left,
            mark.width,
            shape.w(),
            ["left", "width", "columns"],
        ),
    ] {
        if extent == 0 || first.saturating_add(extent) > most {
            return Err(Error::bad_argument(format!(
                "{} {first} and {} {extent} do not lie within the {most} {} of the pictures",
                what[0], what[1], what[2]
            )));
        }
    }
    Ok(mark)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "shares are rounded to the engine's f32"
)]
fn share(options: &Options, key: &str) -> Result<Option<f32>> {
    match options.number(key)? {
        Some(share) if !(0.0..=1.0).contains(&share) => Err(options.wrong(key, "from 0 to 1")),
        share => Ok(share.map(|share| share as f32)),
    }
}

fn write_step(step: &Step) -> JsValue {
    let object = Object::new();
    set(&object, "step", &step.step.into());
    set(&object, "loss", &step.loss.into());
    set(&object, "accuracy", &step.accuracy.into());
    object.into()
}
