//! What a layer says of many pictures: a row of numbers a picture, gathered batch by batch.

use super::MOST_VALUES;
use crate::engine::control::Control;
use crate::engine::sweep::in_order;
use crate::error::{Error, Result};
use crate::net::{Net, Overrides};
use crate::tensor::Tensor;

/// Bytes of one layer's output that a batch may have.
const BATCH_BYTES: usize = 48 << 20;

/// Most pictures in a batch.
const MOST_IN_BATCH: usize = 100;

/// How a layer's output (C, H, W) becomes a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// All its values; means over squares of positions where all would be too many.
    Flatten,
    /// The mean of each channel.
    Mean,
    /// A row for each position of one picture, the channels its values.
    Positions,
}

/// Rows of features.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// The values, row-major.
    pub values: Vec<f32>,
    /// What a row is: (channels, height, width).
    pub extents: [usize; 3],
    /// The side of the squares of positions that were taken as one; 1 where all values were taken.
    pub pooled: usize,
}

/// The outputs of `layer` for pictures (N, C, H, W).
///
/// # Errors
/// `bad_argument` for a layer that does not exist, for `Pool::Positions` with several pictures, and where even the means
/// are too many; those of the engine.
pub async fn of_layer(
    net: &Net,
    images: &Tensor,
    layer: &str,
    pool: Pool,
    overrides: &Overrides,
    control: &Control,
) -> Result<Features> {
    let layers = net.layers();
    let found = layers.iter().find(|known| known.name == layer);
    let [c, h, w] = found.map(|layer| layer.shape).ok_or_else(|| {
        Error::bad_argument(format!(
            "embed: there is no layer '{layer}' in this network; `layers` lists them"
        ))
    })?;
    let shape = images.activation_shape();
    let count = shape.n();
    if pool == Pool::Positions {
        return positions(net, images, layer, overrides, control).await;
    }
    let side = match pool {
        Pool::Mean => h.max(w),
        _ => pooling_side(count, [c, h, w])?,
    };
    let rows = [h.div_ceil(side), w.div_ceil(side)];
    let greatest = layers
        .iter()
        .map(|layer| layer.shape.iter().product::<usize>())
        .max();
    let batch = (BATCH_BYTES / 4 / greatest.unwrap_or(1).max(1)).clamp(1, MOST_IN_BATCH);
    let mut values = Vec::with_capacity(count * c * rows[0] * rows[1]);
    let picture = shape.picture();
    let starts = (0..count).step_by(batch);
    let mut sweep = in_order(
        net.lanes(),
        starts.map(async |start| {
            let end = count.min(start + batch);
            let part = Tensor::from_shape(
                images.data()[start * picture..end * picture].to_vec(),
                shape.with_n(end - start),
            )?;
            let outputs = net.activations(&part, &[layer], overrides, control).await?;
            Ok((end, outputs))
        }),
    );
    while let Some((end, outputs)) = sweep.next().await? {
        for plane in outputs
            .iter()
            .flat_map(|output| output.data().chunks_exact(h * w))
        {
            pool_plane(plane, [h, w], side, &mut values);
        }
        control.progress(end, count);
        control.step().await?;
    }
    Ok(Features {
        values,
        extents: [c, rows[0], rows[1]],
        pooled: if pool == Pool::Mean { 1 } else { side },
    })
}

/// The channels at every position of one picture's map.
async fn positions(
    net: &Net,
    image: &Tensor,
    layer: &str,
    overrides: &Overrides,
    control: &Control,
) -> Result<Features> {
    let count = image.activation_shape().n();
    if count != 1 {
        return Err(Error::bad_argument(format!(
            "embed: pool \"positions\" lays out the positions of one picture's map, and there are {count} pictures"
        )));
    }
    let outputs = net.activations(image, &[layer], overrides, control).await?;
    let output = outputs
        .into_iter()
        .next()
        .ok_or_else(|| Error::internal("a layer gave no output"))?;
    let shape = output.activation_shape();
    let mut values = Vec::with_capacity(shape.picture());
    for position in 0..shape.plane() {
        values.extend(output.data()[position..].iter().step_by(shape.plane()));
    }
    Ok(Features {
        values,
        extents: [shape.c(), 1, 1],
        pooled: 1,
    })
}

/// The least side of squares of positions with which all values fit.
fn pooling_side(count: usize, [c, h, w]: [usize; 3]) -> Result<usize> {
    (1..=h.max(w))
        .find(|side| count * c * h.div_ceil(*side) * w.div_ceil(*side) <= MOST_VALUES)
        .ok_or_else(|| {
            Error::bad_argument(format!(
                "embed: {c} channels of {count} pictures are more than {MOST_VALUES} values; take fewer pictures"
            ))
        })
}

/// Appends the means over squares of positions; those at the border may be smaller.
fn pool_plane(plane: &[f32], [h, w]: [usize; 2], side: usize, values: &mut Vec<f32>) {
    if side == 1 {
        values.extend_from_slice(plane);
        return;
    }
    for top in (0..h).step_by(side) {
        for left in (0..w).step_by(side) {
            let (bottom, right) = (h.min(top + side), w.min(left + side));
            let sum: f32 = (top..bottom)
                .flat_map(|y| &plane[y * w + left..y * w + right])
                .sum();
            values.push(sum / ((bottom - top) * (right - left)) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_pooled_by_squares_with_smaller_ones_at_the_border() {
        let plane: Vec<f32> = (0..15_u8).map(f32::from).collect();
        let pooled = |side| {
            let mut values = Vec::new();
            pool_plane(&plane, [3, 5], side, &mut values);
            values
        };
        assert_eq!(pooled(1), plane);
        assert_eq!(pooled(2), [3.0, 5.0, 6.5, 10.5, 12.5, 14.0]);
        assert_eq!(pooled(5), [7.0]);
    }

    #[test]
    fn pooling_starts_where_all_values_would_be_too_many() {
        assert_eq!(pooling_side(2000, [40, 28, 28]).ok(), Some(1));
        assert_eq!(pooling_side(2000, [32, 112, 112]).ok(), Some(4));
        assert!(pooling_side(40_000, [2000, 7, 7]).is_err());
    }
}
