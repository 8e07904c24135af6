//! Pictures by gradient ascent: what a class, a channel, a unit or a direction wants to see.
//!
//! A step is one program: optimised numbers → picture → what the network sees of it → objective and penalties → gradient →
//! Adam or gradient ascent → numbers. It is compiled once a structure; only what is fed differs from step to step, and
//! nothing is read back but the picture and its values, when somebody looks.

mod matrices;
mod parametrization;
mod program;
pub mod settings;
mod transforms;

pub use parametrization::Normalization;

use crate::engine::Executable;
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::net::objective::{Feeds, Objective};
use crate::net::{Net, Overrides};
use crate::random::Random;
use crate::tensor::{Shape, Tensor};
use matrices::{apply, resize};
use parametrization::Coding;
use program::{
    BLUR, DECAYS, FIRST_VARIABLE, INPUT_NOISE, MAPS, PICTURE, RATES, RECORD, REST, SLOT, StepPlan,
};
use settings::{Optimizer, Settings};

/// Values that the program keeps before they are read.
const HISTORY: usize = 64;

/// Steps that a run may have.
pub const MOST_STEPS: usize = 100_000;

/// Values of a batch, C · H · W a picture, that are taken at most.
const MOST_VALUES: usize = 16 << 20;

/// What a run starts from.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Noise by the seed.
    Noise,
    /// Even grey.
    Grey,
    /// A picture (1 or N, C, H, W) in model space.
    Picture(Tensor),
}

/// Where a run stands, so that another call can go on from there.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Steps done.
    pub step: usize,
    /// The optimised numbers and the optimiser's moments.
    pub values: Vec<Tensor>,
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// One objective for all pictures, or one for each.
    pub objectives: Vec<Objective>,
    /// How.
    pub settings: Settings,
    /// The network's rule for pixels.
    pub normalization: Normalization,
    /// Pictures in the batch.
    pub count: usize,
    /// Rows and columns.
    pub size: [usize; 2],
    /// Steps of ascent.
    pub steps: usize,
    /// What it starts from.
    pub start: Start,
    /// Goes on from here instead.
    pub resume: Option<&'a Checkpoint>,
    /// The layer whose Gram matrices diversity compares.
    pub diverse_layer: Option<String>,
    /// Layers changed on the way.
    pub overrides: Overrides,
    /// Of noise and transforms.
    pub seed: u64,
    /// Steps between looks.
    pub every: usize,
}

/// A look at a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Steps done when the picture was as it is.
    pub step: usize,
    /// The objective there, summed over the batch.
    pub value: f32,
    /// (N, C, H, W) in model space.
    pub image: Tensor,
}

/// What a run gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// (N, C, H, W) in model space.
    pub image: Tensor,
    /// The objective before each step, and after the last.
    pub history: Vec<f32>,
    /// From which the run can go on.
    pub checkpoint: Checkpoint,
}

/// Makes pictures. `on_look` sees the picture every so many steps and says whether to go on.
///
/// # Errors
/// `bad_argument` for settings out of range, objectives that do not fit, or a checkpoint of another run; `bad_image` for a
/// start of another shape; `aborted`; those of the engine.
pub async fn synthesize(
    net: &Net,
    request: &Request<'_>,
    control: &Control,
    mut on_look: impl AsyncFnMut(Look) -> Result<bool>,
) -> Result<Outcome> {
    check(net, request)?;
    let sizes = octave_sizes(request);
    let mut history = Vec::new();
    let mut image: Option<Tensor> = None;
    let mut done = request.resume.map_or(0, |checkpoint| checkpoint.step);
    for (octave, &size) in sizes.iter().enumerate() {
        let share =
            request.steps * (octave + 1) / sizes.len() - request.steps * octave / sizes.len();
        let shape = Shape::new(request.count, net.input_shape().c(), size[0], size[1]);
        let start = match &image {
            Some(coarser) => {
                Start::Picture(grown(coarser, start_at(request, shape)?.as_ref(), shape)?)
            }
            None => match start_at(request, shape)? {
                Some(picture) => Start::Picture(picture),
                None => request.start.clone(),
            },
        };
        let plan = StepPlan::new(net, request, shape)?;
        let mut executable = net.take_executable(&plan.key, || plan.program())?;
        let mut ascent = Ascent {
            net,
            request,
            plan: &plan,
            executable: &mut executable,
            first: done,
        };
        let result = ascent
            .run(shape, &start, share, control, &mut on_look)
            .await;
        // What a failed run left is no use to the next.
        let outcome = result?;
        net.keep_executable(plan.key.clone(), executable);
        done = outcome.checkpoint.step;
        let is_last = octave + 1 == sizes.len();
        history
            .extend_from_slice(&outcome.history[..outcome.history.len() - usize::from(!is_last)]);
        if is_last || outcome.history.len() <= share {
            // A run that was ended early still gives pictures of the size that was asked for.
            let [height, width] = request.size;
            let full = Shape::new(request.count, shape.c(), height, width);
            let image = resized(&outcome.image, full)?;
            return Ok(Outcome {
                image,
                history,
                ..outcome
            });
        }
        image = Some(outcome.image);
    }
    Err(Error::internal("a run without octaves"))
}

fn check(net: &Net, request: &Request<'_>) -> Result<()> {
    let wrong = |message: String| Err(Error::bad_argument(format!("synthesize: {message}")));
    request.settings.check(request.size)?;
    let [height, width] = request.size;
    let values = request.count * net.input_shape().c() * height * width;
    if height.min(width) < 4 || values > MOST_VALUES || request.count == 0 {
        return wrong(format!(
            "{} pictures of {height} × {width} were asked for; pictures have at least 4 × 4 pixels, and a batch at most {} million values",
            request.count,
            MOST_VALUES >> 20
        ));
    }
    if request.steps > MOST_STEPS {
        return wrong(format!(
            "steps is {}, it may be up to {MOST_STEPS}",
            request.steps
        ));
    }
    if request.every == 0 {
        return wrong("every is 0, it must be at least 1".to_owned());
    }
    if request.settings.diversity > 0.0 && request.settings.copies > 1 {
        return wrong(
            "diversity keeps pictures apart and copies would be kept apart too; take one of them"
                .to_owned(),
        );
    }
    if request.settings.diversity > 0.0 && request.diverse_layer.is_none() {
        return wrong(
            "diversity compares pictures at a layer; take an objective with a layer".to_owned(),
        );
    }
    if request.resume.is_some() && request.settings.octaves.count > 1 {
        return wrong(
            "a run with octaves cannot be resumed; start it again with its seed".to_owned(),
        );
    }
    Ok(())
}

/// The sizes from coarse to fine.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a picture's extent"
)]
fn octave_sizes(request: &Request<'_>) -> Vec<[usize; 2]> {
    let octaves = request.settings.octaves;
    (0..octaves.count)
        .rev()
        .map(|level| {
            let factor = f64::from(octaves.factor).powf(level as f64);
            request
                .size
                .map(|length| ((length as f64 / factor).round() as usize).max(4))
        })
        .collect()
}

/// The picture that a run starts from at a size, for the whole batch; `None` for noise and grey.
fn start_at(request: &Request<'_>, shape: Shape) -> Result<Option<Tensor>> {
    let Start::Picture(picture) = &request.start else {
        return Ok(None);
    };
    let given = picture.activation_shape();
    if given.is_empty() || given.c() != shape.c() || (given.n() != 1 && given.n() != shape.n()) {
        return Err(Error::bad_image(format!(
            "synthesize: init is {:?}, but pictures here are [1 or {}, {}, H, W]",
            picture.shape(),
            shape.n(),
            shape.c()
        )));
    }
    let resized = resized(picture, shape)?;
    let repeats = shape.n() / given.n();
    Tensor::from_shape(resized.data().repeat(repeats), shape).map(Some)
}

/// A picture at another size.
fn resized(picture: &Tensor, shape: Shape) -> Result<Tensor> {
    let given = picture.activation_shape();
    let target = shape.with_n(given.n());
    if given == target {
        return Ok(picture.clone());
    }
    let data = apply(
        picture.data(),
        [given.h(), given.w()],
        &resize(given.h(), shape.h()),
        &resize(given.w(), shape.w()),
    );
    Tensor::from_shape(data, target)
}

/// What a coarser octave made, at the next size, with the detail of the start that the coarser one could not hold.
fn grown(coarser: &Tensor, start: Option<&Tensor>, shape: Shape) -> Result<Tensor> {
    let mut large = resized(coarser, shape)?;
    if let Some(start) = start {
        let lost = resized(&resized(start, coarser.activation_shape())?, shape)?;
        let detail = start.data().iter().zip(lost.data()).map(|(a, b)| a - b);
        for (value, detail) in large.data_mut().iter_mut().zip(detail) {
            *value += detail;
        }
    }
    Ok(large)
}

/// A run at one size.
struct Ascent<'a> {
    net: &'a Net,
    request: &'a Request<'a>,
    plan: &'a StepPlan,
    executable: &'a mut Executable,
    /// Steps done before this run.
    first: usize,
}

impl Ascent<'_> {
    async fn run(
        &mut self,
        shape: Shape,
        start: &Start,
        steps: usize,
        control: &Control,
        on_look: &mut impl AsyncFnMut(Look) -> Result<bool>,
    ) -> Result<Outcome> {
        let mut feeds = self.plan.feeds.clone();
        feeds.extend(self.variables(shape, start)?);
        let mut history = Vec::new();
        let mut image = None;
        let mut taken = 0;
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
                let look = Look {
                    step: self.first + step,
                    value,
                    image,
                };
                if !on_look(look).await? {
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
        Ok(Outcome {
            image: image.ok_or_else(|| Error::internal("a run without a picture"))?,
            history,
            checkpoint,
        })
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
        if let Some(checkpoint) = self.request.resume {
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
