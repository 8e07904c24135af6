//! The measured receptive field: the pixels on which a unit depends for one picture (Luo et al., "Understanding the
//! Effective Receptive Field in Deep Convolutional Neural Networks", 2016).

use serde::Serialize;

use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::graph::receptive_field::ReceptiveField;
use crate::net::objective::Term;
use crate::net::{Net, Overrides};
use crate::tensor::Tensor;

/// Pixels of a picture: `height` rows from `y`, `width` columns from `x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The first row.
    pub y: usize,
    /// The first column.
    pub x: usize,
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
}

/// What one unit sees of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// What it can see by the network's geometry, within the picture.
    pub theoretical: Window,
    /// The smallest window that holds every pixel whose change moves the unit; `None` if there is none.
    pub support: Option<Window>,
    /// For rows and for columns, the shortest run with `share` of Σ|∂unit/∂X|; `None` as for `support`.
    pub core: Option<Window>,
    /// Σ over the channels of |∂unit/∂X|, (1, 1, H, W).
    pub map: Tensor,
}

/// What the unit at (`y`, `x`) of a channel sees of `image` (1, C, H, W): the geometry, and the gradient of the unit to the
/// picture.
///
/// A unit behind a rectifier has gradient 0 where the rectifier is flat; ask its input instead.
///
/// # Errors
/// Those of [`Net::gradient`]; `bad_argument` for several pictures or a share outside (0, 1].
pub async fn measured(
    net: &Net,
    image: &Tensor,
    layer: &str,
    [channel, y, x]: [usize; 3],
    share: f32,
    control: &Control,
) -> Result<Field> {
    if image.activation_shape().n() != 1 {
        return Err(Error::bad_argument(
            "a receptive field is measured on one picture",
        ));
    }
    if !(share > 0.0 && share <= 1.0) {
        return Err(Error::bad_argument(format!(
            "share must be above 0 and at most 1, not {share}"
        )));
    }
    let unit = vec![(
        Term::Unit {
            layer: layer.to_owned(),
            channel,
            y,
            x,
        },
        1.0,
    )];
    let (_, gradients) = net
        .gradient(image, &unit, &["input"], &Overrides::new(), control)
        .await?;
    let shape = net.input_shape();
    let mut map = vec![0.0; shape.plane()];
    for plane in gradients
        .iter()
        .flat_map(|gradient| gradient.data().chunks_exact(shape.plane()))
    {
        for (sum, value) in map.iter_mut().zip(plane) {
            *sum += value.abs();
        }
    }
    let sums = |positions: &mut dyn Iterator<Item = usize>| -> f64 {
        positions.map(|position| f64::from(map[position])).sum()
    };
    let (height, width) = (shape.h(), shape.w());
    let rows: Vec<f64> = (0..height)
        .map(|row| sums(&mut (row * width..(row + 1) * width)))
        .collect();
    let columns: Vec<f64> = (0..width)
        .map(|column| sums(&mut (column..height * width).step_by(width)))
        .collect();
    let geometry = net
        .layers()
        .iter()
        .find(|each| each.name == layer)
        .map(|each| each.receptive_field)
        .ok_or_else(|| Error::internal(format!("layer '{layer}' has no receptive field")))?;
    Ok(Field {
        theoretical: window(&geometry, [y, x], [height, width]),
        support: join(run(&rows, 1.0), run(&columns, 1.0)),
        core: join(
            run(&rows, f64::from(share)),
            run(&columns, f64::from(share)),
        ),
        map: Tensor::new(map, [1, 1, height, width])?,
    })
}

/// What a unit at (y, x) can see within a picture of `extents` rows and columns.
#[must_use]
pub fn window(field: &ReceptiveField, place: [usize; 2], extents: [usize; 2]) -> Window {
    let int = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let axis = |axis: usize| {
        let start = field.start[axis] + int(place[axis]) * field.stride[axis];
        let within =
            |value: i64| usize::try_from(value).map_or(0, |value| value.min(extents[axis]));
        let (from, to) = (within(start), within(start + field.size[axis]));
        (from, to - from)
    };
    let ((y, height), (x, width)) = (axis(0), axis(1));
    Window {
        y,
        x,
        height,
        width,
    }
}

/// The shortest run (start, length) of entries that holds `share` of their sum, the first of several; `None` if that is 0.
fn run(sums: &[f64], share: f64) -> Option<(usize, usize)> {
    let first = sums.iter().position(|&sum| sum > 0.0)?;
    let last = sums.iter().rposition(|&sum| sum > 0.0)?;
    // With room for rounding, so that a share that is met exactly is met.
    let outside = (1.0 - share) * sums.iter().sum::<f64>() * (1.0 + 1e-9);
    let mut best = (first, last + 1 - first);
    let mut before = 0.0;
    for start in first..=last {
        if start > first {
            before += sums[start - 1];
        }
        let mut left_out = before;
        let mut end = last + 1;
        while end > start + 1 && left_out + sums[end - 1] <= outside {
            end -= 1;
            left_out += sums[end];
        }
        if left_out <= outside && end - start < best.1 {
            best = (start, end - start);
        }
    }
    Some(best)
}

fn join(rows: Option<(usize, usize)>, columns: Option<(usize, usize)>) -> Option<Window> {
    let ((y, height), (x, width)) = (rows?, columns?);
    Some(Window {
        y,
        x,
        height,
        width,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_the_shortest_that_holds_its_share() {
        assert_eq!(run(&[0.0, 1.0, 8.0, 1.0, 0.0], 1.0), Some((1, 3)));
        assert_eq!(run(&[0.0, 1.0, 8.0, 1.0, 0.0], 0.9), Some((1, 2)));
        assert_eq!(run(&[0.0, 1.0, 8.0, 1.0, 0.0], 0.8), Some((2, 1)));
        assert_eq!(run(&[4.0, 0.0, 0.0, 4.0], 0.75), Some((0, 4)));
        assert_eq!(run(&[0.0; 4], 0.9), None);
    }

    #[test]
    fn a_window_is_cut_at_the_border() {
        let field = ReceptiveField {
            size: [7, 3],
            stride: [2, 4],
            start: [-3, 1],
        };
        let cut = |y, x| {
            let Window {
                y,
                x,
                height,
                width,
            } = window(&field, [y, x], [10, 10]);
            [y, x, height, width]
        };
        assert_eq!(cut(0, 0), [0, 1, 4, 3]);
        assert_eq!(cut(2, 1), [1, 5, 7, 3]);
        assert_eq!(cut(4, 2), [5, 9, 5, 1]);
    }
}
