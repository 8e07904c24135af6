//! What a baseline JPEG file (ITU-T T.81) keeps of a picture: YCbCr, colour at half the size (4:2:0), cosine transform of
//! 8 × 8 blocks, quantisation, and the way back. The entropy coding is lossless and so left out.

use crate::lab::synthesis::matrices::{apply, cosine, transposed};
use crate::picture::Channels;

/// A block's side.
const BLOCK: usize = 8;

/// Steps of brightness at quality 50 (T.81, table K.1), the lowest frequencies first along both axes.
#[rustfmt::skip]
const LUMINANCE: [u32; BLOCK * BLOCK] = [
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
];

/// Steps of colour at quality 50 (table K.2).
#[rustfmt::skip]
const CHROMINANCE: [u32; BLOCK * BLOCK] = [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
];

/// A plane of bytes, kept as numbers.
#[derive(Debug, Clone, PartialEq)]
struct Plane {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

/// A picture (C, rows, columns) from 0 to 1 as its JPEG file of `quality` 1 to 100 shows it, rounded to bytes; where its
/// channels are no colours, each is coded as grey.
#[must_use]
pub fn jpeg(
    picture: &[f32],
    [rows, columns]: [usize; 2],
    channels: Option<Channels>,
    quality: u32,
) -> Vec<f32> {
    let planes = picture.chunks_exact(rows * columns).map(|plane| Plane {
        rows,
        columns,
        values: plane.iter().map(|value| byte(value * 255.0)).collect(),
    });
    let mut planes: Vec<Plane> = planes.collect();
    let (light, colour) = (steps(&LUMINANCE, quality), steps(&CHROMINANCE, quality));
    let order = match channels {
        Some(Channels::Rgb) => Some([0, 1, 2]),
        Some(Channels::Bgr) => Some([2, 1, 0]),
        Some(Channels::Gray) | None => None,
    };
    if let Some([r, g, b]) = order {
        let [y, cb, cr] = from_rgb(&planes[r], &planes[g], &planes[b]);
        let y = y.coded(&light);
        let [cb, cr] = [cb, cr].map(|plane| plane.halved().coded(&colour).doubled(rows, columns));
        for (index, plane) in [r, g, b].into_iter().zip(to_rgb(&y, &cb, &cr)) {
            planes[index] = plane;
        }
    } else {
        for plane in &mut planes {
            *plane = plane.coded(&light);
        }
    }
    let values = planes.into_iter().flat_map(|plane| plane.values);
    values.map(|value| value / 255.0).collect()
}

/// The table at another quality, as libjpeg scales it.
fn steps(table: &[u32], quality: u32) -> Vec<f32> {
    let quality = quality.clamp(1, 100);
    let scale = if quality < 50 {
        5000 / quality
    } else {
        200 - 2 * quality
    };
    let step = |&at_50: &u32| ((at_50 * scale + 50) / 100).clamp(1, 255) as f32;
    table.iter().map(step).collect()
}

/// JFIF's luma and colour differences.
fn from_rgb(r: &Plane, g: &Plane, b: &Plane) -> [Plane; 3] {
    [
        [0.299, 0.587, 0.114, 0.0],
        [-0.168_736, -0.331_264, 0.5, 128.0],
        [0.5, -0.418_688, -0.081_312, 128.0],
    ]
    .map(|weights| mixed([r, g, b], weights))
}

fn to_rgb(y: &Plane, cb: &Plane, cr: &Plane) -> [Plane; 3] {
    [
        [1.0, 0.0, 1.402, -1.402 * 128.0],
        [1.0, -0.344_136, -0.714_136, (0.344_136 + 0.714_136) * 128.0],
        [1.0, 1.772, 0.0, -1.772 * 128.0],
    ]
    .map(|weights| mixed([y, cb, cr], weights))
}

/// A weighted sum of planes and 1, as bytes.
fn mixed(planes: [&Plane; 3], [a, b, c, one]: [f32; 4]) -> Plane {
    let [x, y, z] = planes.map(|plane| &plane.values);
    let values = x.iter().zip(y).zip(z);
    Plane {
        values: values
            .map(|((x, y), z)| byte(a * x + b * y + c * z + one))
            .collect(),
        ..*planes[0]
    }
}

fn byte(value: f32) -> f32 {
    value.round().clamp(0.0, 255.0)
}

impl Plane {
    /// A pixel, the nearest one beyond the edges.
    fn at(&self, row: usize, column: usize) -> f32 {
        self.values[row.min(self.rows - 1) * self.columns + column.min(self.columns - 1)]
    }

    fn of(rows: usize, columns: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let values = (0..rows * columns).map(|i| value(i / columns, i % columns));
        Self {
            values: values.collect(),
            rows,
            columns,
        }
    }

    /// Block by block: F = C (x − 128) Cᵀ with the cosine transform C, rounded to multiples of the steps, and back.
    fn coded(&self, steps: &[f32]) -> Self {
        let forward = cosine(BLOCK);
        let backward = transposed(&forward, BLOCK);
        let size = [BLOCK, BLOCK];
        let mut coded = self.clone();
        for top in (0..self.rows).step_by(BLOCK) {
            for left in (0..self.columns).step_by(BLOCK) {
                let block = Self::of(BLOCK, BLOCK, |y, x| self.at(top + y, left + x) - 128.0);
                let spectrum = apply(&block.values, size, &forward, &forward);
                let kept = spectrum.iter().zip(steps);
                let kept: Vec<f32> = kept.map(|(f, step)| (f / step).round() * step).collect();
                let block = apply(&kept, size, &backward, &backward);
                for (y, row) in block.chunks_exact(BLOCK).enumerate() {
                    for (x, value) in row.iter().enumerate() {
                        if top + y < self.rows && left + x < self.columns {
                            coded.values[(top + y) * self.columns + left + x] = byte(value + 128.0);
                        }
                    }
                }
            }
        }
        coded
    }

    /// Means of 2 × 2 pixels; halves go down and up in turn, as in libjpeg, so that nothing drifts.
    fn halved(&self) -> Self {
        // Whole blocks to the right, where the edge goes on as it is; below, what has been halved goes on.
        let columns = self.columns.div_ceil(2 * BLOCK) * BLOCK;
        Self::of(self.rows.div_ceil(2), columns, |y, x| {
            let pairs =
                [0, 1].map(|down| self.at(2 * y + down, 2 * x) + self.at(2 * y + down, 2 * x + 1));
            let half = if x % 2 == 0 { 1.0 } else { 2.0 };
            ((pairs[0] + pairs[1] + half) / 4.0).floor()
        })
    }

    /// Each pixel from the four nearest ones of the halved plane, 9 : 3 : 3 : 1 (libjpeg's triangle filter).
    fn doubled(&self, rows: usize, columns: usize) -> Self {
        let last = columns.div_ceil(2) - 1;
        Self::of(rows, columns, |y, x| {
            let beside = |at: usize| {
                if at.is_multiple_of(2) {
                    (at / 2).saturating_sub(1)
                } else {
                    at / 2 + 1
                }
            };
            let (far_row, far_column) = (beside(y), beside(x).min(last));
            let column = |c: usize| 3.0 * self.at(y / 2, c) + self.at(far_row, c);
            let half = if x % 2 == 0 { 8.0 } else { 7.0 };
            ((3.0 * column(x / 2) + column(far_column) + half) / 16.0).floor()
        })
    }
}
