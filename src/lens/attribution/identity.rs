//! The identity that proves a method: two numbers that must be equal if map and network are right.

use serde::Serialize;

use super::cam::{self, stretch};
use super::full_grad::biases;
use super::layers::{self, LinearHead, logit_weights};
use super::subject::Subject;
use super::{Method, Settings, by_rule, gradients, smooth};
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::graph::layers::is_layer;
use crate::graph::{Graph, NodeId};
use crate::net::objective::{Objective, Term};
use crate::net::{Net, Overrides};
use crate::ops::Op;
use crate::ops::binary::Operation;
use crate::tensor::Tensor;

/// Two sides that must be equal, and whether they are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Identity {
    /// What it is called.
    pub name: &'static str,
    /// The equation.
    pub formula: &'static str,
    /// Its left side.
    pub left: f64,
    /// Its right side.
    pub right: f64,
    /// |left − right|, relative to the right side where that is not 0.
    pub error: f64,
    /// The greatest error that rounding, or the number of steps, explains.
    pub tolerance: f64,
    /// Whether the error is within it.
    pub holds: bool,
}

impl Identity {
    /// `left` = `right` up to a relative error of `tolerance`, or an absolute one where the right side is 0.
    #[must_use]
    pub fn new(
        name: &'static str,
        formula: &'static str,
        [left, right]: [f64; 2],
        tolerance: f64,
    ) -> Self {
        let scale = if right == 0.0 { 1.0 } else { right.abs() };
        let error = (left - right).abs() / scale;
        Self {
            name,
            formula,
            left,
            right,
            error,
            tolerance,
            holds: error <= tolerance,
        }
    }

    /// The same with its error relative to `size` where that is greater than the right side: where large terms cancel,
    /// rounding is as large as they are and not as what is left.
    #[must_use]
    pub(super) fn among(self, size: f64) -> Self {
        let scale = size.max(self.right.abs());
        if scale == 0.0 {
            return self;
        }
        let error = (self.left - self.right).abs() / scale;
        Self {
            error,
            holds: error <= self.tolerance,
            ..self
        }
    }
}

/// The identities of a method for one picture; none for methods, targets and networks that have none. `map` is the
/// method's own map by the same settings if the caller has it.
///
/// # Errors
/// `bad_argument` for more than one picture; those of [`super::attribute`].
pub async fn identities(
    net: &Net,
    image: &Tensor,
    method: Method,
    settings: &Settings,
    map: Option<&Tensor>,
    overrides: &Overrides,
    control: &Control,
) -> Result<Vec<Identity>> {
    let subject = Subject::new(net, image, settings.target.clone(), overrides, control).await?;
    if subject.shape().n() != 1 {
        return Err(Error::bad_argument(
            "a map is checked for one picture at a time",
        ));
    }
    let found = match method {
        Method::IntegratedGradients => Some(completeness(&subject, settings, map).await?),
        Method::SmoothGrad => standard_error(&subject, settings).await?,
        Method::FullGrad => full_gradient(&subject).await?,
        Method::Cam => cam_mean(&subject, settings).await?,
        Method::GradCam => grad_cam_is_cam(&subject, settings).await?,
        Method::HiResCam => hires_cam_sum(&subject, settings).await?,
        Method::DeepLift => Some(by_rule::summation_to_delta(&subject, settings, map).await?),
        Method::Lrp => return by_rule::conservation(&subject, settings, map).await,
        _ => None,
    };
    Ok(found.into_iter().collect())
}

/// Σ of integrated gradients = f(x) − f(x').
async fn completeness(
    subject: &Subject<'_>,
    settings: &Settings,
    map: Option<&Tensor>,
) -> Result<Identity> {
    let sum = match map {
        Some(map) => total(map.data()),
        None => total(gradients::integrated(subject, settings).await?.data()),
    };
    let before = settings.baseline.pictures(subject.images, settings.seed)?;
    let after = subject.answers().await?[0];
    let before = subject
        .net
        .values(&before, &subject.target, subject.overrides, subject.control)
        .await?[0];
    Ok(Identity::new(
        "completeness",
        "Σᵢ IGᵢ(x) = f(x) − f(x′)",
        [sum, f64::from(after) - f64::from(before)],
        if settings.steps < 300 { 0.05 } else { 0.01 },
    ))
}

/// The standard error of the mean gradient, relative to it: how far more samples may still move the map.
async fn standard_error(subject: &Subject<'_>, settings: &Settings) -> Result<Option<Identity>> {
    let moments = smooth::moments(subject, settings, 1, smooth::Moments::mean).await?;
    if moments.samples() < 2 {
        // One sample says nothing of how far others lie.
        return Ok(None);
    }
    let norm = |values: &[f32]| {
        let squares = values
            .iter()
            .map(|&value| f64::from(value) * f64::from(value));
        squares.sum::<f64>().sqrt()
    };
    let variance = moments.variance()?;
    let error = (total(variance.data()) / moments.samples() as f64).sqrt();
    let mean = norm(moments.mean()?.data());
    let share = if mean > 0.0 { error / mean } else { error };
    Ok(Some(Identity {
        name: "standard error",
        formula: "√(Σᵢ Var gᵢ / n) ≪ ‖mean g‖",
        left: error,
        right: mean,
        error: share,
        tolerance: 0.3,
        holds: share <= 0.3,
    }))
}

/// The mean of CAM over positions = logit − bias, since the head averages and is linear.
async fn cam_mean(subject: &Subject<'_>, settings: &Settings) -> Result<Option<Identity>> {
    let Some(right) = above_bias(subject).await? else {
        return Ok(None);
    };
    let map = cam::map(subject, Method::Cam, &raw(settings)).await?;
    let mean = total(map.data()) / map.data().len() as f64;
    Ok(Some(Identity::new(
        "mean of the map",
        "1/HW Σ CAM = logit − bias",
        [mean, right],
        1e-3,
    )))
}

/// Grad-CAM = CAM where a global mean and one linear layer follow, both stretched to \[0, 1\].
async fn grad_cam_is_cam(subject: &Subject<'_>, settings: &Settings) -> Result<Option<Identity>> {
    if !is_at_head(subject, settings)? {
        return Ok(None);
    }
    let mut maps = Vec::new();
    for method in [Method::GradCam, Method::Cam] {
        let mut map = cam::map(subject, method, &raw(settings)).await?;
        stretch(map.data_mut(), 1e-12);
        maps.push(map);
    }
    let pairs = maps[0].data().iter().zip(maps[1].data());
    let difference = pairs.fold(0.0_f64, |most, (a, b)| most.max(f64::from((a - b).abs())));
    Ok(Some(Identity::new(
        "Grad-CAM = CAM",
        "max |Grad-CAM − CAM| = 0, both stretched to [0, 1]",
        [difference, 0.0],
        1e-3,
    )))
}

/// Σ `HiResCAM` = logit − bias where a global mean and one linear layer follow.
async fn hires_cam_sum(subject: &Subject<'_>, settings: &Settings) -> Result<Option<Identity>> {
    if !is_at_head(subject, settings)? {
        return Ok(None);
    }
    let Some(right) = above_bias(subject).await? else {
        return Ok(None);
    };
    let map = cam::map(subject, Method::HiResCam, &raw(settings)).await?;
    Ok(Some(Identity::new(
        "sum of the map",
        "Σ HiResCAM = logit − bias",
        [total(map.data()), right],
        1e-3,
    )))
}

/// Whether the settings' layer is the one that a linear head averages, and the target is made of logits.
fn is_at_head(subject: &Subject<'_>, settings: &Settings) -> Result<bool> {
    let layer = layers::layer(subject.net, settings.layer.as_deref())?;
    let is_linear = logit_weights(subject.net, &subject.target, 1).is_some();
    Ok(is_linear && LinearHead::of(subject.net).is_some_and(|head| head.layer == layer))
}

/// The answer less what the last layer's biases add to it.
async fn above_bias(subject: &Subject<'_>) -> Result<Option<f64>> {
    let Some(head) = LinearHead::of(subject.net) else {
        return Ok(None);
    };
    let Some(weights) = logit_weights(subject.net, &subject.target, 1) else {
        return Ok(None);
    };
    let pairs = weights.data().iter().zip(&head.bias);
    let bias: f64 = pairs.map(|(w, b)| f64::from(*w) * f64::from(*b)).sum();
    Ok(Some(f64::from(subject.answers().await?[0]) - bias))
}

/// The settings for the map as it is.
fn raw(settings: &Settings) -> Settings {
    Settings {
        relu: false,
        resize: false,
        ..settings.clone()
    }
}

/// f(x) = Σ x · g + Σ b · g_b over all biases, with what a bent activation adds counted as a bias, φ(z) − φ′(z) z: a single
/// number that checks the whole backward pass.
async fn full_gradient(subject: &Subject<'_>) -> Result<Option<Identity>> {
    let net = subject.net;
    if !subject.overrides.is_empty() || !is_linear(&subject.target) {
        return Ok(None);
    }
    let Some(bends) = bends(net) else {
        return Ok(None);
    };
    let biases = biases(net)?;
    let graph = net.graph();
    let name = |id: NodeId| graph.node(id).name.as_str();
    let mut wrt = vec!["input"];
    wrt.extend(biases.iter().map(|bias| bias.layer.as_str()));
    wrt.extend(bends.iter().map(|bend| name(bend.output)));
    let (value, gradients) = net
        .gradient(
            subject.images,
            &subject.target,
            &wrt,
            subject.overrides,
            subject.control,
        )
        .await?;
    let mut sum = dot(subject.images.data(), gradients[0].data());
    for (bias, gradient) in biases.iter().zip(&gradients[1..]) {
        let planes = gradient.data().chunks_exact(bias.plane);
        sum += planes
            .zip(&bias.values)
            .map(|(plane, b)| f64::from(*b) * total(plane))
            .sum::<f64>();
    }
    for (bend, gradient) in bends.iter().zip(&gradients[1 + biases.len()..]) {
        let names = [name(bend.input), name(bend.output)];
        let values = net
            .activations(subject.images, &names, subject.overrides, subject.control)
            .await?;
        sum += bend.contribution(values[0].data(), values[1].data(), gradient.data());
    }
    Ok(Some(Identity::new(
        "full gradient",
        "f(x) = Σ x · ∂f/∂x + Σ b · ∂f/∂b",
        [sum, f64::from(value)],
        1e-3,
    )))
}

/// Whether a target is linear in a layer.
fn is_linear(target: &Objective) -> bool {
    target.iter().all(|(term, _)| {
        matches!(
            term,
            Term::Logit(_)
                | Term::Channel { .. }
                | Term::Unit { .. }
                | Term::Direction { .. }
                | Term::Dot { .. }
        )
    })
}

/// A node whose output is not its derivative times its input.
struct Bend {
    input: NodeId,
    output: NodeId,
    kind: Kind,
}

enum Kind {
    /// φ(z) − φ′(z) z.
    Activation(crate::ops::activation::Function),
    /// a b − 2 a b.
    Product,
}

impl Bend {
    /// Σ g · (y − Σ ∂y/∂z · z).
    fn contribution(&self, z: &[f32], y: &[f32], g: &[f32]) -> f64 {
        let bend = |z: f32, y: f32| match self.kind {
            Kind::Activation(function) => {
                let at = if function.derivative_from_output() {
                    y
                } else {
                    z
                };
                f64::from(y) - f64::from(function.derivative(at)) * f64::from(z)
            }
            Kind::Product => -f64::from(y),
        };
        z.iter()
            .zip(y)
            .zip(g)
            .map(|((&z, &y), &g)| f64::from(g) * bend(z, y))
            .sum()
    }
}

/// The nodes that bend; `None` if there is one whose contribution is not known.
fn bends(net: &Net) -> Option<Vec<Bend>> {
    use crate::ops::activation::Function;
    let graph: &Graph = net.graph();
    let mut bends = Vec::new();
    for output in graph.ids().filter(|&id| is_layer(graph, id)) {
        let node = graph.node(output);
        let input = *node.inputs.first()?;
        let kind = match &node.op {
            Op::Activation(activation) => match activation.function {
                Function::Relu | Function::LeakyRelu { .. } => continue,
                function => Kind::Activation(function),
            },
            Op::Binary(binary) if binary.operation == Operation::Mul => Kind::Product,
            Op::Softmax(_) if output == net.output() => continue,
            Op::Softmax(_) => return None,
            _ => continue,
        };
        if !is_layer(graph, input) {
            return None;
        }
        // The contribution of a product needs no input, whose extents may differ.
        let input = if matches!(kind, Kind::Product) {
            output
        } else {
            input
        };
        bends.push(Bend {
            input,
            output,
            kind,
        });
    }
    Some(bends)
}

pub(super) fn total(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let pairs = a.iter().zip(b);
    pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}
