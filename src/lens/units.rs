//! What units respond to: over a set of pictures, where each channel of a layer is highest (Zeiler and Fergus, "Visualizing
//! and Understanding Convolutional Networks", 2014; Zhou et al., "Object Detectors Emerge in Deep Scene CNNs", 2015).

use serde::Serialize;

use crate::engine::control::Control;
use crate::engine::sweep::in_order;
use crate::error::{Error, Result};
use crate::net::{Net, Overrides};
use crate::tensor::{Shape, Tensor};

/// Values of all layers that a batch of pictures may have together: 64 MB.
const BATCH_VALUES: usize = 16 << 20;

/// Pictures that go through the network at once, at most.
const BATCH: usize = 64;

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The layer.
    pub layer: String,
    /// Its channels, all of them if the list is empty.
    pub channels: Vec<usize>,
    /// Hits kept for each channel, from 1.
    pub count: usize,
    /// Hits of one picture at most, from 1.
    pub per_picture: usize,
    /// Hits of one picture are at least so many positions apart, in rows or in columns.
    pub apart: usize,
}

/// A place where a channel is high.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Hit {
    /// The picture's place in the set.
    pub picture: usize,
    /// The row in the feature map.
    pub y: usize,
    /// The column in the feature map.
    pub x: usize,
    /// The activation there.
    pub value: f32,
}

/// What one channel does over the pictures seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unit {
    /// The channel.
    pub channel: usize,
    /// Its highest activations, the highest first; of equals, the earlier picture's.
    pub top: Vec<Hit>,
    /// The greatest activation.
    pub max: f32,
    /// The mean over pictures and positions.
    pub mean: f32,
    /// The share of positions, over all pictures, where it is above 0.
    pub positive: f32,
    /// The share of pictures in which it is above 0 anywhere. A channel for which this is 0 is dead on the set.
    pub active: f32,
}

/// Where the channels of a layer are highest over `images` (N, C, H, W). `on_batch` sees how it stands and the number of
/// pictures seen after each batch.
///
/// # Errors
/// `bad_image` for no pictures; `bad_argument` for a layer or channel that does not exist or a count of 0; those of the
/// engine and of `on_batch`.
pub async fn top_activations(
    net: &Net,
    images: &Tensor,
    search: &Search,
    control: &Control,
    mut on_batch: impl AsyncFnMut(&Survey, usize) -> Result<()>,
) -> Result<Survey> {
    let layers = net.layers();
    let layer = layers
        .iter()
        .find(|each| each.name == search.layer)
        .ok_or_else(|| {
            Error::bad_argument(format!(
                "there is no layer '{}' in this network; `layers` lists them",
                search.layer
            ))
        })?;
    let mut survey = Survey::new(search, layer.shape[0])?;
    let values: usize = layers
        .iter()
        .map(|each| each.shape.iter().product::<usize>())
        .sum();
    let size = (BATCH_VALUES / values.max(1)).clamp(1, BATCH);
    let shape = images.activation_shape();
    if shape.is_empty() {
        return Err(Error::bad_image("the set holds no pictures"));
    }
    let mut seen = 0;
    let mut sweep = in_order(
        net.lanes(),
        images
            .data()
            .chunks(size * shape.picture())
            .map(async |pictures| {
                let count = pictures.len() / shape.picture();
                let batch = Tensor::from_shape(pictures.to_vec(), shape.with_n(count))?;
                let (layers, overrides) = ([search.layer.as_str()], Overrides::new());
                let maps = net
                    .activations(&batch, &layers, &overrides, control)
                    .await?;
                Ok((count, maps))
            }),
    );
    while let Some((count, maps)) = sweep.next().await? {
        for map in &maps {
            for picture in 0..count {
                survey.add(map, picture, seen + picture);
                control.step().await?;
            }
        }
        seen += count;
        control.progress(seen, shape.n());
        on_batch(&survey, seen).await?;
    }
    Ok(survey)
}

/// The channels' hits and sums so far.
#[derive(Debug, Clone)]
pub struct Survey {
    count: usize,
    per_picture: usize,
    apart: usize,
    channels: Vec<Tally>,
}

#[derive(Debug, Clone)]
struct Tally {
    channel: usize,
    top: Vec<Hit>,
    max: f32,
    sum: f64,
    positions: usize,
    positive: usize,
    pictures: usize,
    active: usize,
}

impl Survey {
    fn new(search: &Search, channels: usize) -> Result<Self> {
        if search.count == 0 || search.per_picture == 0 {
            return Err(Error::bad_argument(
                "count and perPicture must be at least 1",
            ));
        }
        if let Some(channel) = search.channels.iter().find(|&&channel| channel >= channels) {
            return Err(Error::bad_argument(format!(
                "layer '{}' has no channel {channel}; it has channels 0 to {}",
                search.layer,
                channels - 1
            )));
        }
        let asked = if search.channels.is_empty() {
            (0..channels).collect()
        } else {
            search.channels.clone()
        };
        Ok(Self {
            count: search.count,
            per_picture: search.per_picture,
            apart: search.apart.max(1),
            channels: asked.into_iter().map(Tally::new).collect(),
        })
    }

    /// Takes in picture `index` of the activations `maps` (N, C, H, W), which is `picture` in the set.
    fn add(&mut self, maps: &Tensor, index: usize, picture: usize) {
        let shape = maps.activation_shape();
        let [count, per_picture, apart] = [self.count, self.per_picture, self.apart];
        for tally in &mut self.channels {
            let start = (index * shape.c() + tally.channel) * shape.plane();
            let map = &maps.data()[start..start + shape.plane()];
            tally.measure(map);
            tally.rank(&peaks(map, shape, per_picture, apart), picture, count);
        }
    }

    /// What each channel does over the pictures seen so far.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "shares and means of counts far below 2^52, returned as f32"
    )]
    pub fn units(&self) -> Vec<Unit> {
        let share = |part: usize, whole: usize| (part as f64 / whole.max(1) as f64) as f32;
        self.channels
            .iter()
            .map(|tally| Unit {
                channel: tally.channel,
                top: tally.top.clone(),
                max: tally.max,
                mean: (tally.sum / tally.positions.max(1) as f64) as f32,
                positive: share(tally.positive, tally.positions),
                active: share(tally.active, tally.pictures),
            })
            .collect()
    }
}

impl Tally {
    const fn new(channel: usize) -> Self {
        Self {
            channel,
            top: Vec::new(),
            max: f32::NEG_INFINITY,
            sum: 0.0,
            positions: 0,
            positive: 0,
            pictures: 0,
            active: 0,
        }
    }

    fn measure(&mut self, map: &[f32]) {
        let positive = map.iter().filter(|&&value| value > 0.0).count();
        self.max = map.iter().copied().fold(self.max, f32::max);
        self.sum += map.iter().map(|&value| f64::from(value)).sum::<f64>();
        self.positions += map.len();
        self.positive += positive;
        self.pictures += 1;
        self.active += usize::from(positive > 0);
    }

    fn rank(&mut self, peaks: &[(usize, usize, f32)], picture: usize, count: usize) {
        for &(y, x, value) in peaks {
            // Pictures come in order, so behind equals is the right place.
            let place = self.top.partition_point(|hit| hit.value >= value);
            if place < count {
                self.top.insert(
                    place,
                    Hit {
                        picture,
                        y,
                        x,
                        value,
                    },
                );
                self.top.truncate(count);
            }
        }
    }
}

/// The `count` highest positions (y, x, value) of a map, each the highest of those that are `apart` from the ones before.
fn peaks(map: &[f32], shape: Shape, count: usize, apart: usize) -> Vec<(usize, usize, f32)> {
    let mut found: Vec<(usize, usize, f32)> = Vec::with_capacity(count);
    while found.len() < count {
        let mut best: Option<(usize, usize, f32)> = None;
        for (y, row) in map.chunks_exact(shape.w()).enumerate() {
            for (x, &value) in row.iter().enumerate() {
                let is_higher = best.is_none_or(|(_, _, highest)| value > highest);
                if is_higher
                    && found
                        .iter()
                        .all(|&(v, u, _)| y.abs_diff(v) >= apart || x.abs_diff(u) >= apart)
                {
                    best = Some((y, x, value));
                }
            }
        }
        match best {
            Some(peak) => found.push(peak),
            None => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(count: usize, per_picture: usize, apart: usize) -> Survey {
        let search = Search {
            layer: "conv".into(),
            channels: vec![1],
            count,
            per_picture,
            apart,
        };
        Survey::new(&search, 2).expect("the search fits")
    }

    /// Two channels of 2 × 3; the first one, which is not asked for, is high everywhere.
    fn maps(channel: [f32; 6]) -> Tensor {
        let mut data = vec![99.0; 6];
        data.extend(channel);
        Tensor::new(data, [1, 2, 2, 3]).expect("the test's shape fits")
    }

    fn places(survey: &Survey) -> Vec<(usize, usize, usize, f32)> {
        survey.units()[0]
            .top
            .iter()
            .map(|hit| (hit.picture, hit.y, hit.x, hit.value))
            .collect()
    }

    #[test]
    fn the_highest_pictures_come_first_each_once_and_equals_in_their_order() {
        let mut survey = survey(3, 1, 1);
        survey.add(&maps([0.0, 1.0, 0.0, 4.0, 3.0, 0.0]), 0, 0);
        survey.add(&maps([0.0, 0.0, 0.0, 0.0, 0.0, 2.0]), 0, 1);
        survey.add(&maps([4.0, 0.0, 0.0, 0.0, 0.0, 0.0]), 0, 2);
        survey.add(&maps([0.0, 0.0, 5.0, 0.0, 0.0, 0.0]), 0, 3);
        assert_eq!(
            places(&survey),
            [(3, 0, 2, 5.0), (0, 1, 0, 4.0), (2, 0, 0, 4.0)]
        );
    }

    #[test]
    fn several_hits_of_one_picture_keep_their_distance() {
        let map = [5.0, 4.0, 3.0, 4.5, 0.0, 1.0];
        let mut near = survey(9, 3, 1);
        near.add(&maps(map), 0, 0);
        assert_eq!(
            places(&near),
            [(0, 0, 0, 5.0), (0, 1, 0, 4.5), (0, 0, 1, 4.0)]
        );
        let mut far = survey(9, 3, 2);
        far.add(&maps(map), 0, 0);
        assert_eq!(places(&far), [(0, 0, 0, 5.0), (0, 0, 2, 3.0)]);
    }

    #[test]
    fn shares_tell_dead_channels_from_rare_ones() {
        let mut survey = survey(1, 1, 1);
        survey.add(&maps([-1.0; 6]), 0, 0);
        let unit = survey.units().remove(0);
        assert_eq!(
            [unit.max, unit.mean, unit.positive, unit.active],
            [-1.0, -1.0, 0.0, 0.0]
        );
        survey.add(&maps([-1.0, 2.0, -1.0, -1.0, -1.0, -1.0]), 0, 1);
        let unit = survey.units().remove(0);
        assert_eq!([unit.max, unit.mean, unit.active], [2.0, -0.75, 0.5]);
        assert!((unit.positive - 1.0 / 12.0).abs() < 1e-7);
    }

    #[test]
    fn searches_that_cannot_be_are_refused() {
        let search = |channels: &[usize], count, per_picture| {
            let search = Search {
                layer: "conv".into(),
                channels: channels.to_vec(),
                count,
                per_picture,
                apart: 1,
            };
            Survey::new(&search, 2).map(|survey| survey.channels.len())
        };
        assert_eq!(search(&[], 1, 1).expect("all channels"), 2);
        assert!(search(&[2], 1, 1).is_err());
        assert!(search(&[0], 0, 1).is_err());
        assert!(search(&[0], 1, 0).is_err());
    }
}
