//! A step of synthesis as one program: numbers → picture → what the network sees → objective → gradient → numbers.

use super::matrices::gaussian;
use super::parametrization::{Coding, along_both, feed};
use super::settings::{Optimizer, Range, Settings};
use super::transforms::View;
use super::{HISTORY, Request, redirect};
use crate::engine::autodiff;
use crate::engine::program::{Memory, Program};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::net::objective::{Feeds, Objective, Term};
use crate::net::{Attached, Attachment, Net};
use crate::ops::adam::{AdamMoment, AdamUpdate};
use crate::ops::affine::AffineSample;
use crate::ops::binary::Binary;
use crate::ops::gram::Gram;
use crate::ops::inverse_root::InverseRoot;
use crate::ops::linear::Linear;
use crate::ops::norm_gate::NormGate;
use crate::ops::reduce::{Dot, SumTo};
use crate::ops::reshape::Reshape;
use crate::ops::scale::Scale;
use crate::ops::total_variation::TotalVariation;
use crate::tensor::Shape;

/// Adam's decays.
pub const DECAYS: [f32; 2] = [0.9, 0.999];

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
/// The feeds that say where the history keeps this step's value.
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
    /// The variables and their shapes.
    pub shapes: Vec<(String, Shape)>,
    /// What is seen of what, if anything moves or changes its size.
    pub view: Option<View>,
    /// What the network looks at, copies and all.
    pub seen: Shape,
    /// Equal keys need equal programs.
    pub key: String,
}

/// Positions among the fetches: the picture, the history, then the variables' next values.
pub const PICTURE: usize = 0;
/// The history.
pub const RECORD: usize = 1;
/// The first variable.
pub const FIRST_VARIABLE: usize = 2;

impl StepPlan {
    /// Plans a step for pictures (N, C, H, W).
    pub fn new(net: &Net, request: &Request<'_>, shape: Shape) -> Result<Self> {
        // The network looks at pictures of another size where it can, else at pictures resized to its own.
        let own = net.input_shape().with_n(shape.n());
        match Self::seen(net, request, shape, shape) {
            Err(error) if error.code == crate::error::Code::BadModel && shape != own => {
                Self::seen(net, request, shape, own)
            }
            planned => planned,
        }
    }

    fn seen(net: &Net, request: &Request<'_>, shape: Shape, seen_shape: Shape) -> Result<Self> {
        let settings = &request.settings;
        let coding = Coding::new(settings, &request.normalization, shape);
        let mut graph = Graph::default();
        let mut feeds = Feeds::new();
        let mut shapes = Vec::new();
        let mut values = Vec::new();
        for (index, shape) in coding.shapes().into_iter().enumerate() {
            let name = format!("variable.{index}");
            values.push(graph.feed(&name, shape)?);
            shapes.push((name, shape));
        }
        let decoded = coding.decode(&mut graph, &values, &mut feeds)?;
        let moves = !settings.transforms.is_empty() || seen_shape != shape || settings.copies > 1;
        let view = moves.then_some(View {
            picture: [shape.h(), shape.w()],
            seen: [seen_shape.h(), seen_shape.w()],
        });
        let copies = settings.copies;
        let seen = match view {
            None => decoded.picture,
            Some(view) => {
                let grey = match settings.range {
                    Range::Sigmoid => coding.grey(),
                    Range::Free => vec![0.0; shape.c()],
                };
                let [n, c, h, w] = shape.0;
                // Copies lie behind each other as a batch of batches, made by broadcasting.
                let rows = Shape::new(copies, n * c, 1, 1);
                let values = grey.repeat(copies * n);
                let each = feed(&mut graph, &mut feeds, "greys", rows, values)?;
                let grey = feed(&mut graph, &mut feeds, "grey", Shape::channels(c), grey)?;
                let maps = graph.feed(MAPS, Shape::new(copies * n, 6, 1, 1))?;
                let as_rows = Shape::new(1, n * c, h, w);
                let flat = graph.push(Reshape { shape: as_rows }, &[decoded.picture])?;
                let centred = graph.push(Binary::SUB, &[flat, each])?;
                let as_batch = Shape::new(copies * n, c, h, w);
                let centred = graph.push(Reshape { shape: as_batch }, &[centred])?;
                let [height, width] = view.seen;
                let moved = graph.push(AffineSample { height, width }, &[centred, maps])?;
                graph.push(Binary::ADD, &[moved, grey])?
            }
        };
        let seen = if settings.input_noise > 0.0 {
            let noise = graph.feed(INPUT_NOISE, graph.shape(seen))?;
            graph.push(Binary::ADD, &[seen, noise])?
        } else {
            seen
        };
        let looked_at = graph.shape(seen);
        let objectives = copied(&request.objectives, copies);
        let Attached {
            mut graph,
            value,
            layer,
            feeds: own_feeds,
            key,
        } = net.attach(
            graph,
            &Attachment {
                picture: decoded.picture,
                seen,
                objectives: &objectives,
                layer: request.diverse_layer.as_deref(),
                overrides: &request.overrides,
            },
        )?;
        feeds.extend(own_feeds);
        let share = 1.0 / copies as f32;
        let value = graph.push(Scale { factor: share }, &[value])?;
        let mut raised = value;
        for (name, weight, penalty) in penalties(&mut graph, settings, decoded.raw, layer)? {
            let weight = feed(&mut graph, &mut feeds, name, Shape::SCALAR, vec![weight])?;
            let weighted = graph.push(Binary::MUL, &[penalty, weight])?;
            raised = graph.push(Binary::SUB, &[raised, weighted])?;
        }
        let gradients = if settings.redirect {
            redirect::gradient(&mut graph, raised, &values)?
        } else {
            autodiff::gradient(&mut graph, raised, &values)?
        };
        let mut variables = Vec::new();
        let mut moments = Vec::new();
        let rates_shape = match settings.optimizer {
            Optimizer::Adam => Shape::channels(3),
            Optimizer::Sgd => Shape::SCALAR,
        };
        let rates = graph.feed(RATES, rates_shape)?;
        for (index, (&x, &gradient)) in values.iter().zip(&gradients).enumerate() {
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
                        let shape = graph.shape(x);
                        let mean = graph.feed(&name, shape)?;
                        let squared = order == 1;
                        means[order] =
                            graph.push(AdamMoment { decay, squared }, &[mean, gradient])?;
                        moments.push(((name.clone(), shape), (name, means[order])));
                    }
                    graph.push(AdamUpdate, &[x, means[0], means[1], rates])?
                }
            };
            let next = smooth_picture(&mut graph, &mut feeds, settings, next)?;
            variables.push((format!("variable.{index}"), next));
        }
        for (shape, variable) in moments {
            shapes.push(shape);
            variables.push(variable);
        }
        variables.push((VALUES.to_owned(), record(&mut graph, value)?));
        shapes.push((VALUES.to_owned(), Shape::channels(HISTORY)));
        let history = variables.last().map_or(value, |(_, next)| *next);
        let mut fetches = vec![decoded.picture, history];
        fetches.extend(variables.iter().map(|(_, next)| *next));
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
        Ok(Self {
            graph,
            fetches,
            variables,
            feeds,
            shapes,
            view,
            seen: looked_at,
            key: format!("synthesis|{key}|{shape}|{view:?}|{structure:?}"),
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
}

/// Objectives for a batch that holds every picture several times: what the network says is summed over the copies, what is
/// read off the picture itself is not.
fn copied(objectives: &[Objective], copies: usize) -> Vec<Objective> {
    let scaled: Vec<Objective> = objectives
        .iter()
        .map(|terms| {
            let scale = |term: &Term| match term {
                Term::TotalVariation { .. } | Term::L2 { .. } => copies as f32,
                _ => 1.0,
            };
            terms
                .iter()
                .map(|(term, weight)| (term.clone(), weight * scale(term)))
                .collect()
        })
        .collect();
    let times = if scaled.len() > 1 { copies } else { 1 };
    scaled
        .iter()
        .cycle()
        .take(scaled.len() * times)
        .cloned()
        .collect()
}

/// (feed, weight, value) of what is kept small.
fn penalties(
    graph: &mut Graph,
    settings: &Settings,
    raw: NodeId,
    layer: Option<NodeId>,
) -> Result<Vec<(&'static str, f32, NodeId)>> {
    let shape = graph.shape(raw);
    let mut terms = Vec::new();
    if settings.l2 > 0.0 {
        let squares = graph.push(Dot, &[raw, raw])?;
        let weight = match settings.range {
            Range::Free => settings.l2,
            Range::Sigmoid => settings.l2 / shape.picture() as f32,
        };
        terms.push(("l2", weight, squares));
    }
    if settings.tv > 0.0 {
        let share = |differences: usize| 1.0 / differences.max(1) as f32;
        let op = TotalVariation {
            vertical: share(shape.c() * (shape.h() - 1) * shape.w()),
            horizontal: share(shape.c() * shape.h() * (shape.w() - 1)),
        };
        terms.push(("tv", settings.tv, graph.push(op, &[raw])?));
    }
    if let Some(layer) = layer.filter(|_| settings.diversity > 0.0) {
        let cosines = likeness(graph, layer)?;
        terms.push(("diversity", settings.diversity, cosines));
    }
    Ok(terms)
}

/// The sum of cosines between the Gram matrices of every two pictures of a batch, and of each with itself.
fn likeness(graph: &mut Graph, layer: NodeId) -> Result<NodeId> {
    let [n, c, ..] = graph.shape(layer).0;
    if n < 2 {
        return Err(Error::bad_argument(
            "synthesize: diversity keeps pictures apart, so it needs a batch of two or more",
        ));
    }
    let gram = graph.push(Gram { factor: 1.0 }, &[layer])?;
    let shape = Shape::new(n, c * c, 1, 1);
    let vectors = graph.push(Reshape { shape }, &[gram])?;
    let squares = graph.push(Binary::MUL, &[vectors, vectors])?;
    let shape = Shape::new(n, 1, 1, 1);
    let norms = graph.push(SumTo { shape }, &[squares])?;
    let inverse = graph.push(InverseRoot { epsilon: 1e-12 }, &[norms])?;
    let units = graph.push(Binary::MUL, &[vectors, inverse])?;
    let cosines = graph.push(Linear, &[units, units])?;
    let shape = Shape::SCALAR;
    graph.push(SumTo { shape }, &[cosines])
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

/// The history with this step's value at its place.
fn record(graph: &mut Graph, value: NodeId) -> Result<NodeId> {
    let shape = Shape::channels(HISTORY);
    let before = graph.feed(VALUES, shape)?;
    let slot = graph.feed(SLOT, shape)?;
    let rest = graph.feed(REST, shape)?;
    let kept = graph.push(Binary::MUL, &[before, rest])?;
    let new = graph.push(Binary::MUL, &[value, slot])?;
    graph.push(Binary::ADD, &[kept, new])
}
