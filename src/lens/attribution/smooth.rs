//! Statistics of the gradient over noisy copies of the picture: "`SmoothGrad`: removing noise by adding noise".

use super::Settings;
use super::baseline::extremes;
use super::subject::{Subject, Sums};
use crate::error::{Error, Result};
use crate::random::Random;
use crate::tensor::Tensor;

/// The mean of the signed gradients.
pub async fn mean(subject: &Subject<'_>, settings: &Settings) -> Result<Tensor> {
    moments(subject, settings, 1, Moments::mean).await?.mean()
}

/// The mean of their squares.
pub async fn mean_square(subject: &Subject<'_>, settings: &Settings) -> Result<Tensor> {
    moments(subject, settings, 1, Moments::mean_square)
        .await?
        .mean_square()
}

/// Their unbiased variance.
pub async fn variance(subject: &Subject<'_>, settings: &Settings) -> Result<Tensor> {
    moments(subject, settings, 2, Moments::variance)
        .await?
        .variance()
}

/// The first two moments of gradients, a picture at a time, as they come (Welford 1962): equal gradients vary by exactly
/// nothing.
pub struct Moments {
    means: Sums,
    /// Σ (g − mean)²
    spreads: Sums,
    counts: Vec<usize>,
    length: usize,
}

impl Moments {
    fn count(&self, index: usize) -> f64 {
        self.counts[index / self.length].max(1) as f64
    }

    fn add(&mut self, picture: usize, gradient: &[f32]) {
        self.counts[picture] += 1;
        let count = self.counts[picture] as f64;
        let means = self.means.of(picture).iter_mut();
        let spreads = self.spreads.of(picture).iter_mut();
        for ((mean, spread), &g) in means.zip(spreads).zip(gradient) {
            let away = f64::from(g) - *mean;
            *mean += away / count;
            *spread += away * (f64::from(g) - *mean);
        }
    }

    /// Samples of the first picture.
    pub fn samples(&self) -> usize {
        self.counts.first().copied().unwrap_or(0)
    }

    /// Σ g / n.
    pub fn mean(&self) -> Result<Tensor> {
        self.means.map(|_, mean| mean)
    }

    /// Σ g² / n.
    pub fn mean_square(&self) -> Result<Tensor> {
        self.spreads.map(|index, spread| {
            let mean = self.means.at(index);
            spread / self.count(index) + mean * mean
        })
    }

    /// Σ (g − mean)² / (n − 1).
    pub fn variance(&self) -> Result<Tensor> {
        self.spreads
            .map(|index, spread| spread / (self.count(index) - 1.0).max(1.0))
    }
}

/// Gradients at x + noise; `estimate` makes what listeners see on the way.
pub async fn moments(
    subject: &Subject<'_>,
    settings: &Settings,
    least: usize,
    estimate: impl Fn(&Moments) -> Result<Tensor>,
) -> Result<Moments> {
    let samples = samples(subject, settings, least)?;
    let shape = subject.shape();
    let mut noise = Noise::new(subject, settings);
    let mut moments = Moments {
        means: Sums::new(shape),
        spreads: Sums::new(shape),
        counts: vec![0; shape.n()],
        length: shape.picture(),
    };
    let mut sweep = subject.gradients(samples, |sample, picture, x| noise.add(sample, picture, x));
    while let Some((batch, gradients)) = sweep.next().await? {
        let rows = gradients.data().chunks_exact(shape.picture());
        for (&(_, picture), gradient) in batch.rows.iter().zip(rows) {
            moments.add(picture, gradient);
        }
        subject.report(&batch, || estimate(&moments).ok());
    }
    Ok(moments)
}

/// How many samples are asked for, checked.
fn samples(subject: &Subject<'_>, settings: &Settings, least: usize) -> Result<usize> {
    let samples = match &settings.noise {
        None => settings.samples,
        Some(noise) => {
            let (given, shape) = (noise.activation_shape(), subject.shape());
            if given.with_n(1) != shape.with_n(1) {
                return Err(Error::bad_argument(format!(
                    "noise must be [samples, {}, {}, {}], not {:?}",
                    shape.c(),
                    shape.h(),
                    shape.w(),
                    noise.shape()
                )));
            }
            given.n()
        }
    };
    if samples < least || samples > 1_000_000 {
        return Err(Error::bad_argument(format!(
            "samples must be from {least} to 1000000, not {samples}"
        )));
    }
    if !(settings.sigma.is_finite() && settings.sigma >= 0.0) {
        return Err(Error::bad_argument(format!(
            "sigma must be a share from 0, not {}",
            settings.sigma
        )));
    }
    Ok(samples)
}

/// Noise, the same for every picture up to its deviation.
struct Noise<'a> {
    given: Option<&'a Tensor>,
    random: Random,
    drawn: Vec<f32>,
    /// The sample that `drawn` holds.
    sample: Option<usize>,
    /// The deviation for each picture.
    deviations: Vec<f32>,
}

impl<'a> Noise<'a> {
    fn new(subject: &Subject<'_>, settings: &'a Settings) -> Self {
        let deviations = (0..subject.shape().n())
            .map(|picture| {
                let (least, greatest) = extremes(subject.picture(picture));
                settings.sigma * (greatest - least)
            })
            .collect();
        Self {
            given: settings.noise.as_ref(),
            random: Random::new(settings.seed),
            drawn: vec![0.0; subject.shape().picture()],
            sample: None,
            deviations,
        }
    }

    /// Adds a sample's noise to a picture; samples come in order.
    fn add(&mut self, sample: usize, picture: usize, x: &mut [f32]) {
        if let Some(noise) = self.given {
            let noise = &noise.data()[sample * x.len()..];
            x.iter_mut().zip(noise).for_each(|(x, noise)| *x += noise);
            return;
        }
        if self.sample != Some(sample) {
            self.drawn.fill_with(|| self.random.normal());
            self.sample = Some(sample);
        }
        let deviation = self.deviations[picture];
        x.iter_mut()
            .zip(&self.drawn)
            .for_each(|(x, noise)| *x += deviation * noise);
    }
}
