//! Methods that are one backward pass by other rules than the gradient's.

use super::identity::{Identity, total};
use super::subject::{Batch, Inputs, Subject};
use super::{Settings, gradients};
use crate::error::Result;
use crate::lens::rules::{DeepLift, Layerwise, Rectified, deep_lift, lrp, rectified};
use crate::net::Net;
use crate::net::passes::Pass;
use crate::ops::Op;
use crate::ops::activation::Function;
use crate::ops::binary::Operation;
use crate::tensor::Tensor;

/// The share of the sum of absolute terms below which a sum of them counts as cancelled.
const CANCELLED: f64 = 0.01;

/// Guided backpropagation or the deconvnet.
pub async fn rectifying(subject: &Subject<'_>, rule: Rectified) -> Result<Tensor> {
    let mut maps = Maps::new(subject);
    for batch in subject.passes(1, Pass::Backward) {
        let Inputs {
            images,
            target,
            overrides,
        } = subject.inputs(&batch, |_, _, _| {})?;
        let control = subject.control;
        let map = rectified(subject.net, &images, &target, rule, &overrides, control).await?;
        maps.keep(&batch, map);
    }
    maps.finish()
}

/// (x − baseline) · multipliers of the rescale rule.
pub async fn rescaling(subject: &Subject<'_>, settings: &Settings) -> Result<Tensor> {
    let baseline = settings.baseline.pictures(subject.images, settings.seed)?;
    let mut maps = Maps::new(subject);
    for batch in subject.passes(1, Pass::Backward) {
        let Inputs {
            images,
            target,
            overrides,
        } = subject.inputs(&batch, |_, _, _| {})?;
        let rows: Vec<usize> = batch.rows.iter().map(|&(_, picture)| picture).collect();
        let shape = subject.shape();
        let rule = DeepLift {
            baseline: baseline.pictures(&rows, shape.n(), shape.picture())?,
        };
        let control = subject.control;
        let found = deep_lift(subject.net, &images, &target, &rule, &overrides, control).await?;
        maps.keep(&batch, found.map);
    }
    maps.finish()
}

/// The picture's relevance.
pub async fn relevance(subject: &Subject<'_>, settings: &Settings) -> Result<Tensor> {
    let mut maps = Maps::new(subject);
    for batch in subject.passes(1, Pass::Backward) {
        let Inputs {
            images,
            target,
            overrides,
        } = subject.inputs(&batch, |_, _, _| {})?;
        let (rule, control) = (&settings.lrp, subject.control);
        let found = lrp(subject.net, &images, &target, rule, &overrides, control).await?;
        maps.keep(&batch, found.map);
    }
    maps.finish()
}

/// Σ of contributions = f(x) − f(x').
pub async fn summation_to_delta(
    subject: &Subject<'_>,
    settings: &Settings,
    map: Option<&Tensor>,
) -> Result<Identity> {
    let rule = DeepLift {
        baseline: settings.baseline.pictures(subject.images, settings.seed)?,
    };
    let (net, images) = (subject.net, subject.images);
    let (target, control) = (&subject.target, subject.control);
    let found = deep_lift(net, images, target, &rule, subject.overrides, control).await?;
    let contributions = map.unwrap_or(&found.map).data();
    let identity = Identity::new(
        "summation to delta",
        "Σᵢ Cᵢ = f(x) − f(x′)",
        [
            total(contributions),
            f64::from(found.value) - f64::from(found.baseline_value),
        ],
        1e-3,
    );
    Ok(identity.among(CANCELLED * total_absolute(contributions)))
}

/// Σ of relevance and of what biases and ε absorbed = f(x), and LRP-0 = x · ∂f/∂x where that must be so.
pub async fn conservation(
    subject: &Subject<'_>,
    settings: &Settings,
    map: Option<&Tensor>,
) -> Result<Vec<Identity>> {
    let (net, images, overrides) = (subject.net, subject.images, subject.overrides);
    let (rule, target, control) = (&settings.lrp, &subject.target, subject.control);
    let found = lrp(net, images, target, rule, overrides, control).await?;
    let relevance = map.unwrap_or(&found.map).data();
    let sum = Identity::new(
        "conservation",
        "Σᵢ Rᵢ + what biases and ε absorbed = f(x)",
        [
            total(relevance) + total(found.absorbed.data()),
            f64::from(found.value),
        ],
        1e-3,
    );
    let mut identities = vec![sum.among(CANCELLED * total_absolute(relevance))];
    let is_zero = rule.rule == Layerwise::Epsilon && rule.epsilon <= 1e-6;
    if is_zero && rule.layer_rules.is_empty() && is_homogeneous(net) {
        let expected = gradients::input_x_gradient(subject).await?;
        let norm =
            |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        let pairs = relevance.iter().zip(expected.data());
        let distance = norm(&mut pairs.map(|(&r, &e)| f64::from(r) - f64::from(e)));
        let length = norm(&mut expected.data().iter().map(|&e| f64::from(e)));
        let identity = Identity::new(
            "LRP-0 = input × gradient",
            "‖R − x ⊙ ∂f/∂x‖ = 0",
            [distance, 0.0],
            1e-3,
        );
        identities.push(identity.among(length));
    }
    Ok(identities)
}

/// Whether every nonlinearity is made of straight lines through 0, so that its output is its slope times its input.
fn is_homogeneous(net: &Net) -> bool {
    let graph = net.graph();
    graph.ids().all(|id| match &graph.node(id).op {
        Op::Activation(activation) => matches!(
            activation.function,
            Function::Relu | Function::LeakyRelu { .. }
        ),
        Op::Binary(binary) => binary.operation != Operation::Mul,
        Op::Softmax(_) => id == net.output(),
        _ => true,
    })
}

/// The maps of all pictures, batch after batch.
struct Maps<'s, 'a> {
    subject: &'s Subject<'a>,
    values: Vec<f32>,
}

impl<'s, 'a> Maps<'s, 'a> {
    fn new(subject: &'s Subject<'a>) -> Self {
        Self {
            subject,
            values: Vec::with_capacity(subject.shape().len()),
        }
    }

    fn keep(&mut self, batch: &Batch, map: Tensor) {
        self.values.extend(map.into_data());
        self.subject.report(batch, || None);
    }

    fn finish(self) -> Result<Tensor> {
        Tensor::from_shape(self.values, self.subject.shape())
    }
}

/// Σ |v|.
fn total_absolute(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value.abs())).sum()
}
