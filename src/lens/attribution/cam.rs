//! Class activation maps: sums over a layer's channels, each weighted by what it does for the answer. Maps are raw, at the
//! layer's own size; `relu` keeps what speaks for the answer.

use super::layers::{self, LinearHead, logit_weights};
use super::resize::{Corners, bilinear, nearest};
use super::subject::{Batch, Subject};
use super::{Method, Settings, by_rule, eigen};
use crate::engine::sweep::InOrder;
use crate::error::{Error, Result};
use crate::lens::rules::Rectified;
use crate::net::Override;
use crate::net::passes::Pass;
use crate::tensor::{Shape, Tensor};

/// One picture's activations A and gradients g = ∂f/∂A at the layer, channel after channel.
struct View<'m> {
    activations: &'m [f32],
    gradients: &'m [f32],
    plane: usize,
}

impl View<'_> {
    /// Σ_c w_c · A_c.
    fn weighted(&self, weights: &[f32]) -> Vec<f32> {
        let mut map = vec![0.0; self.plane];
        for (channel, weight) in self.activations.chunks_exact(self.plane).zip(weights) {
            for (sum, a) in map.iter_mut().zip(channel) {
                *sum += weight * a;
            }
        }
        map
    }

    /// A number for each channel.
    fn per_channel(&self, weight: impl Fn(&[f32], &[f32]) -> f32) -> Vec<f32> {
        let channels = self.activations.chunks_exact(self.plane);
        channels
            .zip(self.gradients.chunks_exact(self.plane))
            .map(|(a, g)| weight(a, g))
            .collect()
    }

    /// Σ_c v(A_c, g_c), position by position.
    fn positionwise(&self, value: impl Fn(f32, f32) -> f32) -> Vec<f32> {
        let mut map = vec![0.0; self.plane];
        let channels = self.activations.chunks_exact(self.plane);
        for (a, g) in channels.zip(self.gradients.chunks_exact(self.plane)) {
            for ((sum, &a), &g) in map.iter_mut().zip(a).zip(g) {
                *sum += value(a, g);
            }
        }
        map
    }

    /// w_c = mean of g_c (Selvaraju et al. 2017).
    fn grad_cam(&self) -> Vec<f32> {
        self.weighted(&self.per_channel(|_, g| g.iter().sum::<f32>() / g.len() as f32))
    }

    /// w_c = Σ α · relu(g), α = g² / (2 g² + (Σ A_c) g³) where g ≠ 0 (Chattopadhyay et al. 2018, equation 19).
    fn grad_cam_pp(&self) -> Vec<f32> {
        self.weighted(&self.per_channel(|a, g| {
            let sum: f32 = a.iter().sum();
            let weights = g.iter().filter(|&&g| g != 0.0).map(|&g| {
                let square = g * g;
                g.max(0.0) * square / (2.0 * square + sum * square * g + 1e-6)
            });
            weights.sum()
        }))
    }

    /// Σ_c g_c · A_c (Draelos and Carin 2020).
    fn hires_cam(&self) -> Vec<f32> {
        self.positionwise(|a, g| g * a)
    }

    /// Σ_c relu(g_c) · A_c (Jiang et al. 2021).
    fn layer_cam(&self) -> Vec<f32> {
        self.positionwise(|a, g| g.max(0.0) * a)
    }
}

/// Maps by a method of this family, (N, 1, h, w), rectified and resized as asked for.
pub async fn map(subject: &Subject<'_>, method: Method, settings: &Settings) -> Result<Tensor> {
    let layer = layers::layer(subject.net, settings.layer.as_deref());
    let map = match method {
        Method::Cam => cam(subject, settings).await?,
        Method::ScoreCam => score_cam(subject, &layer?, settings).await?,
        Method::AblationCam => ablation_cam(subject, &layer?, settings).await?,
        Method::EigenCam => eigen_cam(subject, &layer?).await?,
        Method::GradCamPp => by_gradient(subject, &layer?, |view| view.grad_cam_pp()).await?,
        Method::HiResCam => by_gradient(subject, &layer?, |view| view.hires_cam()).await?,
        Method::LayerCam => by_gradient(subject, &layer?, |view| view.layer_cam()).await?,
        _ => by_gradient(subject, &layer?, |view| view.grad_cam()).await?,
    };
    finished(map, subject.shape(), settings)
}

/// A raw map, rectified and resized as asked for.
fn finished(mut map: Tensor, picture: Shape, settings: &Settings) -> Result<Tensor> {
    if settings.relu {
        map.data_mut().iter_mut().for_each(|v| *v = v.max(0.0));
    }
    if settings.resize {
        resized(&map, picture)
    } else {
        Ok(map)
    }
}

/// Guided backpropagation times Grad-CAM, rectified and brought to the picture's size by nearest pixels as in Captum.
pub async fn guided_grad_cam(subject: &Subject<'_>, settings: &Settings) -> Result<Tensor> {
    let layer = layers::layer(subject.net, settings.layer.as_deref())?;
    let map = by_gradient(subject, &layer, |view| view.grad_cam()).await?;
    let (from, to) = (map.activation_shape(), subject.shape());
    let [from, size] = [[from.h(), from.w()], [to.h(), to.w()]];
    let shares = nearest(map.data(), from, size);
    let mut guided = by_rule::rectifying(subject, Rectified::Guided).await?;
    for (picture, share) in guided
        .data_mut()
        .chunks_exact_mut(to.picture())
        .zip(shares.chunks_exact(to.plane()))
    {
        for plane in picture.chunks_exact_mut(to.plane()) {
            plane
                .iter_mut()
                .zip(share)
                .for_each(|(value, share)| *value *= share.max(0.0));
        }
    }
    Ok(guided)
}

/// Maps (N, C, h, w) at a picture's size.
///
/// # Errors
/// None in practice; the signature is that of the tensor's constructor.
pub fn resized(map: &Tensor, picture: Shape) -> Result<Tensor> {
    let shape = map.activation_shape();
    let to = [picture.h(), picture.w()];
    let values = bilinear(map.data(), [shape.h(), shape.w()], to, Corners::NotAligned);
    Tensor::new(values, [shape.n(), shape.c(), to[0], to[1]])
}

/// The layer's output for each picture, (N, C, h, w).
async fn activations(subject: &Subject<'_>, layer: &str) -> Result<Tensor> {
    let shape = subject.net.layer_shape(layer)?.with_n(subject.shape().n());
    let mut values = Vec::with_capacity(shape.len());
    let mut sweep = subject.sweep(1, Pass::Forward, async |batch| {
        let inputs = subject.inputs(&batch, |_, _, _| {})?;
        inputs.activations(subject, layer).await
    });
    while let Some(some) = sweep.next().await? {
        values.extend(some.into_iter().flat_map(Tensor::into_data));
    }
    Tensor::from_shape(values, shape)
}

async fn by_gradient(
    subject: &Subject<'_>,
    layer: &str,
    formula: fn(&View<'_>) -> Vec<f32>,
) -> Result<Tensor> {
    let shape = subject.net.layer_shape(layer)?.with_n(subject.shape().n());
    let all = activations(subject, layer).await?;
    let mut activations = all.data().chunks_exact(shape.picture());
    let mut maps = Vec::with_capacity(shape.n() * shape.plane());
    let mut sweep = subject.sweep(1, Pass::Backward, async |batch| {
        let inputs = subject.inputs(&batch, |_, _, _| {})?;
        let (_, gradients) = inputs.gradient(subject, &[layer]).await?;
        Ok((batch, gradients))
    });
    while let Some((batch, gradients)) = sweep.next().await? {
        for gradients in gradients[0].data().chunks_exact(shape.picture()) {
            if let Some(activations) = activations.next() {
                maps.extend(formula(&View {
                    activations,
                    gradients,
                    plane: shape.plane(),
                }));
            }
        }
        subject.report(&batch, || None);
    }
    one_channel(maps, shape)
}

/// Σ_c w_kc · A_c with the linear layer's own weights (Zhou et al. 2016).
async fn cam(subject: &Subject<'_>, settings: &Settings) -> Result<Tensor> {
    let head = LinearHead::of(subject.net).ok_or_else(|| {
        Error::bad_argument(
            "cam needs a network that ends in a global mean and one linear layer; grad_cam is the same where it does, and \
             works elsewhere too",
        )
    })?;
    if let Some(layer) = settings
        .layer
        .as_ref()
        .filter(|layer| **layer != head.layer)
    {
        return Err(Error::bad_argument(format!(
            "cam looks at '{}', which the global mean reads, not at '{layer}'; take grad_cam there",
            head.layer
        )));
    }
    let pictures = subject.shape().n();
    let classes = logit_weights(subject.net, &subject.target, pictures).ok_or_else(|| {
        Error::bad_argument(
            "cam explains logits and their weighted sums; take grad_cam for other targets",
        )
    })?;
    let shape = subject.net.layer_shape(&head.layer)?.with_n(pictures);
    let activations = activations(subject, &head.layer).await?;
    let mut maps = Vec::with_capacity(shape.n() * shape.plane());
    for (activations, classes) in activations
        .data()
        .chunks_exact(shape.picture())
        .zip(classes.data().chunks_exact(head.bias.len()))
    {
        let mut weights = vec![0.0; shape.c()];
        for (row, share) in head.weights.data().chunks_exact(shape.c()).zip(classes) {
            weights
                .iter_mut()
                .zip(row)
                .for_each(|(w, value)| *w += share * value);
        }
        let view = View {
            activations,
            gradients: &[],
            plane: shape.plane(),
        };
        maps.extend(view.weighted(&weights));
    }
    one_channel(maps, shape)
}

/// w = softmax over channels of f(x · A_c stretched to \[0, 1\] and to the picture's size) (Wang et al. 2020).
async fn score_cam(subject: &Subject<'_>, layer: &str, settings: &Settings) -> Result<Tensor> {
    let shape = subject.net.layer_shape(layer)?.with_n(subject.shape().n());
    let (from, to) = (
        [shape.h(), shape.w()],
        [subject.shape().h(), subject.shape().w()],
    );
    let activations = activations(subject, layer).await?;
    let channel_of = |picture: usize, channel: usize| {
        &activations.data()[picture * shape.picture() + channel * shape.plane()..][..shape.plane()]
    };
    let masked = |channel: usize, picture: usize, x: &mut [f32]| {
        let mut mask = bilinear(channel_of(picture, channel), from, to, Corners::Aligned);
        stretch(&mut mask, 1e-8);
        for plane in x.chunks_exact_mut(mask.len()) {
            plane.iter_mut().zip(&mask).for_each(|(x, mask)| *x *= mask);
        }
    };
    let softmax = |scores: &[f32]| {
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
        let sum: f32 = powers.iter().sum();
        powers.iter().map(|power| power / sum).collect()
    };
    let scored = subject.values(shape.c(), masked);
    by_scores(subject, &activations, settings, scored, softmax).await
}

/// w_c = (f(x) − f(x with channel c switched off)) / f(x) (Desai and Ramaswamy 2020).
async fn ablation_cam(subject: &Subject<'_>, layer: &str, settings: &Settings) -> Result<Tensor> {
    let shape = subject.net.layer_shape(layer)?.with_n(subject.shape().n());
    let activations = activations(subject, layer).await?;
    let answers = subject.answers().await?;
    let scored = subject.sweep(shape.c(), Pass::Forward, async |batch| {
        let mut ablated = Vec::with_capacity(batch.rows.len() * shape.picture());
        for &(channel, picture) in &batch.rows {
            let start = ablated.len() + channel * shape.plane();
            ablated.extend_from_slice(
                &activations.data()[picture * shape.picture()..][..shape.picture()],
            );
            ablated[start..start + shape.plane()].fill(0.0);
        }
        let ablated = Tensor::from_shape(ablated, shape.with_n(batch.rows.len()))?;
        let mut inputs = subject.inputs(&batch, |_, _, _| {})?;
        let overrides = &mut inputs.overrides;
        overrides.insert(layer.to_owned(), Override::Replace(ablated));
        let values = inputs.values(subject).await?;
        let share = |(&(_, picture), value): (&(usize, usize), f32)| {
            let answer = answers[picture];
            if answer == 0.0 {
                0.0
            } else {
                (answer - value) / answer
            }
        };
        let shares = batch.rows.iter().zip(values).map(share).collect();
        Ok((batch, shares))
    });
    by_scores(subject, &activations, settings, scored, <[f32]>::to_vec).await
}

/// The projection of each position on the first principal component of all positions (Muhammad and Yeasin 2020), centred as
/// in pytorch-grad-cam; of its two signs the one for which the activations' mean projects positively.
async fn eigen_cam(subject: &Subject<'_>, layer: &str) -> Result<Tensor> {
    let shape = subject.net.layer_shape(layer)?.with_n(subject.shape().n());
    let activations = activations(subject, layer).await?;
    let mut maps = Vec::with_capacity(shape.n() * shape.plane());
    for picture in activations.data().chunks_exact(shape.picture()) {
        maps.extend(eigen::first_projection(picture, shape.plane()));
        subject.control.step().await?;
    }
    one_channel(maps, shape)
}

/// Σ_c w_c · A_c with weights made of the scores of a picture's channels, which come a batch of passes at a time: one pass
/// for each channel. On the way, channels without a score add nothing.
async fn by_scores(
    subject: &Subject<'_>,
    activations: &Tensor,
    settings: &Settings,
    mut scored: InOrder<'_, (Batch, Vec<f32>)>,
    weights: impl Fn(&[f32]) -> Vec<f32>,
) -> Result<Tensor> {
    let shape = activations.activation_shape();
    let mut scores = vec![Vec::with_capacity(shape.c()); shape.n()];
    let weighted = |scores: &[Vec<f32>]| {
        let pictures = activations.data().chunks_exact(shape.picture());
        let maps = pictures.zip(scores).flat_map(|(activations, scores)| {
            let view = View {
                activations,
                gradients: &[],
                plane: shape.plane(),
            };
            view.weighted(&weights(scores))
        });
        one_channel(maps.collect(), shape)
    };
    while let Some((batch, some)) = scored.next().await? {
        for (&(_, picture), score) in batch.rows.iter().zip(some) {
            scores[picture].push(score);
        }
        subject.report(&batch, || {
            finished(weighted(&scores).ok()?, subject.shape(), settings).ok()
        });
    }
    weighted(&scores)
}

fn one_channel(maps: Vec<f32>, shape: Shape) -> Result<Tensor> {
    Tensor::from_shape(maps, Shape::new(shape.n(), 1, shape.h(), shape.w()))
}

/// (v − min) / (max − min + ε): what is constant becomes 0.
pub(super) fn stretch(values: &mut [f32], epsilon: f32) {
    let (least, most) = super::baseline::extremes(values);
    for value in values {
        *value = (*value - least) / (most - least + epsilon);
    }
}
