//! Pictures as networks see them, held to Pillow.

mod common;

use common::{arrays, cases};
use convscope::picture::{Preprocess, preprocess};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct ResizeCase {
    id: usize,
    height: usize,
    width: usize,
    size: [usize; 2],
    crop: Option<f64>,
    channels: String,
    smooth: bool,
}

impl ResizeCase {
    /// The source as `make_resize.py` describes it, with an alpha that must not matter.
    fn rgba(&self) -> Vec<u8> {
        let bytes = (0..self.height * self.width * 3).map(|i| {
            let (pixel, channel) = (i / 3, i % 3);
            let value = if self.smooth {
                (pixel / self.width + pixel % self.width) / 2 % 256 + 40 * channel
            } else {
                i * 7919 + i / 97 * 31 + self.id * 104_729
            };
            (value % 256) as u8
        });
        let rgb: Vec<u8> = bytes.collect();
        rgb.chunks_exact(3)
            .flat_map(|p| [p[0], p[1], p[2], p[0] ^ 0x5a])
            .collect()
    }
}

#[test]
fn crop_and_resize_give_the_bytes_that_pillow_gives() {
    let stored = arrays("resize.safetensors");
    for case in cases::<ResizeCase>("resize.json") {
        let count = if case.channels == "gray" { 1 } else { 3 };
        let [rows, columns] = case.size;
        let crop = case.crop.map_or("null".to_owned(), |crop| crop.to_string());
        let json = format!(r#"{{"crop": {crop}, "channels": "{}"}}"#, case.channels);
        let rule = Preprocess::new(Some(&json), [count, rows, columns]).expect("a rule");
        let x = preprocess(&case.rgba(), case.width, case.height, &rule).expect("a picture");
        assert_eq!(x.shape(), [1, count, rows, columns]);
        let plane = rows * columns;
        let expected = &stored[&format!("{}.pixels", case.id)].data;
        for (at, byte) in expected.iter().enumerate() {
            let got = x.data()[at % count * plane + at / count] * 255.0;
            assert_eq!(got.round(), *byte, "byte {at} of {case:?}");
        }
    }
}
