//! What style transfer can be told, with its checks and its presets.

use crate::error::{Error, Result};
use crate::lab::synthesis::Normalization;
use crate::lab::synthesis::settings::{
    self as descent, Octaves, Optimizer, Parametrization, Range, SMALL, count, within,
};
use crate::net::Net;

/// How the differences of a layer become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Σ (a − t)² / Σ t² for what is aimed at, t: 0 where it is reached, about 1 far from it, in every layer alike.
    Relative,
    /// The mean of (a − t)², Gram matrices divided by H · W.
    Mean,
    /// Σ (a − t)² with G = F Fᵀ: the lecture's formula.
    Sum,
    /// Σ (a − t)² / Σ |a − t|, Gram matrices divided by H · W: a slope that is as steep near the aim as far from it (Crowson).
    Scaled,
}

/// What is taken to be the style of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The Gram matrix: how channels go together (Gatys et al. 2016).
    Gram,
    /// Mean and deviation of each channel (Li et al. 2017).
    Moments,
}

/// Whose colours the result has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// Those that the style asks for.
    Style,
    /// The content's: only brightness is changed, by a style in grey (Gatys et al. 2017).
    Kept,
    /// Those of a style whose colours were first brought to the content's mean and covariance.
    Matched,
}

/// How a style is transferred.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Layers whose activations are kept, with their weights.
    pub content_layers: Weighted,
    /// Layers whose statistics are matched, with their weights.
    pub style_layers: Weighted,
    /// α, the weight of the content.
    pub alpha: f32,
    /// β, the weight of the style.
    pub beta: f32,
    /// Weight of the mean squared differences of neighbours, pixels in [0, 1].
    pub tv: f32,
    /// How differences are counted.
    pub form: Form,
    /// What style is.
    pub statistic: Statistic,
    /// Whose colours are kept.
    pub colours: Colours,
    /// Each step looks at the picture rolled by up to this many pixels down and across, so that what strides leave out shows
    /// no grid.
    pub jitter: usize,
    /// The size at which the style's picture is looked at, as a multiple of the result's: above 1, its strokes become larger.
    pub style_scale: f32,
    /// How the picture is written as numbers and changed; of its other settings none is used.
    pub descent: descent::Settings,
}

/// Names of the presets.
pub const PRESETS: [&str; 4] = ["natural", "plain", "gatys", "improved"];

/// Layers by name, with their weights.
pub type Weighted = Vec<(String, f32)>;

/// Content layers and style layers with weights that suit networks with layers of these names.
type Choice = (
    &'static [(&'static str, f32)],
    &'static [(&'static str, f32)],
);

/// Tried in this order; the first whose layers are all there is taken.
const CHOICES: [Choice; 3] = [
    // EfficientNet-Lite.
    (
        &[("block4", 1.0)],
        &[
            ("stem", 0.2),
            ("block0", 0.2),
            ("block2", 0.2),
            ("block4", 0.2),
            ("block7", 0.2),
        ],
    ),
    VGG,
    // Torchvision's ResNets.
    (
        &[("layer2", 1.0)],
        &[
            ("relu", 0.25),
            ("layer1", 0.25),
            ("layer2", 0.25),
            ("layer3", 0.25),
        ],
    ),
];

/// Torchvision's VGG-19: conv4_2 for the content, conv1_1 to conv5_1 for the style, all equal (Gatys et al. 2016).
const VGG: Choice = (
    &[("features.22", 1.0)],
    &[
        ("features.1", 0.2),
        ("features.6", 0.2),
        ("features.11", 0.2),
        ("features.20", 0.2),
        ("features.29", 0.2),
    ],
);

/// β of Gatys et al. for pixels from 0 to 255, with weights of 1 / C² for a layer of C channels.
const BETA: f32 = 1e3;

/// Weights of VGG-19's style layers, the finest first, in Crowson's code: 256, 64, 16, 4 and 1, divided by their sum.
const FINE_FIRST: [f32; 5] = [
    256.0 / 341.0,
    64.0 / 341.0,
    16.0 / 341.0,
    4.0 / 341.0,
    1.0 / 341.0,
];

/// The square of what pixels from 0 to 255 are larger by than the network's input. The content loss grows with its square
/// and the style loss with its fourth power, so that β has to make up for the difference.
fn range_squared(rule: &Normalization) -> f32 {
    let mean = rule.std.iter().sum::<f32>() / rule.std.len() as f32;
    (255.0 * mean).powi(2)
}

/// VGG-19's style layers with the weights that `weight` gives them by their place and channels.
fn of_vgg(net: &Net, preset: &str, weight: impl Fn(usize, usize) -> f32) -> Result<Weighted> {
    let (content, style) = VGG;
    let layers = net.layers();
    let channels = |name: &str| {
        let layer = layers.iter().find(|layer| layer.name == name);
        layer.map(|layer| layer.shape[0]).ok_or_else(|| {
            Error::bad_argument(format!(
                "stylize: preset \"{preset}\" needs VGG-19 as torchvision names it, and this network has no layer '{name}'"
            ))
        })
    };
    for (name, _) in content {
        channels(name)?;
    }
    let style = style.iter().enumerate();
    style
        .map(|(index, (name, _))| Ok(((*name).to_owned(), weight(index, channels(name)?))))
        .collect()
}

/// The widest picture, in rows or columns, whose style a layer of a network without known names is trusted to hold.
const LEAST_SIDE: usize = 4;

/// Content and style layers of `net` when none are given.
fn choice(net: &Net) -> (Weighted, Weighted) {
    let layers = net.layers();
    let has = |name: &str| layers.iter().any(|layer| layer.name == name);
    for (content, style) in CHOICES {
        if content.iter().chain(style).all(|(name, _)| has(name)) {
            return (owned(content), owned(style));
        }
    }
    // The first rectified map of each resolution, the second of them for the content.
    let mut names: Vec<(String, [usize; 2])> = Vec::new();
    for layer in &layers {
        let size = [layer.shape[1], layer.shape[2]];
        let is_known = names.iter().any(|(_, other)| *other == size);
        let acts = layer.op.contains("relu") || layer.op.contains("silu") || layer.op == "swish";
        if acts && size[0].min(size[1]) >= LEAST_SIDE && !is_known {
            names.push((layer.name.clone(), size));
        }
    }
    let share = 1.0 / names.len().max(1) as f32;
    let content = names.get(1).or(names.first());
    (
        content
            .map(|(name, _)| (name.clone(), 1.0))
            .into_iter()
            .collect(),
        names
            .iter()
            .map(|(name, _)| (name.clone(), share))
            .collect(),
    )
}

fn owned(layers: &[(&str, f32)]) -> Weighted {
    let layers = layers.iter();
    layers
        .map(|(name, weight)| ((*name).to_owned(), *weight))
        .collect()
}

/// Pixels by which a picture is rolled at most; over its size it comes round again.
const MOST_JITTER: usize = 1024;

impl Settings {
    /// Steps that a preset takes when none are given.
    #[must_use]
    pub fn steps(preset: &str) -> usize {
        match preset {
            "gatys" | "improved" => 500,
            _ => 100,
        }
    }

    /// The settings of that name for a network with that rule for pixels: `natural` for what ships, `plain` for the
    /// lecture's formula on pixels, and two for VGG-19 as torchvision names its layers: `gatys` as in Gatys et al. 2016 and
    /// their code, `improved` after Crowson's style-transfer-pytorch, coarse to fine and by differences that keep their
    /// slope, without its average over the steps.
    ///
    /// # Errors
    /// `bad_argument` for another name, or if one for VGG-19 is asked of a network without its layers.
    pub fn preset(name: &str, net: &Net, rule: &Normalization) -> Result<Self> {
        let shape = net.input_shape();
        let mut base = descent::Settings::preset("natural", shape.c(), shape.h().max(shape.w()))?;
        base.transforms = Vec::new();
        base.input_noise = 0.0;
        base.l2 = 0.0;
        base.tv = 0.0;
        base.parametrization = Parametrization::Fourier { decay: 1.0 };
        base.learning_rate = 0.08;
        base.copies = 1;
        base.octaves = Octaves {
            count: 2,
            factor: 1.4,
        };
        let (content_layers, style_layers) = choice(net);
        let natural = Self {
            content_layers,
            style_layers,
            alpha: 1.0,
            beta: 50.0,
            // Layers of few channels hold fine grain back less.
            tv: if shape.h().max(shape.w()) <= SMALL {
                150.0
            } else {
                10.0
            },
            form: Form::Relative,
            statistic: Statistic::Gram,
            colours: Colours::Style,
            jitter: 16,
            style_scale: 1.0,
            descent: base,
        };
        let pixels = |settings: &Self, optimizer, learning_rate| descent::Settings {
            parametrization: Parametrization::Pixel,
            decorrelate: false,
            range: Range::Free,
            optimizer,
            learning_rate,
            octaves: Octaves {
                count: 1,
                ..settings.descent.octaves
            },
            ..settings.descent.clone()
        };
        match name {
            "natural" => Ok(natural),
            "plain" => Ok(Self {
                form: Form::Sum,
                beta: 1e-3,
                tv: 0.0,
                jitter: 0,
                descent: pixels(&natural, Optimizer::Adam, 0.03),
                ..natural
            }),
            "gatys" => Ok(Self {
                content_layers: owned(VGG.0),
                style_layers: of_vgg(net, name, |_, channels| (channels as f32).powi(-2))?,
                form: Form::Mean,
                beta: BETA * range_squared(rule),
                tv: 0.0,
                jitter: 0,
                descent: pixels(&natural, Optimizer::Lbfgs, 1.0),
                ..natural
            }),
            "improved" => Ok(Self {
                content_layers: owned(VGG.0),
                style_layers: of_vgg(net, name, |index, _| FINE_FIRST[index])?,
                form: Form::Scaled,
                alpha: 0.015,
                beta: 1.0,
                tv: 2.0,
                jitter: 0,
                descent: descent::Settings {
                    range: Range::Sigmoid,
                    octaves: Octaves {
                        count: 3,
                        factor: std::f32::consts::SQRT_2,
                    },
                    // A step of 0.02 in pixels, where the sigmoid is steepest.
                    ..pixels(&natural, Optimizer::Adam, 0.08)
                },
                ..natural
            }),
            _ => Err(Error::bad_argument(format!(
                "stylize: there is no preset '{name}'; there are {}",
                PRESETS.join(", ")
            ))),
        }
    }

    /// That every number is within its range.
    ///
    /// # Errors
    /// `bad_argument` with the option, what it was and what it may be.
    pub fn check(&self, size: [usize; 2]) -> Result<()> {
        const CALL: &str = "stylize";
        within(CALL, "alpha", self.alpha, 0.0, 1e9)?;
        within(CALL, "beta", self.beta, 0.0, 1e9)?;
        within(CALL, "tv", self.tv, 0.0, 1e9)?;
        within(CALL, "styleScale", self.style_scale, 0.1, 4.0)?;
        for (what, layers) in [
            ("contentLayers", &self.content_layers),
            ("styleLayers", &self.style_layers),
        ] {
            for (index, (name, weight)) in layers.iter().enumerate() {
                within(CALL, &format!("{what}: {name}"), *weight, 0.0, 1e9)?;
                if layers[..index].iter().any(|(other, _)| other == name) {
                    return Err(Error::bad_argument(format!(
                        "{CALL}: {what} names '{name}' twice"
                    )));
                }
            }
        }
        if self.content_layers.is_empty() && self.style_layers.is_empty() {
            return Err(Error::bad_argument(format!(
                "{CALL}: contentLayers and styleLayers are both empty; name at least one layer"
            )));
        }
        count(CALL, "jitter", self.jitter, 0, MOST_JITTER)?;
        within(CALL, "scaleFactor", self.descent.octaves.factor, 1.05, 4.0)?;
        count(CALL, "scales", self.descent.octaves.count, 1, 8)?;
        if self.jitter > 0 && self.descent.optimizer == Optimizer::Lbfgs {
            return Err(Error::bad_argument(format!(
                "{CALL}: jitter changes what is asked from step to step, and optimizer \"lbfgs\" learns from one step to the next; set jitter to 0"
            )));
        }
        self.descent.check(CALL, size)
    }
}
