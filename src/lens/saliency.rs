//! Saliency: the gradient of an answer to the picture (Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional
//! Networks", 2013).

use crate::engine::control::Control;
use crate::error::Result;
use crate::net::objective::{self, Objective, Term};
use crate::net::{Net, Overrides};
use crate::tensor::Tensor;

/// The gradient (N, C, H, W) of `objective` to the picture, with its sign; without an objective, of the logit of each
/// picture's predicted class.
///
/// # Errors
/// Those of [`Net::gradient`].
pub async fn gradient(
    net: &Net,
    image: &Tensor,
    objective: Option<Objective>,
    overrides: &Overrides,
    control: &Control,
) -> Result<Tensor> {
    let objective = match objective {
        Some(objective) => objective,
        None => predicted(net, image, overrides, control).await?,
    };
    let (_, mut gradients) = net
        .gradient(image, &objective, &["input"], overrides, control)
        .await?;
    Ok(gradients.remove(0))
}

/// The absolute gradient (N, C, H, W), channels kept; as [`gradient`] otherwise.
///
/// # Errors
/// Those of [`Net::gradient`].
pub async fn saliency(
    net: &Net,
    image: &Tensor,
    objective: Option<Objective>,
    overrides: &Overrides,
    control: &Control,
) -> Result<Tensor> {
    let mut map = gradient(net, image, objective, overrides, control).await?;
    for value in map.data_mut() {
        *value = value.abs();
    }
    Ok(map)
}

/// The sum of the logits of each picture's own predicted class.
async fn predicted(
    net: &Net,
    image: &Tensor,
    overrides: &Overrides,
    control: &Control,
) -> Result<Objective> {
    let logits = net.logits(image, overrides, control).await?;
    let shape = logits.activation_shape();
    let mut one_hot = Tensor::zeros(shape);
    for (row, seed) in logits
        .data()
        .chunks_exact(shape.c())
        .zip(one_hot.data_mut().chunks_exact_mut(shape.c()))
    {
        if let Some(seed) = seed.get_mut(argmax(row)) {
            *seed = 1.0;
        }
    }
    let layer = net
        .graph()
        .node(objective::logits(net.graph(), net.output()))
        .name
        .clone();
    Ok(vec![(
        Term::Dot {
            layer,
            tensor: one_hot,
        },
        1.0,
    )])
}

/// The first index of the greatest value.
fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}
