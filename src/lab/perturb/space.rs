//! What moves or covers a picture: rotation and shift, bilinear between pixels, and a square in front.

use crate::tensor::Shape;

/// A picture turned clockwise by so many degrees about its centre.
pub fn rotated(picture: &[f32], shape: Shape, degrees: f32, fill: Option<f32>) -> Vec<f32> {
    let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
    let centre = [shape.h(), shape.w()].map(|extent| (extent as f64 - 1.0) / 2.0);
    // What is seen at a position stood where the opposite turn leads.
    sampled(picture, shape, fill, |row, column| {
        let (y, x) = (row - centre[0], column - centre[1]);
        [centre[0] + cos * y - sin * x, centre[1] + sin * y + cos * x]
    })
}

/// A picture moved by so many pixels along `angle`, in degrees clockwise from rightwards.
pub fn shifted(
    picture: &[f32],
    shape: Shape,
    pixels: f32,
    angle: f32,
    fill: Option<f32>,
) -> Vec<f32> {
    let (sin, cos) = f64::from(angle).to_radians().sin_cos();
    let pixels = f64::from(pixels);
    sampled(picture, shape, fill, |row, column| {
        [row - pixels * sin, column - pixels * cos]
    })
}

/// A picture with a square of one colour, `paint` by channels, over a `share` of its area, as near to square as it can be.
/// Its centre is as near to `place` as it lies inside, or anywhere inside by `chance`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "extents of pictures are small and positive"
)]
pub fn occluded(
    picture: &[f32],
    shape: Shape,
    share: f32,
    place: Option<[f32; 2]>,
    chance: [f32; 2],
    paint: &[f32],
) -> Vec<f32> {
    let extents = [shape.h(), shape.w()];
    let area = f64::from(share) * shape.plane() as f64;
    let height = area.sqrt().min(extents[0] as f64);
    let sides = [height, (area / height).min(extents[1] as f64)];
    // A square wider than the picture grows downwards.
    let sides = [(area / sides[1]).min(extents[0] as f64), sides[1]];
    let ranges: [std::ops::Range<usize>; 2] = std::array::from_fn(|axis| {
        let extent = extents[axis];
        let side = (sides[axis].round() as usize).clamp(1, extent);
        let first = match place {
            Some(place) => f64::from(place[axis]) * extent as f64 - side as f64 / 2.0,
            None => (f64::from(chance[axis]) * (extent - side + 1) as f64).floor(),
        };
        let first = (first.round().max(0.0) as usize).min(extent - side);
        first..first + side
    });
    let mut values = picture.to_vec();
    for (plane, &paint) in values.chunks_exact_mut(shape.plane()).zip(paint) {
        for row in ranges[0].clone() {
            plane[row * shape.w()..][ranges[1].clone()].fill(paint);
        }
    }
    values
}

/// A picture whose value at (row, column) is what lies at `from(row, column)`, between its four neighbours; outside are
/// `fill`, or the outermost pixels.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions are clamped to the picture; values are rounded to f32"
)]
fn sampled(
    picture: &[f32],
    shape: Shape,
    fill: Option<f32>,
    from: impl Fn(f64, f64) -> [f64; 2],
) -> Vec<f32> {
    let (height, width, plane) = (shape.h(), shape.w(), shape.plane());
    let mut values = vec![0.0; shape.picture()];
    for row in 0..height {
        for column in 0..width {
            let [y, x] = from(row as f64, column as f64);
            let (top, left) = (y.floor(), x.floor());
            let corners = [
                (top, left, (top + 1.0 - y) * (left + 1.0 - x)),
                (top, left + 1.0, (top + 1.0 - y) * (x - left)),
                (top + 1.0, left, (y - top) * (left + 1.0 - x)),
                (top + 1.0, left + 1.0, (y - top) * (x - left)),
            ];
            for (channel, values) in picture
                .chunks_exact(plane)
                .zip(values.chunks_exact_mut(plane))
            {
                let sum: f64 = corners
                    .iter()
                    .map(|&(y, x, weight)| {
                        let rows = 0.0..height as f64;
                        let inside = rows.contains(&y) && (0.0..width as f64).contains(&x);
                        let value = match fill {
                            Some(fill) if !inside => fill,
                            _ => {
                                let y = (y.max(0.0) as usize).min(height - 1);
                                let x = (x.max(0.0) as usize).min(width - 1);
                                channel[y * width + x]
                            }
                        };
                        weight * f64::from(value)
                    })
                    .sum();
                values[row * width + column] = sum as f32;
            }
        }
    }
    values
}
