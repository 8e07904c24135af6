//! In what strengths, ε and colours are measured: pixels from 0 to 1 for pictures, a tensor's own units for tensors.

use super::net::WebNet;
use super::options::Options;
use crate::error::Result;
use crate::lab::attack::Units;

/// The units of a call, with the values between which pictures stay.
pub(super) struct Measure {
    /// From them to the network's.
    pub units: Units,
    /// The least value.
    pub min: Option<f32>,
    /// The greatest value.
    pub max: Option<f32>,
}

impl WebNet {
    /// The units that `units` names, `"own"` without it, and `min` and `max` of a tensor's own.
    ///
    /// # Errors
    /// `bad_argument` for another word, bounds of pixels, or bounds that leave nothing; `bad_image` where the network takes no
    /// pictures.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "bounds are rounded to the engine's f32"
    )]
    pub(super) fn measure(&self, options: &Options) -> Result<Measure> {
        let bound = |key: &str| Ok(options.number(key)?.map(|value| value as f32));
        let (min, max) = (bound("min")?, bound("max")?);
        match self.pixel_units(options)? {
            None => {
                if min.zip(max).is_some_and(|(min, max)| min >= max) {
                    return Err(options.wrong("max", "above min"));
                }
                let units = Units::own(self.net().input_shape().c());
                Ok(Measure { units, min, max })
            }
            Some(units) => {
                for key in ["min", "max"] {
                    if options.get(key).is_some() {
                        return Err(options.wrong(key, "left out: pixels go from 0 to 1"));
                    }
                }
                Ok(Measure {
                    units,
                    min: Some(0.0),
                    max: Some(1.0),
                })
            }
        }
    }

    /// The units of pixels if `units` is `"pixels"`, none if it is `"own"` or left out.
    ///
    /// # Errors
    /// `bad_argument` for another word; `bad_image` where the network takes no pictures.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "rules are rounded to the engine's f32"
    )]
    pub(super) fn pixel_units(&self, options: &Options) -> Result<Option<Units>> {
        match options.text("units")?.as_deref() {
            None | Some("own") => Ok(None),
            Some("pixels") => {
                let rule = self.rule()?;
                let f32s = |values: &[f64]| values.iter().map(|&value| value as f32).collect();
                Ok(Some(Units {
                    mean: f32s(&rule.mean),
                    std: f32s(&rule.std),
                }))
            }
            Some(_) => Err(options.wrong("units", "\"pixels\" or \"own\"")),
        }
    }
}
