//! A layer's filters as a population: how large they are, which are twins, and which frequencies they let through.

use serde::Serialize;

use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// Filters are compared pair by pair up to so many multiply-adds.
const MOST_PRODUCTS: usize = 2_000_000_000;

/// Products between two looks at the clock.
const PRODUCTS_A_STEP: usize = 1 << 22;

/// Another filter, and the cosine between the two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Neighbour {
    /// The other filter.
    pub filter: usize,
    /// w·v / (‖w‖‖v‖): 1 for the same filter at another strength, −1 for its negative.
    pub cosine: f32,
}

/// How often weights lie where, over a range that is symmetric about zero.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// The greatest absolute weight: the range is −`most` to `most`.
    pub most: f32,
    /// The number of weights in each of equally wide bins.
    pub counts: Vec<u32>,
}

/// Statistics of a layer's filters, one for each output channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Filters {
    /// ‖w‖₂ of each filter.
    pub norms: Vec<f32>,
    /// Σw of each filter: its response to a constant picture, its spectrum's middle.
    pub sums: Vec<f32>,
    /// The mean of all weights.
    pub mean: f32,
    /// Their standard deviation.
    pub deviation: f32,
    /// Their distribution.
    pub histogram: Histogram,
    /// The filter whose cosine is greatest in absolute value, for each filter; empty where the pairs are too many.
    pub nearest: Vec<Neighbour>,
    /// The cosines of all pairs (out, out), with 0 for filters that are all zero.
    pub cosines: Option<Tensor>,
}

/// Statistics of `weight` (out, …), with a histogram of `bins`.
///
/// # Errors
/// `bad_argument` for no bins or no filters; `aborted`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "summed in f64, returned as f32"
)]
pub async fn statistics(weight: &Tensor, bins: usize, control: &Control) -> Result<Filters> {
    let outputs = weight.shape()[0];
    if bins == 0 || outputs == 0 || weight.data().is_empty() {
        return Err(Error::bad_argument(
            "statistics need at least one filter and one bin",
        ));
    }
    let size = weight.data().len() / outputs;
    let filters: Vec<&[f32]> = weight.data().chunks_exact(size).collect();
    let total = |values: &[f32], f: fn(f64) -> f64| -> f64 {
        values.iter().map(|&value| f(f64::from(value))).sum()
    };
    let count = weight.data().len() as f64;
    let mean = total(weight.data(), |w| w) / count;
    let square = total(weight.data(), |w| w * w) / count;
    let norms: Vec<f32> = filters
        .iter()
        .map(|filter| total(filter, |w| w * w).sqrt() as f32)
        .collect();
    let cosines = if outputs.saturating_mul(outputs).saturating_mul(size) / 2 <= MOST_PRODUCTS {
        Some(cosines(&filters, &norms, control).await?)
    } else {
        None
    };
    Ok(Filters {
        sums: filters
            .iter()
            .map(|filter| total(filter, |w| w) as f32)
            .collect(),
        mean: mean as f32,
        deviation: (square - mean * mean).max(0.0).sqrt() as f32,
        histogram: histogram(weight.data(), bins),
        nearest: cosines.as_ref().map_or_else(Vec::new, nearest),
        cosines,
        norms,
    })
}

/// The cosines of all pairs, row by row.
async fn cosines(filters: &[&[f32]], norms: &[f32], control: &Control) -> Result<Tensor> {
    let count = filters.len();
    let units: Vec<Vec<f32>> = filters
        .iter()
        .zip(norms)
        .map(|(filter, &norm)| {
            let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
            filter.iter().map(|w| w * scale).collect()
        })
        .collect();
    let mut data = vec![0.0; count * count];
    let mut products = 0;
    for (row, a) in units.iter().enumerate() {
        for (column, b) in units.iter().enumerate().skip(row) {
            let cosine = dot(a, b);
            data[row * count + column] = cosine;
            data[column * count + row] = cosine;
        }
        products += (count - row) * a.len();
        if products > PRODUCTS_A_STEP {
            products = 0;
            control.step().await?;
        }
    }
    Tensor::new(data, [count, count])
}

/// a·b in eight partial sums, which the compiler keeps in vector registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a_eights, b_eights) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_eights
        .remainder()
        .iter()
        .zip(b_eights.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a_eights.zip(b_eights) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// For each row of a matrix of cosines, the other one with the greatest absolute cosine, the first of equals.
fn nearest(cosines: &Tensor) -> Vec<Neighbour> {
    let count = cosines.shape()[0];
    let rows = cosines.data().chunks_exact(count).enumerate();
    rows.filter_map(|(own, row)| {
        row.iter()
            .enumerate()
            .filter(|&(filter, _)| filter != own)
            .map(|(filter, &cosine)| Neighbour { filter, cosine })
            .reduce(|best, each| {
                if each.cosine.abs() > best.cosine.abs() {
                    each
                } else {
                    best
                }
            })
    })
    .collect()
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "places between 0 and the number of bins"
)]
fn histogram(weights: &[f32], bins: usize) -> Histogram {
    let most = weights.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
    let mut counts = vec![0; bins];
    for weight in weights {
        // All weights are 0 where `most` is: they lie in the middle.
        let place = if most > 0.0 {
            0.5 + 0.5 * weight / most
        } else {
            0.5
        };
        counts[((place * bins as f32) as usize).min(bins - 1)] += 1;
    }
    Histogram { most, counts }
}

/// The frequencies that filters let through: |W|(f_y, f_x) = √Σ_c |Σ_yx w_c(y, x)·exp(−2πi(f_y·y + f_x·x))|², for each
/// filter of `weight` (out, in / groups, K_h, K_w) on a grid of `size` × `size` frequencies from −1/2 (in cycles a pixel)
/// with 0 at `size / 2`; the result is (out, 1, size, size). The kernel is padded with zeros to the grid, so Parseval's
/// theorem holds: the mean of |W|² is Σw².
///
/// # Errors
/// `bad_argument` if the weight is no stack of kernels or the grid smaller than a kernel; `aborted`.
#[allow(
    clippy::cast_possible_truncation,
    reason = "summed in f64, returned as f32"
)]
pub async fn spectra(weight: &Tensor, size: usize, control: &Control) -> Result<Tensor> {
    let [outputs, inputs, height, width] = *weight.shape() else {
        return Err(Error::bad_argument(format!(
            "only kernels [out, in, height, width] have a spectrum, not a weight {:?}",
            weight.shape()
        )));
    };
    if size < height.max(width) {
        return Err(Error::bad_argument(format!(
            "a spectrum of {size} × {size} is too small for kernels of {height} × {width}"
        )));
    }
    let (down, across) = (waves(size, height), waves(size, width));
    let mut data = Vec::with_capacity(outputs * size * size);
    let mut products = 0;
    for filter in weight.data().chunks_exact((inputs * height * width).max(1)) {
        let mut power = vec![0.0_f64; size * size];
        for kernel in filter.chunks_exact(height * width) {
            add_power(kernel, &down, &across, &mut power);
            products += size * size * height;
            if products > PRODUCTS_A_STEP {
                products = 0;
                control.step().await?;
            }
        }
        data.extend(power.iter().map(|power| power.sqrt() as f32));
    }
    Tensor::new(data, [outputs, 1, size, size])
}

/// cos and sin of 2πft for each frequency f of the grid and each tap t.
#[allow(clippy::cast_precision_loss, reason = "extents of pictures")]
fn waves(size: usize, taps: usize) -> Vec<Vec<(f64, f64)>> {
    (0..size)
        .map(|index| {
            let frequency = (index as f64 - (size / 2) as f64) / size as f64;
            (0..taps)
                .map(|tap| {
                    let (sin, cos) = (std::f64::consts::TAU * frequency * tap as f64).sin_cos();
                    (cos, sin)
                })
                .collect()
        })
        .collect()
}

/// Adds |W|² of one kernel: along its rows first, then along its columns.
fn add_power(
    kernel: &[f32],
    down: &[Vec<(f64, f64)>],
    across: &[Vec<(f64, f64)>],
    power: &mut [f64],
) {
    let size = across.len();
    for (column, wave) in across.iter().enumerate() {
        let rows: Vec<(f64, f64)> = kernel
            .chunks_exact(wave.len())
            .map(|row| {
                row.iter()
                    .zip(wave)
                    .fold((0.0, 0.0), |(re, im), (&w, (cos, sin))| {
                        (re + f64::from(w) * cos, im - f64::from(w) * sin)
                    })
            })
            .collect();
        for (row, wave) in down.iter().enumerate() {
            let (re, im) = rows
                .iter()
                .zip(wave)
                .fold((0.0, 0.0), |(re, im), ((a, b), (cos, sin))| {
                    (re + a * cos + b * sin, im + b * cos - a * sin)
                });
            power[row * size + column] += re * re + im * im;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(data: &[f32], shape: [usize; 4]) -> Tensor {
        Tensor::new(data.to_vec(), shape).expect("the test's shape fits")
    }

    fn statistics_of(weight: &Tensor, bins: usize) -> Filters {
        pollster::block_on(statistics(weight, bins, &Control::new())).expect("statistics")
    }

    fn spectra_of(weight: &Tensor, size: usize) -> Tensor {
        pollster::block_on(spectra(weight, size, &Control::new())).expect("spectra")
    }

    #[test]
    fn twins_and_opposites_are_found_at_any_strength() {
        let filters = statistics_of(
            &weight(
                &[
                    1.0, 2.0, 0.0, -1.0, 0.5, 3.0, -2.0, 1.0, 4.0, 0.0, 2.0, 4.0, 0.0, -2.0, 1.0,
                    6.0, -4.0, 2.0, 8.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
                    -0.5, -1.0, 0.0, 0.5, -0.25, -1.5, 1.0, -0.5, -2.0, 0.0,
                ],
                [4, 10, 1, 1],
            ),
            3,
        );
        assert_eq!(filters.nearest[0].filter, 1);
        assert!((filters.nearest[0].cosine - 1.0).abs() < 1e-6);
        assert_eq!(filters.nearest[3].filter, 0);
        assert!((filters.nearest[3].cosine + 1.0).abs() < 1e-6);
        assert!(filters.nearest[2].cosine.abs() < 1e-6);
        assert!((filters.norms[1] - 2.0 * filters.norms[0]).abs() < 1e-5);
        let cosines = filters.cosines.expect("few filters");
        assert!((cosines.data()[5] - 1.0).abs() < 1e-6);
        assert_eq!(cosines.data()[1], cosines.data()[4]);
    }

    #[test]
    fn mean_deviation_and_histogram_are_those_of_the_weights() {
        let filters = statistics_of(&weight(&[-2.0, -1.0, 0.0, 1.0, 1.5, 2.0], [2, 3, 1, 1]), 4);
        assert!((filters.mean - 0.25).abs() < 1e-7);
        assert!((filters.deviation - (12.25_f32 / 6.0 - 0.0625).sqrt()).abs() < 1e-6);
        assert_eq!(filters.sums, [-3.0, 4.5]);
        assert_eq!(filters.histogram.most, 2.0);
        assert_eq!(filters.histogram.counts, [1, 1, 1, 3]);
    }

    #[test]
    fn filters_of_zeros_have_no_twin_and_no_nan() {
        let filters = statistics_of(&weight(&[0.0; 6], [3, 2, 1, 1]), 5);
        assert!(filters.nearest.iter().all(|each| each.cosine == 0.0));
        assert_eq!(filters.histogram.counts, [0, 0, 6, 0, 0]);
    }

    #[test]
    fn the_middle_of_a_spectrum_is_the_sum_and_its_mean_square_that_of_the_weights() {
        let kernels = weight(
            &(0..2 * 3 * 5 * 4)
                .map(|i| ((i * 37 % 23) as f32 - 11.0) / 7.0)
                .collect::<Vec<f32>>(),
            [2, 3, 5, 4],
        );
        for size in [5, 8, 17] {
            let spectrum = spectra_of(&kernels, size);
            for (filter, spectrum) in kernels
                .data()
                .chunks_exact(60)
                .zip(spectrum.data().chunks_exact(size * size))
            {
                let squares: f32 = filter.iter().map(|w| w * w).sum();
                let mean = spectrum.iter().map(|s| s * s).sum::<f32>() / (size * size) as f32;
                assert!((mean / squares - 1.0).abs() < 1e-5, "{mean} {squares}");
                let middle = filter
                    .chunks_exact(20)
                    .map(|kernel| kernel.iter().sum::<f32>().powi(2))
                    .sum::<f32>()
                    .sqrt();
                let at = spectrum[(size / 2) * size + size / 2];
                assert!((at - middle).abs() < 1e-4, "{at} {middle}");
            }
        }
    }

    #[test]
    fn stripes_are_found_at_their_frequency_and_direction() {
        for (down, across) in [(0, 2), (1, 2), (-1, 2), (3, -1)] {
            let stripes: Vec<f32> = (0..64)
                .map(|i| {
                    let phase = (down * (i / 8) + across * (i % 8)) as f32 / 8.0;
                    (std::f32::consts::TAU * phase).cos()
                })
                .collect();
            let spectrum = spectra_of(&weight(&stripes, [1, 1, 8, 8]), 8);
            let bright: Vec<i32> = (0..64)
                .filter(|&i| spectrum.data()[i as usize] > 1e-3)
                .collect();
            let mut expected = [8 * (4 + down) + 4 + across, 8 * (4 - down) + 4 - across];
            expected.sort_unstable();
            assert_eq!(bright, expected, "{down} {across}");
        }
    }

    #[test]
    fn spectra_of_what_has_none_are_refused() {
        let run =
            |weight: &Tensor, size| pollster::block_on(spectra(weight, size, &Control::new()));
        assert!(run(&weight(&[0.0; 9], [1, 1, 3, 3]), 2).is_err());
        assert!(run(&Tensor::new(vec![0.0; 4], [2, 2]).expect("a matrix"), 8).is_err());
    }
}
