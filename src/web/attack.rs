//! `attack` for JavaScript: its options, read and checked, its steps shown, and what came of it.

use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;

use super::control::CallControl;
use super::defend::read_defence;
use super::net::WebNet;
use super::options::{Options, whole};
use super::{JsResult, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::lab::attack::{
    self, Abilities, Attack, Bounds, Cw, DeepFool, Distance, Extra, Fgsm, HopSkipJump, Jsma, Look,
    Method, MiFgsm, Noise, Norm, Origin, Outcome, Patch, Pgd, Plain, Population, Request, Search,
    SinglePixel, Square, Units, Universal,
};
use crate::lab::defence::{Defended, judged};
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

/// How many of the likeliest classes are named before and after.
const TOP: usize = 5;

#[wasm_bindgen]
impl WebNet {
    /// `{ image, success, steps, queries, distance, before, after }`; lists of those that are one a picture for several.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn attack(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let run = async || {
            let (method, options) = read_method("attack", &options, &["defence"])?;
            let origin = self.read_origin(&image, &options)?;
            let request = self.read_request_of(method, &origin, &options, control)?;
            let overrides = read_overrides(&options, &origin)?;
            let units = origin.units().clone();
            let victim = Plain::new(&self.net, units, &overrides, control.inner())?;
            let look = async |look| show(control, &origin, look).await;
            let control = control.inner();
            let outcome = if let Some(defence) = options.get("defence") {
                let (defence, adaptive) = read_defence("attack: defence", &defence)?;
                let (pixels, seed) = (self.pixels_of(&origin)?, request.seed);
                let outcome = if adaptive {
                    let defended = Defended::new(&victim, &defence, &pixels, seed);
                    attack::attack(&defended, &request, control, look).await?
                } else {
                    attack::attack(&victim, &request, control, look).await?
                };
                let start = origin.start();
                judged(&victim, &defence, &pixels, start, outcome, seed, control).await?
            } else {
                attack::attack(&victim, &request, control, look).await?
            };
            self.write_outcome(&origin, &outcome)
        };
        run().await.map_err(thrown)
    }
}

#[wasm_bindgen]
impl WebNet {
    /// The smallest budget with which an attack succeeds: `{ epsilon, image, success, queries, tried }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = smallestEpsilon)]
    pub async fn smallest_epsilon(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let search = async || {
            let call = "smallestEpsilon";
            let (method, options) = read_method(call, &options, &["most", "tolerance"])?;
            for key in ["epsilon", "earlyStop", "every"] {
                if options.get(key).is_some() {
                    return Err(Error::bad_argument(format!(
                        "{call} has no option '{key}': it chooses the budget, up to most, and looks at the last picture of each run"
                    )));
                }
            }
            let origin = self.read_origin(&image, &options)?;
            let request = self.read_request_of(method, &origin, &options, control)?;
            let overrides = read_overrides(&options, &origin)?;
            let (mut most, mut tolerance) = (1.0, 1.0 / 2550.0);
            number(&options, "most", &mut most)?;
            number(&options, "tolerance", &mut tolerance)?;
            let units = origin.units().clone();
            let victim = Plain::new(&self.net, units, &overrides, control.inner())?;
            let control = control.inner();
            let found =
                attack::smallest_epsilon(&victim, &request, most, tolerance, control).await?;
            let object = Object::new();
            let epsilons = found.epsilon.iter().map(|epsilon| match epsilon {
                Some(epsilon) => JsValue::from(*epsilon),
                None => JsValue::NULL,
            });
            set(&object, "epsilon", &each(epsilons));
            let success = found.epsilon.iter().map(|epsilon| epsilon.is_some().into());
            set(&object, "success", &each(success));
            set(
                &object,
                "image",
                &tensor::write(&origin.back(&found.pictures)?),
            );
            let queries = found.queries.iter().map(|&count| count.into());
            set(&object, "queries", &each(queries));
            let tried = found.tried.iter().map(|tried| write_tried(tried));
            set(&object, "tried", &each(tried));
            Ok(JsValue::from(object))
        };
        search().await.map_err(thrown)
    }

    /// The loss around a picture: `{ loss, classes }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = lossSurface)]
    pub async fn loss_surface(
        &self,
        image: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let survey = async || {
            let known = [
                "label", "target", "min", "max", "units", "override", "epsilon", "size",
            ];
            let options = Options::new("lossSurface", &options, &known)?;
            let origin = self.read_origin(&image, &options)?;
            let (mut epsilon, mut size) = (2.0 * attack::EPSILON, 21);
            number(&options, "epsilon", &mut epsilon)?;
            count(&options, "size", &mut size)?;
            let request = self.read_request_of(Method::Fgsm, &origin, &options, control)?;
            let overrides = read_overrides(&options, &origin)?;
            let units = origin.units().clone();
            let victim = Plain::new(&self.net, units, &overrides, control.inner())?;
            let control = control.inner();
            let surface = attack::loss_surface(&victim, &request, size, epsilon, control).await?;
            let classes: Vec<i32> = (surface.classes.iter())
                .map(|&class| i32::try_from(class).unwrap_or(i32::MAX))
                .collect();
            let object = Object::new();
            set(&object, "loss", &tensor::write(&surface.losses));
            set(
                &object,
                "classes",
                &js_sys::Int32Array::from(classes.as_slice()),
            );
            Ok(JsValue::from(object))
        };
        survey().await.map_err(thrown)
    }
}

/// `[{ epsilon, success }]`.
fn write_tried(tried: &[(f32, bool)]) -> JsValue {
    let list: Array = (tried.iter())
        .map(|&(epsilon, success)| {
            let object = Object::new();
            set(&object, "epsilon", &epsilon.into());
            set(&object, "success", &success.into());
            JsValue::from(object)
        })
        .collect();
    list.into()
}

/// What each attack can: `[{ id, title, knowledge, budget, paper, options, targeted, linf, l2, l0, unbounded }]`; an ability
/// is `true`, or the reason why it is not there.
#[wasm_bindgen]
#[must_use]
pub fn attacks() -> Array {
    (Method::ALL.iter())
        .map(|&method| JsValue::from(write_abilities(method)))
        .collect()
}

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

/// Shows a step; what the listener answers says whether to go on.
pub(super) async fn show(control: &CallControl, origin: &Origin, look: Look) -> Result<bool> {
    let step = Object::new();
    set(&step, "step", &look.step.into());
    set(
        &step,
        "image",
        &tensor::write(&origin.back(&look.pictures)?),
    );
    let one_each = |values: Vec<JsValue>| each(values.into_iter());
    set(
        &step,
        "success",
        &one_each(look.success.iter().map(|&reached| reached.into()).collect()),
    );
    set(
        &step,
        "value",
        &one_each(look.values.iter().map(|&value| value.into()).collect()),
    );
    if let Some(population) = &look.population {
        write_population(&step, population);
    }
    let extra = Extra {
        damage: look.damage,
        patch: look.patch,
        perturbation: None,
    };
    write_extra(&step, &extra, origin)?;
    let answer = control.show(&step.into()).await?;
    let answer = Options::new("the answer to a step", &answer, &["stop"])?;
    Ok(!answer.flag("stop")?.unwrap_or(false))
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

    /// What came of an attack.
    pub(super) fn write_outcome(&self, origin: &Origin, outcome: &Outcome) -> Result<JsValue> {
        let object = Object::new();
        let image = origin.back(&outcome.pictures)?;
        set(&object, "image", &tensor::write(&image));
        let counts = |counts: &[usize]| each(counts.iter().map(|&count| count.into()));
        write_extra(&object, &outcome.extra, origin)?;
        let success = outcome.success.iter().map(|&reached| reached.into());
        set(&object, "success", &each(success));
        set(&object, "steps", &counts(&outcome.steps));
        set(&object, "queries", &counts(&outcome.queries));
        let distances = outcome.distances.iter().map(write_distance);
        set(&object, "distance", &each(distances));
        set(
            &object,
            "before",
            &self.write_prediction(&outcome.before, TOP)?,
        );
        set(
            &object,
            "after",
            &self.write_prediction(&outcome.after, TOP)?,
        );
        Ok(object.into())
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

fn number(options: &Options, key: &str, setting: &mut f32) -> Result<()> {
    *setting = optional(options, key)?.unwrap_or(*setting);
    Ok(())
}

fn count(options: &Options, key: &str, setting: &mut usize) -> Result<()> {
    *setting = options.index(key)?.unwrap_or(*setting);
    Ok(())
}

fn flag(options: &Options, key: &str, setting: &mut bool) -> Result<()> {
    *setting = options.flag(key)?.unwrap_or(*setting);
    Ok(())
}

/// A list of what is one a picture, or the one alone.
pub(super) fn each(values: impl Iterator<Item = JsValue>) -> JsValue {
    let list: Array = values.collect();
    if list.length() == 1 {
        list.get(0)
    } else {
        list.into()
    }
}

/// What some attacks give beside the pictures, in model space.
fn write_extra(object: &Object, extra: &Extra, origin: &Origin) -> Result<()> {
    if let Some(damage) = &extra.damage {
        set(object, "damage", &tensor::write(damage));
    }
    if let Some(patch) = &extra.patch {
        let patch = origin.units().to_model(patch)?;
        set(object, "patch", &tensor::write(&patch));
    }
    if let Some(perturbation) = &extra.perturbation {
        // A difference of pictures knows no mean, as a gradient.
        let perturbation = origin.units().gradient(perturbation)?;
        set(object, "perturbation", &tensor::write(&perturbation));
    }
    Ok(())
}

fn write_population(object: &Object, population: &Population) {
    set(object, "population", &tensor::write(&population.members));
    let values = js_sys::Float32Array::from(population.values.as_slice());
    set(object, "values", &values);
}

fn write_distance(distance: &Distance) -> JsValue {
    let object = Object::new();
    set(&object, "l0", &distance.l0.into());
    set(&object, "l2", &distance.l2.into());
    set(&object, "linf", &distance.linf.into());
    object.into()
}

fn write_abilities(method: Method) -> Object {
    let Abilities {
        title,
        knowledge,
        budget,
        paper,
        targeted,
        linf,
        l2,
        l0,
        unbounded,
    } = method.abilities();
    let object = Object::new();
    let options: Array = method
        .options()
        .iter()
        .map(|&name| JsValue::from(name))
        .collect();
    for (key, text) in [
        ("id", method.name()),
        ("title", title),
        ("knowledge", knowledge.name()),
        ("budget", budget.name()),
        ("paper", paper),
    ] {
        set(&object, key, &text.into());
    }
    set(&object, "options", &options);
    for (key, reason) in [
        ("targeted", targeted),
        ("linf", linf),
        ("l2", l2),
        ("l0", l0),
        ("unbounded", unbounded),
    ] {
        let can = reason.map_or(JsValue::TRUE, JsValue::from);
        set(&object, key, &can);
    }
    object
}
