//! How a network wants its pictures: the `preprocess` object of the API.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Which channels a network's input has, in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One channel of luma.
    Gray,
}

impl Channels {
    /// How many there are.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Gray => 1,
        }
    }
}

/// From the pixels of any picture to a network's input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preprocess {
    /// Rows and columns of the input.
    pub size: [usize; 2],
    /// The share of the shorter side that a centre crop keeps, above 0 and at most 1; `None` takes the whole picture,
    /// whatever its proportions.
    pub crop: Option<f64>,
    /// What is subtracted from each channel, on pixels in [0, 1].
    pub mean: Vec<f64>,
    /// What each channel is divided by after that.
    pub std: Vec<f64>,
    /// The channels.
    pub channels: Channels,
}

/// The rule as it is written, where anything may be left out.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    size: Option<Extents>,
    crop: Option<f64>,
    mean: Option<Numbers>,
    std: Option<Numbers>,
    channels: Option<Channels>,
}

/// One extent for both axes, or `[rows, columns]`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Extents {
    Both(usize),
    Each([usize; 2]),
}

/// One number for all channels, or one for each.
#[derive(Deserialize)]
#[serde(untagged)]
enum Numbers {
    All(f64),
    Each(Vec<f64>),
}

impl Preprocess {
    /// The rule of a network with input `[C, H, W]`: what `json` says, and for what it leaves out, the whole picture
    /// resized to H × W and scaled to [0, 1], RGB for three channels and grey for one.
    ///
    /// # Errors
    /// `bad_argument` if the JSON has other fields, values out of range, or does not fit the input.
    pub fn new(json: Option<&str>, [channels, rows, columns]: [usize; 3]) -> Result<Self> {
        let written: Written = json
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| {
                Error::bad_argument(format!(
                    "preprocess must be {{size, crop, mean, std, channels}}: {error}"
                ))
            })?
            .unwrap_or_default();
        let size = match written.size {
            None => [rows, columns],
            Some(Extents::Both(extent)) => [extent, extent],
            Some(Extents::Each(size)) => size,
        };
        if size != [rows, columns] || rows == 0 || columns == 0 {
            return Err(Error::bad_argument(format!(
                "preprocess: size is {size:?}, but the network's input has {rows} rows and {columns} columns"
            )));
        }
        let order = written.channels.unwrap_or(if channels == 1 {
            Channels::Gray
        } else {
            Channels::Rgb
        });
        if order.count() != channels {
            return Err(Error::bad_argument(format!(
                "a picture gives {} channels, but the network's input has {channels}; pass a Tensor instead of a picture",
                order.count()
            )));
        }
        if let Some(crop) = written.crop.filter(|crop| !(*crop > 0.0 && *crop <= 1.0)) {
            return Err(Error::bad_argument(format!(
                "preprocess: crop is {crop}, it must be above 0 and at most 1"
            )));
        }
        let std = numbers(written.std, 1.0, "std", channels)?;
        if std.contains(&0.0) {
            return Err(Error::bad_argument(
                "preprocess: std must not be 0 for any channel",
            ));
        }
        Ok(Self {
            size,
            crop: written.crop,
            mean: numbers(written.mean, 0.0, "mean", channels)?,
            std,
            channels: order,
        })
    }
}

/// One finite number a channel.
fn numbers(
    written: Option<Numbers>,
    default: f64,
    name: &str,
    channels: usize,
) -> Result<Vec<f64>> {
    let numbers = match written {
        None => vec![default; channels],
        Some(Numbers::All(number)) => vec![number; channels],
        Some(Numbers::Each(numbers)) => numbers,
    };
    if numbers.len() == channels && numbers.iter().all(|number| number.is_finite()) {
        return Ok(numbers);
    }
    Err(Error::bad_argument(format!(
        "preprocess: {name} must be {channels} finite numbers, not {numbers:?}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_scales_the_whole_picture_to_the_input() {
        let rule = Preprocess::new(None, [1, 28, 30]).expect("a rule");
        assert_eq!(rule.size, [28, 30]);
        assert_eq!((rule.crop, rule.channels), (None, Channels::Gray));
        assert_eq!((rule.mean, rule.std), (vec![0.0], vec![1.0]));
    }

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        let json = r#"{"size": 28, "crop": 0.875, "mean": 0.5, "std": [0.1, 0.2, 0.3], "channels": "bgr"}"#;
        let rule = Preprocess::new(Some(json), [3, 28, 28]).expect("a rule");
        assert_eq!((rule.crop, rule.channels), (Some(0.875), Channels::Bgr));
        assert_eq!((rule.mean, rule.std), (vec![0.5; 3], vec![0.1, 0.2, 0.3]));
    }

    #[test]
    fn rules_that_make_no_sense_are_refused_with_the_field() {
        let cases = [
            (r#"{"crop": 0}"#, "crop"),
            (r#"{"crop": 1.5}"#, "crop"),
            (r#"{"std": 0}"#, "std"),
            (r#"{"std": [1, 1]}"#, "std"),
            (r#"{"mean": [1]}"#, "mean"),
            (r#"{"size": [28, 27]}"#, "size"),
            (r#"{"size": 0}"#, "size"),
            (r#"{"channels": "gray"}"#, "1 channels"),
            (r#"{"channels": "hsv"}"#, "hsv"),
            (r#"{"scale": 2}"#, "scale"),
            ("7", "preprocess"),
        ];
        for (json, word) in cases {
            let error = Preprocess::new(Some(json), [3, 28, 28]).expect_err(json);
            assert_eq!(error.code.as_str(), "bad_argument");
            assert!(error.message.contains(word), "{json}: {}", error.message);
        }
    }
}
