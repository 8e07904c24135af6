//! What an attack asks of a network: logits, a loss for each picture, and its gradient to the pictures, from one pass.

use super::share::{Turn, Wanted};
use super::{Net, Overrides};
use crate::engine::autodiff;
use crate::engine::control::Control;
use crate::engine::program::{Memory, Program};
use crate::error::{Error, Result};
use crate::ops::binary::Binary;
use crate::ops::cross_entropy::CrossEntropy;
use crate::ops::reduce::{Dot, SumTo};
use crate::tensor::{Shape, Tensor};

/// A loss of each of N pictures, of which K classes are told apart.
#[derive(Debug, Clone, PartialEq)]
pub enum Loss {
    /// The cross-entropy against a class for each picture.
    CrossEntropy(Vec<usize>),
    /// Σ_k w_nk z_nk over the logits z, with weights w (N, K).
    Logits(Tensor),
}

/// Where pictures stand, and which way their losses rise.
#[derive(Debug, Clone, PartialEq)]
pub struct Slope {
    /// (N, K).
    pub logits: Tensor,
    /// One for each picture.
    pub losses: Vec<f32>,
    /// (N, C, H, W), each picture's own.
    pub gradient: Tensor,
}

impl Net {
    /// Logits, losses and gradients to pictures (N, C, H, W) in model space, from one program.
    ///
    /// # Errors
    /// As [`Self::logits`]; `bad_argument` for a class that does not exist, or weights of another shape.
    pub async fn slopes(
        &self,
        images: &Tensor,
        loss: &Loss,
        overrides: &Overrides,
        control: &Control,
    ) -> Result<Slope> {
        let wanted = Wanted::Slopes(loss);
        let _here = match self.turn(images, overrides, wanted, control).await? {
            Turn::Here(here) => here,
            Turn::Answered(tensors) => return Slope::of(tensors),
        };
        let classes = self.classes()?;
        let mut instance = self.instance(images, overrides)?;
        let graph = &mut instance.graph;
        let logits = instance.logits;
        let count = graph.shape(logits).n();
        let weights = graph.feed("loss", graph.shape(logits))?;
        let (kind, losses, values) = match loss {
            Loss::CrossEntropy(targets) => {
                let losses = graph.push(CrossEntropy, &[logits, weights])?;
                ("cross_entropy", losses, one_hot(targets, count, classes)?)
            }
            Loss::Logits(weights_) => {
                if weights_.data().len() != count * classes {
                    return Err(Error::bad_argument(format!(
                        "weights {:?} for the logits [{count}, {classes}]",
                        weights_.shape()
                    )));
                }
                let products = graph.push(Binary::MUL, &[logits, weights])?;
                let shape = Shape::new(count, 1, 1, 1);
                let losses = graph.push(SumTo { shape }, &[products])?;
                ("logits", losses, weights_.data().to_vec())
            }
        };
        let ones = graph.constant(1.0, graph.shape(losses))?;
        let total = graph.push(Dot, &[losses, ones])?;
        let gradient = autodiff::gradient(graph, total, &[instance.input])?;
        let fetches = [vec![logits, losses], gradient].concat();
        let mut feeds = instance.feeds.clone();
        feeds.push(("loss".to_owned(), values));
        let key = format!("slopes|{kind}|{}", instance.key);
        let fetched = self
            .compute(key, &feeds, &[0, 1, 2], control, || {
                Program::new(&instance.graph, &fetches, Memory::Loop)
            })
            .await?;
        Slope::of(fetched)
    }
}

impl Slope {
    /// Logits, losses and gradient, one after the other.
    fn of(tensors: Vec<Tensor>) -> Result<Self> {
        let mut tensors = tensors.into_iter();
        match (tensors.next(), tensors.next(), tensors.next()) {
            (Some(logits), Some(losses), Some(gradient)) => {
                let shape = logits.activation_shape();
                Ok(Self {
                    logits: logits.reshape([shape.n(), shape.c()])?,
                    losses: losses.into_data(),
                    gradient,
                })
            }
            _ => Err(Error::internal("a pass without a gradient")),
        }
    }
}

/// Rows that are 1 at a class for each picture.
fn one_hot(targets: &[usize], count: usize, classes: usize) -> Result<Vec<f32>> {
    if targets.len() != count {
        return Err(Error::bad_argument(format!(
            "{} classes for {count} pictures; give one for each",
            targets.len()
        )));
    }
    let mut rows = vec![0.0; count * classes];
    for (row, &class) in rows.chunks_exact_mut(classes).zip(targets) {
        *row.get_mut(class).ok_or_else(|| {
            Error::bad_argument(format!(
                "there is no class {class}; this network has classes 0 to {}",
                classes - 1
            ))
        })? = 1.0;
    }
    Ok(rows)
}
