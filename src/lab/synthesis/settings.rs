//! What synthesis can be told, with its checks and its presets.

use crate::error::{Error, Result};

/// How a picture is written as the numbers that are optimised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Parametrization {
    /// Its pixels.
    Pixel,
    /// The coefficients of its cosine transform, those of frequency f scaled by 1 / f^`decay` (Olah et al. 2017).
    Fourier {
        /// How much finer detail is held back; 0 treats all frequencies alike.
        decay: f32,
    },
    /// A Laplacian pyramid: pictures of size 1, 1/2, 1/4 … magnified and added.
    Pyramid {
        /// How many there are.
        levels: usize,
    },
}

/// How the numbers become pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// σ(t) in (0, 1), then the network's normalisation.
    Sigmoid,
    /// They are the network's input as they are, without bounds.
    Free,
}

/// The step uphill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optimizer {
    /// Adam with decays 0.9 and 0.999.
    Adam,
    /// Gradient ascent.
    Sgd,
    /// L-BFGS with the last 10 steps and no search along the line; for objectives without chance, of one tensor.
    Lbfgs,
}

/// What a step does to the picture before the network sees it, drawn anew for each step and picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Transform {
    /// Grey pixels around the picture, which jitter uses up first.
    Pad(usize),
    /// A shift by up to half of this many pixels to either side.
    Jitter(usize),
    /// A magnification between two factors.
    Scale(f32, f32),
    /// A rotation by up to this many degrees to either side; one of three is 0.
    Rotate(f32),
}

/// Smoothing of the picture itself between steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blur {
    /// Every so many steps.
    pub every: usize,
    /// The deviation of the Gaussian in pixels.
    pub sigma: f32,
}

/// Coarse to fine: the same steps at growing sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Octaves {
    /// How many sizes.
    pub count: usize,
    /// From one size to the next.
    pub factor: f32,
}

/// How a picture is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What is optimised.
    pub parametrization: Parametrization,
    /// Colours are written along the directions in which those of photographs vary (Olah et al. 2017).
    pub decorrelate: bool,
    /// How numbers become pixels.
    pub range: Range,
    /// Applied in this order.
    pub transforms: Vec<Transform>,
    /// How many copies of a picture a step looks at, each moved differently; the objective is their mean.
    pub copies: usize,
    /// Deviation of the normal noise that lies over what the network sees, drawn anew for each step; pixels are in [0, 1].
    pub input_noise: f32,
    /// The optimiser.
    pub optimizer: Optimizer,
    /// Its step; SGD's is in units of the gradient.
    pub learning_rate: f32,
    /// With [`Range::Free`] λ of λ · Σ X²; with a sigmoid, the weight of the mean of t².
    pub l2: f32,
    /// Weight of the mean absolute differences of neighbours, vertical and horizontal, before the sigmoid.
    pub tv: f32,
    /// Brightness in [0, 1] of a picture of zeros and of what lies around it; none is the network's mean (sigmoid only).
    pub background: Option<f32>,
    /// Smooths the picture (pixels only).
    pub blur: Option<Blur>,
    /// Smooths the gradient by a Gaussian of this deviation in pixels (pixels only); 0 leaves it.
    pub gradient_blur: f32,
    /// Pixels whose norm is below this share of the root mean square become 0 (pixels only).
    pub clip: f32,
    /// Weight that keeps pictures of a batch apart, by the cosines between their Gram matrices of a layer.
    pub diversity: f32,
    /// In the first 16 steps, a rectifier whose whole gradient is 0 passes on what leads back to where it has a slope.
    pub redirect: bool,
    /// Coarse to fine.
    pub octaves: Octaves,
    /// Deviation of the noise that a picture starts from, in the optimised numbers.
    pub noise: f32,
}

/// Names of the presets.
pub const PRESETS: [&str; 5] = ["gentle", "natural", "pattern", "lucid", "plain"];

/// The longest side in pixels up to which a network counts as small, which needs gentler settings.
pub const SMALL: usize = 64;

/// Where small networks start: pictures in grey, of digits or of things cut out, lie on black. With this, what is drawn is
/// an outline on black too, which networks that were trained apart agree on far more often than on a pattern on grey.
const DARK: f32 = 0.06;

impl Settings {
    /// The preset that pages start with, for pictures whose longest side is that long and a class, or else a part of a layer.
    #[must_use]
    pub const fn default_preset(side: usize, is_class: bool) -> &'static str {
        match (side <= SMALL, is_class) {
            (_, false) => "pattern",
            (true, true) => "gentle",
            (false, true) => "natural",
        }
    }

    /// The steps that a preset takes when none are given.
    #[must_use]
    pub fn steps(preset: &str) -> usize {
        match preset {
            "lucid" => 512,
            "plain" | "natural" => 256,
            _ => 128,
        }
    }

    /// The settings of that name for networks that take pictures of so many channels and pixels a side: `gentle` for
    /// classes of small ones, `natural` for classes of photographs, `pattern` for channels of either, whose values are smaller
    /// and repeat over the picture, `lucid` as in Lucid's `render_vis`, and `plain`, the rule arg max S(X) − λ ‖X‖² by gradient
    /// ascent on pixels.
    ///
    /// # Errors
    /// `bad_argument` for another name.
    pub fn preset(name: &str, channels: usize, side: usize) -> Result<Self> {
        let is_small = side <= SMALL;
        let base = Self {
            parametrization: Parametrization::Fourier { decay: 1.4 },
            decorrelate: channels == 3,
            range: Range::Sigmoid,
            // Far smaller at times, so that one whole thing is drawn and not its texture all over.
            transforms: vec![
                Transform::Jitter((side / 7).max(1)),
                Transform::Scale(0.5, 1.1),
                Transform::Rotate(8.0),
                Transform::Jitter(4),
            ],
            optimizer: Optimizer::Adam,
            learning_rate: 0.012,
            copies: 2,
            input_noise: 0.12,
            l2: 3.0,
            tv: 16.0,
            background: None,
            blur: None,
            gradient_blur: 0.0,
            clip: 0.0,
            diversity: 0.0,
            redirect: false,
            octaves: Octaves {
                count: 3,
                factor: 1.5,
            },
            noise: 0.01,
        };
        let once = Self {
            octaves: Octaves {
                count: 1,
                ..base.octaves
            },
            copies: 1,
            ..base.clone()
        };
        let gentle = Self {
            parametrization: Parametrization::Fourier { decay: 1.5 },
            transforms: vec![
                Transform::Jitter(2),
                Transform::Scale(0.65, 1.2),
                Transform::Rotate(5.0),
            ],
            learning_rate: 0.08,
            l2: 0.3,
            tv: 2.0,
            background: (channels == 1).then_some(DARK),
            redirect: true,
            input_noise: 0.0,
            noise: 0.1,
            ..once.clone()
        };
        match name {
            "natural" => Ok(base),
            "pattern" if is_small => Ok(Self {
                // A map's mean is a far smaller number than a logit: held back as one, most early channels stay noise.
                l2: 0.03,
                tv: 0.2,
                ..gentle
            }),
            "pattern" => Ok(Self {
                parametrization: Parametrization::Fourier { decay: 1.5 },
                transforms: vec![
                    Transform::Jitter((side / 14).max(1)),
                    Transform::Scale(0.85, 1.1),
                    Transform::Rotate(8.0),
                    Transform::Jitter((side / 56).max(1)),
                ],
                learning_rate: 0.02,
                l2: 0.5,
                tv: 20.0,
                octaves: Octaves {
                    count: 2,
                    factor: 1.4,
                },
                ..once
            }),
            "gentle" => Ok(gentle),
            "lucid" => Ok(Self {
                parametrization: Parametrization::Fourier { decay: 1.0 },
                transforms: vec![
                    Transform::Pad(12),
                    Transform::Jitter(8),
                    Transform::Scale(0.9, 1.1),
                    Transform::Rotate(10.0),
                    Transform::Jitter(4),
                ],
                learning_rate: 0.05,
                l2: 0.0,
                tv: 0.0,
                input_noise: 0.0,
                redirect: true,
                ..once
            }),
            "plain" => Ok(Self {
                parametrization: Parametrization::Pixel,
                decorrelate: false,
                range: Range::Free,
                transforms: Vec::new(),
                optimizer: Optimizer::Sgd,
                learning_rate: if is_small { 0.1 } else { 1.0 },
                l2: 1e-3,
                tv: 0.0,
                input_noise: 0.0,
                ..once
            }),
            _ => Err(Error::bad_argument(format!(
                "synthesize: there is no preset '{name}'; there are {}",
                PRESETS.join(", ")
            ))),
        }
    }

    /// That every number is within its range and options that exclude each other are not given together.
    ///
    /// # Errors
    /// `bad_argument` with the option, what it was and what it may be.
    pub fn check(&self, call: &str, [height, width]: [usize; 2]) -> Result<()> {
        let side = height.min(width);
        let within = |name: &str, value, least, most| within(call, name, value, least, most);
        let count = |name: &str, value, least, most| count(call, name, value, least, most);
        within("learningRate", self.learning_rate, 1e-6, 1e6)?;
        within("l2", self.l2, 0.0, 1e6)?;
        within("tv", self.tv, 0.0, 1e6)?;
        within("diversity", self.diversity, 0.0, 1e6)?;
        within("inputNoise", self.input_noise, 0.0, 4.0)?;
        within("background", self.background.unwrap_or(0.0), 0.0, 1.0)?;
        count("copies", self.copies, 1, 64)?;
        within("noise", self.noise, 0.0, 10.0)?;
        within("clip", self.clip, 0.0, 1.0)?;
        within("gradientBlur", self.gradient_blur, 0.0, 20.0)?;
        within("octaveFactor", self.octaves.factor, 1.05, 4.0)?;
        count("octaves", self.octaves.count, 1, 8)?;
        match self.parametrization {
            Parametrization::Fourier { decay } => within("decay", decay, 0.0, 3.0)?,
            Parametrization::Pyramid { levels } => count("levels", levels, 1, 8)?,
            Parametrization::Pixel => {}
        }
        if let Some(blur) = self.blur {
            count("blurEvery", blur.every, 1, 10_000)?;
            within("blurSigma", blur.sigma, 0.05, 20.0)?;
        }
        let is_pyramid = matches!(self.parametrization, Parametrization::Pyramid { .. });
        if self.optimizer == Optimizer::Lbfgs && is_pyramid {
            return Err(Error::bad_argument(format!(
                "{call}: optimizer \"lbfgs\" optimises one tensor, and a pyramid is several; take \"pixel\" or \"fourier\""
            )));
        }
        let smooths = self.blur.is_some() || self.gradient_blur > 0.0 || self.clip > 0.0;
        if smooths && self.parametrization != Parametrization::Pixel {
            return Err(Error::bad_argument(format!(
                "{call}: blurEvery, gradientBlur and clip work on pixels; take parametrization \"pixel\", or leave them out"
            )));
        }
        for transform in &self.transforms {
            match *transform {
                Transform::Pad(margin) => count("pad", margin, 0, side)?,
                Transform::Jitter(shift) => count("jitter", shift, 0, side)?,
                Transform::Scale(low, high) => {
                    within("scale", low, 0.25, 4.0)?;
                    within("scale", high, low, 4.0)?;
                }
                Transform::Rotate(degrees) => within("rotate", degrees, 0.0, 180.0)?,
            }
        }
        Ok(())
    }
}

/// That `value` of option `name` of `call` is from `least` to `most`.
///
/// # Errors
/// `bad_argument` if it is not.
pub(in crate::lab) fn within(
    call: &str,
    name: &str,
    value: f32,
    least: f32,
    most: f32,
) -> Result<()> {
    if value >= least && value <= most {
        Ok(())
    } else {
        Err(Error::bad_argument(format!(
            "{call}: {name} is {value}, it must be from {least} to {most}"
        )))
    }
}

/// As [`within`], for counts.
pub(in crate::lab) fn count(
    call: &str,
    name: &str,
    value: usize,
    least: usize,
    most: usize,
) -> Result<()> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(Error::bad_argument(format!(
            "{call}: {name} is {value}, it must be from {least} to {most}"
        )))
    }
}
