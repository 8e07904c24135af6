//! Training by this crate's own reverse mode, on both engines: forward, backward to every weight, and a step of SGD or Adam.

use crate::engine::Parameter;
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::lab::shortcut::Shortcut;
use crate::net::Net;
use crate::net::objective::Feeds;
use crate::random::Random;
use crate::tensor::Tensor;

mod adversary;
mod forward;
mod optimizer;
mod program;
mod start;
mod step;

pub use adversary::Adversary;
pub use optimizer::{Optimizer, Rates, Rule};
pub use program::{Pass, TrainingProgram};

use step::{Said, Stepper};

/// Streams of random numbers that one seed gives: they must not repeat each other.
const LABEL_NOISE: u64 = 0x6c61_6265;
const SHORTCUT: u64 = 0x6d61_726b;

/// Pictures in model space with a class each.
#[derive(Debug, Clone)]
pub struct Examples {
    images: Tensor,
    labels: Vec<usize>,
}

impl Examples {
    /// Pictures (N, C, H, W) and N labels.
    ///
    /// # Errors
    /// `bad_argument` if there are none, or not one label for each; `bad_image` if a value is not finite.
    pub fn new(images: Tensor, labels: Vec<usize>) -> Result<Self> {
        let count = images.activation_shape().n();
        if labels.is_empty() || labels.len() != count {
            return Err(Error::bad_argument(format!(
                "{} labels for {count} pictures; give one label for each picture, and at least one picture",
                labels.len()
            )));
        }
        if let Some(position) = images.data().iter().position(|value| !value.is_finite()) {
            let picture = position / images.activation_shape().picture();
            return Err(Error::bad_image(format!(
                "picture {picture} holds {}; pictures have finite numbers only",
                images.data()[position]
            )));
        }
        Ok(Self { images, labels })
    }

    /// The pictures.
    #[must_use]
    pub const fn images(&self) -> &Tensor {
        &self.images
    }

    /// The class of each.
    #[must_use]
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// Refuses pictures of another size than `net` takes and labels that it has no class for.
    ///
    /// # Errors
    /// `bad_image` and `bad_argument`.
    pub fn check(&self, net: &Net) -> Result<()> {
        let (own, expected) = (self.images.activation_shape(), net.input_shape());
        if own.with_n(1) != expected {
            return Err(Error::bad_image(format!(
                "this network takes pictures [N, {}, {}, {}], these are {:?}",
                expected.c(),
                expected.h(),
                expected.w(),
                self.images.shape()
            )));
        }
        let classes = net.classes()?;
        match self.labels.iter().position(|&label| label >= classes) {
            None => Ok(()),
            Some(index) => Err(Error::bad_argument(format!(
                "picture {index} has label {}, but this network has classes 0 to {}",
                self.labels[index],
                classes - 1
            ))),
        }
    }
}

/// How to train.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Steps of this call.
    pub steps: usize,
    /// Steps from one that is shown to the next, at least 1; the last one is shown, too. The network itself gets what was
    /// learnt at these steps only: between them it stays with the optimiser, on the device if there is one.
    pub every: usize,
    /// Pictures a step.
    pub batch: usize,
    /// Which step is taken, and how far.
    pub rates: Rates,
    /// The share of pictures whose label is replaced by another class, in [0, 1].
    pub label_noise: f32,
    /// A mark to be planted on the pictures of one class.
    pub shortcut: Option<Shortcut>,
    /// What makes the pictures of each step hard for the network as it stands.
    pub adversary: Option<Adversary>,
    /// Whether each epoch has an order of its own; else that of the examples.
    pub shuffle: bool,
    /// Of the orders, the label noise and the shortcut.
    pub seed: u64,
}

/// How one step went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Counted from 1 since the optimiser began.
    pub step: usize,
    /// Mean cross-entropy of the batch before the step.
    pub loss: f32,
    /// The share of the batch that was classified as labelled, before the step.
    pub accuracy: f32,
}

/// What training keeps between calls: weights, moments, and the place in the order of the pictures.
///
/// A call goes on where the last one stopped. The moments and the order begin anew when the weights were changed by
/// something else (`restore`, say), or another kind of optimiser is asked for; the order also with another seed or number of pictures.
#[derive(Debug, Default)]
pub struct Trainer {
    stepper: Option<Stepper>,
    /// Steps since the optimiser began.
    steps: usize,
    /// The version of the network's parameters that the stepper goes on from.
    version: Option<u64>,
    course: Course,
}

impl Trainer {
    /// Takes `settings.steps` steps, changing the weights of `net`; `on_step` sees every so many of them, and may change the
    /// rates of those that follow.
    ///
    /// # Errors
    /// `bad_argument` for examples or settings that do not fit, or a loss that is no longer finite, after which the network
    /// has the weights of the step that was shown last; `unsupported_op` if an operator has no gradient; `aborted`, after
    /// which the steps taken so far stand.
    pub async fn train(
        &mut self,
        net: &Net,
        examples: &Examples,
        settings: &Settings,
        control: &Control,
        on_step: impl AsyncFnMut(Step, &mut Rates) -> Result<()>,
    ) -> Result<Vec<Step>> {
        examples.check(net)?;
        let batch = settings.batch.min(examples.labels().len());
        if batch == 0 || settings.every == 0 {
            return Err(Error::bad_argument(
                "train: batch and every must be at least 1",
            ));
        }
        let (stepper, state) = self.stepper(net, batch, settings.rates.rule).await?;
        let lesson = Lesson::new(examples, settings, net.classes()?);
        let mut run = Run {
            stepper,
            state,
            net,
            behind: false,
            diverged: false,
        };
        let outcome = self
            .steps(&mut run, &lesson, settings, control, on_step)
            .await;
        // Whatever ended the call, the steps that were taken stand; after numbers that are none it begins anew.
        let caught_up = run.catch_up().await;
        let is_sound = caught_up.is_ok() && !run.diverged;
        self.version = is_sound.then(|| net.parameters().version());
        self.stepper = Some(run.stepper);
        let history = outcome?;
        caught_up?;
        Ok(history)
    }

    /// What takes the steps, and what it is fed at first: nothing if it goes on by itself.
    async fn stepper(&mut self, net: &Net, batch: usize, rule: Rule) -> Result<(Stepper, Feeds)> {
        let parameters = net.parameters();
        let before = self.stepper.take().filter(|before| before.takes(rule));
        let goes_on = before.is_some() && self.version.take() == Some(parameters.version());
        if !goes_on {
            self.steps = 0;
            self.course = Course::default();
        }
        match before {
            Some(before) if before.batch() == batch && goes_on => Ok((before, Feeds::new())),
            Some(before) if before.batch() == batch => {
                let state = before.beginning(&parameters)?;
                Ok((before, state))
            }
            Some(before) if goes_on => {
                let state = before.carried().await?;
                Ok((Stepper::new(net, batch, rule)?, state))
            }
            _ => {
                let stepper = Stepper::new(net, batch, rule)?;
                let state = stepper.beginning(&parameters)?;
                Ok((stepper, state))
            }
        }
    }

    async fn steps(
        &mut self,
        run: &mut Run<'_>,
        lesson: &Lesson<'_>,
        settings: &Settings,
        control: &Control,
        mut on_step: impl AsyncFnMut(Step, &mut Rates) -> Result<()>,
    ) -> Result<Vec<Step>> {
        let mut rates = settings.rates;
        let mut history = Vec::with_capacity(settings.steps);
        for taken in 1..=settings.steps {
            let count = lesson.labels.len();
            let indices = self.course.next(run.stepper.batch(), count, settings);
            let labels: Vec<usize> = indices.iter().map(|&i| lesson.labels[i]).collect();
            let mut pictures = lesson.pictures(&indices);
            if let Some(adversary) = &settings.adversary {
                run.catch_up().await?;
                run.check(self.steps)?;
                let shape = run.net.input_shape().with_n(indices.len());
                let images = Tensor::from_shape(pictures, shape)?;
                // Multiplied, so that the steps of neighbouring seeds have nothing in common.
                let stream = settings.seed.wrapping_mul(0x9e37_79b9);
                let seed = stream.wrapping_add(self.steps as u64);
                let hard = adversary.harden(run.net, images, &labels, seed, control);
                pictures = hard.await?.into_data();
            }
            let feeds = run
                .stepper
                .feeds(pictures, &labels, rates, self.steps + 1)?;
            let said = run.step(feeds, control).await?;
            run.check(self.steps)?;
            self.steps += 1;
            let step = Step {
                step: self.steps,
                loss: said.loss,
                accuracy: right(&said.logits, &labels),
            };
            history.push(step);
            control.progress(taken, settings.steps);
            if taken % settings.every == 0 || taken == settings.steps {
                run.catch_up().await?;
                run.check(self.steps)?;
                let version = run.net.parameters().version();
                on_step(step, &mut rates).await?;
                let parameters = run.net.parameters();
                if parameters.version() != version {
                    run.state = run.stepper.given(&parameters)?;
                }
            }
            control.step().await?;
        }
        Ok(history)
    }
}

/// A call under way.
struct Run<'n> {
    stepper: Stepper,
    /// What the next step is fed beside its batch.
    state: Feeds,
    net: &'n Net,
    /// Whether the stepper has learnt what the network does not have.
    behind: bool,
    /// Whether numbers that are none were met.
    diverged: bool,
}

impl Run<'_> {
    /// Takes a step, after which the network is behind.
    async fn step(&mut self, feeds: Feeds, control: &Control) -> Result<Said> {
        self.state.extend(feeds);
        let feeds = std::mem::take(&mut self.state);
        let parameters = self.net.parameters();
        let said = self.stepper.step(&parameters, &feeds, control).await?;
        self.behind = true;
        self.diverged |= !said.loss.is_finite();
        Ok(said)
    }

    /// Gives the network what was learnt.
    async fn catch_up(&mut self) -> Result<()> {
        if self.diverged || !std::mem::take(&mut self.behind) {
            return Ok(());
        }
        let learnt = self.stepper.learnt(&self.net.parameters()).await?;
        let is_finite = |(_, each): &(String, Parameter)| each.values.iter().all(|v| v.is_finite());
        self.diverged = !learnt.iter().all(is_finite);
        if !self.diverged {
            self.net.set_parameters(learnt);
        }
        Ok(())
    }

    /// Refuses to go on with numbers that are none.
    fn check(&self, steps: usize) -> Result<()> {
        if self.diverged {
            return Err(Error::bad_argument(format!(
                "train: the loss is no longer finite after {steps} steps; lower learningRate, then reset or restore the network"
            )));
        }
        Ok(())
    }
}

/// The share of a batch whose greatest logit is its label's.
fn right(logits: &[f32], labels: &[usize]) -> f32 {
    let rows = logits.chunks_exact(logits.len() / labels.len());
    let right = rows
        .zip(labels)
        .filter(|(row, label)| argmax(row) == **label);
    right.count() as f32 / labels.len() as f32
}

/// Gives `net` the weights that PyTorch's layers begin with, drawn from `seed`.
///
/// # Errors
/// None in practice.
pub fn reset(net: &Net, seed: u64) -> Result<()> {
    let parameters = net.parameters();
    let shape = |name: &str| {
        parameters
            .get(name)
            .map(|parameter| parameter.shape.clone())
    };
    net.set_parameters(start::initial(net.graph(), shape, seed)?);
    Ok(())
}

fn argmax(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// The examples as they are taught: some labels wrong, some pictures marked.
struct Lesson<'e> {
    examples: &'e Examples,
    labels: Vec<usize>,
    shortcut: Option<(Shortcut, Vec<bool>)>,
}

impl<'e> Lesson<'e> {
    fn new(examples: &'e Examples, settings: &Settings, classes: usize) -> Self {
        let shortcut = settings.shortcut.map(|shortcut| {
            let marked = shortcut.draw(examples.labels(), settings.seed ^ SHORTCUT);
            (shortcut, marked)
        });
        let mut random = Random::new(settings.seed ^ LABEL_NOISE);
        let labels = examples.labels().iter().map(|&label| {
            let (chance, shift) = (random.uniform(), random.below(classes.max(2) - 1));
            if chance < settings.label_noise {
                (label + 1 + shift) % classes
            } else {
                label
            }
        });
        Self {
            examples,
            labels: labels.collect(),
            shortcut,
        }
    }

    /// The pictures of a batch, one after another.
    fn pictures(&self, indices: &[usize]) -> Vec<f32> {
        let images = self.examples.images();
        let shape = images.activation_shape();
        let mut pictures = Vec::with_capacity(indices.len() * shape.picture());
        for &index in indices {
            pictures
                .extend_from_slice(&images.data()[index * shape.picture()..][..shape.picture()]);
        }
        if let Some((shortcut, marked)) = &self.shortcut {
            for (picture, &index) in pictures.chunks_exact_mut(shape.picture()).zip(indices) {
                if marked[index] {
                    shortcut.mark.paint(picture, shape.h(), shape.w());
                }
            }
        }
        pictures
    }
}

/// The order in which pictures are seen.
#[derive(Debug, Default)]
struct Course {
    order: Vec<usize>,
    next: usize,
    epoch: u64,
    seed: u64,
}

impl Course {
    /// The next batch; what is left of an epoch that fills none is passed over.
    fn next(&mut self, batch: usize, count: usize, settings: &Settings) -> Vec<usize> {
        if self.order.len() != count || self.seed != settings.seed {
            *self = Self {
                seed: settings.seed,
                ..Self::default()
            };
        }
        if self.order.is_empty() || self.next + batch > count {
            self.order = (0..count).collect();
            if settings.shuffle {
                // Multiplied, so that the epochs of neighbouring seeds have nothing in common.
                let stream = settings
                    .seed
                    .wrapping_mul(0x9e37_79b9)
                    .wrapping_add(self.epoch);
                Random::new(stream).shuffle(&mut self.order);
            }
            self.next = 0;
            self.epoch += 1;
        }
        let indices = self.order[self.next..self.next + batch].to_vec();
        self.next += batch;
        indices
    }
}
