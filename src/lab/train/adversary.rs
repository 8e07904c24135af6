//! Adversarial training: each step learns from pictures that were made hard for the network as it stands (Madry et al. 2018;
//! with one step from a random start, Wong, Rice and Kolter 2020).

use crate::engine::control::Control;
use crate::error::Result;
use crate::lab::attack::{self, Attack, Bounds, Origin, Pgd, Plain, Request, Units};
use crate::net::{Net, Overrides};
use crate::tensor::Tensor;

/// How pictures are made hard.
#[derive(Debug, Clone, PartialEq)]
pub struct Adversary {
    /// The attack.
    pub attack: Attack,
    /// From attack units to the network's.
    pub units: Units,
    /// What no pixel may leave, in attack units.
    pub bounds: Bounds,
}

impl Adversary {
    /// `steps` steps of `step_size` along the gradient's signs, from a random start within ±`epsilon`.
    #[must_use]
    pub const fn pgd(
        epsilon: f32,
        steps: usize,
        step_size: f32,
        units: Units,
        bounds: Bounds,
    ) -> Self {
        let attack = Attack::Pgd(Pgd {
            epsilon,
            norm: attack::Norm::Linf,
            steps,
            step_size: Some(step_size),
            restarts: 1,
            random_start: true,
        });
        Self {
            attack,
            units,
            bounds,
        }
    }

    /// Pictures (N, C, H, W) in model space as the attack leaves them, batch norms in evaluation mode.
    ///
    /// # Errors
    /// As [`attack::attack`].
    pub async fn harden(
        &self,
        net: &Net,
        images: Tensor,
        labels: &[usize],
        seed: u64,
        control: &Control,
    ) -> Result<Tensor> {
        let (overrides, quiet) = (Overrides::new(), control.quiet());
        let victim = Plain::new(net, self.units.clone(), &overrides, &quiet)?;
        let origin = Origin::new(images, self.units.clone(), self.bounds.clone())?;
        let request = Request {
            pictures: origin.start().clone(),
            labels: Some(labels.to_vec()),
            targets: None,
            bounds: self.bounds.clone(),
            attack: self.attack.clone(),
            early_stop: false,
            seed,
            every: 0,
        };
        let outcome = attack::attack(&victim, &request, &quiet, async |_| Ok(true)).await?;
        origin.back(&outcome.pictures)
    }
}
