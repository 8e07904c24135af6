//! Colour maps, drawn through OKLab (Ottosson, "A perceptual color space for image processing", 2020), in which equal
//! distances look about equal: 256 colours each.

/// Red, green, blue in sRGB.
pub type Rgb = [u8; 3];

/// A colour map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colormap {
    /// Black to white, the byte itself.
    Gray,
    /// Dark violet over blue and green to pale yellow, its lightness rising evenly.
    Sequential,
    /// Blue for below, near-white at byte 128, red-brown for above; told apart by every kind of colour vision.
    Diverging,
}

impl Colormap {
    /// The map of a name in the API.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "gray" => Some(Self::Gray),
            "sequential" => Some(Self::Sequential),
            "diverging" => Some(Self::Diverging),
            _ => None,
        }
    }

    /// The colour of every byte.
    #[must_use]
    pub fn table(self) -> [Rgb; 256] {
        let mut table = [[0; 3]; 256];
        for (index, color) in (0_u8..=255).zip(&mut table) {
            let byte = f64::from(index);
            *color = match self {
                Self::Gray => [index; 3],
                Self::Sequential => between(&SEQUENTIAL, byte / 255.0).to_rgb(),
                // Byte 128 is what zero becomes; 0 and 1 share the last colour.
                Self::Diverging if index < 128 => {
                    between(&BELOW, ((128.0 - byte) / 127.0).min(1.0)).to_rgb()
                }
                Self::Diverging => between(&ABOVE, (byte - 128.0) / 127.0).to_rgb(),
            };
        }
        table
    }
}

/// Lightness in [0, 1], chroma, hue in degrees, of OKLab in polar form.
#[derive(Debug, Clone, Copy)]
struct Color {
    lightness: f64,
    chroma: f64,
    hue: f64,
}

const fn color(lightness: f64, chroma: f64, hue: f64) -> Color {
    Color {
        lightness,
        chroma,
        hue,
    }
}

/// Control colours at even steps.
const SEQUENTIAL: [Color; 9] = [
    color(0.20, 0.085, 300.0),
    color(0.293, 0.120, 290.0),
    color(0.386, 0.125, 277.0),
    color(0.479, 0.110, 255.0),
    color(0.572, 0.100, 225.0),
    color(0.665, 0.120, 180.0),
    color(0.758, 0.150, 150.0),
    color(0.851, 0.165, 126.0),
    color(0.944, 0.150, 106.0),
];

/// From the middle outwards.
const BELOW: [Color; 5] = [
    color(0.965, 0.004, 250.0),
    color(0.82, 0.070, 245.0),
    color(0.665, 0.115, 248.0),
    color(0.51, 0.140, 254.0),
    color(0.355, 0.120, 262.0),
];

/// From the middle outwards, as light as [`BELOW`].
const ABOVE: [Color; 5] = [
    color(0.965, 0.004, 70.0),
    color(0.82, 0.085, 62.0),
    color(0.665, 0.145, 50.0),
    color(0.51, 0.150, 38.0),
    color(0.355, 0.115, 30.0),
];

/// The colour at a place in [0, 1] along even steps, interpolated in OKLab's rectangular form.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place within a short table, and its fraction"
)]
fn between(controls: &[Color], place: f64) -> Lab {
    let place = place * (controls.len() - 1) as f64;
    let below = (place.floor() as usize).min(controls.len() - 2);
    let share = place - below as f64;
    let (from, to) = (controls[below].lab(), controls[below + 1].lab());
    Lab([0, 1, 2].map(|axis| from.0[axis] + (to.0[axis] - from.0[axis]) * share))
}

impl Color {
    fn lab(self) -> Lab {
        let hue = self.hue.to_radians();
        Lab([
            self.lightness,
            self.chroma * hue.cos(),
            self.chroma * hue.sin(),
        ])
    }
}

/// Lightness, green to red, blue to yellow.
#[derive(Debug, Clone, Copy)]
struct Lab([f64; 3]);

impl Lab {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=255 before"
    )]
    fn to_rgb(self) -> Rgb {
        self.linear().map(|value| {
            let value = value.clamp(0.0, 1.0);
            let encoded = if value <= 0.003_130_8 {
                12.92 * value
            } else {
                1.055 * value.powf(1.0 / 2.4) - 0.055
            };
            (255.0 * encoded).round().clamp(0.0, 255.0) as u8
        })
    }

    /// Linear-light sRGB, outside [0, 1] where the screen cannot show the colour.
    fn linear(self) -> [f64; 3] {
        let [lightness, a, b] = self.0;
        let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
        let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
        let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
        [
            4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
            -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
            -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701 * s,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance by WCAG, from the painted bytes.
    fn luminance(color: Rgb) -> f64 {
        let [red, green, blue] = color.map(|byte| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    #[test]
    fn gray_is_the_byte_itself() {
        let table = Colormap::Gray.table();
        assert!((0_u8..=255).all(|byte| table[usize::from(byte)] == [byte; 3]));
    }

    #[test]
    fn the_sequential_map_grows_lighter_with_every_byte() {
        let table = Colormap::Sequential.table();
        for pair in table.windows(2) {
            assert!(luminance(pair[0]) < luminance(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn the_diverging_map_is_neutral_at_128_and_darkens_evenly_to_both_ends() {
        let table = Colormap::Diverging.table();
        let [red, green, blue] = table[128];
        assert!(red.abs_diff(green) < 5 && green.abs_diff(blue) < 5 && red > 235);
        for distance in 1..127 {
            let (below, above) = (
                luminance(table[128 - distance]),
                luminance(table[128 + distance]),
            );
            assert!(below < luminance(table[129 - distance]));
            assert!(above < luminance(table[127 + distance]));
            assert!(
                (below / above).ln().abs() < 0.35,
                "{distance}: {below} {above}"
            );
        }
        let ([_, _, blue_below], [red_above, _, blue_above]) = (table[40], table[216]);
        assert!(blue_below > 150 && blue_above < 60 && red_above > 150);
    }

    #[test]
    fn steps_of_a_map_look_about_equal() {
        for controls in [&SEQUENTIAL[..], &BELOW, &ABOVE] {
            let steps: Vec<f64> = controls
                .windows(2)
                .map(|pair| {
                    let (a, b) = (pair[0].lab().0, pair[1].lab().0);
                    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
                })
                .collect();
            let least = steps.iter().copied().fold(f64::INFINITY, f64::min);
            let most = steps.iter().copied().fold(0.0, f64::max);
            assert!(most / least < 1.35, "{steps:?}");
        }
    }

    #[test]
    fn a_screen_can_show_every_control_colour() {
        for control in SEQUENTIAL.iter().chain(&BELOW).chain(&ABOVE) {
            let linear = control.lab().linear();
            assert!(
                linear.iter().all(|value| (-0.004..=1.004).contains(value)),
                "{control:?} {linear:?}"
            );
        }
    }
}
