//! Attribution: how much each part of a picture matters to an answer. Each method is written once, over batches of
//! forward and backward passes, for both engines; names and meaning are those of Captum and pytorch-grad-cam.

use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::lens::rules::{Lrp, Rectified};
use crate::net::objective::Objective;
use crate::net::{Net, Overrides};
use crate::tensor::Tensor;

mod baseline;
mod by_rule;
mod cam;
mod eigen;
mod full_grad;
mod gradients;
mod identity;
mod layers;
mod occlusion;
mod quadrature;
mod resize;
mod rise;
mod smooth;
mod subject;

pub use baseline::Baseline;
pub use cam::resized;
pub use identity::{Identity, identities};
pub use layers::{LinearHead, layer};
pub use quadrature::Rule;
pub use subject::{Subject, predicted};

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident $name:literal [$($option:literal),*]),* $(,)?) => {
        /// An attribution method.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method {
            $($(#[$doc])* $variant,)*
        }

        impl Method {
            /// All methods.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name as in the API.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The names of the options it has beside its target.
            #[must_use]
            pub const fn options(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($option),*],)* }
            }
        }
    };
}

methods! {
    /// |∂f/∂x| (Simonyan, Vedaldi and Zisserman 2013).
    Saliency "saliency" [],
    /// ∂f/∂x with its sign.
    Gradient "gradient" [],
    /// x · ∂f/∂x (Shrikumar et al. 2016).
    InputXGradient "input_x_gradient" [],
    /// The gradient's integral along the line from a baseline (Sundararajan, Taly and Yan 2017).
    IntegratedGradients "integrated_gradients" ["steps", "rule", "baseline"],
    /// The mean gradient over noisy copies (Smilkov et al. 2017).
    SmoothGrad "smooth_grad" ["samples", "sigma", "noise"],
    /// The mean squared gradient over noisy copies (Hooker et al. 2019).
    SmoothGradSq "smooth_grad_sq" ["samples", "sigma", "noise"],
    /// The gradient's variance over noisy copies (Adebayo et al. 2018).
    VarGrad "var_grad" ["samples", "sigma", "noise"],
    /// The gradient with its positive parts alone at every rectifier, forward and backward (Springenberg et al. 2015).
    GuidedBackprop "guided_backprop" [],
    /// The gradient with its positive parts alone at every rectifier, wherever the forward pass went (Zeiler and Fergus 2014).
    Deconvnet "deconvnet" [],
    /// Differences from a baseline, dealt out by the rescale rule (Shrikumar, Greenside and Kundaje 2017).
    DeepLift "deep_lift" ["baseline"],
    /// The answer dealt out layer by layer in proportion to what was put in (Bach et al. 2015).
    Lrp "lrp" ["rule", "epsilon", "gamma", "layerRules", "low", "high"],
    /// What the answer loses when a window is covered (Zeiler and Fergus 2014).
    Occlusion "occlusion" ["window", "stride", "fill"],
    /// The mean answer to randomly masked copies, by pixel (Petsiuk, Das and Saenko 2018).
    Rise "rise" ["masks"],
    /// The picture's and every bias's contribution (Srinivas and Fleuret 2019).
    FullGrad "full_grad" [],
    /// A layer's channels weighted by the last linear layer's weights (Zhou et al. 2016).
    Cam "cam" ["layer", "relu", "resize"],
    /// Weighted by the mean gradient (Selvaraju et al. 2017).
    GradCam "grad_cam" ["layer", "relu", "resize"],
    /// Weighted by positive gradients, each position with a weight of its own (Chattopadhyay et al. 2018).
    GradCamPp "grad_cam_pp" ["layer", "relu", "resize"],
    /// Gradient times activation, position by position (Draelos and Carin 2020).
    HiResCam "hires_cam" ["layer", "relu", "resize"],
    /// Positive gradient times activation (Jiang et al. 2021).
    LayerCam "layer_cam" ["layer", "relu", "resize"],
    /// Weighted by the answer to the picture under each channel as a mask (Wang et al. 2020).
    ScoreCam "score_cam" ["layer", "relu", "resize"],
    /// The first principal component of the activations, which asks no target (Muhammad and Yeasin 2020).
    EigenCam "eigen_cam" ["layer", "relu", "resize"],
    /// Weighted by what the answer loses without each channel (Desai and Ramaswamy 2020).
    AblationCam "ablation_cam" ["layer", "relu", "resize"],
    /// Guided backpropagation, kept where Grad-CAM is positive (Selvaraju et al. 2017).
    GuidedGradCam "guided_grad_cam" ["layer"],
}

impl std::str::FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL
            .iter()
            .copied()
            .find(|method| method.name() == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|method| method.name()).collect();
            Error::bad_argument(format!(
                "there is no attribution method '{name}'; there are {}",
                known.join(", ")
            ))
        })
    }
}

/// What methods may be told; each looks at its own options.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What is explained; without it, each picture's own predicted class's logit.
    pub target: Option<Objective>,
    /// Points of the path of integrated gradients, from 1.
    pub steps: usize,
    /// How the path is sampled.
    pub rule: Rule,
    /// Where the path starts.
    pub baseline: Baseline,
    /// Noisy copies, from 1 (2 for a variance).
    pub samples: usize,
    /// The noise's deviation as a share of max − min of each picture, from 0.
    pub sigma: f32,
    /// Noise (samples, C, H, W) added as it is, instead of drawing it.
    pub noise: Option<Tensor>,
    /// Rows and columns of the occluding window; a seventh of the shorter side if not given.
    pub window: Option<[usize; 2]>,
    /// The window's steps, at most its size; half of it if not given.
    pub stride: Option<[usize; 2]>,
    /// What the window shows.
    pub fill: Baseline,
    /// The rules of layer-wise relevance propagation.
    pub lrp: Lrp,
    /// Random masks, from 1.
    pub masks: usize,
    /// Masks (count, 1, H, W) instead of drawing them.
    pub given_masks: Option<Tensor>,
    /// Where class activation maps look; the last convolution's activation if not given.
    pub layer: Option<String>,
    /// Whether class activation maps keep what is positive only.
    pub relu: bool,
    /// Whether class activation maps come at the picture's size.
    pub resize: bool,
    /// Of everything that is drawn.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: None,
            steps: 50,
            rule: Rule::GaussLegendre,
            baseline: Baseline::Zero,
            samples: 50,
            sigma: 0.15,
            noise: None,
            window: None,
            stride: None,
            fill: Baseline::Zero,
            lrp: Lrp::default(),
            masks: 1000,
            given_masks: None,
            layer: None,
            relu: true,
            resize: false,
            seed: 0,
        }
    }
}

/// The attribution of pictures (N, C, H, W): (N, C, H, W) for methods that attribute to the picture, (N, 1, h, w) for those
/// that look at a layer, (N, 1, H, W) for full gradients.
///
/// # Errors
/// `bad_argument` for a setting out of range; those of [`Net::gradient`].
pub async fn attribute(
    net: &Net,
    images: &Tensor,
    method: Method,
    settings: &Settings,
    overrides: &Overrides,
    control: &Control,
) -> Result<Tensor> {
    let subject = Subject::new(net, images, settings.target.clone(), overrides, control).await?;
    match method {
        Method::Saliency => gradients::saliency(&subject).await,
        Method::Gradient => gradients::gradient(&subject).await,
        Method::InputXGradient => gradients::input_x_gradient(&subject).await,
        Method::IntegratedGradients => gradients::integrated(&subject, settings).await,
        Method::SmoothGrad => smooth::mean(&subject, settings).await,
        Method::SmoothGradSq => smooth::mean_square(&subject, settings).await,
        Method::VarGrad => smooth::variance(&subject, settings).await,
        Method::GuidedBackprop => by_rule::rectifying(&subject, Rectified::Guided).await,
        Method::Deconvnet => by_rule::rectifying(&subject, Rectified::Deconvnet).await,
        Method::DeepLift => by_rule::rescaling(&subject, settings).await,
        Method::Lrp => by_rule::relevance(&subject, settings).await,
        Method::Occlusion => occlusion::occlusion(&subject, settings).await,
        Method::Rise => rise::rise(&subject, settings).await,
        Method::GuidedGradCam => cam::guided_grad_cam(&subject, settings).await,
        Method::FullGrad => full_grad::full_grad(&subject).await,
        Method::Cam
        | Method::GradCam
        | Method::GradCamPp
        | Method::HiResCam
        | Method::LayerCam
        | Method::ScoreCam
        | Method::EigenCam
        | Method::AblationCam => cam::map(&subject, method, settings).await,
    }
}
