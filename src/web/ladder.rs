//! `robustness` for JavaScript: attacks and defences, read and checked, and what came of every pair.

use js_sys::{Array, Object};
use wasm_bindgen::prelude::*;

use super::attack_options::{read_attack, read_method};
use super::control::CallControl;
use super::defend::read_defence;
use super::net::WebNet;
use super::options::Options;
use super::train::read_examples;
use super::{JsResult, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::lab::attack::{Attack, EPSILON, Fgsm, Noise, Origin, Pgd, Plain};
use crate::lab::ladder::{self, Cell, Ladder, Light, Outcome, Rung, at_budget};

/// Options of the call.
const OPTIONS: [&str; 7] = [
    "attacks", "defences", "epsilons", "units", "min", "max", "override",
];

/// More than anybody waits for.
const MOST: u32 = 32;

#[wasm_bindgen]
impl WebNet {
    /// `{ clean, epsilons, cells, lights }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn robustness(
        &self,
        data: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let play = async || {
            let options = Options::new("robustness", &options, &OPTIONS)?;
            let examples = read_examples("robustness", &data)?;
            examples.check(&self.net)?;
            let origin = self.origin_of(examples.images().clone(), &options)?;
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            let ladder = Ladder {
                attacks: read_attacks(&origin, &options)?,
                rungs: read_rungs(&options)?,
                epsilons: read_epsilons(&options)?,
                bounds: origin.bounds().clone(),
                pixels: self.pixels_of(&origin)?,
                seed: control.seed(),
            };
            let victim = Plain::new(
                &self.net,
                origin.units().clone(),
                &overrides,
                control.inner(),
            )?;
            let on_cell = async |cell: &Cell, clean: f64| {
                if !control.has_listener() {
                    return Ok(true);
                }
                let step = write_cell(cell, &ladder);
                set(&step, "clean", &clean.into());
                let answer = control.show(&step.into()).await?;
                let answer = Options::new("the answer to a step", &answer, &["stop"])?;
                Ok(!answer.flag("stop")?.unwrap_or(false))
            };
            let (pictures, labels) = (origin.start(), examples.labels());
            let outcome =
                ladder::play(&victim, pictures, labels, &ladder, control.inner(), on_cell).await?;
            Ok(write(&outcome, &ladder))
        };
        play().await.map_err(thrown)
    }
}

/// FGSM, PGD of 20 steps and noise, or a list of attacks with a fixed budget and their options.
fn read_attacks(origin: &Origin, options: &Options) -> Result<Vec<Attack>> {
    let Some(list) = read_list(options, "attacks", "attacks, such as { method: \"fgsm\" }")? else {
        return Ok(vec![
            Attack::Fgsm(Fgsm::default()),
            Attack::Pgd(Pgd {
                steps: 20,
                ..Pgd::default()
            }),
            Attack::Noise(Noise::default()),
        ]);
    };
    list.iter()
        .map(|value| {
            let (method, options) = read_method("robustness: attacks", &value, &[])?;
            for key in options.keys() {
                if key != "method" && (key == "epsilon" || !method.options().contains(&key.as_str())) {
                    return Err(Error::bad_argument(format!(
                        "robustness: attacks: '{key}' is no option here; epsilons holds the budgets, and the set and its classes are given"
                    )));
                }
            }
            let attack = read_attack(method, origin, &options)?;
            at_budget(&attack, EPSILON)?;
            Ok(attack)
        })
        .collect()
}

/// The network as it is, or a list of defences, `null` for none.
fn read_rungs(options: &Options) -> Result<Vec<Rung>> {
    let bare = Rung {
        defence: None,
        adaptive: true,
    };
    let what = "defences, such as { method: \"jpeg\" }, or null for none";
    let Some(list) = read_list(options, "defences", what)? else {
        return Ok(vec![bare]);
    };
    list.iter()
        .map(|value| {
            if value.is_null() {
                return Ok(bare.clone());
            }
            let (defence, adaptive) = read_defence("robustness: defences", &value)?;
            Ok(Rung {
                defence: Some(defence),
                adaptive,
            })
        })
        .collect()
}

/// Budgets, rising; 0 to 16/255 and, to see whether nothing is hidden, 1.
#[allow(
    clippy::cast_possible_truncation,
    reason = "budgets are rounded to the engine's f32"
)]
fn read_epsilons(options: &Options) -> Result<Vec<f32>> {
    let Some(list) = read_list(options, "epsilons", "numbers from 0, rising")? else {
        return Ok(vec![
            0.0,
            2.0 / 255.0,
            4.0 / 255.0,
            EPSILON,
            16.0 / 255.0,
            1.0,
        ]);
    };
    let numbers = list.iter().map(|value| {
        let number = value
            .as_f64()
            .filter(|number| number.is_finite() && *number >= 0.0);
        number.map(|number| number as f32)
    });
    let numbers = numbers.collect::<Option<Vec<f32>>>();
    numbers
        .filter(|numbers| numbers.is_sorted_by(|a, b| a < b))
        .ok_or_else(|| options.wrong("epsilons", "a list of numbers from 0, rising"))
}

fn read_list(options: &Options, key: &str, what: &str) -> Result<Option<Array>> {
    let Some(list) = options.get(key) else {
        return Ok(None);
    };
    let list = Array::is_array(&list).then(|| Array::from(&list));
    list.filter(|list| (1..=MOST).contains(&list.length()))
        .map(Some)
        .ok_or_else(|| options.wrong(key, &format!("a list of 1 to {MOST} {what}")))
}

fn write(outcome: &Outcome, ladder: &Ladder) -> JsValue {
    let numbers =
        |list: &mut dyn Iterator<Item = f64>| -> Array { list.map(JsValue::from).collect() };
    let cells: Array = outcome
        .cells
        .iter()
        .map(|cell| write_cell(cell, ladder))
        .collect();
    let lights: Array = outcome
        .lights
        .iter()
        .map(|own| {
            own.iter()
                .map(|light| write_light(light, ladder))
                .collect::<Array>()
        })
        .collect();
    let object = Object::new();
    set(
        &object,
        "clean",
        &numbers(&mut outcome.clean.iter().copied()),
    );
    let epsilons = &mut ladder.epsilons.iter().map(|&epsilon| f64::from(epsilon));
    set(&object, "epsilons", &numbers(epsilons));
    set(&object, "cells", &cells);
    set(&object, "lights", &lights);
    object.into()
}

fn write_cell(cell: &Cell, ladder: &Ladder) -> Object {
    let object = Object::new();
    set(&object, "defence", &cell.rung.into());
    set(&object, "attack", &cell.attack.into());
    set(&object, "epsilon", &ladder.epsilons[cell.epsilon].into());
    set(&object, "accuracy", &cell.accuracy.into());
    set(&object, "success", &cell.success.into());
    object
}

fn write_light(light: &Light, ladder: &Ladder) -> Object {
    let object = Object::new();
    set(&object, "name", &light.name.into());
    set(
        &object,
        "holds",
        &light.holds.map_or(JsValue::NULL, JsValue::from),
    );
    set(&object, "stronger", &light.stronger.into());
    set(&object, "weaker", &light.weaker.into());
    let epsilon = light.epsilon.map(|epsilon| ladder.epsilons[epsilon]);
    set(
        &object,
        "epsilon",
        &epsilon.map_or(JsValue::NULL, JsValue::from),
    );
    object
}
