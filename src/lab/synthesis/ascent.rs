//! A run at one size: its steps, what is read back on the way, and its checkpoints.

use super::parametrization::Coding;
use super::settings::{Optimizer, Settings};
use super::step::{
    BLUR, DECAYS, FIRST_VARIABLE, INPUT_NOISE, LONGEST_STEP, MAPS, PICTURE, RATES, RECORD,
    REDIRECT, REST, SLOT, StepPlan,
};
use super::{Checkpoint, HISTORY, Normalization, Start, transforms};
use crate::engine::Executable;
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::net::Net;
use crate::net::objective::Feeds;
use crate::random::Random;
use crate::tensor::{Shape, Tensor};

/// Gradients are redirected in so many steps from the first one (Lucid).
const REDIRECTED_STEPS: usize = 16;

/// What stays the same in all sizes of a run.
pub struct Run<'a> {
    /// The call, for sentences.
    pub call: &'static str,
    /// How.
    pub settings: &'a Settings,
    /// The network's rule for pixels.
    pub normalization: &'a Normalization,
    /// Pictures in the batch.
    pub count: usize,
    /// Of noise and transforms.
    pub seed: u64,
    /// Steps between looks.
    pub every: usize,
    /// Looks between those that come with a checkpoint; 0 for none.
    pub checkpoints: usize,
}

/// A look at a run.
pub struct Glance {
    /// Steps done when the picture was as it is.
    pub step: usize,
    /// The recorded numbers of the steps since the last look, the last ones those of this picture.
    pub history: Vec<Vec<f32>>,
    /// (N, C, H, W) in model space.
    pub image: Tensor,
    /// What else may be looked at.
    pub shown: Vec<Tensor>,
    /// From which the run can go on, after the step that follows the picture.
    pub checkpoint: Option<Checkpoint>,
}

/// What a run gives.
pub struct Course {
    /// (N, C, H, W) in model space.
    pub image: Tensor,
    /// What else may be looked at.
    pub shown: Vec<Tensor>,
    /// The recorded numbers before each step, and after the last.
    pub history: Vec<Vec<f32>>,
    /// From which the run can go on.
    pub checkpoint: Checkpoint,
}

/// A run at one size.
pub struct Ascent<'a> {
    /// The network.
    pub net: &'a Net,
    /// How.
    pub run: &'a Run<'a>,
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
    /// `bad_argument` for a checkpoint of another run or values that are no numbers; `aborted`; those of the engine.
    pub async fn climb(
        &mut self,
        shape: Shape,
        start: &Start,
        steps: usize,
        control: &Control,
        on_look: &mut impl AsyncFnMut(Glance) -> Result<bool>,
    ) -> Result<(Course, bool)> {
        let mut feeds = self.plan.feeds.clone();
        feeds.extend(self.variables(shape, start)?);
        let mut history = Vec::new();
        let mut told = 0;
        let mut taken = 0;
        let mut ended = false;
        for step in 0..steps {
            self.step(&mut feeds, step, false, control).await?;
            taken = step + 1;
            let looks = step % self.run.every == 0;
            if !looks && step % HISTORY != HISTORY - 1 {
                continue;
            }
            if !looks {
                let fetched = self.executable.fetch(&[RECORD]).await?;
                self.gather(&mut history, fetched.first(), step)?;
                continue;
            }
            let (image, shown) = self.look(&mut history, step).await?;
            let every = self.run.every * self.run.checkpoints;
            let checkpoint = if every > 0 && step > 0 && step.is_multiple_of(every) {
                Some(self.checkpoint(taken, &feeds).await?)
            } else {
                None
            };
            let glance = Glance {
                step: self.first + step,
                history: history[told..].to_vec(),
                image,
                shown,
                checkpoint,
            };
            told = history.len();
            if !on_look(glance).await? {
                ended = true;
                break;
            }
        }
        let checkpoint = self.checkpoint(taken, &feeds).await?;
        // Once more without a step: the last picture and its values.
        self.step(&mut feeds, taken, true, control).await?;
        let (image, shown) = self.look(&mut history, taken).await?;
        let course = Course {
            image,
            shown,
            history,
            checkpoint,
        };
        Ok((course, ended))
    }

    /// The picture and what else is shown, with the history up to `step`.
    async fn look(
        &mut self,
        history: &mut Vec<Vec<f32>>,
        step: usize,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let mut fetches = vec![RECORD, PICTURE];
        fetches.extend(self.plan.shown());
        let mut fetched = self.executable.fetch(&fetches).await?.into_iter();
        let record = fetched.next();
        self.gather(history, record.as_ref(), step)?;
        let image = fetched.next();
        let image = image.ok_or_else(|| Error::internal("a run without a picture"))?;
        Ok((image, fetched.collect()))
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
        let settings = self.run.settings;
        let rate = if is_rest { 0.0 } else { settings.learning_rate };
        let rates = match settings.optimizer {
            Optimizer::Sgd => vec![rate],
            Optimizer::Lbfgs => {
                let length = self.plan.shapes[0].1.len() as f32;
                vec![rate, LONGEST_STEP * LONGEST_STEP * length]
            }
            Optimizer::Adam => {
                let power = i32::try_from(absolute + 1).unwrap_or(i32::MAX);
                let corrections = DECAYS.map(|decay| 1.0 / (1.0 - decay.powi(power)));
                vec![rate, corrections[0], corrections[1]]
            }
        };
        feeds.push((RATES.to_owned(), rates));
        if !self.plan.turns.is_empty() {
            let turn = if is_rest { 0 } else { absolute };
            feeds.extend_from_slice(&self.plan.turns[turn % self.plan.turns.len()]);
        }
        if settings.redirect {
            let redirects = absolute < REDIRECTED_STEPS;
            feeds.push((REDIRECT.to_owned(), vec![f32::from(u8::from(redirects))]));
        }
        if let Some(blur) = settings.blur {
            let smooths = !is_rest && (absolute + 1).is_multiple_of(blur.every);
            feeds.push((BLUR.to_owned(), vec![f32::from(u8::from(smooths))]));
        }
        if let Some(view) = self.plan.view {
            let maps = (0..self.run.count * settings.copies).flat_map(|picture| {
                transforms::map(&settings.transforms, view, self.run.seed, absolute, picture)
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
        let stream = self.run.seed ^ (step as u64 + 1).wrapping_mul(0xa076_1d64_78bd_642f);
        let mut random = Random::new(stream);
        let [n, _, h, w] = self.plan.seen.0;
        let deviations = &self.run.normalization.std;
        (0..n)
            .flat_map(|_| deviations)
            .flat_map(|std| std::iter::repeat_n(self.run.settings.input_noise / std, h * w))
            .map(|deviation| deviation * random.normal())
            .collect()
    }

    /// Adds the numbers up to those of `step` to the history.
    fn gather(
        &self,
        history: &mut Vec<Vec<f32>>,
        record: Option<&Tensor>,
        step: usize,
    ) -> Result<()> {
        let record = record.ok_or_else(|| Error::internal("a run without a record"))?;
        while history.len() <= step {
            let column = record.data().iter().skip(history.len() % HISTORY);
            let numbers: Vec<f32> = column.step_by(HISTORY).copied().collect();
            if let Some(value) = numbers.iter().find(|value| !value.is_finite()) {
                return Err(Error::bad_argument(format!(
                    "{}: the objective became {value} at step {}; take a smaller learningRate",
                    self.run.call,
                    self.first + history.len()
                )));
            }
            history.push(numbers);
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
                return Err(Error::bad_argument(format!(
                    "{}: resume is the state of a run with other settings; give the options that it was made with",
                    self.run.call
                )));
            }
            for ((_, values), tensor) in feeds.iter_mut().zip(&checkpoint.values) {
                values.copy_from_slice(tensor.data());
            }
            return Ok(feeds);
        }
        let coding = Coding::new(self.run.settings, self.run.normalization, shape);
        let values = match start {
            Start::Grey => Vec::new(),
            Start::Noise => coding.noise(self.run.seed),
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
