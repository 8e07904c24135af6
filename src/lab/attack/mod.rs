//! Attacks: small changes that make a network err, each written once over whatever can be attacked, pictures in and
//! pictures out, many at a time.

mod cw;
mod deepfool;
mod hop_skip_jump;
mod iterative;
mod jsma;
mod method;
mod noise;
mod origin;
mod patch;
mod run;
mod single_pixel;
mod smallest;
mod space;
mod square;
mod surface;
mod universal;
pub mod victim;

pub use crate::net::slopes::{Loss, Slope};
pub use cw::Cw;
pub use deepfool::DeepFool;
pub use hop_skip_jump::HopSkipJump;
pub use iterative::{Fgsm, MiFgsm, Pgd};
pub use jsma::Jsma;
pub use method::{Abilities, Budget, Knowledge, Method};
pub use noise::{Distribution, Noise};
pub use origin::Origin;
pub use patch::Patch;
pub use run::argmax;
pub use single_pixel::{Search, SinglePixel};
pub use smallest::{Smallest, smallest_epsilon};
pub use space::{Bounds, Distance, Norm, gather, row};
pub use square::Square;
pub use surface::{Surface, loss_surface};
pub use universal::Universal;
pub use victim::{Plain, Units, Victim};

use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::tensor::{Shape, Tensor};
use run::{Run, classes_of};

/// The budget of attacks that have one, unless told otherwise.
pub const EPSILON: f32 = 8.0 / 255.0;

/// Steps that an attack may have.
pub const MOST_STEPS: usize = 1_000_000;

/// What counts as success, for each picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// Any class but this one.
    Untargeted(Vec<usize>),
    /// This class.
    Targeted(Vec<usize>),
}

impl Goal {
    /// Whether logits say what was wanted for a picture.
    #[must_use]
    pub fn is_reached(&self, picture: usize, logits: &[f32]) -> bool {
        let answer = run::argmax(logits);
        match self {
            Self::Untargeted(labels) => answer != labels[picture],
            Self::Targeted(targets) => answer == targets[picture],
        }
    }

    /// The class that is to be left, or reached.
    #[must_use]
    pub fn class(&self, picture: usize) -> usize {
        self.classes()[picture]
    }

    /// That of some of the pictures.
    fn of(&self, some: &[usize]) -> Self {
        let classes = some.iter().map(|&picture| self.class(picture)).collect();
        match self {
            Self::Untargeted(_) => Self::Untargeted(classes),
            Self::Targeted(_) => Self::Targeted(classes),
        }
    }

    fn classes(&self) -> &[usize] {
        match self {
            Self::Untargeted(classes) | Self::Targeted(classes) => classes,
        }
    }

    /// Whether a class is to be reached.
    #[must_use]
    pub const fn is_targeted(&self) -> bool {
        matches!(self, Self::Targeted(_))
    }
}

/// An attack with its settings.
#[derive(Debug, Clone, PartialEq)]
pub enum Attack {
    /// One step along the gradient's signs.
    Fgsm(Fgsm),
    /// Many steps, each brought back into the budget.
    Pgd(Pgd),
    /// Many steps along a running mean of gradients.
    MiFgsm(MiFgsm),
    /// The nearest boundary of the linearised network, again and again.
    DeepFool(DeepFool),
    /// The nearest picture beyond the boundary, by Adam.
    Cw(Cw),
    /// The most salient pixels.
    Jsma(Jsma),
    /// One pixel, or a few.
    SinglePixel(SinglePixel),
    /// Random squares, by the network's scores.
    Square(Square),
    /// Along the boundary, by the network's decisions.
    HopSkipJump(HopSkipJump),
    /// One change for many pictures.
    Universal(Universal),
    /// A part of the picture painted over.
    Patch(Patch),
    /// Random changes.
    Noise(Noise),
}

impl Attack {
    /// Which one it is.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self {
            Self::Fgsm(_) => Method::Fgsm,
            Self::Pgd(_) => Method::Pgd,
            Self::MiFgsm(_) => Method::MiFgsm,
            Self::DeepFool(_) => Method::DeepFool,
            Self::Cw(_) => Method::Cw,
            Self::Jsma(_) => Method::Jsma,
            Self::SinglePixel(_) => Method::SinglePixel,
            Self::Square(_) => Method::Square,
            Self::HopSkipJump(_) => Method::HopSkipJump,
            Self::Universal(_) => Method::Universal,
            Self::Patch(_) => Method::Patch,
            Self::Noise(_) => Method::Noise,
        }
    }
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// (N, C, H, W) in attack units.
    pub pictures: Tensor,
    /// The class of each picture; what the victim takes it for, if not given.
    pub labels: Option<Vec<usize>>,
    /// The class that each picture shall be taken for; any but its own, if not given.
    pub targets: Option<Vec<usize>>,
    /// What no pixel may leave.
    pub bounds: Bounds,
    /// How.
    pub attack: Attack,
    /// Whether each picture's run ends at its first success.
    pub early_stop: bool,
    /// Of everything that is drawn.
    pub seed: u64,
    /// Steps between looks; 0 for none.
    pub every: usize,
}

/// A look at a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Steps done when the pictures were as they are.
    pub step: usize,
    /// (N, C, H, W) in attack units.
    pub pictures: Tensor,
    /// Which of them succeed, as far as is known.
    pub success: Vec<bool>,
    /// What the attack raises, for each picture.
    pub values: Vec<f32>,
    /// The candidates of an evolution.
    pub population: Option<Population>,
    /// What one pixel can do, as far as was tried.
    pub damage: Option<Tensor>,
    /// The patch as it is.
    pub patch: Option<Tensor>,
}

impl Look {
    fn new(step: usize, pictures: &Tensor, success: Vec<bool>, values: &[f32]) -> Self {
        Self {
            step,
            pictures: pictures.clone(),
            success,
            values: values.to_vec(),
            population: None,
            damage: None,
            patch: None,
        }
    }
}

/// The candidates of an evolution.
#[derive(Debug, Clone, PartialEq)]
pub struct Population {
    /// (N, candidates, pixels, 2 + C): each pixel's row, column and colour in attack units.
    pub members: Tensor,
    /// The margin of each, (N, candidates).
    pub values: Vec<f32>,
}

/// What some attacks give beside the pictures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extra {
    /// (N, 1, H, W): how much of the label's probability the worst colour of each pixel alone takes away, or adds to the
    /// target's.
    pub damage: Option<Tensor>,
    /// (1, C, H, W) in attack units: the one change of all pictures.
    pub perturbation: Option<Tensor>,
    /// (1, C, rows, columns) in attack units.
    pub patch: Option<Tensor>,
}

/// What an attack gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// (N, C, H, W) in attack units.
    pub pictures: Tensor,
    /// What was to be left or reached.
    pub goal: Goal,
    /// Which pictures reach the goal.
    pub success: Vec<bool>,
    /// Steps taken for each picture.
    pub steps: Vec<usize>,
    /// How often the network was asked about each picture; a gradient counts as one answer.
    pub queries: Vec<usize>,
    /// How far each picture went.
    pub distances: Vec<Distance>,
    /// What came of it beside.
    pub extra: Extra,
    /// The logits (N, K) before.
    pub before: Tensor,
    /// And after.
    pub after: Tensor,
}

/// Attacks pictures. `on_look` sees them every so many steps and says whether to go on.
///
/// # Errors
/// `bad_argument` for settings out of range or classes that do not exist; `bad_image` for pictures of another shape;
/// `aborted`; those of the victim.
pub async fn attack<V: Victim>(
    victim: &V,
    request: &Request,
    control: &Control,
    on_look: impl AsyncFnMut(Look) -> Result<bool>,
) -> Result<Outcome> {
    let shape = check(victim, request)?;
    let count = shape.n();
    let mut run = Run::new(victim, request, control, on_look);
    run.begin(request).await?;
    let pictures = match &request.attack {
        Attack::Fgsm(Fgsm { epsilon })
        | Attack::Pgd(Pgd { epsilon, .. })
        | Attack::MiFgsm(MiFgsm { epsilon, .. }) => {
            let budgets = vec![*epsilon; count];
            iterative::with_budgets(&mut run, &request.attack, &budgets).await
        }
        Attack::DeepFool(settings) => deepfool::deepfool(&mut run, settings).await,
        Attack::Cw(settings) => cw::cw(&mut run, settings).await,
        Attack::Jsma(settings) => jsma::jsma(&mut run, settings).await,
        Attack::SinglePixel(settings) => single_pixel::single_pixel(&mut run, settings).await,
        Attack::Square(settings) => square::square(&mut run, settings).await,
        Attack::HopSkipJump(settings) => hop_skip_jump::hop_skip_jump(&mut run, settings).await,
        Attack::Universal(settings) => universal::universal(&mut run, settings).await,
        Attack::Patch(settings) => patch::patch(&mut run, settings).await,
        Attack::Noise(settings) => noise::noise(&mut run, settings).await,
    }?;
    let all: Vec<usize> = (0..count).collect();
    let (queries, steps) = (run.queries.clone(), run.steps.clone());
    let after = run.logits(&all, &pictures).await?;
    run.finish();
    Ok(Outcome {
        success: run.reached(&all, &after),
        steps,
        queries,
        distances: (0..count)
            .map(|index| {
                let start = row(&request.pictures, index);
                Distance::between(row(&pictures, index), start, shape.plane())
            })
            .collect(),
        goal: run.goal,
        extra: run.extra,
        pictures,
        before: run.before,
        after,
    })
}

/// What is to be left or reached.
fn goal(request: &Request, before: &Tensor, classes: usize, count: usize) -> Result<Goal> {
    let check = |name: &str, given: &[usize]| {
        if given.len() != count {
            return Err(Error::bad_argument(format!(
                "attack: {name} has {} classes for {count} pictures; give one for each",
                given.len()
            )));
        }
        match given.iter().find(|&&class| class >= classes) {
            Some(class) => Err(Error::bad_argument(format!(
                "attack: {name} is {class}; this network has classes 0 to {}",
                classes - 1
            ))),
            None => Ok(()),
        }
    };
    let labels = match &request.labels {
        Some(labels) => {
            check("label", labels)?;
            labels.clone()
        }
        None => classes_of(before),
    };
    let Some(targets) = &request.targets else {
        return Ok(Goal::Untargeted(labels));
    };
    check("target", targets)?;
    if let Some(reason) = request.attack.method().abilities().targeted {
        return Err(Error::bad_argument(format!(
            "attack: {} has no target: {reason}",
            request.attack.method().name()
        )));
    }
    Ok(Goal::Targeted(targets.clone()))
}

fn check<V: Victim>(victim: &V, request: &Request) -> Result<Shape> {
    let (shape, expected) = (request.pictures.activation_shape(), victim.shape());
    if shape.is_empty() || shape.with_n(1) != expected {
        return Err(Error::bad_image(format!(
            "this network takes pictures [N, {}, {}, {}], this tensor is {:?}",
            expected.c(),
            expected.h(),
            expected.w(),
            request.pictures.shape()
        )));
    }
    if victim.classes() < 2 {
        return Err(Error::bad_argument(
            "attack: this network knows one class only, so that it cannot take a picture for another",
        ));
    }
    request.bounds.check(&request.pictures)?;
    let method = request.attack.method();
    if let (Some(reason), false) = (method.abilities().unbounded, request.bounds.is_finite()) {
        return Err(Error::bad_argument(format!(
            "attack: {} needs min and max: {reason}",
            method.name()
        )));
    }
    let one = shape.with_n(1);
    match &request.attack {
        Attack::Fgsm(settings) => settings.check(),
        Attack::Pgd(settings) => settings.check(),
        Attack::MiFgsm(settings) => settings.check(),
        Attack::DeepFool(settings) => settings.check(),
        Attack::Cw(settings) => settings.check(),
        Attack::Jsma(settings) => settings.check(),
        Attack::SinglePixel(settings) => settings.check(one),
        Attack::Square(settings) => settings.check(),
        Attack::HopSkipJump(settings) => {
            settings.check(&request.pictures, request.targets.is_some())
        }
        Attack::Universal(settings) => settings.check(),
        Attack::Patch(settings) => settings.check(one),
        Attack::Noise(settings) => settings.check(),
    }?;
    Ok(shape)
}

/// Refuses a number outside its range, with a sentence.
fn within(name: &str, value: f32, range: std::ops::RangeInclusive<f32>, words: &str) -> Result<()> {
    if range.contains(&value) && value.is_finite() {
        Ok(())
    } else {
        Err(Error::bad_argument(format!(
            "attack: {name} must be {words}, not {value}"
        )))
    }
}

/// Refuses a count outside its range, with a sentence.
fn counted(name: &str, value: usize, least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(Error::bad_argument(format!(
            "attack: {name} is {value}, it may be from {least} to {most}"
        )))
    }
}
