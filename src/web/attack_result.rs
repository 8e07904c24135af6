//! What came of an attack, for JavaScript: its steps, its result, and what each attack can.

use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;

use super::control::CallControl;
use super::net::WebNet;
use super::options::Options;
use super::{set, tensor};
use crate::error::Result;
use crate::lab::attack::{
    Abilities, Distance, Extra, Look, Method, Origin, Outcome, Population, row,
};

/// How many of the likeliest classes are named before and after.
const TOP: usize = 5;

/// What each attack can: `[{ id, title, knowledge, budget, paper, options, targeted, linf, l2, l0, unbounded }]`; an ability
/// is `true`, or the reason why it is not there.
#[wasm_bindgen]
#[must_use]
pub fn attacks() -> Array {
    (Method::ALL.iter())
        .map(|&method| JsValue::from(write_abilities(method)))
        .collect()
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
    let start = origin.start();
    let plane = start.activation_shape().plane();
    let distances = (0..start.activation_shape().n())
        .map(|index| Distance::between(row(&look.pictures, index), row(start, index), plane));
    set(
        &step,
        "distance",
        &one_each(
            distances
                .map(|distance| write_distance(&distance))
                .collect(),
        ),
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

/// `[{ epsilon, success }]`.
pub(super) fn write_tried(tried: &[(f32, bool)]) -> JsValue {
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
