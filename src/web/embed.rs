//! `embed` for JavaScript: options in, steps out, a map with its quality back.

use std::rc::Rc;

use js_sys::{Array, Float32Array, Int32Array, Object, Uint32Array};
use wasm_bindgen::prelude::*;

use super::control::CallControl;
use super::net::WebNet;
use super::options::{Options, whole, word};
use super::{JsResult, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::lens::embed::features::{self, Features, Pool};
use crate::lens::embed::neighbors::Neighbors;
use crate::lens::embed::pca::{self, Pca};
use crate::lens::embed::quality::{self, Separation};
use crate::lens::embed::space::Space;
use crate::lens::embed::tsne::{self, EXACT_POINTS};
use crate::lens::embed::{MOST_VALUES, Method, Search, Start, Step, Wish, procrustes, umap};
use crate::net::Overrides;
use crate::tensor::Tensor;

/// Options of every method.
const COMMON: [&str; 8] = [
    "layer", "method", "pool", "labels", "nearest", "align", "quality", "override",
];
/// Those of each method beside them.
const METHODS: [(&str, &[&str]); 3] = [
    ("pca", &["components"]),
    (
        "tsne",
        &[
            "components",
            "perplexity",
            "earlyExaggeration",
            "learningRate",
            "iterations",
            "init",
            "every",
        ],
    ),
    (
        "umap",
        &[
            "components",
            "neighbors",
            "minDistance",
            "iterations",
            "init",
            "every",
        ],
    ),
];

/// Most principal components that are given.
const MOST_COMPONENTS: usize = 50;
/// Most nearest neighbours that are given.
const MOST_NEAREST: usize = 100;
/// Most steps of a search.
const MOST_ITERATIONS: usize = 100_000;
/// Most values of a space that is kept for the next call.
const MOST_KEPT: usize = 16_000_000;
/// Steps of t-SNE.
const ITERATIONS: usize = 1000;
/// Epochs of UMAP for up to ten thousand points and for more, as in umap-learn.
const EPOCHS: [usize; 2] = [500, 200];
/// Steps from one that is shown to the next.
const EVERY: usize = 10;

/// What is asked for.
struct Request {
    layer: Option<String>,
    pool: Pool,
    plan: Plan,
    labels: Option<Vec<u32>>,
    nearest: usize,
    align: Option<Vec<f32>>,
    with_quality: bool,
    seed: u64,
}

enum Plan {
    Pca { components: usize },
    Search(Search),
}

/// What is found.
#[derive(Default)]
struct Found {
    points: Vec<f32>,
    /// Numbers a point.
    axes: usize,
    last: Option<Step>,
    components: Option<Pca>,
    trustworthiness: Option<f32>,
    separation: Option<Separation>,
    near: Option<Neighbors>,
    disparity: Option<f32>,
}

#[wasm_bindgen]
impl WebNet {
    /// Pictures as points of a map, by what a layer says of them.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn embed(
        &self,
        images: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let embed = async || {
            let options = read_options(&options)?;
            // Rows of one's own are looked at where they are told apart; a rectifier would swallow what is no number.
            let images = match options.get("layer") {
                Some(_) => tensor::read_image(&images)?,
                None => tensor::read("embed", &images)?,
            };
            let count = images.activation_shape().n();
            let request = Request::read(&options, count, control.seed())?;
            let overrides = tensor::read_overrides(options.get("override").as_ref())?;
            if request.pool != Pool::Positions {
                request.check(count)?;
            }
            let embedded = self.embedded(images, &request, &overrides, control).await?;
            request.check(embedded.space.count())?;
            let found = request.run(&embedded.space, control).await?;
            Ok(write(&found, &embedded))
        };
        embed().await.map_err(thrown)
    }
}

/// The last space that was embedded, kept because the next question is often about the same one.
pub(super) struct Embedded {
    /// Stands for the pictures, the layer, how it is pooled and the weights.
    key: u64,
    space: Space,
    extents: [usize; 3],
    pooled: usize,
}

impl WebNet {
    /// The space that pictures span in a layer, or by themselves.
    async fn embedded(
        &self,
        images: Tensor,
        request: &Request,
        overrides: &Overrides,
        control: &CallControl,
    ) -> Result<Rc<Embedded>> {
        let (net, inner) = (&self.net, control.inner());
        let key = key_of(&images, request, net.weights_version());
        let kept = self.embedded.borrow().clone();
        if let Some(kept) = kept.filter(|kept| kept.key == key && overrides.is_empty()) {
            return Ok(kept);
        }
        self.embedded.replace(None);
        let Features {
            values,
            extents,
            pooled,
        } = match &request.layer {
            Some(layer) => {
                features::of_layer(net, &images, layer, request.pool, overrides, inner).await?
            }
            None => own_features(images)?,
        };
        let space = Space::new(values, extents.iter().product(), inner).await?;
        let embedded = Rc::new(Embedded {
            key,
            space,
            extents,
            pooled,
        });
        if overrides.is_empty() && embedded.space.values().len() <= MOST_KEPT {
            self.embedded.replace(Some(Rc::clone(&embedded)));
        }
        Ok(embedded)
    }
}

/// A number that stands for what spans a space (Fowler, Noll and Vo's hash).
fn key_of(images: &Tensor, request: &Request, version: u64) -> u64 {
    let mut key = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |word: u64| key = (key ^ word).wrapping_mul(0x0100_0000_01b3);
    mix(version);
    mix(request.pool as u64);
    let name = request.layer.as_deref().unwrap_or("");
    name.bytes().for_each(|byte| mix(byte.into()));
    images.shape().iter().for_each(|&extent| mix(extent as u64));
    images
        .data()
        .iter()
        .for_each(|value| mix(value.to_bits().into()));
    key
}

/// The options, of which each method has its own.
fn read_options(options: &JsValue) -> Result<Options> {
    let all: Vec<&str> = METHODS
        .iter()
        .flat_map(|(_, own)| own.iter().copied())
        .chain(COMMON)
        .collect();
    let given = Options::new("embed", options, &all)?;
    let method = method_of(&given)?;
    let (_, own) = METHODS[method];
    for key in given.keys() {
        if !COMMON.contains(&key.as_str()) && !own.contains(&key.as_str()) {
            return Err(Error::bad_argument(format!(
                "embed: \"{}\" has no option '{key}'; it has {}",
                METHODS[method].0,
                own.join(", ")
            )));
        }
    }
    Ok(given)
}

/// The method by its place in [`METHODS`].
fn method_of(options: &Options) -> Result<usize> {
    let name = options.text("method")?;
    let name = name.as_deref().unwrap_or("pca");
    METHODS
        .iter()
        .position(|&(known, _)| known == name)
        .ok_or_else(|| options.wrong("method", "\"pca\", \"tsne\" or \"umap\""))
}

impl Request {
    fn read(options: &Options, pictures: usize, seed: u64) -> Result<Self> {
        let layer = options.text("layer")?;
        let pool = match options.text("pool")?.as_deref() {
            None | Some("flatten") => Pool::Flatten,
            Some("mean") => Pool::Mean,
            Some("positions") => Pool::Positions,
            Some(_) => {
                return Err(options.wrong("pool", "\"flatten\", \"mean\" or \"positions\""));
            }
        };
        if layer.is_none() && pool != Pool::Flatten {
            return Err(Error::bad_argument(
                "embed: pool is a matter of a layer's positions; name the layer",
            ));
        }
        let components = ranged_index(options, "components", 1..=MOST_COMPONENTS, 2)?;
        let plan = match method_of(options)? {
            0 => Plan::Pca { components },
            _ if components != 2 => {
                return Err(options.wrong("components", "2, except for \"pca\""));
            }
            1 => Plan::Search(read_search(options, tsne_of(options)?, ITERATIONS, seed)?),
            _ => {
                let epochs = EPOCHS[usize::from(pictures > 10_000)];
                Plan::Search(read_search(options, umap_of(options)?, epochs, seed)?)
            }
        };
        let align = options
            .get("align")
            .map(|value| read_map("align", &value))
            .transpose()?;
        if align.is_some() && components != 2 {
            return Err(options.wrong("align", "left out where components is not 2"));
        }
        Ok(Self {
            layer,
            pool,
            plan,
            labels: options
                .get("labels")
                .map(|value| read_labels(&value))
                .transpose()?,
            nearest: ranged_index(options, "nearest", 0..=MOST_NEAREST, 0)?,
            align,
            with_quality: options.flag("quality")?.unwrap_or(true),
            seed,
        })
    }

    /// That everything fits the number of points, before anything long is begun.
    fn check(&self, count: usize) -> Result<()> {
        if let Plan::Search(search) = &self.plan {
            search.check(count)?;
        }
        let given = self.labels.as_ref().map(|labels| ("labels", labels.len()));
        let align = self.align.as_ref().map(|map| ("align", map.len() / 2));
        match given
            .into_iter()
            .chain(align)
            .find(|&(_, len)| len != count)
        {
            None => Ok(()),
            Some((what, length)) => Err(Error::bad_argument(format!(
                "embed: {what} has {length} entries and there are {count} points; give one for each"
            ))),
        }
    }

    async fn run(&self, space: &Space, control: &CallControl) -> Result<Found> {
        let inner = control.inner();
        let mut found = Found {
            axes: 2,
            ..Found::default()
        };
        match &self.plan {
            Plan::Pca { components } => {
                let components = pca::pca(space, *components, inner).await?;
                found.axes = components.explained.len();
                found.points.clone_from(&components.points);
                found.components = Some(components);
            }
            Plan::Search(search) => {
                let show = async |step: Step| self.show(&step, control).await;
                let show = control.has_listener().then_some(show);
                let last = search.run(space, None, inner, show).await?;
                found.points.clone_from(&last.points);
                found.last = Some(last);
            }
        }
        if self.with_quality && found.axes >= 2 {
            // Of several components, a map shows the first two.
            let rows = found.points.chunks_exact(found.axes);
            let map: Vec<f32> = rows.flat_map(|row| [row[0], row[1]]).collect();
            found.trustworthiness = quality::trustworthiness(space, &map, self.seed, inner).await?;
        }
        if let Some(labels) = &self.labels {
            found.separation = quality::separation(space, labels, self.seed, inner).await?;
        }
        if self.nearest > 0 {
            found.near = Some(Neighbors::of(space, self.nearest, inner).await?);
        }
        if let Some(reference) = &self.align
            && found.axes == 2
        {
            let (points, disparity) = procrustes::align(&found.points, reference);
            found.points = points;
            found.disparity = Some(disparity);
        }
        Ok(found)
    }

    /// Shows a step, aligned as the result will be.
    async fn show(&self, step: &Step, control: &CallControl) -> Result<Wish> {
        let points = match &self.align {
            Some(reference) => procrustes::align(&step.points, reference).0,
            None => step.points.clone(),
        };
        let object = Object::new();
        set(&object, "step", &step.step.into());
        if let Some(kl) = step.kl {
            set(&object, "kl", &kl.into());
        }
        set(&object, "points", &matrix(&points, &[points.len() / 2, 2]));
        let answer = control.show(&object).await?;
        let answer = Options::new("onStep's answer", &answer, &["every", "stop"])?;
        Ok(Wish {
            every: answer.index("every")?,
            stop: answer.flag("stop")?.unwrap_or(false),
        })
    }
}

fn tsne_of(options: &Options) -> Result<Method> {
    let learning_rate = match options.get("learningRate") {
        Some(value) if value.as_string().as_deref() == Some("auto") => None,
        Some(value) if value.as_f64().is_none() => {
            return Err(options.wrong("learningRate", "\"auto\" or a number above 0"));
        }
        Some(_) => Some(ranged(options, "learningRate", 1e-3, 1e6, 0.0)?),
        None => None,
    };
    Ok(Method::Tsne(tsne::Settings {
        perplexity: ranged(options, "perplexity", 1.0, 1000.0, 30.0)?,
        early_exaggeration: ranged(options, "earlyExaggeration", 1.0, 1000.0, 12.0)?,
        learning_rate,
        exact_points: EXACT_POINTS,
    }))
}

fn umap_of(options: &Options) -> Result<Method> {
    Ok(Method::Umap(umap::Settings {
        neighbors: ranged_index(options, "neighbors", 2..=1000, 15)?,
        min_distance: ranged(options, "minDistance", 0.0, 0.99, 0.1)?,
        epochs: 0,
    }))
}

fn read_search(options: &Options, method: Method, iterations: usize, seed: u64) -> Result<Search> {
    let iterations = ranged_index(options, "iterations", 1..=MOST_ITERATIONS, iterations)?;
    let method = match method {
        Method::Umap(settings) => Method::Umap(umap::Settings {
            epochs: iterations,
            ..settings
        }),
        tsne @ Method::Tsne(_) => tsne,
    };
    let start = match options.get("init") {
        None => Start::Pca,
        Some(value) => match value.as_string().as_deref() {
            Some("pca") => Start::Pca,
            Some("random") => Start::Random,
            None if value.is_object() => Start::Given(read_map("init", &value)?),
            _ => return Err(options.wrong("init", "\"pca\", \"random\" or a Tensor [N, 2]")),
        },
    };
    Ok(Search {
        method,
        start,
        iterations,
        every: ranged_index(options, "every", 1..=MOST_ITERATIONS, EVERY)?,
        seed,
    })
}

/// A map, `[N, 2]`.
fn read_map(what: &str, value: &JsValue) -> Result<Vec<f32>> {
    let map = tensor::read(&format!("embed: {what}"), value)?;
    match *map.shape() {
        [_, 2] => Ok(map.into_data()),
        _ => Err(Error::bad_argument(format!(
            "embed: {what} must be a Tensor [N, 2], not {:?}",
            map.shape()
        ))),
    }
}

/// Classes as small whole numbers.
fn read_labels(value: &JsValue) -> Result<Vec<u32>> {
    let is_list = Array::is_array(value) || value.is_instance_of::<Int32Array>();
    let list = if is_list {
        Some(Array::from(value))
    } else {
        None
    };
    list.and_then(|list| {
        list.iter()
            .map(|label| {
                let label = whole(&label).filter(|&label| label < 100_000);
                label.and_then(|label| u32::try_from(label).ok())
            })
            .collect()
    })
    .ok_or_else(|| {
        Error::bad_argument(format!(
            "embed: labels must be an Int32Array or a list of whole numbers from 0 to 99999, not {}",
            word(value)
        ))
    })
}

/// A whole number within a range.
fn ranged_index(
    options: &Options,
    key: &str,
    range: std::ops::RangeInclusive<usize>,
    default: usize,
) -> Result<usize> {
    let value = options.index(key)?.unwrap_or(default);
    if range.contains(&value) {
        return Ok(value);
    }
    let (low, high) = (range.start(), range.end());
    Err(options.wrong(key, &format!("a whole number from {low} to {high}")))
}

/// A number within a range.
#[allow(
    clippy::cast_possible_truncation,
    reason = "settings are rounded to f32"
)]
fn ranged(options: &Options, key: &str, low: f64, high: f64, default: f64) -> Result<f32> {
    let value = options.number(key)?.unwrap_or(default);
    if (low..=high).contains(&value) {
        return Ok(value as f32);
    }
    Err(options.wrong(key, &format!("a number from {low} to {high}")))
}

/// A tensor's own rows: `[N, D]`, or pictures `[N, C, H, W]` by their values.
fn own_features(rows: Tensor) -> Result<Features> {
    let shape = rows.activation_shape();
    if rows.data().len() > MOST_VALUES {
        return Err(Error::bad_argument(format!(
            "embed: {shape} are more than {MOST_VALUES} values; take fewer points or features"
        )));
    }
    Ok(Features {
        extents: [shape.c(), shape.h(), shape.w()],
        pooled: 1,
        values: rows.into_data(),
    })
}

/// Values as a tensor for JavaScript.
fn matrix(values: &[f32], shape: &[usize]) -> JsValue {
    let extents: Array = shape.iter().map(|&extent| JsValue::from(extent)).collect();
    let object = Object::new();
    set(&object, "data", &Float32Array::from(values));
    set(&object, "shape", &extents);
    object.into()
}

/// The result for JavaScript.
fn write(found: &Found, embedded: &Embedded) -> JsValue {
    let object = Object::new();
    let rows = found.points.len() / found.axes.max(1);
    set(
        &object,
        "points",
        &matrix(&found.points, &[rows, found.axes]),
    );
    let number = |value: Option<f32>| value.map_or(JsValue::NULL, JsValue::from);
    set(&object, "trustworthiness", &number(found.trustworthiness));
    let [c, h, w] = embedded.extents;
    set(
        &object,
        "features",
        &[c, h, w]
            .iter()
            .map(|&e| JsValue::from(e))
            .collect::<Array>(),
    );
    set(&object, "pooled", &embedded.pooled.into());
    if let Some(components) = &found.components {
        set(
            &object,
            "explained",
            &Float32Array::from(components.explained.as_slice()),
        );
        let shape = [components.explained.len(), c, h, w];
        set(&object, "loadings", &matrix(&components.loadings, &shape));
    }
    if let Some(last) = &found.last {
        set(&object, "steps", &last.step.into());
        if let Some(kl) = last.kl {
            set(&object, "kl", &kl.into());
        }
    }
    let separation = found.separation;
    set(
        &object,
        "knnAccuracy",
        &number(separation.map(|s| s.knn_accuracy)),
    );
    set(
        &object,
        "silhouette",
        &number(separation.map(|s| s.silhouette)),
    );
    if let Some(near) = &found.near {
        let nearest = Object::new();
        set(&nearest, "each", &near.each.into());
        set(
            &nearest,
            "indices",
            &Uint32Array::from(near.indices.as_slice()),
        );
        let distances: Vec<f32> = near.squares.iter().map(|square| square.sqrt()).collect();
        set(
            &nearest,
            "distances",
            &Float32Array::from(distances.as_slice()),
        );
        set(&object, "nearest", &nearest);
    }
    if let Some(disparity) = found.disparity {
        set(&object, "disparity", &disparity.into());
    }
    object.into()
}
