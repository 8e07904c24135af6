//! What makes `fashion-robust` robust, and how it is tested.

use std::collections::HashMap;

use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::error::Result;
use convscope::lab::attack::{self, Attack, Bounds, Origin, Pgd, Plain, Request, Units};
use convscope::lab::train::Adversary;
use convscope::load::data;
use convscope::net::{Net, Overrides};
use convscope::tensor::Tensor;

use crate::pictures::{DEVIATION, DataSet, MEAN, WIDTH, picture};
use crate::{SEED, THREADS, count_correct};

/// ε of the attack that `fashion-robust` learns to bear, on pixels from 0 to 1.
pub const EPSILON: f32 = 8.0 / 255.0;

/// The steps of that attack, and how far each goes.
pub const ATTACK: (usize, f32) = (4, 3.0 / 255.0);

/// The attack that it is tested with: steps, how far each goes, restarts; and on how many of the first test pictures.
pub const TEST: (usize, f32, usize) = (20, 2.0 / 255.0, 5);
pub const TESTED: usize = 1000;

/// What pixels are to attacks.
fn units() -> (Units, Bounds) {
    let units = Units {
        mean: vec![MEAN],
        std: vec![DEVIATION],
    };
    (units, Bounds::pixels(1))
}

/// What `fashion-robust` learns from.
pub fn adversary() -> Adversary {
    let (steps, size) = ATTACK;
    let (units, bounds) = units();
    Adversary::pgd(EPSILON, steps, size, units, bounds)
}

/// Percent of the first test pictures that are right, before and under the attack that tests.
pub fn test_robustness(
    graph: &str,
    parameters: &HashMap<String, Tensor>,
    set: &DataSet,
) -> Result<[f32; 2]> {
    let net = Net::new(
        data::load(graph, parameters)?,
        parameters.clone(),
        Engine::Cpu,
    );
    let pictures: Vec<f32> = (0..TESTED).flat_map(|i| picture(set, i, [1, 1])).collect();
    let pictures = Tensor::new(pictures, [TESTED, 1, WIDTH, WIDTH])?;
    let (units, bounds) = units();
    let origin = Origin::new(pictures, units.clone(), bounds.clone())?;
    let (overrides, control) = (Overrides::new(), Control::new());
    let (steps, size, restarts) = TEST;
    let request = Request {
        pictures: origin.start().clone(),
        labels: Some(set.labels[..TESTED].to_vec()),
        targets: None,
        bounds,
        attack: Attack::Pgd(Pgd {
            epsilon: EPSILON,
            steps,
            step_size: Some(size),
            restarts,
            random_start: true,
            ..Pgd::default()
        }),
        early_stop: true,
        seed: SEED,
        every: 0,
    };
    let victim = Plain::new(&net, units, &overrides, &control)?;
    let unseen = async |_: attack::Look| Ok(true);
    let outcome = pollster::block_on(attack::attack(&victim, &request, &control, unseen))?;
    let percent = |count: usize| 100.0 * count as f32 / TESTED as f32;
    let clean = count_correct(outcome.before.data(), set.labels.iter().copied());
    let fooled = outcome.success.iter().filter(|&&success| success).count();
    Ok([percent(clean), percent(TESTED - fooled)])
}

/// What is done to the pictures of a batch before the network learns from them.
pub struct Harden<'a> {
    pub graph: &'a str,
    pub adversary: Option<&'a Adversary>,
    pub seed: u64,
}

impl Harden<'_> {
    /// A thread's share of the batch, as many pictures as labels, in model space.
    pub fn pictures(
        &self,
        pictures: Vec<f32>,
        labels: &[usize],
        parameters: &HashMap<String, Tensor>,
        thread: usize,
    ) -> Result<Vec<f32>> {
        let Some(adversary) = self.adversary else {
            return Ok(pictures);
        };
        let net = Net::new(
            data::load(self.graph, parameters)?,
            parameters.clone(),
            Engine::Cpu,
        );
        let images = Tensor::new(pictures, [labels.len(), 1, WIDTH, WIDTH])?;
        let seed = self.seed.wrapping_mul(THREADS as u64) + thread as u64;
        let control = Control::new();
        let hard = adversary.harden(&net, images, labels, seed, &control);
        Ok(pollster::block_on(hard)?.into_data())
    }
}
