//! Activations in two dimensions: principal components, t-SNE and UMAP of what a layer says of many pictures, and how far
//! such maps can be trusted.

pub mod affinity;
pub mod eigen;
pub mod features;
pub mod neighbors;
pub mod pca;
pub mod procrustes;
pub mod quadtree;
pub mod quality;
pub mod space;
pub mod tsne;
pub mod umap;

use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::random::Random;

use pca::Pca;
use space::Space;
use tsne::Tsne;
use umap::Umap;

/// Most values of all points together that are taken as they are; layers with more are pooled over their positions.
pub const MOST_VALUES: usize = 64_000_000;

/// Standard deviation of the first axis where t-SNE starts, as in scikit-learn.
const START_DEVIATION: f32 = 1e-4;

/// Extent along each axis where UMAP starts, as in umap-learn.
const START_EXTENT: f32 = 10.0;

/// Where t-SNE and UMAP start.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// The first two principal components.
    Pca,
    /// A normal distribution.
    Random,
    /// A map, row-major (N × 2), taken as it is.
    Given(Vec<f32>),
}

/// A map that is found by steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// t-SNE.
    Tsne(tsne::Settings),
    /// UMAP; its epochs are the steps.
    Umap(umap::Settings),
}

/// How a map is looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The method.
    pub method: Method,
    /// Where it starts.
    pub start: Start,
    /// Steps to take.
    pub iterations: usize,
    /// Steps from one that is shown to the next, at least 1.
    pub every: usize,
    /// The seed of whatever is random.
    pub seed: u64,
}

/// A map under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Steps taken.
    pub step: usize,
    /// The map, row-major (N × 2).
    pub points: Vec<f32>,
    /// KL(P ‖ Q) in nats, of t-SNE.
    pub kl: Option<f64>,
}

/// What whoever looks at a step wants next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// Steps until the next look.
    pub every: Option<usize>,
    /// No more steps.
    pub stop: bool,
}

/// Something that takes steps.
enum Walk {
    Tsne(Box<Tsne>),
    Umap(Umap),
}

impl Search {
    /// That the method can run on `count` points.
    ///
    /// # Errors
    /// `bad_argument`, with what to change.
    pub fn check(&self, count: usize) -> Result<()> {
        match self.method {
            Method::Tsne(settings) => {
                let least = settings.perplexity + 1.0;
                if count as f32 <= least {
                    return Err(Error::bad_argument(format!(
                        "embed: perplexity {} needs more than {least} points and there are {count}; take a perplexity of at most {}, or more pictures",
                        settings.perplexity,
                        ((count.max(4) - 1) / 3).max(1)
                    )));
                }
            }
            Method::Umap(settings) => {
                if settings.neighbors > count {
                    return Err(Error::bad_argument(format!(
                        "embed: neighbors is {} and there are {count} points; take at most {count}",
                        settings.neighbors
                    )));
                }
            }
        }
        match &self.start {
            Start::Given(points) if points.len() != 2 * count => Err(Error::bad_argument(format!(
                "embed: init has {} points of 2 numbers and there are {count} points",
                points.len() / 2
            ))),
            Start::Given(points) if !points.iter().all(|v| v.is_finite()) => Err(
                Error::bad_argument("embed: init holds a value that is not a finite number"),
            ),
            _ => Ok(()),
        }
    }

    /// Looks for the map, showing the start and every so many steps to `show`; the last step is returned. `components` are
    /// the space's principal components, if they are known already.
    ///
    /// # Errors
    /// As [`Self::check`]; what `show` returns; `aborted`.
    pub async fn run(
        &self,
        space: &Space,
        components: Option<&Pca>,
        control: &Control,
        mut show: Option<impl AsyncFnMut(Step) -> Result<Wish>>,
    ) -> Result<Step> {
        self.check(space.count())?;
        let start = self.start(space, components, control).await?;
        let mut walk = match self.method {
            Method::Tsne(settings) => {
                Walk::Tsne(Box::new(Tsne::new(space, settings, &start, control).await?))
            }
            Method::Umap(settings) => {
                Walk::Umap(Umap::new(space, settings, &start, self.seed, control).await?)
            }
        };
        let (mut every, mut until_shown) = (self.every, 0);
        for taken in 0..self.iterations {
            if let Some(show) = show.as_mut()
                && until_shown == 0
            {
                let wish = show(walk.now(control).await?).await?;
                if wish.stop {
                    break;
                }
                every = wish.every.unwrap_or(every).max(1);
                until_shown = every;
            }
            walk.step(control).await?;
            until_shown = until_shown.saturating_sub(1);
            if taken % 10 == 9 {
                control.progress(taken + 1, self.iterations);
            }
        }
        let last = walk.now(control).await?;
        if let Some(show) = show.as_mut() {
            show(last.clone()).await?;
        }
        Ok(last)
    }

    /// The map at step 0.
    async fn start(
        &self,
        space: &Space,
        components: Option<&Pca>,
        control: &Control,
    ) -> Result<Vec<f32>> {
        let is_tsne = matches!(self.method, Method::Tsne(_));
        match &self.start {
            Start::Given(points) => Ok(points.clone()),
            Start::Random => {
                let mut random = Random::new(self.seed);
                let scale = if is_tsne {
                    START_DEVIATION
                } else {
                    START_EXTENT / 3.0
                };
                Ok((0..2 * space.count())
                    .map(|_| scale * random.normal())
                    .collect())
            }
            Start::Pca => {
                let own;
                let components = match components {
                    Some(components) => components,
                    None => {
                        own = pca::pca(space, 2, control).await?;
                        &own
                    }
                };
                Ok(scaled_start(components, space.count(), is_tsne))
            }
        }
    }
}

/// The first two components at the size where the method starts.
fn scaled_start(components: &Pca, count: usize, is_tsne: bool) -> Vec<f32> {
    let width = components.points.len() / count;
    let axis = |index: usize| -> Vec<f32> {
        let rows = components.points.chunks_exact(width);
        rows.map(|row| row.get(index).copied().unwrap_or(0.0))
            .collect()
    };
    let axes = [axis(0), axis(1)];
    let sizes = if is_tsne {
        // The mean of a component is zero.
        let square: f64 = axes[0].iter().map(|&x| f64::from(x).powi(2)).sum();
        [(square / count as f64).sqrt() as f32 / START_DEVIATION; 2]
    } else {
        [0, 1].map(|index| extent(&axes[index]) / START_EXTENT)
    };
    let [xs, ys] = &axes;
    xs.iter()
        .zip(ys)
        .flat_map(|(x, y)| [x / sizes[0], y / sizes[1]])
        .collect()
}

/// The distance from the least to the greatest value; 1 where all are equal.
fn extent(values: &[f32]) -> f32 {
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if high > low { high - low } else { 1.0 }
}

impl Walk {
    async fn step(&mut self, control: &Control) -> Result<()> {
        match self {
            Self::Tsne(tsne) => tsne.step(control).await,
            Self::Umap(umap) => umap.step(control).await,
        }
    }

    async fn now(&mut self, control: &Control) -> Result<Step> {
        Ok(match self {
            Self::Tsne(tsne) => Step {
                step: tsne.steps(),
                points: tsne.points(),
                kl: Some(tsne.kl(control).await?),
            },
            Self::Umap(umap) => Step {
                step: umap.steps(),
                points: umap.points(),
                kl: None,
            },
        })
    }
}
