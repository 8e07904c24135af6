//! Training by this crate's own reverse mode, on both engines: forward, backward to every weight, and a step of SGD or Adam.

use std::sync::Arc;

use crate::engine::control::Control;
use crate::engine::{Executable, Parameter};
use crate::error::{Error, Result};
use crate::lab::shortcut::Shortcut;
use crate::net::Net;
use crate::random::Random;
use crate::tensor::Tensor;

mod optimizer;
mod program;
mod start;

pub use optimizer::{Optimizer, Rates, Rule};
pub use program::{Pass, TrainingProgram};

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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Steps of this call.
    pub steps: usize,
    /// Pictures a step.
    pub batch: usize,
    /// Which step is taken, and how far.
    pub rates: Rates,
    /// The share of pictures whose label is replaced by another class, in [0, 1].
    pub label_noise: f32,
    /// A mark to be planted on the pictures of one class.
    pub shortcut: Option<Shortcut>,
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

/// What training keeps between calls: moments, and the place in the order of the pictures.
///
/// A call goes on where the last one stopped. The moments and the order begin anew when the weights were changed by
/// something else (`restore`, say), or another kind of optimiser is asked for; the order also with another seed or number of pictures.
#[derive(Debug, Default)]
pub struct Trainer {
    planned: Option<(usize, TrainingProgram, Executable)>,
    optimizer: Optimizer,
    rule: Option<Rule>,
    /// Steps since the optimiser began.
    steps: usize,
    /// The parameters' version after the last step.
    version: Option<u64>,
    course: Course,
}

impl Trainer {
    /// Takes `settings.steps` steps, changing the weights of `net`; `on_step` sees each, and may change the rates of those
    /// that follow.
    ///
    /// # Errors
    /// `bad_argument` for examples or settings that do not fit, or a loss that is no longer finite; `unsupported_op` if an
    /// operator has no gradient; `aborted`, after which the steps taken so far stand.
    pub async fn train(
        &mut self,
        net: &Net,
        examples: &Examples,
        settings: &Settings,
        control: &Control,
        mut on_step: impl AsyncFnMut(Step, &mut Rates) -> Result<()>,
    ) -> Result<Vec<Step>> {
        examples.check(net)?;
        let batch = settings.batch.min(examples.labels().len());
        if batch == 0 {
            return Err(Error::bad_argument("train: batch must be at least 1"));
        }
        if self.version != Some(net.parameters().version())
            || !self
                .rule
                .is_some_and(|rule| rule.continues(settings.rates.rule))
        {
            self.optimizer = Optimizer::default();
            self.steps = 0;
            self.course = Course::default();
        }
        self.rule = Some(settings.rates.rule);
        if self.planned.as_ref().map(|planned| planned.0) != Some(batch) {
            let program = TrainingProgram::new(net.graph(), net.input(), net.output(), batch)?;
            let executable = Executable::new(net.engine(), program.program())?;
            self.planned = Some((batch, program, executable));
        }
        let lesson = Lesson::new(examples, settings, net.classes()?);
        let mut rates = settings.rates;
        let mut history = Vec::with_capacity(settings.steps);
        for _ in 0..settings.steps {
            let indices = self.course.next(batch, examples.labels().len(), settings);
            let step = self.step(net, &lesson, &indices, rates, control).await?;
            history.push(step);
            on_step(step, &mut rates).await?;
            control.step().await?;
        }
        Ok(history)
    }

    async fn step(
        &mut self,
        net: &Net,
        lesson: &Lesson<'_>,
        indices: &[usize],
        rates: Rates,
        control: &Control,
    ) -> Result<Step> {
        let Some((_, program, executable)) = &mut self.planned else {
            return Err(Error::internal("training was not planned"));
        };
        let labels: Vec<usize> = indices.iter().map(|&i| lesson.labels[i]).collect();
        let feeds = program.feeds(lesson.pictures(indices), &labels)?;
        let parameters = net.parameters();
        executable.run(&parameters, &feeds, control).await?;
        let all: Vec<usize> = (0..executable.fetches()).collect();
        let fetched = executable.fetch(&all).await?;
        let pass = program.pass(fetched.into_iter().map(Tensor::into_data).collect())?;
        let finite = |values: &Vec<f32>| values.iter().all(|value| value.is_finite());
        if !pass.loss.is_finite() || !pass.gradients.iter().all(finite) {
            return Err(Error::bad_argument(format!(
                "train: the loss is no longer finite after {} steps; lower learningRate, then reset or restore the network",
                self.steps
            )));
        }
        let mut changed: Vec<(String, Parameter)> = Vec::new();
        self.optimizer.advance();
        for (index, (name, gradient)) in program.weights().iter().zip(&pass.gradients).enumerate() {
            let parameter = parameters.get(name)?;
            let mut values = parameter.values.to_vec();
            self.optimizer.update(rates, index, &mut values, gradient);
            changed.push((name.clone(), with_values(parameter, values)));
        }
        program.update_statistics(&pass.statistics, |name, blend| {
            if let Ok(parameter) = parameters.get(name) {
                let mut values = parameter.values.to_vec();
                blend(&mut values);
                changed.push((name.to_owned(), with_values(parameter, values)));
            }
        });
        net.set_parameters(changed);
        self.version = Some(net.parameters().version());
        self.steps += 1;
        let classes = pass.logits.len() / labels.len();
        let right = pass.logits.chunks_exact(classes).zip(&labels);
        let right = right.filter(|(row, label)| argmax(row) == **label).count();
        Ok(Step {
            step: self.steps,
            loss: pass.loss,
            accuracy: right as f32 / labels.len() as f32,
        })
    }
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

fn with_values(parameter: &Parameter, values: Vec<f32>) -> Parameter {
    Parameter {
        values: Arc::new(values),
        shape: parameter.shape.clone(),
    }
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
