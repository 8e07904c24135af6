//! Prepared passes for JavaScript: a network keeps them under numbers, until they are dropped or it is freed.

use std::cell::RefCell;
use std::collections::HashMap;

use js_sys::Object;
use wasm_bindgen::prelude::*;

use super::control::CallControl;
use super::net::{WebNet, texts};
use super::options::Options;
use super::{JsResult, objective, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::net::prepared::{Prepared, Wanted};

/// Runs that one call may ask for.
const MOST_RUNS: usize = 100_000;

/// The prepared passes of a network.
#[derive(Default)]
pub struct PreparedPasses {
    passes: RefCell<HashMap<u32, Prepared>>,
    last: RefCell<u32>,
}

impl PreparedPasses {
    fn keep(&self, pass: Prepared) -> u32 {
        let mut last = self.last.borrow_mut();
        *last += 1;
        self.passes.borrow_mut().insert(*last, pass);
        *last
    }

    fn take(&self, id: u32) -> Result<Prepared> {
        let taken = self.passes.borrow_mut().remove(&id);
        taken.ok_or_else(|| {
            Error::bad_argument("this prepared pass was disposed of; prepare it again")
        })
    }
}

#[wasm_bindgen]
impl WebNet {
    /// Prepares `{ layers }` or `{ objective, wrt }` for a picture; gives the pass's number.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "values of JavaScript come owned"
    )]
    pub fn prepare(&self, image: JsValue, pass: JsValue, options: JsValue) -> JsResult<u32> {
        let prepare = || {
            let options = Options::new("prepare", &options, &["override"])?;
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            let pass = Options::new("prepare", &pass, &["layers", "objective", "wrt"])?;
            let list = |key: &str, value: JsValue| match value.as_string() {
                Some(name) => Ok(vec![name]),
                None => texts("prepare", key, &value),
            };
            let image = tensor::read_image(&image)?;
            match (pass.get("layers"), pass.get("objective")) {
                (Some(layers), None) if pass.get("wrt").is_none() => {
                    let names = list("layers", layers)?;
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    self.net.prepare(&image, Wanted::Layers(&names), &overrides)
                }
                (None, Some(objective)) => {
                    let wrt = pass.get("wrt").unwrap_or_else(|| "input".into());
                    let names = list("wrt", wrt)?;
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    let objective = objective::read(&objective)?;
                    let wanted = Wanted::Gradients(&objective, &names);
                    self.net.prepare(&image, wanted, &overrides)
                }
                _ => Err(Error::bad_argument(
                    "prepare takes either { layers } or { objective, wrt }",
                )),
            }
        };
        let pass = prepare().map_err(thrown)?;
        Ok(self.prepared.keep(pass))
    }

    /// Runs a prepared pass `times` over, once unless given.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = runPrepared)]
    pub async fn run_prepared(
        &self,
        id: u32,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<()> {
        let run = async || {
            let options = Options::new("run", &options, &["times"])?;
            let times = options.index("times")?.unwrap_or(1);
            if !(1..=MOST_RUNS).contains(&times) {
                return Err(options.wrong("times", "a whole number from 1 to 100000"));
            }
            let mut pass = self.prepared.take(id)?;
            let result = pass.run(&self.net, times, control.inner()).await;
            self.prepared.passes.borrow_mut().insert(id, pass);
            result
        };
        run().await.map_err(thrown)
    }

    /// What the last run of a prepared pass computed: `{ [name]: tensor }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = readPrepared)]
    pub async fn read_prepared(&self, id: u32) -> JsResult<JsValue> {
        let read = async || {
            let pass = self.prepared.take(id)?;
            let result = pass.read(&self.net).await;
            self.prepared.passes.borrow_mut().insert(id, pass);
            result
        };
        let values = read().await.map_err(thrown)?;
        let object = Object::new();
        for (name, value) in &values {
            set(&object, name, &tensor::write(value));
        }
        Ok(object.into())
    }

    /// Frees a prepared pass.
    #[wasm_bindgen(js_name = dropPrepared)]
    pub fn drop_prepared(&self, id: u32) {
        self.prepared.passes.borrow_mut().remove(&id);
    }
}
