//! Full gradients (Srinivas and Fleuret 2019): what the picture and every bias contribute to the answer.

use super::cam::stretch;
use super::resize::{Corners, bilinear};
use super::subject::Subject;
use crate::error::Result;
use crate::graph::NodeId;
use crate::net::Net;
use crate::net::passes::Pass;
use crate::ops::Op;
use crate::tensor::Tensor;

/// A layer that adds one number to each channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Bias {
    /// The layer.
    pub layer: String,
    /// What it adds to each channel.
    pub values: Vec<f32>,
    /// Positions of its output.
    pub plane: usize,
}

/// The biases of convolutions, batch norms (β − γ μ / √(σ² + ε)) and linear layers.
///
/// # Errors
/// None in practice; every parameter of a graph is loaded.
pub fn biases(net: &Net) -> Result<Vec<Bias>> {
    let graph = net.graph();
    let parameter = |id: NodeId, index: usize| {
        let input = graph.input(id, index);
        net.weights(&graph.node(input).name).map(Tensor::into_data)
    };
    let mut biases = Vec::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let values = match &node.op {
            Op::Conv2d(_) | Op::Linear(_) if node.inputs.len() > 2 => parameter(id, 2)?,
            Op::BatchNorm(norm) => {
                let (gamma, beta) = (parameter(id, 1)?, parameter(id, 2)?);
                let (mean, variance) = (parameter(id, 3)?, parameter(id, 4)?);
                (0..beta.len())
                    .map(|c| beta[c] - gamma[c] * mean[c] / (variance[c] + norm.epsilon).sqrt())
                    .collect()
            }
            _ => continue,
        };
        biases.push(Bias {
            layer: node.name.clone(),
            values,
            plane: node.shape.plane(),
        });
    }
    Ok(biases)
}

/// Σ ψ(x · g) + Σ_l Σ_c ψ(b_c · g_lc) over the picture's channels and those of every layer with a bias, where ψ is the
/// absolute value stretched to \[0, 1\] at the picture's size; (N, 1, H, W).
pub async fn full_grad(subject: &Subject<'_>) -> Result<Tensor> {
    let biases: Vec<Bias> = biases(subject.net)?
        .into_iter()
        .filter(|bias| bias.plane > 1)
        .collect();
    let mut wrt = vec!["input"];
    wrt.extend(biases.iter().map(|bias| bias.layer.as_str()));
    let shape = subject.shape();
    let size = [shape.h(), shape.w()];
    let mut maps = Vec::with_capacity(shape.n() * shape.plane());
    let mut sweep = subject.sweep(1, Pass::Backward, async |batch| {
        let inputs = subject.inputs(&batch, |_, _, _| {})?;
        let (_, gradients) = inputs.gradient(subject, &wrt).await?;
        Ok((batch, inputs.images, gradients))
    });
    while let Some((batch, images, gradients)) = sweep.next().await? {
        for row in 0..batch.rows.len() {
            let mut map = vec![0.0; shape.plane()];
            let x = &images.data()[row * shape.picture()..][..shape.picture()];
            let g = &gradients[0].data()[row * shape.picture()..];
            let parts: Vec<f32> = x.iter().zip(g).map(|(x, g)| (x * g).abs()).collect();
            add_stretched(&mut map, &parts, size, size);
            for (bias, gradient) in biases.iter().zip(&gradients[1..]) {
                let layer = gradient.activation_shape();
                let parts: Vec<f32> = gradient.data()[row * layer.picture()..][..layer.picture()]
                    .chunks_exact(layer.plane())
                    .zip(&bias.values)
                    .flat_map(|(plane, b)| plane.iter().map(move |g| (b * g).abs()))
                    .collect();
                add_stretched(&mut map, &parts, [layer.h(), layer.w()], size);
            }
            maps.extend(map);
        }
        subject.report(&batch, || None);
    }
    Tensor::new(maps, [shape.n(), 1, shape.h(), shape.w()])
}

/// Adds planes, each stretched to \[0, 1\] and resized.
fn add_stretched(map: &mut [f32], planes: &[f32], from: [usize; 2], to: [usize; 2]) {
    for plane in planes.chunks_exact(from[0] * from[1]) {
        let mut plane = plane.to_vec();
        stretch(&mut plane, 1e-7);
        let plane = bilinear(&plane, from, to, Corners::NotAligned);
        map.iter_mut()
            .zip(plane)
            .for_each(|(sum, value)| *sum += value);
    }
}
