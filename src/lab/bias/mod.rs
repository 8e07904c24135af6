//! Dataset bias, found by attribution over a labelled set: maps averaged by class and clustered, hot spots beside the
//! object, the share of attribution in a region (spectral relevance analysis after Lapuschkin et al. 2019), and what
//! painting a region over does to the answers.

use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::lab::train::Examples;
use crate::lens::attribution::{self, Method, attribute};
use crate::lens::embed::pca::pca;
use crate::lens::embed::space::Space;
use crate::net::objective::Term;
use crate::net::{Net, Overrides};
use crate::tensor::Tensor;

mod clusters;
mod contrast;
mod hot_spots;
mod object;

pub use contrast::{Contrast, Outcome, contrast};
pub use hot_spots::{Area, HotSpot};
pub use object::background;

/// Maps are averaged over squares of this many a side before they are clustered.
const CLUSTER_GRID: usize = 7;

/// Principal components of the coarse maps that the clusters are found in.
const CLUSTER_COMPONENTS: usize = 8;

/// The part of a picture whose share of the attribution is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Region {
    /// What is not the object, see [`scan`].
    Outside,
    /// The outermost rows and columns, as many as this.
    Border(usize),
    /// A rectangle.
    Area(Area),
    /// A weight from 0 to 1 for each pixel, row by row.
    Mask(Vec<f32>),
}

/// How to scan.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How maps are made.
    pub method: Method,
    /// The method's own settings; each class is explained on its own pictures, whatever `target` says.
    pub attribution: attribution::Settings,
    /// Explain the class's probability (true) or its logit.
    pub probability: bool,
    /// The first so many pictures of each class are scanned.
    pub per_class: usize,
    /// Of which part the share is taken.
    pub region: Region,
    /// The share of a class's positive attribution that makes a hot spot, in (0, 1].
    pub threshold: f32,
    /// Clusters of maps.
    pub clusters: usize,
    /// Of the clusters.
    pub seed: u64,
}

/// What a scan found.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The mean map of each class, (K, H, W), summed over channels; zeros for a class without pictures.
    pub mean_maps: Tensor,
    /// Each class's share of positive attribution inside the region.
    pub share: Vec<f32>,
    /// Where a class looks beside the object, the strongest first.
    pub hot_spots: Vec<HotSpot>,
    /// The classes that have pictures, the largest share first.
    pub ranking: Vec<usize>,
    /// What was scanned, by index among the examples.
    pub pictures: Vec<usize>,
    /// Their maps, (N, H, W), summed over channels.
    pub maps: Tensor,
    /// Their shares inside the region.
    pub picture_share: Vec<f32>,
    /// The cluster of each, the largest cluster first.
    pub clusters: Vec<usize>,
    /// The first two principal components of each coarse map, (N, 2).
    pub points: Tensor,
}

/// Scans labelled pictures: attribution of each to its own class.
///
/// Outside of the object is what does not stand out from a plain background, is not joined to what reaches the middle of
/// the picture, or is the same in most pictures of the class. A hot spot is a square of a fifth of the picture that holds at least `threshold` of a class's positive
/// attribution outside the objects of its own pictures.
///
/// # Errors
/// `bad_argument` for examples or settings that do not fit; those of [`attribute`].
pub async fn scan(
    net: &Net,
    examples: &Examples,
    settings: &Settings,
    control: &Control,
) -> Result<Scan> {
    examples.check(net)?;
    let classes = net.classes()?;
    let shape = examples.images().activation_shape();
    let (height, width) = (shape.h(), shape.w());
    let weights = region_weights(&settings.region, height, width)?;
    let of_class = pictures_by_class(examples, classes, settings.per_class);
    let total = of_class.iter().map(Vec::len).sum();
    let mut found = Scan {
        mean_maps: Tensor::zeros(shape.with_n(1)),
        share: vec![0.0; classes],
        hot_spots: Vec::new(),
        ranking: (0..classes).filter(|&k| !of_class[k].is_empty()).collect(),
        pictures: Vec::with_capacity(total),
        maps: Tensor::zeros(shape.with_n(1)),
        picture_share: Vec::with_capacity(total),
        clusters: vec![0; total],
        points: Tensor::new(vec![0.0; 2 * total], [total, 2])?,
    };
    let mut means = vec![0.0; classes * height * width];
    let mut maps = Vec::with_capacity(total * height * width);
    let mut grids = Vec::with_capacity(total * CLUSTER_GRID * CLUSTER_GRID);
    for (class, indices) in of_class.iter().enumerate() {
        if indices.is_empty() {
            continue;
        }
        let pictures = chosen(examples.images(), indices)?;
        let class_maps = class_maps(net, &pictures, class, settings, control).await?;
        let outside = object::outside(&pictures);
        let mut beside = vec![0.0; height * width];
        let (mut inside_sum, mut sum) = (0.0, 0.0);
        for (map, outside) in class_maps.chunks_exact(height * width).zip(&outside) {
            let (mut own_inside, mut own) = (0.0, 0.0);
            for (i, &value) in map.iter().enumerate() {
                let positive = value.max(0.0);
                let is_outside = f32::from(u8::from(outside[i]));
                own += positive;
                own_inside += positive * weights.as_ref().map_or(is_outside, |weights| weights[i]);
                beside[i] += positive * is_outside;
                means[class * height * width + i] += value / indices.len() as f32;
            }
            found.picture_share.push(ratio(own_inside, own));
            inside_sum += own_inside;
            sum += own;
            grids.extend(grid(map, height, width));
        }
        found.share[class] = ratio(inside_sum, sum);
        if sum > 0.0 {
            beside.iter_mut().for_each(|value| *value /= sum);
        }
        let spots = hot_spots::find(&beside, [height, width], settings.threshold);
        found
            .hot_spots
            .extend(
                spots
                    .into_iter()
                    .map(|(area, share)| HotSpot { class, area, share }),
            );
        found.pictures.extend(indices);
        maps.extend(class_maps);
        control.progress(found.pictures.len(), total);
    }
    let share = &found.share;
    found
        .ranking
        .sort_by(|&a, &b| share[b].total_cmp(&share[a]));
    found.hot_spots.sort_by(|a, b| b.share.total_cmp(&a.share));
    found.mean_maps = Tensor::new(means, [classes, height, width])?;
    found.maps = Tensor::new(maps, [total, height, width])?;
    group(&mut found, grids, settings, control).await?;
    Ok(found)
}

/// Clusters and points of coarse maps by their principal components; equal maps stay one cluster at one point.
async fn group(
    found: &mut Scan,
    grids: Vec<f32>,
    settings: &Settings,
    control: &Control,
) -> Result<()> {
    let width = CLUSTER_GRID * CLUSTER_GRID;
    if grids
        .chunks_exact(width)
        .all(|grid| grid == &grids[..width])
    {
        return Ok(());
    }
    let space = Space::new(grids, width, control).await?;
    let components = pca(&space, CLUSTER_COMPONENTS, control).await?.points;
    let kept = components.len() / found.pictures.len();
    found.clusters = clusters::k_means(&components, kept, settings.clusters, settings.seed);
    let points = found.points.data_mut().chunks_exact_mut(2);
    for (point, row) in points.zip(components.chunks_exact(kept)) {
        point[..kept.min(2)].copy_from_slice(&row[..kept.min(2)]);
    }
    Ok(())
}

/// The first `most` pictures of each class.
fn pictures_by_class(examples: &Examples, classes: usize, most: usize) -> Vec<Vec<usize>> {
    let mut of_class = vec![Vec::new(); classes];
    for (index, &label) in examples.labels().iter().enumerate() {
        if of_class[label].len() < most {
            of_class[label].push(index);
        }
    }
    of_class
}

fn chosen(images: &Tensor, indices: &[usize]) -> Result<Tensor> {
    let shape = images.activation_shape();
    let pictures = indices
        .iter()
        .flat_map(|&index| &images.data()[index * shape.picture()..][..shape.picture()]);
    Tensor::from_shape(pictures.copied().collect(), shape.with_n(indices.len()))
}

/// Maps of pictures of one class, summed over channels, one after another.
async fn class_maps(
    net: &Net,
    pictures: &Tensor,
    class: usize,
    settings: &Settings,
    control: &Control,
) -> Result<Vec<f32>> {
    let target = if settings.probability {
        Term::Probability(class)
    } else {
        Term::Logit(class)
    };
    let own = attribution::Settings {
        target: Some(vec![(target, 1.0)]),
        ..settings.attribution.clone()
    };
    // Progress is told in pictures, by the scan.
    let quiet = control.quiet();
    let maps = attribute(
        net,
        pictures,
        settings.method,
        &own,
        &Overrides::new(),
        &quiet,
    )
    .await?;
    let shape = maps.activation_shape();
    let expected = pictures.activation_shape();
    if (shape.h(), shape.w()) != (expected.h(), expected.w()) {
        return Err(Error::bad_argument(format!(
            "biasScan: \"{}\" gives maps of {}×{}; take a method that attributes to the picture",
            settings.method.name(),
            shape.h(),
            shape.w()
        )));
    }
    let plane = shape.plane();
    let sums = maps
        .data()
        .chunks_exact(shape.picture())
        .flat_map(|map| (0..plane).map(move |i| map.iter().skip(i).step_by(plane).sum::<f32>()));
    Ok(sums.collect())
}

/// The weight of each pixel in a region, `None` where each picture has its own.
fn region_weights(region: &Region, height: usize, width: usize) -> Result<Option<Vec<f32>>> {
    let inside = |test: &dyn Fn(usize, usize) -> bool| {
        let pixel = |i: usize| f32::from(u8::from(test(i / width, i % width)));
        Ok(Some((0..height * width).map(pixel).collect()))
    };
    match region {
        Region::Outside => Ok(None),
        Region::Border(by) => inside(&|row, column| {
            row.min(height - 1 - row)
                .min(column.min(width - 1 - column))
                < *by
        }),
        Region::Area(area) => inside(&|row, column| area.contains(row, column)),
        Region::Mask(mask) if mask.len() == height * width => Ok(Some(mask.clone())),
        Region::Mask(mask) => Err(Error::bad_argument(format!(
            "biasScan: the region has {} values, the pictures {height}×{width} pixels",
            mask.len()
        ))),
    }
}

/// The positive part of a map on a coarse grid, as shares of its sum.
fn grid(map: &[f32], height: usize, width: usize) -> Vec<f32> {
    let mut grid = vec![0.0; CLUSTER_GRID * CLUSTER_GRID];
    let mut sum = 0.0;
    for (i, &value) in map.iter().enumerate() {
        let (row, column) = (
            i / width * CLUSTER_GRID / height,
            i % width * CLUSTER_GRID / width,
        );
        grid[row * CLUSTER_GRID + column] += value.max(0.0);
        sum += value.max(0.0);
    }
    grid.into_iter().map(|value| ratio(value, sum)).collect()
}

/// a / b, 0 where there is nothing to share.
fn ratio(a: f32, b: f32) -> f32 {
    if b > 0.0 { a / b } else { 0.0 }
}
