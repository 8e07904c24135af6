//! Style transfer: a picture with the activations of one picture and the statistics of another's (Gatys, Ecker and Bethge
//! 2016, "Image Style Transfer Using Convolutional Neural Networks").
//!
//! A step is one program like one of synthesis, whose parametrisations, optimisers, sizes and checkpoints it shares: numbers
//! → picture → the network's layers → losses → gradient → numbers. What is aimed at is computed once a size.

mod colour;
mod loss;
mod roll;
pub mod settings;

use crate::engine::autodiff;
use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::lab::synthesis::ascent::{Course, Glance, Run};
use crate::lab::synthesis::coarse_to_fine::{Plan, coarse_to_fine};
use crate::lab::synthesis::parametrization::{Coding, along_both, feed};
use crate::lab::synthesis::start::resized;
use crate::lab::synthesis::step::{StepPlan, Unfinished, variables};
use crate::lab::synthesis::{Checkpoint, MOST_STEPS, MOST_VALUES, Normalization, Start};
use crate::net::objective::Feeds;
use crate::net::{AttachedLayers, Net, Overrides};
use crate::ops::binary::Binary;
use crate::ops::conv2d::{Conv2d, Geometry};
use crate::tensor::{Shape, Tensor};
use loss::{Group, Losses, Targets};
use roll::Roll;
use settings::{Colours, Form, Settings};

/// Rows and columns that a picture has at least.
const LEAST_SIDE: usize = 8;

/// A picture whose style is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Style {
    /// (1, C, H, W) in model space, of any size.
    pub picture: Tensor,
    /// Its share among the styles; they are divided by their sum.
    pub weight: f32,
    /// Where it acts, (1, 1, H, W) from 0 to 1, of any size; everywhere if there is none.
    pub mask: Option<Tensor>,
}

/// What a run starts from.
#[derive(Debug, Clone, PartialEq)]
pub enum Init {
    /// The content's picture.
    Content,
    /// The first style's picture.
    Style,
    /// Noise by the seed.
    Noise,
    /// A picture (1, C, H, W) in model space.
    Picture(Tensor),
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The picture whose content is kept, (1, C, H, W) in model space, of any size.
    pub content: Tensor,
    /// At least one.
    pub styles: Vec<Style>,
    /// How.
    pub settings: Settings,
    /// The network's rule for pixels.
    pub normalization: Normalization,
    /// Rows and columns of the result.
    pub size: [usize; 2],
    /// Steps of descent, those of all sizes together.
    pub steps: usize,
    /// What it starts from.
    pub init: Init,
    /// Goes on from here instead; `steps` are then those that are left.
    pub resume: Option<&'a Checkpoint>,
    /// Layers changed on the way.
    pub overrides: Overrides,
    /// Of noise.
    pub seed: u64,
    /// Steps between looks.
    pub every: usize,
    /// Looks between those that come with a checkpoint; 0 for none.
    pub checkpoints: usize,
    /// Layers whose Gram matrices come with each look.
    pub grams: Vec<String>,
}

/// How far a picture is from what is aimed at.
#[derive(Debug, Clone, PartialEq)]
pub struct Distance {
    /// α `content` + β `style` + λ `tv`.
    pub total: f32,
    /// The content loss, weighted over layers.
    pub content: f32,
    /// The style loss, weighted over layers.
    pub style: f32,
    /// The mean squared difference of neighbouring pixels.
    pub tv: f32,
    /// The content loss of each layer, without its weight.
    pub content_layers: Vec<f32>,
    /// The style loss of each layer, without its weight.
    pub style_layers: Vec<f32>,
}

/// A look at a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Steps done when the picture was as it is.
    pub step: usize,
    /// The losses since the last look; those of this picture come last.
    pub history: Vec<Distance>,
    /// (1, C, H, W) in model space, at the size that the run has reached.
    pub image: Tensor,
    /// Gram matrices (C, C) of the picture at the layers that were asked for, divided by H · W.
    pub grams: Vec<Tensor>,
    /// From which the run can go on, after the step that follows the picture.
    pub checkpoint: Option<Checkpoint>,
}

/// What a run gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// (1, C, H, W) in model space.
    pub image: Tensor,
    /// The losses before each step, and after the last.
    pub history: Vec<Distance>,
    /// As in [`Look`].
    pub grams: Vec<Tensor>,
    /// From which the run can go on.
    pub checkpoint: Checkpoint,
}

/// Makes a picture of one picture's content in the style of others. `on_look` sees it every so many steps and says whether to
/// go on.
///
/// # Errors
/// `bad_argument` for settings out of range, layers that do not exist or are silent, masks that do not fit, or a checkpoint of
/// another run; `bad_image` for pictures of other channels; `aborted`; those of the engine.
pub async fn stylize(
    net: &Net,
    request: &Request<'_>,
    control: &Control,
    mut on_look: impl AsyncFnMut(Look) -> Result<bool>,
) -> Result<Outcome> {
    check(net, request)?;
    let settings = &request.settings;
    let run = Run {
        call: "stylize",
        settings: &settings.descent,
        normalization: &request.normalization,
        count: 1,
        seed: request.seed,
        every: request.every,
        checkpoints: request.checkpoints,
    };
    let start = match &request.init {
        Init::Content => Start::Picture(request.content.clone()),
        Init::Style => Start::Picture(request.styles[0].picture.clone()),
        Init::Noise => Start::Noise,
        Init::Picture(picture) => Start::Picture(picture.clone()),
    };
    let plan = Plan {
        size: request.size,
        steps: request.steps,
        start: &start,
        resume: request.resume,
    };
    let groups = loss::groups(request);
    let rolls = Roll::ways(settings.jitter, request.seed);
    let step = async |shape: Shape| {
        let targets = Targets::new(net, request, &groups, &rolls, shape, control).await?;
        plan_step(net, request, &groups, &rolls, &targets, shape)
    };
    let look = async |glance: Glance| {
        on_look(Look {
            step: glance.step,
            history: distances(settings, &glance.history),
            image: glance.image,
            grams: matrices(glance.shown)?,
            checkpoint: glance.checkpoint,
        })
        .await
    };
    let Course {
        image,
        shown,
        history,
        checkpoint,
    } = coarse_to_fine(net, &run, &plan, step, control, look).await?;
    Ok(Outcome {
        image,
        history: distances(settings, &history),
        grams: matrices(shown)?,
        checkpoint,
    })
}

/// One step at one size.
fn plan_step(
    net: &Net,
    request: &Request<'_>,
    groups: &[Group],
    rolls: &[Roll],
    targets: &Targets,
    shape: Shape,
) -> Result<StepPlan> {
    let settings = &request.settings;
    let coding = Coding::new(&settings.descent, &request.normalization, shape);
    let mut graph = Graph::default();
    let mut feeds = Feeds::new();
    let values = variables(&mut graph, &coding.shapes())?;
    let decoded = coding.decode(&mut graph, &values, &mut feeds)?;
    let (picture, seen) = match settings.colours {
        Colours::Kept => {
            in_the_content_s_colours(&mut graph, &mut feeds, request, decoded.picture)?
        }
        Colours::Style | Colours::Matched => (decoded.picture, decoded.picture),
    };
    let seen = match rolls {
        [] | [_] => seen,
        [first, ..] => {
            let matrices = first.matrices([shape.h(), shape.w()]);
            along_both(&mut graph, &mut feeds, loss::ROLL, seen, matrices)?
        }
    };
    let layers = loss::layers(request);
    let attached = net.attach_layers(graph, seen, &layers, &request.overrides)?;
    let AttachedLayers {
        mut graph,
        layers: nodes,
        feeds: own,
        key,
    } = attached;
    feeds.extend(own);
    let Losses {
        record,
        raised,
        grams,
    } = loss::losses(
        &mut graph, &mut feeds, request, groups, targets, picture, &nodes,
    )?;
    let gradients = autodiff::gradient(&mut graph, raised, &values)?;
    let turns = if rolls.len() > 1 {
        let style = nodes.iter().skip(settings.content_layers.len());
        let style = style.take(settings.style_layers.len());
        let shapes: Vec<Shape> = style.map(|&layer| graph.shape(layer)).collect();
        loss::turns(groups, targets, rolls, shape, &shapes)?
    } else {
        Vec::new()
    };
    let parts = [settings.content_layers.len(), settings.style_layers.len()];
    let masks: Vec<bool> = groups.iter().map(Group::is_masked).collect();
    let is_scaled = settings.form == Form::Scaled;
    let how = (
        settings.statistic,
        settings.colours,
        rolls.len() > 1,
        is_scaled,
    );
    let step = Unfinished {
        graph,
        feeds,
        values,
        picture,
        gradients,
        record,
        shown: grams,
        view: None,
        seen: shape,
        turns,
        key: format!("style|{layers:?}|{parts:?}|{masks:?}|{how:?}|{key}"),
    };
    StepPlan::finish(step, &settings.descent)
}

/// The picture's brightness with the content's colours, and the brightness alone, which the network sees.
fn in_the_content_s_colours(
    graph: &mut Graph,
    feeds: &mut Feeds,
    request: &Request<'_>,
    picture: NodeId,
) -> Result<(NodeId, NodeId)> {
    let shape = graph.shape(picture);
    let (weight, bias) = colour::to_grey(&request.normalization);
    let weight = feed(graph, feeds, "grey", Shape::new(3, 3, 1, 1), weight)?;
    let bias = feed(graph, feeds, "grey.bias", Shape::channels(3), bias)?;
    let op = Conv2d::plain(Geometry {
        stride: [1, 1],
        padding: [0, 0, 0, 0].into(),
        dilation: [1, 1],
        groups: 1,
    });
    let mixed = graph.push(op, &[picture, weight])?;
    let grey = graph.push(Binary::ADD, &[mixed, bias])?;
    let content = resized(&request.content, shape)?;
    let brightness = colour::grey(&content, &request.normalization);
    let colours = content.data().iter().zip(brightness.data());
    let colours = colours.map(|(own, grey)| own - grey).collect();
    let colours = feed(graph, feeds, "colours_kept", shape, colours)?;
    Ok((graph.push(Binary::ADD, &[grey, colours])?, grey))
}

/// What a step recorded, by name.
fn distances(settings: &Settings, history: &[Vec<f32>]) -> Vec<Distance> {
    let weighted = |layers: &[(String, f32)], losses: &[f32]| {
        let pairs = layers.iter().zip(losses);
        pairs.map(|((_, weight), loss)| weight * loss).sum::<f32>()
    };
    let weights = loss::weights(settings);
    let read = |numbers: &Vec<f32>| {
        let (content, rest) = numbers.split_at(settings.content_layers.len());
        let (style, tv) = rest.split_at(settings.style_layers.len());
        Distance {
            total: numbers.iter().zip(&weights).map(|(n, w)| n * w).sum(),
            content: weighted(&settings.content_layers, content),
            style: weighted(&settings.style_layers, style),
            tv: tv[0],
            content_layers: content.to_vec(),
            style_layers: style.to_vec(),
        }
    };
    history.iter().map(read).collect()
}

/// Gram matrices (1, C, C, 1) as (C, C).
fn matrices(grams: Vec<Tensor>) -> Result<Vec<Tensor>> {
    let grams = grams.into_iter();
    grams
        .map(|gram| {
            let channels = gram.activation_shape().c();
            gram.reshape([channels, channels])
        })
        .collect()
}

fn check(net: &Net, request: &Request<'_>) -> Result<()> {
    let wrong = |message: String| Err(Error::bad_argument(format!("stylize: {message}")));
    let channels = net.input_shape().c();
    let [height, width] = request.size;
    if height.min(width) < LEAST_SIDE || channels * height * width > MOST_VALUES {
        return wrong(format!(
            "size is {height} × {width}; a picture has at least {LEAST_SIDE} × {LEAST_SIDE} pixels, and at most {} million values",
            MOST_VALUES >> 20
        ));
    }
    request.settings.check(request.size)?;
    if request.steps > MOST_STEPS {
        return wrong(format!(
            "steps is {}, it may be up to {MOST_STEPS}",
            request.steps
        ));
    }
    if request.every == 0 {
        return wrong("every is 0, it must be at least 1".to_owned());
    }
    if request.styles.is_empty() {
        return wrong("there is no style; give at least one picture".to_owned());
    }
    let pictures = request.styles.iter().map(|style| ("style", &style.picture));
    for (what, picture) in pictures.chain([("content", &request.content)]) {
        let shape = picture.activation_shape();
        if shape.n() != 1 || shape.c() != channels || shape.is_empty() {
            return Err(Error::bad_image(format!(
                "stylize: {what} is {:?}, but pictures here are [1, {channels}, H, W]",
                picture.shape()
            )));
        }
    }
    for Style { weight, mask, .. } in &request.styles {
        if !(weight.is_finite() && *weight >= 0.0) {
            return wrong(format!(
                "a style's weight is {weight}, it must be a number from 0"
            ));
        }
        if let Some(mask) = mask {
            let shape = mask.activation_shape();
            let fits = shape.n() == 1 && shape.c() == 1 && !shape.is_empty();
            let mut values = mask.data().iter();
            if !fits || values.any(|value| !(0.0..=1.0).contains(value)) {
                return wrong(format!(
                    "a mask is a Tensor [1, 1, H, W] of numbers from 0 to 1, not {:?}",
                    mask.shape()
                ));
            }
            if mask.data().iter().all(|&value| value == 0.0) {
                return wrong("a mask is 0 everywhere; leave its style out instead".to_owned());
            }
        }
    }
    if request.styles.iter().map(|style| style.weight).sum::<f32>() <= 0.0 {
        return wrong("the styles' weights are all 0; one must be above".to_owned());
    }
    if request.settings.colours != Colours::Style && channels != 3 {
        return wrong(format!(
            "preserveColors needs pictures in colour, and those of this network have {channels} channel(s)"
        ));
    }
    Ok(())
}
