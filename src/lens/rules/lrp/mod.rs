//! Layer-wise relevance propagation (Bach et al., "On Pixel-Wise Explanations", 2015; Montavon et al., "Layer-Wise Relevance
//! Propagation: An Overview", 2019): a unit's value is dealt out to its inputs in proportion to what each put in, layer by
//! layer down to the picture. As in Zennit: batch normalisation is merged into the layer before it, activations pass
//! relevance on, sums and averages deal it out by contribution, maxima give it to the winner.

use std::collections::BTreeMap;
use std::str::FromStr;

mod affine;
mod parts;
mod pass;

use crate::engine::autodiff::gradient_with;
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::graph::NodeId;
use crate::net::objective::{Feeds, Objective};
use crate::net::rule::{BackwardRule, Scene};
use crate::net::{Net, Overrides};
use crate::ops::binary::Binary;
use crate::tensor::{Shape, Tensor};

use affine::{Affine, Map};
use pass::{EPSILON, HIGH, LOW, Pass};

/// How one layer z = W a + b deals out its relevance R; ⁺ and ⁻ are positive and negative parts, ⊙ and / element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerRule {
    /// a ⊙ Wᵀ(R / z), z moved away from 0 by ε.
    Epsilon,
    /// As ε with W + γ W⁺ where z > 0 (and W + γ W⁻ where z < 0; each with the other's for negative a).
    Gamma,
    /// As ε with what raises z alone: W⁺ for positive a, W⁻ for negative.
    ZPlus,
    /// For the layer that reads a picture in [l, h]: z = W x − W⁺ l − W⁻ h, dealt out to its three terms.
    ZBox,
}

/// Which rule each layer has; where there is a word for it, Zennit's composite of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layerwise {
    /// ε everywhere.
    Epsilon,
    /// γ everywhere.
    Gamma,
    /// z⁺ everywhere.
    ZPlus,
    /// z⁺ for convolutions, ε for linear layers.
    EpsilonPlus,
    /// zᴮ for convolutions that read the picture, γ for the others, ε for linear layers.
    EpsilonGammaBox,
}

/// The word for each rule of a layer.
const LAYER_RULES: [(&str, LayerRule); 4] = [
    ("epsilon", LayerRule::Epsilon),
    ("gamma", LayerRule::Gamma),
    ("z_plus", LayerRule::ZPlus),
    ("z_box", LayerRule::ZBox),
];

/// The word for each choice of rules.
const CHOICES: [(&str, Layerwise); 5] = [
    ("epsilon", Layerwise::Epsilon),
    ("gamma", Layerwise::Gamma),
    ("z_plus", Layerwise::ZPlus),
    ("epsilon_plus", Layerwise::EpsilonPlus),
    ("epsilon_gamma_box", Layerwise::EpsilonGammaBox),
];

fn named<T: Copy>(table: &[(&str, T)], what: &str, name: &str) -> Result<T> {
    let found = table.iter().find(|(known, _)| *known == name);
    found.map(|&(_, value)| value).ok_or_else(|| {
        let known: Vec<&str> = table.iter().map(|&(known, _)| known).collect();
        Error::bad_argument(format!(
            "'{name}' is no {what} of lrp; there are {}",
            known.join(", ")
        ))
    })
}

impl FromStr for LayerRule {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        named(&LAYER_RULES, "rule for a layer", name)
    }
}

impl FromStr for Layerwise {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        named(&CHOICES, "rule", name)
    }
}

impl Layerwise {
    fn of(self, layer: &Affine, picture: NodeId) -> LayerRule {
        match (self, layer.map) {
            (Self::Epsilon, _) | (Self::EpsilonPlus | Self::EpsilonGammaBox, Map::Linear) => {
                LayerRule::Epsilon
            }
            (Self::ZPlus | Self::EpsilonPlus, _) => LayerRule::ZPlus,
            (Self::EpsilonGammaBox, Map::Convolution(_)) if layer.input == picture => {
                LayerRule::ZBox
            }
            (Self::Gamma | Self::EpsilonGammaBox, _) => LayerRule::Gamma,
        }
    }
}

/// What LRP may be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Lrp {
    /// Which rule each layer has.
    pub rule: Layerwise,
    /// Layers with another rule.
    pub layer_rules: BTreeMap<String, LayerRule>,
    /// ε of the rule of that name, from 0 (LRP-0).
    pub epsilon: f32,
    /// γ of the rule of that name, from 0.
    pub gamma: f32,
    /// The least value of each channel of a picture in model space, or one for all.
    pub low: Vec<f32>,
    /// The greatest.
    pub high: Vec<f32>,
}

impl Default for Lrp {
    fn default() -> Self {
        Self {
            rule: Layerwise::EpsilonPlus,
            layer_rules: BTreeMap::new(),
            epsilon: 1e-6,
            gamma: 0.25,
            low: vec![0.0],
            high: vec![1.0],
        }
    }
}

/// What LRP finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Relevance {
    /// The picture's relevance, (N, C, H, W).
    pub map: Tensor,
    /// f(x), summed over the batch.
    pub value: f32,
    /// What biases and ε took of each picture's relevance on the way, (N, 1, 1, 1); with it the map sums to f(x).
    pub absorbed: Tensor,
}

impl BackwardRule for Lrp {
    fn key(&self) -> String {
        format!(
            "Lrp {:?} {:?} {:x}",
            self.rule,
            self.layer_rules,
            self.gamma.to_bits()
        )
    }

    fn fetches(&self) -> usize {
        3
    }

    fn feeds(&self, pictures: Shape) -> Result<Feeds> {
        for (name, value) in [("epsilon", self.epsilon), ("gamma", self.gamma)] {
            if !value.is_finite() || value < 0.0 {
                return Err(Error::bad_argument(format!(
                    "{name} of lrp must be a number from 0, not {value}"
                )));
            }
        }
        let bound = |name: &str, values: &[f32]| match values {
            [value] => Ok(vec![*value; pictures.c()]),
            values if values.len() == pictures.c() => Ok(values.to_vec()),
            values => Err(Error::bad_argument(format!(
                "{name} of lrp holds {} numbers, the picture has {} channels; give one for all or one for each",
                values.len(),
                pictures.c()
            ))),
        };
        let (low, high) = (bound("low", &self.low)?, bound("high", &self.high)?);
        if let Some((low, high)) = low.iter().zip(&high).find(|(low, high)| low >= high) {
            return Err(Error::bad_argument(format!(
                "low of lrp must be below high in every channel, they are {low} and {high}"
            )));
        }
        Ok(vec![
            (EPSILON.to_owned(), vec![self.epsilon]),
            (LOW.to_owned(), low),
            (HIGH.to_owned(), high),
        ])
    }

    fn build(&self, scene: &mut Scene<'_>) -> Result<Vec<NodeId>> {
        let pass = Pass::new(self, scene)?;
        let relevance = gradient_with(
            scene.graph,
            scene.value,
            &[scene.input],
            &|graph, node, upstream, wanted| pass.rule(graph, node, upstream, wanted),
        )?;
        let pictures = scene.graph.shape(scene.input).n();
        let mut absorbed = scene.graph.constant(0.0, Shape::new(pictures, 1, 1, 1))?;
        for part in pass.absorbed() {
            absorbed = scene.graph.push(Binary::ADD, &[absorbed, part])?;
        }
        Ok(vec![relevance[0], scene.value, absorbed])
    }
}

/// LRP of `objective` for pictures (N, C, H, W).
///
/// # Errors
/// `bad_argument` for options or an objective that do not fit; `unsupported_op` for an operator without a rule; those of
/// [`Net::gradient`].
pub async fn lrp(
    net: &Net,
    image: &Tensor,
    objective: &Objective,
    rule: &Lrp,
    overrides: &Overrides,
    control: &Control,
) -> Result<Relevance> {
    let found = net
        .by_rule(image, objective, rule, overrides, control)
        .await?;
    let [map, value, absorbed] = <[Tensor; 3]>::try_from(found)
        .map_err(|_| Error::internal("LRP fetches a map, a value and what was absorbed"))?;
    Ok(Relevance {
        map,
        value: value.data()[0],
        absorbed,
    })
}
