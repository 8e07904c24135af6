//! Batch normalisation on slices.

use crate::ops::{Real, View};

/// Visits (channel, plane of x, plane of the output).
fn for_each_plane<T: Real>(
    x: View<'_, T>,
    output: &mut [T],
    mut visit: impl FnMut(usize, &[T], &mut [T]),
) {
    let (channels, plane) = (x.shape.c(), x.shape.plane());
    for (index, (x, y)) in x
        .data
        .chunks_exact(plane)
        .zip(output.chunks_exact_mut(plane))
        .enumerate()
    {
        visit(index % channels, x, y);
    }
}

/// γ (x − μ) / √(σ² + ε) + β.
pub fn evaluate<T: Real>(epsilon: f32, inputs: &[View<'_, T>], output: &mut [T]) {
    let [gamma, beta, mean, variance] = [1, 2, 3, 4].map(|input| inputs[input].data);
    let epsilon = T::of(f64::from(epsilon));
    for_each_plane(inputs[0], output, |c, x, y| {
        let scale = gamma[c] / (variance[c] + epsilon).sqrt();
        let shift = beta[c] - mean[c] * scale;
        y.iter_mut()
            .zip(x)
            .for_each(|(y, &x)| *y = x * scale + shift);
    });
}

/// Mean and biased variance of each channel, in two passes so that large means cost no digits.
pub fn statistics<T: Real>(x: View<'_, T>, output: &mut [T]) {
    let (channels, plane) = (x.shape.c(), x.shape.plane());
    let count = T::of((x.shape.n() * plane) as f64);
    let (means, variances) = output.split_at_mut(channels);
    means.fill(T::zero());
    variances.fill(T::zero());
    for (index, values) in x.data.chunks_exact(plane).enumerate() {
        means[index % channels] += values.iter().copied().sum::<T>();
    }
    means.iter_mut().for_each(|mean| *mean /= count);
    for (index, values) in x.data.chunks_exact(plane).enumerate() {
        let mean = means[index % channels];
        variances[index % channels] += values.iter().map(|&x| (x - mean) * (x - mean)).sum::<T>();
    }
    variances.iter_mut().for_each(|variance| *variance /= count);
}

/// γ x̂ + β with the batch's statistics.
pub fn train<T: Real>(epsilon: f32, inputs: &[View<'_, T>], output: &mut [T]) {
    let channels = inputs[0].shape.c();
    let (mean, variance) = inputs[1].data.split_at(channels);
    let (gamma, beta) = (inputs[2].data, inputs[3].data);
    let epsilon = T::of(f64::from(epsilon));
    for_each_plane(inputs[0], output, |c, x, y| {
        let scale = gamma[c] / (variance[c] + epsilon).sqrt();
        y.iter_mut()
            .zip(x)
            .for_each(|(y, &x)| *y = (x - mean[c]) * scale + beta[c]);
    });
}

/// γ / √(v + ε) · (dy − mean(dy) − x̂ · mean(dy · x̂)).
pub fn train_input_grad<T: Real>(epsilon: f32, inputs: &[View<'_, T>], output: &mut [T]) {
    let x = inputs[0];
    let (channels, plane) = (x.shape.c(), x.shape.plane());
    let (mean, variance) = inputs[1].data.split_at(channels);
    let (gamma, dy) = (inputs[2].data, inputs[3].data);
    let count = T::of((x.shape.n() * plane) as f64);
    let inverse: Vec<T> = variance
        .iter()
        .map(|&v| (v + T::of(f64::from(epsilon))).sqrt().recip())
        .collect();
    let mut dy_mean = vec![T::zero(); channels];
    let mut dy_x_mean = vec![T::zero(); channels];
    for (index, (x, dy)) in x
        .data
        .chunks_exact(plane)
        .zip(dy.chunks_exact(plane))
        .enumerate()
    {
        let c = index % channels;
        dy_mean[c] += dy.iter().copied().sum::<T>() / count;
        dy_x_mean[c] += x
            .iter()
            .zip(dy)
            .map(|(&x, &dy)| (x - mean[c]) * dy)
            .sum::<T>()
            * inverse[c]
            / count;
    }
    for (index, ((dx, x), dy)) in output
        .chunks_exact_mut(plane)
        .zip(x.data.chunks_exact(plane))
        .zip(dy.chunks_exact(plane))
        .enumerate()
    {
        let c = index % channels;
        for ((dx, &x), &dy) in dx.iter_mut().zip(x).zip(dy) {
            let normalised = (x - mean[c]) * inverse[c];
            *dx = gamma[c] * inverse[c] * (dy - dy_mean[c] - normalised * dy_x_mean[c]);
        }
    }
}
