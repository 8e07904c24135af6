//! `biasScan` and `counterfactual` for JavaScript: options, read and checked, and what was found.

use js_sys::{Array, Float32Array, Int32Array, Object};
use wasm_bindgen::prelude::*;

use super::attribute::read_method;
use super::control::CallControl;
use super::net::WebNet;
use super::options::Options;
use super::train::{read_examples, read_mark};
use super::{JsResult, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::lab::bias::{self, Area, Contrast, HotSpot, Outcome, Region, Scan, Settings};
use crate::lab::train::Examples;
use crate::lens::attribution::Baseline;

/// Options of a scan beside those of its method.
const OPTIONS: [&str; 6] = [
    "output",
    "perClass",
    "region",
    "threshold",
    "clusters",
    "border",
];

const PER_CLASS: usize = 16;
const THRESHOLD: f32 = 0.07;
const CLUSTERS: usize = 6;

#[wasm_bindgen]
impl WebNet {
    /// `{ meanMaps, share, hotSpots, ranking, pictures, maps, pictureShare, clusters }`.
    ///
    /// # Errors
    /// As the API says, and so below.
    #[wasm_bindgen(js_name = biasScan)]
    pub async fn bias_scan(
        &self,
        data: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let scan = async || {
            let examples = read_examples("biasScan", &data)?;
            let settings = self.read_scan(&options, &examples, control.seed())?;
            bias::scan(&self.net, &examples, &settings, control.inner()).await
        };
        let scan = scan().await.map_err(thrown)?;
        Ok(write_scan(&scan))
    }

    /// `[{ class, count, before, after }]`, each with accuracy, confidence and the shares of predictions.
    ///
    /// # Errors
    /// As the API says, and so below.
    pub async fn counterfactual(
        &self,
        data: JsValue,
        options: JsValue,
        control: &CallControl,
    ) -> JsResult<JsValue> {
        let counterfactual = async || {
            let known = ["top", "left", "height", "width", "value"];
            let options = Options::new("counterfactual", &options, &known)?;
            let examples = read_examples("counterfactual", &data)?;
            let mark = read_mark(&options, &examples)?;
            bias::contrast(&self.net, &examples, &mark, control.inner()).await
        };
        let contrasts = counterfactual().await.map_err(thrown)?;
        let list: Array = contrasts.iter().map(write_contrast).collect();
        Ok(list.into())
    }
}

impl WebNet {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "shares are rounded to the engine's f32"
    )]
    fn read_scan(&self, options: &JsValue, examples: &Examples, seed: u64) -> Result<Settings> {
        let (own, rest) = split(options)?;
        let own = Options::new("biasScan", &own, &OPTIONS)?;
        let (method, rest) = read_method("biasScan", &rest, &[])?;
        for key in ["target", "override"] {
            if rest.get(key).is_some() {
                return Err(Error::bad_argument(format!(
                    "biasScan has no option '{key}': each class is explained on its own pictures, by the network as it is"
                )));
            }
        }
        let mut attribution = self.read_settings(method, &rest, seed)?;
        // Any other colour beside the object would be evidence of its own.
        let background = Baseline::Colour(bias::background(examples.images()));
        if rest.get("fill").is_none() {
            attribution.fill = background.clone();
        }
        if rest.get("baseline").is_none() {
            attribution.baseline = background;
        }
        let counted = |key: &str, otherwise: usize| match own.index(key)? {
            Some(0) => Err(own.wrong(key, "a whole number from 1")),
            count => Ok(count.unwrap_or(otherwise)),
        };
        let threshold = match own.number("threshold")? {
            Some(share) if share <= 0.0 || share > 1.0 => {
                return Err(own.wrong("threshold", "above 0 and at most 1"));
            }
            share => share.map_or(THRESHOLD, |share| share as f32),
        };
        let probability = match own.text("output")?.as_deref() {
            None | Some("probability") => true,
            Some("logit") => false,
            Some(_) => return Err(own.wrong("output", "\"probability\" or \"logit\"")),
        };
        Ok(Settings {
            method,
            attribution,
            probability,
            per_class: counted("perClass", PER_CLASS)?,
            region: read_region(&own, examples)?,
            threshold,
            clusters: counted("clusters", CLUSTERS)?,
            seed,
        })
    }
}

/// The scan's own options, and those of its method.
fn split(options: &JsValue) -> Result<(JsValue, JsValue)> {
    let (own, rest) = (Object::new(), Object::new());
    if !options.is_object() {
        return Err(Error::bad_argument(
            "biasScan: options with a method are needed, such as { method: \"occlusion\" }",
        ));
    }
    for entry in Object::entries(&options.clone().unchecked_into::<Object>()).iter() {
        let entry = Array::from(&entry);
        let key = entry.get(0).as_string().unwrap_or_default();
        let side = if OPTIONS.contains(&key.as_str()) {
            &own
        } else {
            &rest
        };
        set(side, &key, &entry.get(1));
    }
    Ok((own.into(), rest.into()))
}

/// "outside", "border", a rectangle, or a tensor `[H, W]` of weights from 0 to 1.
fn read_region(options: &Options, examples: &Examples) -> Result<Region> {
    let shape = examples.images().activation_shape();
    let most = shape.h().min(shape.w()).div_ceil(2);
    let border = options.index("border")?;
    if border.is_some_and(|border| border == 0 || border > most) {
        return Err(options.wrong("border", &format!("from 1 to {most} pixels")));
    }
    let Some(region) = options.get("region") else {
        return Ok(Region::Outside);
    };
    match region.as_string().as_deref() {
        Some("outside") => return Ok(Region::Outside),
        Some("border") => {
            let width = border.unwrap_or(shape.h().min(shape.w()).div_ceil(7));
            return Ok(Region::Border(width));
        }
        Some(_) => {
            return Err(options.wrong(
                "region",
                "\"outside\", \"border\", { top, left, height, width } or a Tensor [H, W]",
            ));
        }
        None => {}
    }
    let known = ["top", "left", "height", "width", "data", "shape"];
    let parts = Options::new("biasScan: region", &region, &known)?;
    if parts.get("data").is_some() {
        let mask = tensor::read("biasScan: region", &region)?;
        if mask
            .data()
            .iter()
            .any(|weight| !(0.0..=1.0).contains(weight))
        {
            return Err(Error::bad_argument(
                "biasScan: a region's weights go from 0 to 1",
            ));
        }
        return Ok(Region::Mask(mask.into_data()));
    }
    for key in ["top", "left", "height", "width"] {
        parts.required_index(key)?;
    }
    let mark = read_mark(&parts, examples)?;
    Ok(Region::Area(Area {
        top: mark.top,
        left: mark.left,
        height: mark.height,
        width: mark.width,
    }))
}

fn write_scan(scan: &Scan) -> JsValue {
    let indices =
        |list: &[usize]| -> Array { list.iter().map(|&index| JsValue::from(index)).collect() };
    let spots: Array = scan.hot_spots.iter().map(write_spot).collect();
    let shares: Array = scan
        .share
        .iter()
        .map(|&share| JsValue::from(share))
        .collect();
    let object = Object::new();
    set(&object, "meanMaps", &tensor::write(&scan.mean_maps));
    set(&object, "share", &shares);
    set(&object, "hotSpots", &spots);
    set(&object, "ranking", &indices(&scan.ranking));
    set(&object, "pictures", &indices(&scan.pictures));
    set(&object, "maps", &tensor::write(&scan.maps));
    set(
        &object,
        "pictureShare",
        &Float32Array::from(scan.picture_share.as_slice()),
    );
    let clusters: Vec<i32> = scan
        .clusters
        .iter()
        .map(|&cluster| i32::try_from(cluster).unwrap_or(i32::MAX))
        .collect();
    set(&object, "points", &tensor::write(&scan.points));
    set(&object, "clusters", &Int32Array::from(clusters.as_slice()));
    object.into()
}

fn write_spot(spot: &HotSpot) -> JsValue {
    let area = Object::new();
    set(&area, "top", &spot.area.top.into());
    set(&area, "left", &spot.area.left.into());
    set(&area, "height", &spot.area.height.into());
    set(&area, "width", &spot.area.width.into());
    let object = Object::new();
    set(&object, "class", &spot.class.into());
    set(&object, "box", &area);
    set(&object, "share", &spot.share.into());
    object.into()
}

fn write_contrast(contrast: &Contrast) -> JsValue {
    let object = Object::new();
    set(&object, "class", &contrast.class.into());
    set(&object, "count", &contrast.count.into());
    set(&object, "before", &write_outcome(&contrast.before));
    set(&object, "after", &write_outcome(&contrast.after));
    object.into()
}

fn write_outcome(outcome: &Outcome) -> JsValue {
    let predicted: Array = outcome
        .predicted
        .iter()
        .map(|&share| JsValue::from(share))
        .collect();
    let object = Object::new();
    set(&object, "accuracy", &outcome.accuracy.into());
    set(&object, "confidence", &outcome.confidence.into());
    set(&object, "predicted", &predicted);
    object.into()
}
