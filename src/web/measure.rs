//! In what ε, strengths and colours are measured: pixels from 0 to 1 for pictures, a tensor's own units for tensors.

use super::net::WebNet;
use super::options::Options;
use crate::error::Result;
use crate::lab::attack::Units;

impl WebNet {
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
