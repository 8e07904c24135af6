//! Feature squeezing (Xu, Evans and Qi 2018): what a network says of a picture should not change when detail is squeezed out
//! that no person would miss.

use crate::error::Result;
use crate::lab::attack::Victim;
use crate::lab::filters::{Filter, Pixels};
use crate::lens::prediction::probabilities;
use crate::tensor::Tensor;

/// How to detect.
#[derive(Debug, Clone, PartialEq)]
pub struct Squeezing {
    /// What squeezes, each on its own.
    pub squeezers: Vec<Filter>,
    /// The score above which a picture is refused, 0 to 2.
    pub threshold: f64,
}

impl Default for Squeezing {
    /// The joint detector of bit depth 5 and a median of 2 × 2.
    fn default() -> Self {
        Self {
            squeezers: vec![Filter::BitDepth { bits: 5 }, Filter::Median { size: 2 }],
            threshold: 0.5,
        }
    }
}

/// What squeezing tells of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// The greatest of the distances.
    pub score: f64,
    /// Whether the score is above the threshold.
    pub detected: bool,
    /// ‖p(x) − p(squeezed x)‖₁ of the probabilities p, 0 to 2, for each squeezer.
    pub distances: Vec<f64>,
}

/// The detection of each of the pictures (N, C, H, W), and the picture of the squeezer with the greatest distance.
///
/// # Errors
/// Those of the victim and the filters.
pub async fn detect<V: Victim>(
    victim: &V,
    pictures: &Tensor,
    pixels: &Pixels,
    settings: &Squeezing,
) -> Result<(Vec<Detection>, Tensor)> {
    let shape = pictures.activation_shape();
    let before = probabilities(&victim.logits(pictures).await?)?;
    let mut detections = vec![
        Detection {
            score: 0.0,
            detected: false,
            distances: Vec::new(),
        };
        shape.n()
    ];
    let mut shown = pictures.clone();
    for squeezer in &settings.squeezers {
        let squeezed = squeezer.apply(pictures, pixels, 0)?;
        let after = probabilities(&victim.logits(&squeezed).await?)?;
        for (index, detection) in detections.iter_mut().enumerate() {
            let row = |of: &Tensor| {
                let classes = victim.classes();
                of.data()[index * classes..][..classes].to_vec()
            };
            let pairs = row(&before).into_iter().zip(row(&after));
            let distance: f64 = pairs.map(|(a, b)| f64::from((a - b).abs())).sum();
            if distance > detection.score {
                detection.score = distance;
                let range = index * shape.picture()..(index + 1) * shape.picture();
                shown.data_mut()[range.clone()].copy_from_slice(&squeezed.data()[range]);
            }
            detection.distances.push(distance);
            detection.detected = detection.score > settings.threshold;
        }
    }
    Ok((detections, shown))
}
