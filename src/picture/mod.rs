//! Pictures: RGBA bytes to a network's input and back, by the network's own rule.

pub mod header;
pub mod resize;
mod rule;

pub use rule::{Channels, Preprocess};

use crate::error::{Error, Result};
use crate::tensor::Tensor;
use resize::Region;

/// A picture of `width` × `height` RGBA pixels as the network's input, (1, C, H, W).
///
/// The rule's crop is cut out of the middle, resized as Pillow's `BICUBIC` does it (bytes in, bytes out), and each byte v
/// becomes (v / 255 − mean) / std. Alpha is ignored; grey is Pillow's `L`, taken before resizing.
///
/// # Errors
/// `bad_image` if the picture has no pixels or the bytes are not width · height · 4.
pub fn preprocess(rgba: &[u8], width: usize, height: usize, rule: &Preprocess) -> Result<Tensor> {
    let expected = width.checked_mul(height).and_then(|n| n.checked_mul(4));
    if rgba.is_empty() || expected != Some(rgba.len()) {
        return Err(Error::bad_image(format!(
            "a picture of {width} × {height} pixels needs 4 bytes for each, it has {} bytes; decode it again",
            rgba.len()
        )));
    }
    let region = crop(width, height, rule);
    let [rows, columns] = rule.size;
    let resized = match rule.channels {
        Channels::Gray => resize::bicubic(rgba, width, region, [rows, columns], |p| [luma(p)]),
        Channels::Rgb => resize::bicubic(rgba, width, region, [rows, columns], |[r, g, b, _]| {
            [r, g, b]
        }),
        Channels::Bgr => resize::bicubic(rgba, width, region, [rows, columns], |[r, g, b, _]| {
            [b, g, r]
        }),
    };
    let count = rule.channels.count();
    let mut data = Vec::with_capacity(resized.len());
    for channel in 0..count {
        let levels = levels(rule.mean[channel], rule.std[channel]);
        let bytes = resized.iter().skip(channel).step_by(count);
        data.extend(bytes.map(|&byte| levels[usize::from(byte)]));
    }
    Tensor::new(data, [1, count, rows, columns])
}

/// A tensor (N, C, H, W) in model space as RGBA bytes, N pictures of H · W · 4 one after the other.
///
/// Values outside the range of a byte are clamped, alpha is 255, grey gives three equal channels.
///
/// # Errors
/// `bad_argument` if the tensor has not the rule's number of channels.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to a byte; a NaN becomes 0"
)]
pub fn to_pixels(tensor: &Tensor, rule: &Preprocess) -> Result<Vec<u8>> {
    let shape = tensor.activation_shape();
    let count = rule.channels.count();
    if shape.c() != count || tensor.shape().len() != 4 {
        return Err(Error::bad_argument(format!(
            "a picture for this network is a tensor [N, {count}, H, W], not {:?}",
            tensor.shape()
        )));
    }
    let byte = |channel: usize, value: f32| {
        let unit = f64::from(value) * rule.std[channel] + rule.mean[channel];
        (unit * 255.0).round().clamp(0.0, 255.0) as u8
    };
    let plane = shape.plane();
    let mut rgba = Vec::with_capacity(shape.n() * plane * 4);
    for picture in tensor.data().chunks_exact(shape.picture().max(1)) {
        for pixel in 0..plane {
            let at = |channel: usize| byte(channel, picture[channel * plane + pixel]);
            rgba.extend(match rule.channels {
                Channels::Gray => [at(0), at(0), at(0), 255],
                Channels::Rgb => [at(0), at(1), at(2), 255],
                Channels::Bgr => [at(2), at(1), at(0), 255],
            });
        }
    }
    Ok(rgba)
}

/// The largest region of the target's proportions, scaled by the rule's crop, in the middle; where the margins cannot
/// be equal, the left and upper ones are a pixel wider. Without a crop, the whole picture.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "extents of a decoded picture stay far below 2^52"
)]
fn crop(width: usize, height: usize, rule: &Preprocess) -> Region {
    let Some(crop) = rule.crop else {
        return Region {
            left: 0,
            top: 0,
            width,
            height,
        };
    };
    let [rows, columns] = rule.size;
    // One axis fits whole; the other follows from the target's proportions.
    let scaled = |fit: usize, numerator: usize, denominator: usize| {
        let extent = crop * (fit * numerator) as f64 / denominator as f64;
        (extent.floor() as usize).max(1)
    };
    let [w, h] = if width * rows <= height * columns {
        [scaled(width, 1, 1), scaled(width, rows, columns)]
    } else {
        [scaled(height, columns, rows), scaled(height, 1, 1)]
    };
    Region {
        left: (width - w).div_ceil(2),
        top: (height - h).div_ceil(2),
        width: w,
        height: h,
    }
}

/// Pillow's conversion to `L`: ITU-R 601 in 16-bit fixed point.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the weights sum to 65536, so the result is a byte"
)]
fn luma([r, g, b, _]: [u8; 4]) -> u8 {
    let sum = u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000;
    (sum >> 16) as u8
}

/// What each byte becomes in model space.
#[allow(
    clippy::cast_possible_truncation,
    reason = "model space is f32; the rule is exact to f64 before that"
)]
fn levels(mean: f64, std: f64) -> [f32; 256] {
    std::array::from_fn(|byte| {
        // An index below 256 is exact in f64.
        ((u32::try_from(byte).map_or(0.0, f64::from) / 255.0 - mean) / std) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str, shape: [usize; 3]) -> Preprocess {
        Preprocess::new(Some(json), shape).expect("a rule")
    }

    #[test]
    fn the_crop_is_the_floor_of_its_share_with_wider_margins_above_and_left() {
        let rule = rule(r#"{"crop": 0.875}"#, [3, 224, 224]);
        let region = |w, h| {
            let r = crop(w, h, &rule);
            [r.left, r.top, r.width, r.height]
        };
        assert_eq!(region(451, 300), [95, 19, 262, 262]);
        assert_eq!(region(640, 427), [134, 27, 373, 373]);
        assert_eq!(region(320, 512), [20, 116, 280, 280]);
        assert_eq!(region(1, 1), [0, 0, 1, 1]);
    }

    #[test]
    fn a_wide_target_takes_a_wide_crop() {
        let rule = rule(r#"{"crop": 1}"#, [1, 10, 20]);
        let r = crop(100, 100, &rule);
        assert_eq!([r.left, r.top, r.width, r.height], [0, 25, 100, 50]);
    }

    #[test]
    fn pixels_come_back_from_model_space() {
        let json = r#"{"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "channels": "bgr"}"#;
        let rule = rule(json, [3, 2, 3]);
        let rgba: Vec<u8> = (0..24_u8)
            .map(|i| if i % 4 == 3 { 255 } else { i * 10 })
            .collect();
        let x = preprocess(&rgba, 3, 2, &rule).expect("a picture");
        assert_eq!(x.shape(), [1, 3, 2, 3]);
        // Blue comes first.
        assert!((x.data()[0] - (20.0 / 255.0 - 0.5) / 0.2).abs() < 1e-6);
        assert_eq!(to_pixels(&x, &rule).expect("pixels"), rgba);
    }

    #[test]
    fn values_beyond_a_byte_are_clamped_and_a_batch_gives_several_pictures() {
        let rule = rule("{}", [1, 1, 1]);
        let tensor = Tensor::new(vec![-3.0, 7.0, f32::NAN], [3, 1, 1, 1]).expect("a tensor");
        let rgba = to_pixels(&tensor, &rule).expect("pixels");
        assert_eq!(rgba, [0, 0, 0, 255, 255, 255, 255, 255, 0, 0, 0, 255]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let rule = rule("{}", [3, 4, 4]);
        for (bytes, width, height) in [(0, 0, 0), (15, 2, 2), (16, 2, 3), (16, usize::MAX, 2)] {
            let error = preprocess(&vec![0; bytes], width, height, &rule).expect_err("no picture");
            assert_eq!(error.code.as_str(), "bad_image");
        }
        let grey = Tensor::new(vec![0.0; 16], [1, 1, 4, 4]).expect("a tensor");
        let error = to_pixels(&grey, &rule).expect_err("one channel too few");
        assert!(error.message.contains("[N, 3, H, W]"), "{}", error.message);
    }
}
