//! The ladder: attacks against defences over a set of pictures, at several budgets, and whether what comes out of it can be
//! believed.

mod lights;

pub use lights::{Light, lights};

use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::lab::attack::{self, Attack, Bounds, Knowledge, Request, Victim, gather};
use crate::lab::defence::{Defence, Defended, verdicts};
use crate::lab::filters::Pixels;
use crate::tensor::Tensor;

/// A PGD without a step size goes 2.5 times its budget in all, so that it reaches the far side (Madry et al. 2018).
const REACH: f32 = 2.5;

/// What is played.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    /// Attacks with a fixed budget; the one they hold is replaced.
    pub attacks: Vec<Attack>,
    /// Who is attacked.
    pub rungs: Vec<Rung>,
    /// The budgets, rising, in attack units.
    pub epsilons: Vec<f32>,
    /// What no pixel may leave.
    pub bounds: Bounds,
    /// What pixels are in attack units.
    pub pixels: Pixels,
    /// Of everything that is drawn.
    pub seed: u64,
}

/// A network with or without a defence.
#[derive(Debug, Clone, PartialEq)]
pub struct Rung {
    /// What stands before it.
    pub defence: Option<Defence>,
    /// Whether attacks know the defence; else they attack the network alone, and the defended one is judged.
    pub adaptive: bool,
}

/// How one attack at one budget went against one rung.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Which rung.
    pub rung: usize,
    /// Which attack.
    pub attack: usize,
    /// Which budget.
    pub epsilon: usize,
    /// The share of all pictures that are still taken for what they are, or refused.
    pub accuracy: f64,
    /// The share of those that were right before and no longer are.
    pub success: f64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The share of pictures that each rung takes for what they are, without an attack.
    pub clean: Vec<f64>,
    /// By rung, attack and budget.
    pub cells: Vec<Cell>,
    /// By rung.
    pub lights: Vec<Vec<Light>>,
}

/// Whether an attack can be on the ladder: the same one at another budget.
///
/// # Errors
/// `bad_argument` for attacks that look for the smallest change instead.
pub fn at_budget(attack: &Attack, budget: f32) -> Result<Attack> {
    let mut attack = attack.clone();
    match &mut attack {
        Attack::Fgsm(settings) => settings.epsilon = budget,
        Attack::Pgd(settings) => {
            settings.epsilon = budget;
            settings.step_size = settings
                .step_size
                .or(Some(REACH * budget / settings.steps as f32))
                .filter(|&size| size > 0.0);
        }
        Attack::MiFgsm(settings) => settings.epsilon = budget,
        Attack::Noise(settings) => settings.epsilon = budget,
        Attack::Square(settings) => settings.epsilon = budget,
        Attack::Universal(settings) => settings.epsilon = budget,
        _ => {
            return Err(Error::bad_argument(format!(
                "{} looks for the smallest change and has no budget; take an attack with an epsilon",
                attack.method().name()
            )));
        }
    }
    Ok(attack)
}

/// Plays every attack at every budget against every rung, on pictures (N, C, H, W) in attack units with a class each.
/// `on_cell` sees each cell and says whether to go on.
///
/// # Errors
/// As [`attack::attack`]; `bad_argument` for budgets that do not rise.
pub async fn play<V: Victim>(
    victim: &V,
    pictures: &Tensor,
    labels: &[usize],
    ladder: &Ladder,
    control: &Control,
    mut on_cell: impl AsyncFnMut(&Cell, f64) -> Result<bool>,
) -> Result<Outcome> {
    if ladder.epsilons.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(Error::bad_argument("robustness: epsilons must rise"));
    }
    let each = ladder.attacks.len() * ladder.epsilons.len();
    let total = ladder.rungs.len() * each;
    let (mut clean, mut cells) = (Vec::new(), Vec::new());
    'rungs: for (index, rung) in ladder.rungs.iter().enumerate() {
        let game = Match {
            victim,
            rung,
            ladder,
        };
        let verdicts = game.verdicts(pictures, control).await?;
        let right: Vec<usize> = (0..labels.len())
            .filter(|&picture| verdicts[picture] == Some(labels[picture]))
            .collect();
        let share = right.len() as f64 / labels.len().max(1) as f64;
        clean.push(share);
        for (number, attack) in ladder.attacks.iter().enumerate() {
            for (step, &epsilon) in ladder.epsilons.iter().enumerate() {
                let broken = game
                    .broken(
                        pictures,
                        labels,
                        &right,
                        &at_budget(attack, epsilon)?,
                        control,
                    )
                    .await?;
                let cell = Cell {
                    rung: index,
                    attack: number,
                    epsilon: step,
                    accuracy: (right.len() - broken) as f64 / labels.len().max(1) as f64,
                    success: broken as f64 / right.len().max(1) as f64,
                };
                cells.push(cell);
                control.progress(cells.len(), total);
                if !on_cell(&cell, share).await? {
                    break 'rungs;
                }
            }
        }
    }
    let lights = lights(ladder, &cells, labels.len());
    Ok(Outcome {
        clean,
        cells,
        lights,
    })
}

/// One rung in play.
struct Match<'a, V> {
    victim: &'a V,
    rung: &'a Rung,
    ladder: &'a Ladder,
}

impl<V: Victim> Match<'_, V> {
    /// The class of each picture, `None` for those that are refused.
    async fn verdicts(&self, pictures: &Tensor, control: &Control) -> Result<Vec<Option<usize>>> {
        let Ladder { pixels, seed, .. } = self.ladder;
        let defence = self.rung.defence.as_ref();
        verdicts(self.victim, defence, pixels, pictures, *seed, control).await
    }

    /// How many of the pictures that are `right` an attack makes wrong.
    async fn broken(
        &self,
        pictures: &Tensor,
        labels: &[usize],
        right: &[usize],
        attack: &Attack,
        control: &Control,
    ) -> Result<usize> {
        if right.is_empty() {
            return Ok(0);
        }
        let labels: Vec<usize> = right.iter().map(|&picture| labels[picture]).collect();
        let request = Request {
            pictures: gather(pictures, right)?,
            labels: Some(labels.clone()),
            targets: None,
            bounds: self.ladder.bounds.clone(),
            attack: attack.clone(),
            // Where the attack does not see what is judged, or chance decides, the first success means little.
            early_stop: match &self.rung.defence {
                None => true,
                Some(Defence::Filter { filter, .. }) => self.rung.adaptive && !filter.is_random(),
                Some(_) => false,
            },
            seed: self.ladder.seed,
            every: 0,
        };
        let quiet = control.quiet();
        let unseen = async |_: attack::Look| Ok(true);
        let outcome = match &self.rung.defence {
            Some(defence) if self.rung.adaptive => {
                let (pixels, seed) = (&self.ladder.pixels, self.ladder.seed);
                let defended = Defended::new(self.victim, defence, pixels, seed);
                attack::attack(&defended, &request, &quiet, unseen).await?
            }
            _ => attack::attack(self.victim, &request, &quiet, unseen).await?,
        };
        let verdicts = self.verdicts(&outcome.pictures, control).await?;
        let wrong = verdicts.iter().zip(&labels);
        Ok(wrong
            .filter(|(verdict, label)| verdict.is_some_and(|class| class != **label))
            .count())
    }
}

/// Whether an attack sees gradients.
const fn is_white_box(attack: &Attack) -> bool {
    matches!(attack.method().abilities().knowledge, Knowledge::Gradients)
}
