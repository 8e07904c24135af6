//! A run at one size: its steps, what is read back on the way, and its checkpoints.

use super::parametrization::Coding;
use super::program::{
    BLUR, DECAYS, FIRST_VARIABLE, INPUT_NOISE, MAPS, PICTURE, RATES, RECORD, REDIRECT, REST, SLOT,
    StepPlan,
};
use super::settings::Optimizer;
use super::{Checkpoint, HISTORY, Look, Outcome, Request, Start, transforms};
use crate::engine::Executable;
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::net::Net;
use crate::net::objective::Feeds;
use crate::random::Random;
use crate::tensor::{Shape, Tensor};

/// Gradients are redirected in so many steps from the first one (Lucid).
const REDIRECTED_STEPS: usize = 16;

/// A run at one size.
pub struct Ascent<'a> {
    /// The network.
    pub net: &'a Net,
    /// What is wanted.
    pub request: &'a Request<'a>,
    /// Its step at this size.
    pub plan: &'a StepPlan,
    /// The step's program.
    pub executable: &'a mut Executable,
    /// Steps done before this run.
    pub first: usize,
    /// What it goes on from, instead of a start.
    pub resume: Option<&'a Checkpoint>,
}

impl Ascent<'_> {
    /// Takes the steps, then looks once more; says whether it was ended on the way.
    ///
    /// # Errors
    /// As [`super::synthesize`].
    pub async fn run(
        &mut self,
        shape: Shape,
        start: &Start,
        steps: usize,
        control: &Control,
        on_look: &mut impl AsyncFnMut(Look) -> Result<bool>,
    ) -> Result<(Outcome, bool)> {
        let mut feeds = self.plan.feeds.clone();
        feeds.extend(self.variables(shape, start)?);
        let mut history = Vec::new();
        let mut image = None;
        let mut taken = 0;
        let mut ended = false;
        for step in 0..steps {
            self.step(&mut feeds, step, false, control).await?;
            taken = step + 1;
            let looks = step % self.request.every == 0;
            if !looks && step % HISTORY != HISTORY - 1 {
                continue;
            }
            let fetches: &[usize] = if looks { &[RECORD, PICTURE] } else { &[RECORD] };
            let mut fetched = self.executable.fetch(fetches).await?.into_iter();
            self.gather(&mut history, fetched.next(), step)?;
            image = fetched.next();
            if let (true, Some(image)) = (looks, image.take()) {
                let value = history.last().copied().unwrap_or(f32::NAN);
                let every = self.request.every * self.request.checkpoints;
                let checkpoint = if every > 0 && step > 0 && step.is_multiple_of(every) {
                    Some(self.checkpoint(taken, &feeds).await?)
                } else {
                    None
                };
                let look = Look {
                    step: self.first + step,
                    value,
                    image,
                    checkpoint,
                };
                if !on_look(look).await? {
                    ended = true;
                    break;
                }
            }
        }
        drop(image);
        let checkpoint = self.checkpoint(taken, &feeds).await?;
        // Once more without a step: the last picture and its value.
        self.step(&mut feeds, taken, true, control).await?;
        let mut fetched = self.executable.fetch(&[RECORD, PICTURE]).await?.into_iter();
        self.gather(&mut history, fetched.next(), taken)?;
        let image = fetched.next();
        let outcome = Outcome {
            image: image.ok_or_else(|| Error::internal("a run without a picture"))?,
            history,
            checkpoint,
        };
        Ok((outcome, ended))
    }

    /// Runs one step; `feeds` holds what the first one needs besides, and nothing after it.
    async fn step(
        &mut self,
        feeds: &mut Feeds,
        step: usize,
        is_rest: bool,
        control: &Control,
    ) -> Result<()> {
        control.step().await?;
        let absolute = self.first + step;
        let settings = &self.request.settings;
        let rate = if is_rest { 0.0 } else { settings.learning_rate };
        let rates = match settings.optimizer {
            Optimizer::Sgd => vec![rate],
            Optimizer::Adam => {
                let power = i32::try_from(absolute + 1).unwrap_or(i32::MAX);
                let corrections = DECAYS.map(|decay| 1.0 / (1.0 - decay.powi(power)));
                vec![rate, corrections[0], corrections[1]]
            }
        };
        feeds.push((RATES.to_owned(), rates));
        if settings.redirect {
            let redirects = absolute < REDIRECTED_STEPS;
            feeds.push((REDIRECT.to_owned(), vec![f32::from(u8::from(redirects))]));
        }
        if let Some(blur) = settings.blur {
            let smooths = !is_rest && (absolute + 1).is_multiple_of(blur.every);
            feeds.push((BLUR.to_owned(), vec![f32::from(u8::from(smooths))]));
        }
        if let Some(view) = self.plan.view {
            let maps = (0..self.request.count * settings.copies).flat_map(|picture| {
                transforms::map(
                    &settings.transforms,
                    view,
                    self.request.seed,
                    absolute,
                    picture,
                )
            });
            feeds.push((MAPS.to_owned(), maps.collect()));
        }
        if settings.input_noise > 0.0 {
            feeds.push((INPUT_NOISE.to_owned(), self.input_noise(absolute)));
        }
        let mut slot = vec![0.0; HISTORY];
        slot[step % HISTORY] = 1.0;
        feeds.push((
            REST.to_owned(),
            slot.iter().map(|&here| 1.0 - here).collect(),
        ));
        feeds.push((SLOT.to_owned(), slot));
        let parameters = self.net.parameters_now();
        self.executable.run(&parameters, feeds, control).await?;
        feeds.clear();
        Ok(())
    }

    /// The noise that lies over what a step sees, by the seed.
    fn input_noise(&self, step: usize) -> Vec<f32> {
        let stream = self.request.seed ^ (step as u64 + 1).wrapping_mul(0xa076_1d64_78bd_642f);
        let mut random = Random::new(stream);
        let [n, _, h, w] = self.plan.seen.0;
        let deviations = &self.request.normalization.std;
        (0..n)
            .flat_map(|_| deviations)
            .flat_map(|std| std::iter::repeat_n(self.request.settings.input_noise / std, h * w))
            .map(|deviation| deviation * random.normal())
            .collect()
    }

    /// Adds the values up to that of `step` to the history.
    fn gather(&self, history: &mut Vec<f32>, record: Option<Tensor>, step: usize) -> Result<()> {
        let record = record.ok_or_else(|| Error::internal("a run without a record"))?;
        while history.len() <= step {
            let value = record.data()[history.len() % HISTORY];
            if !value.is_finite() {
                return Err(Error::bad_argument(format!(
                    "synthesize: the objective became {value} at step {}; take a smaller learningRate",
                    self.first + history.len()
                )));
            }
            history.push(value);
        }
        Ok(())
    }

    /// What the variables hold at the start.
    fn variables(&self, shape: Shape, start: &Start) -> Result<Feeds> {
        let mut feeds: Feeds = self
            .plan
            .shapes
            .iter()
            .map(|(name, shape)| (name.clone(), vec![0.0; shape.len()]))
            .collect();
        if let Some(checkpoint) = self.resume {
            // The history, which comes last, starts anew.
            let expected = &self.plan.shapes[..self.plan.shapes.len() - 1];
            let fits = checkpoint.values.len() == expected.len()
                && checkpoint
                    .values
                    .iter()
                    .zip(expected)
                    .all(|(tensor, (_, shape))| tensor.activation_shape() == *shape);
            if !fits {
                return Err(Error::bad_argument(
                    "synthesize: resume is the state of a run with other settings; give the options that it was made with",
                ));
            }
            for ((_, values), tensor) in feeds.iter_mut().zip(&checkpoint.values) {
                values.copy_from_slice(tensor.data());
            }
            return Ok(feeds);
        }
        let coding = Coding::new(&self.request.settings, &self.request.normalization, shape);
        let values = match start {
            Start::Grey => Vec::new(),
            Start::Noise => coding.noise(self.request.seed),
            Start::Picture(picture) => coding.encode(picture),
        };
        for ((_, feed), values) in feeds.iter_mut().zip(values) {
            *feed = values;
        }
        Ok(feeds)
    }

    /// The variables as they are after `taken` steps; before the first, what they are fed.
    async fn checkpoint(&self, taken: usize, feeds: &Feeds) -> Result<Checkpoint> {
        let count = self.plan.shapes.len() - 1;
        let values = if taken == 0 {
            self.plan.shapes[..count]
                .iter()
                .map(|(name, shape)| {
                    let fed = feeds.iter().find(|(other, _)| other == name);
                    let values = fed.map(|(_, values)| values.clone());
                    Tensor::from_shape(values.unwrap_or_default(), *shape)
                })
                .collect::<Result<_>>()?
        } else {
            let fetches: Vec<usize> = (FIRST_VARIABLE..FIRST_VARIABLE + count).collect();
            self.executable.fetch(&fetches).await?
        };
        Ok(Checkpoint {
            step: self.first + taken,
            values,
        })
    }
}
