//! Painting for JavaScript.

use js_sys::{Array, Float32Array, Object, Uint8ClampedArray};
use wasm_bindgen::prelude::*;

use super::options::{Options, word};
use super::{JsResult, set, tensor, thrown};
use crate::error::{Error, Result};
use crate::paint::colormap::Colormap;
use crate::paint::range::{Range, Scale};
use crate::paint::{self, Coloring, Paint};

/// The planes of a tensor as one atlas: `{ rgba, width, height, columns, rows, tile, ranges }`.
///
/// # Errors
/// `bad_argument` for an option that does not exist or fit, or a tensor that cannot be painted.
#[wasm_bindgen(js_name = paint)]
#[allow(
    clippy::needless_pass_by_value,
    reason = "values of JavaScript come owned"
)]
pub fn paint_tensor(values: JsValue, options: JsValue) -> JsResult<JsValue> {
    let atlas = tensor::read("paint", &values)
        .and_then(|tensor| paint::paint(&tensor, &read_paint(&options)?))
        .map_err(thrown)?;
    let [width, height] = atlas.size();
    let tile: Array = atlas.tile.iter().map(|&side| JsValue::from(side)).collect();
    let object = Object::new();
    set(
        &object,
        "rgba",
        &Uint8ClampedArray::from(atlas.rgba.as_slice()),
    );
    set(&object, "width", &width.into());
    set(&object, "height", &height.into());
    set(&object, "columns", &atlas.columns.into());
    set(&object, "rows", &atlas.rows.into());
    set(&object, "tile", &tile);
    set(
        &object,
        "ranges",
        &Float32Array::from(atlas.ranges.as_slice()),
    );
    Ok(object.into())
}

/// The 256 RGBA entries of a colour map.
///
/// # Errors
/// `bad_argument` if there is none of that name.
#[wasm_bindgen]
pub fn colormap(name: &str) -> JsResult<Vec<u8>> {
    let map = Colormap::named(name).ok_or_else(|| {
        thrown(Error::bad_argument(format!(
            "there is no colour map '{name}'; there are \"gray\", \"sequential\" and \"diverging\""
        )))
    })?;
    let table = map.table();
    Ok(table
        .iter()
        .flat_map(|&[red, green, blue]| [red, green, blue, 255])
        .collect())
}

fn read_paint(options: &JsValue) -> Result<Paint> {
    let options = Options::new("paint", options, &["map", "scale", "percentile", "columns"])?;
    let coloring = match options.text("map")?.as_deref() {
        None => Coloring::Map(Colormap::Gray),
        Some("rgb") => Coloring::Rgb,
        Some(name) => Coloring::Map(Colormap::named(name).ok_or_else(|| {
            options.wrong("map", "\"gray\", \"sequential\", \"diverging\" or \"rgb\"")
        })?),
    };
    let scale = match options.get("scale") {
        // A map that diverges from zero has zero in its middle.
        None if coloring == Coloring::Map(Colormap::Diverging) => Scale::SignedEach,
        None => Scale::Each,
        Some(scale) => read_scale(&scale)?,
    };
    Ok(Paint {
        coloring,
        scale,
        percentile: options.number("percentile")?.unwrap_or(100.0),
        columns: options.index("columns")?,
    })
}

fn read_scale(scale: &JsValue) -> Result<Scale> {
    let text = scale.as_string();
    match (text.as_deref(), tensor::numbers(scale).as_deref()) {
        (Some("each"), _) => Ok(Scale::Each),
        (Some("all"), _) => Ok(Scale::All),
        (Some("signed"), _) => Ok(Scale::Signed),
        (Some("signed_each"), _) => Ok(Scale::SignedEach),
        (_, Some(&[low, high])) => Ok(Scale::Pair(Range { low, high })),
        _ => Err(Error::bad_argument(format!(
            "paint: scale must be \"each\", \"all\", \"signed\", \"signed_each\" or [low, high], not {}",
            word(scale)
        ))),
    }
}
