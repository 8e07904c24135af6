//! The end of a step, whatever it is that is raised: gradient → optimiser → the next numbers, and a record of what was.

use super::HISTORY;
use super::matrices::gaussian;
use super::parametrization::along_both;
use super::settings::{Optimizer, Settings};
use super::transforms::View;
use crate::engine::program::{Memory, Program};
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::net::objective::Feeds;
use crate::ops::activation::{Activation, Function};
use crate::ops::adam::{AdamMoment, AdamUpdate};
use crate::ops::binary::Binary;
use crate::ops::concat::{Concat, Slice};
use crate::ops::gram::Gram;
use crate::ops::lbfgs::{LbfgsStep, MOST_MEMORY};
use crate::ops::linear::LinearInputGrad;
use crate::ops::norm_gate::NormGate;
use crate::ops::reduce::SumTo;
use crate::ops::reshape::Reshape;
use crate::ops::scale::Scale;
use crate::tensor::Shape;

/// Adam's decays.
pub const DECAYS: [f32; 2] = [0.9, 0.999];

/// A step of L-BFGS moves the optimised numbers by at most this, as the root of the mean square. Without a search along the
/// line it would leap where the curvature that it knows is less than what it meets.
pub const LONGEST_STEP: f32 = 0.25;

/// The feed that holds the maps of a step.
pub const MAPS: &str = "synthesis.maps";
/// The feed with the noise of a step.
pub const INPUT_NOISE: &str = "synthesis.input_noise";
/// The feed that says whether this step redirects gradients.
pub const REDIRECT: &str = "synthesis.redirect";
/// The feed with the optimiser's rates.
pub const RATES: &str = "synthesis.rates";
/// The feed that says whether this step smooths the picture.
pub const BLUR: &str = "synthesis.blur";
/// The feeds that say where the history keeps this step's values.
pub const SLOT: &str = "synthesis.slot";
/// The rest of the history.
pub const REST: &str = "synthesis.rest";
/// The variable in which values gather.
const VALUES: &str = "variable.history";

/// A planned step.
pub struct StepPlan {
    graph: Graph,
    fetches: Vec<NodeId>,
    variables: Vec<(String, NodeId)>,
    /// What its feeds hold at the start, variables and what changes from step to step left out.
    pub feeds: Feeds,
    /// The variables and their shapes; the record comes last.
    pub shapes: Vec<(String, Shape)>,
    /// What is seen of what, if anything moves or changes its size.
    pub view: Option<View>,
    /// What the network looks at, copies and all.
    pub seen: Shape,
    /// What feeds hold in turn, step by step; nothing where none changes so. A look at the end takes the first.
    pub turns: Vec<Feeds>,
    /// What may be looked at besides the picture.
    pub shown: usize,
    /// Equal keys need equal programs.
    pub key: String,
}

/// Positions among the fetches: the picture, the record, then the variables' next values, then what may be looked at.
pub const PICTURE: usize = 0;
/// The record.
pub const RECORD: usize = 1;
/// The first variable.
pub const FIRST_VARIABLE: usize = 2;

/// A step up to what is raised.
pub struct Unfinished {
    /// So far.
    pub graph: Graph,
    /// What its feeds hold at the start.
    pub feeds: Feeds,
    /// The optimised tensors.
    pub values: Vec<NodeId>,
    /// The picture that they are, in model space.
    pub picture: NodeId,
    /// The gradients of what is raised to `values`.
    pub gradients: Vec<NodeId>,
    /// Numbers to keep of each step, (1, R, 1, 1).
    pub record: NodeId,
    /// What else may be looked at.
    pub shown: Vec<NodeId>,
    /// What is seen of what, if anything moves or changes its size.
    pub view: Option<View>,
    /// What the network looks at, copies and all.
    pub seen: Shape,
    /// What feeds hold in turn, step by step.
    pub turns: Vec<Feeds>,
    /// What the graph depends on apart from numbers and `settings`.
    pub key: String,
}

/// Appends the feeds of tensors to optimise.
pub fn variables(graph: &mut Graph, shapes: &[Shape]) -> Result<Vec<NodeId>> {
    let shapes = shapes.iter().enumerate();
    shapes
        .map(|(index, &shape)| graph.feed(&format!("variable.{index}"), shape))
        .collect()
}

impl StepPlan {
    /// Adds the optimiser and the record.
    pub fn finish(step: Unfinished, settings: &Settings) -> Result<Self> {
        let Unfinished {
            mut graph,
            mut feeds,
            values,
            picture,
            gradients,
            record,
            shown,
            view,
            seen,
            turns,
            key,
        } = step;
        let mut shapes = Vec::new();
        let mut variables = Vec::new();
        let mut moments = Vec::new();
        let rates_shape = match settings.optimizer {
            Optimizer::Adam => Shape::channels(3),
            Optimizer::Lbfgs => Shape::channels(2),
            Optimizer::Sgd => Shape::SCALAR,
        };
        let rates = graph.feed(RATES, rates_shape)?;
        for (index, (&x, &gradient)) in values.iter().zip(&gradients).enumerate() {
            let shape = graph.shape(x);
            let gradient = smooth_gradient(&mut graph, &mut feeds, settings, gradient)?;
            let next = match settings.optimizer {
                Optimizer::Sgd => {
                    let step = graph.push(Binary::MUL, &[gradient, rates])?;
                    graph.push(Binary::ADD, &[x, step])?
                }
                Optimizer::Adam => {
                    let mut means = [x; 2];
                    for (order, &decay) in DECAYS.iter().enumerate() {
                        let name = format!("variable.{index}.moment{order}");
                        let mean = graph.feed(&name, shape)?;
                        let squared = order == 1;
                        means[order] =
                            graph.push(AdamMoment { decay, squared }, &[mean, gradient])?;
                        moments.push(((name.clone(), shape), (name, means[order])));
                    }
                    graph.push(AdamUpdate, &[x, means[0], means[1], rates])?
                }
                Optimizer::Lbfgs => {
                    let (next, remembered) = lbfgs(&mut graph, x, gradient, rates)?;
                    moments.extend(remembered);
                    next
                }
            };
            let next = smooth_picture(&mut graph, &mut feeds, settings, next)?;
            let name = format!("variable.{index}");
            shapes.push((name.clone(), shape));
            variables.push((name, next));
        }
        for (shape, variable) in moments {
            shapes.push(shape);
            variables.push(variable);
        }
        let recorded = graph.shape(record).c();
        let history = keep(&mut graph, record)?;
        variables.push((VALUES.to_owned(), history));
        shapes.push((VALUES.to_owned(), history_shape(recorded)));
        let mut fetches = vec![picture, history];
        fetches.extend(variables.iter().map(|(_, next)| *next));
        fetches.extend(&shown);
        let structure = Settings {
            learning_rate: 0.0,
            l2: f32::from(u8::from(settings.l2 > 0.0)),
            tv: f32::from(u8::from(settings.tv > 0.0)),
            input_noise: f32::from(u8::from(settings.input_noise > 0.0)),
            background: None,
            noise: 0.0,
            transforms: Vec::new(),
            ..settings.clone()
        };
        let shape = graph.shape(picture);
        Ok(Self {
            graph,
            fetches,
            variables,
            feeds,
            shapes,
            view,
            seen,
            turns,
            shown: shown.len(),
            key: format!("{key}|{shape}|{view:?}|{structure:?}"),
        })
    }

    /// The program.
    pub fn program(&self) -> Result<Program> {
        let variables: Vec<(&str, NodeId)> = self
            .variables
            .iter()
            .map(|(name, next)| (name.as_str(), *next))
            .collect();
        Program::with_variables(&self.graph, &self.fetches, &variables, Memory::Loop)
    }

    /// Positions of what may be looked at among the fetches.
    pub fn shown(&self) -> std::ops::Range<usize> {
        let first = FIRST_VARIABLE + self.variables.len();
        first..first + self.shown
    }
}

/// A variable: its feed with its shape, and the node of its next value.
type Variable = ((String, Shape), (String, NodeId));

/// x after a step of L-BFGS up `gradient`, and what it remembers: its steps, their changes of the downhill gradient, and the
/// last of each, which is told apart since what it led to is known only now.
fn lbfgs(
    graph: &mut Graph,
    x: NodeId,
    gradient: NodeId,
    rates: NodeId,
) -> Result<(NodeId, Vec<Variable>)> {
    let shape = graph.shape(x);
    let length = shape.len();
    let row = Shape::new(1, 1, length, 1);
    let rows = Shape::new(1, MOST_MEMORY, length, 1);
    let downhill = graph.push(Scale { factor: -1.0 }, &[gradient])?;
    let g = graph.push(Reshape { shape: row }, &[downhill])?;
    let names = ["steps", "changes", "last_step", "last_gradient"].map(|n| format!("variable.{n}"));
    let [steps, changes] = [0, 1].map(|at: usize| graph.feed(&names[at], rows));
    let [last_step, last] = [2, 3].map(|at: usize| graph.feed(&names[at], row));
    let (last_step, change) = (last_step?, graph.push(Binary::SUB, &[g, last?])?);
    let younger = Slice {
        start: 1,
        count: MOST_MEMORY - 1,
    };
    let mut with = |all: NodeId, newest: NodeId| {
        let kept = graph.push(younger, &[all])?;
        graph.push(Concat, &[kept, newest])
    };
    let steps = with(steps?, last_step)?;
    let changes = with(changes?, change)?;
    let all = graph.push(Concat, &[steps, changes, g])?;
    let products = graph.push(Gram { factor: 1.0 }, &[all])?;
    let function = Function::Relu;
    let up = graph.push(Activation { function }, &[gradient])?;
    let down = graph.push(Activation { function }, &[downhill])?;
    let sizes = graph.push(Binary::ADD, &[up, down])?;
    let l1 = graph.push(
        SumTo {
            shape: Shape::SCALAR,
        },
        &[sizes],
    )?;
    let shares = graph.push(LbfgsStep, &[products, l1, rates])?;
    let as_weight = Shape::new(2 * MOST_MEMORY + 1, length, 1, 1);
    let all = graph.push(Reshape { shape: as_weight }, &[all])?;
    let step = graph.push(LinearInputGrad, &[shares, all])?;
    let step_row = graph.push(Reshape { shape: row }, &[step])?;
    let moved = graph.push(Reshape { shape }, &[step])?;
    let next = graph.push(Binary::ADD, &[x, moved])?;
    let nexts = [(rows, steps), (rows, changes), (row, step_row), (row, g)];
    let remembered = names.into_iter().zip(nexts);
    let remembered = remembered.map(|(name, (shape, next))| ((name.clone(), shape), (name, next)));
    Ok((next, remembered.collect()))
}

fn smooth_gradient(
    graph: &mut Graph,
    feeds: &mut Feeds,
    settings: &Settings,
    gradient: NodeId,
) -> Result<NodeId> {
    if settings.gradient_blur == 0.0 {
        return Ok(gradient);
    }
    let shape = graph.shape(gradient);
    let matrices = [shape.h(), shape.w()].map(|length| gaussian(length, settings.gradient_blur));
    along_both(graph, feeds, "gradient_blur", gradient, matrices)
}

/// x + b · (G x − x), where b is fed 1 in steps that smooth and 0 in others; then small norms clipped.
fn smooth_picture(
    graph: &mut Graph,
    feeds: &mut Feeds,
    settings: &Settings,
    mut x: NodeId,
) -> Result<NodeId> {
    let shape = graph.shape(x);
    if let Some(blur) = settings.blur {
        let matrices = [shape.h(), shape.w()].map(|length| gaussian(length, blur.sigma));
        let smooth = along_both(graph, feeds, "picture_blur", x, matrices)?;
        let change = graph.push(Binary::SUB, &[smooth, x])?;
        let switch = graph.feed(BLUR, Shape::SCALAR)?;
        let change = graph.push(Binary::MUL, &[change, switch])?;
        x = graph.push(Binary::ADD, &[x, change])?;
    }
    if settings.clip > 0.0 {
        let squares = graph.push(Binary::MUL, &[x, x])?;
        let sums = graph.push(
            SumTo {
                shape: Shape::new(shape.n(), 1, 1, 1),
            },
            &[squares],
        )?;
        let ratio = settings.clip;
        x = graph.push(NormGate { ratio }, &[x, sums])?;
    }
    Ok(x)
}

/// A row for each recorded number, a column for each step that is kept.
fn history_shape(recorded: usize) -> Shape {
    Shape::new(1, recorded, HISTORY, 1)
}

/// The history with this step's numbers in their place.
fn keep(graph: &mut Graph, record: NodeId) -> Result<NodeId> {
    let before = graph.feed(VALUES, history_shape(graph.shape(record).c()))?;
    let slot = graph.feed(SLOT, history_shape(1))?;
    let rest = graph.feed(REST, history_shape(1))?;
    let kept = graph.push(Binary::MUL, &[before, rest])?;
    let new = graph.push(Binary::MUL, &[record, slot])?;
    graph.push(Binary::ADD, &[kept, new])
}
