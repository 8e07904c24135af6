//! A step of synthesis as one program: numbers → picture → what the network sees → objective → gradient → numbers.

use super::parametrization::{Coding, feed};
use super::settings::{Range, Settings};
use super::step::{INPUT_NOISE, MAPS, StepPlan, Unfinished, variables};
use super::transforms::View;
use super::{Request, redirect};
use crate::engine::autodiff;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::net::objective::{Feeds, Objective, Term};
use crate::net::{Attached, Attachment, Net};
use crate::ops::affine::AffineSample;
use crate::ops::binary::Binary;
use crate::ops::gram::Gram;
use crate::ops::inverse_root::InverseRoot;
use crate::ops::linear::Linear;
use crate::ops::reduce::{Dot, SumTo};
use crate::ops::reshape::Reshape;
use crate::ops::scale::Scale;
use crate::ops::total_variation::TotalVariation;
use crate::tensor::Shape;

/// Plans a step for pictures (N, C, H, W).
pub fn plan(net: &Net, request: &Request<'_>, shape: Shape) -> Result<StepPlan> {
    // The network looks at pictures of another size where it can, else at pictures resized to its own.
    let own = net.input_shape().with_n(shape.n());
    match plan_seen(net, request, shape, shape) {
        Err(error) if error.code == crate::error::Code::BadModel && shape != own => {
            plan_seen(net, request, shape, own)
        }
        planned => planned,
    }
}

fn plan_seen(
    net: &Net,
    request: &Request<'_>,
    shape: Shape,
    seen_shape: Shape,
) -> Result<StepPlan> {
    let settings = &request.settings;
    let coding = Coding::new(settings, &request.normalization, shape);
    let mut graph = Graph::default();
    let mut feeds = Feeds::new();
    let values = variables(&mut graph, &coding.shapes())?;
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
    let step = Unfinished {
        graph,
        feeds,
        values,
        picture: decoded.picture,
        gradients,
        record: value,
        shown: Vec::new(),
        view,
        seen: looked_at,
        turns: Vec::new(),
        key: format!("synthesis|{key}"),
    };
    StepPlan::finish(step, settings)
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
            squared: false,
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
