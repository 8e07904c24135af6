//! The losses of style transfer: what is aimed at, and the nodes that tell how far a picture is from it.
//!
//! L = α L_content + β L_style + λ L_tv. For a layer's activations F (C, K) of K = H · W positions, G = F Fᵀ / K is its Gram
//! matrix (Gatys et al. 2016). A mask m, with mean m² = 1, makes it that of m · F: the style of a part of the picture.

use super::settings::{Colours, Form, Settings, Statistic};
use super::{Request, Roll, colour};
use crate::engine::Executable;
use crate::engine::control::Control;
use crate::engine::program::{Memory, Program};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::lab::synthesis::matrices::{apply, resize};
use crate::lab::synthesis::parametrization::{feed, named};
use crate::lab::synthesis::start::resized;
use crate::net::objective::Feeds;
use crate::net::{AttachedLayers, Net};
use crate::ops::activation::{Activation, Function};
use crate::ops::binary::Binary;
use crate::ops::concat::Concat;
use crate::ops::gram::Gram;
use crate::ops::inverse_root::InverseRoot;
use crate::ops::reduce::{Dot, SumTo};
use crate::ops::scale::Scale;
use crate::ops::total_variation::TotalVariation;
use crate::tensor::{Shape, Tensor};

/// Prefix of the feeds of the matrices that roll a picture.
pub const ROLL: &str = "roll";

/// Added to a variance before its root, so that the root has a slope where a channel is constant.
const VARIANCE_FLOOR: f32 = 1e-6;

/// Added to Σ |a − t|, which is 0 where the aim is reached (Crowson).
const DIFFERENCE_FLOOR: f32 = 1e-8;

/// Sums of squares of what is aimed at below this are nothing to compare with.
const NOTHING: f64 = 1e-20;

/// What a picture is to become, at one size.
pub struct Targets {
    /// For each way in which the picture is rolled, of each content layer, its activations.
    content: Vec<Vec<Tensor>>,
    /// Of each style layer, for each group of styles, its statistics.
    style: Vec<Vec<Tensor>>,
}

/// Styles that act on the same part of the picture.
pub struct Group {
    /// Its share of the style loss.
    pub share: f32,
    /// The styles with their shares of what is aimed at.
    members: Vec<(usize, f32)>,
    /// Where it acts; everywhere if there is none.
    mask: Option<Tensor>,
}

impl Group {
    /// Whether it acts on a part of the picture.
    pub const fn is_masked(&self) -> bool {
        self.mask.is_some()
    }
}

/// Styles without a mask are aimed at together, which has the gradient of aiming at each: the mean of squared distances from
/// several points and the squared distance from their mean differ by a constant.
pub fn groups(request: &Request<'_>) -> Vec<Group> {
    let total: f32 = request.styles.iter().map(|style| style.weight).sum();
    let mut groups: Vec<Group> = Vec::new();
    for (index, style) in request.styles.iter().enumerate() {
        let share = style.weight / total;
        let everywhere = groups.iter_mut().find(|group| group.mask.is_none());
        match (&style.mask, everywhere) {
            (None, Some(group)) => {
                group.share += share;
                group.members.push((index, share));
            }
            (mask, _) => groups.push(Group {
                share,
                members: vec![(index, share)],
                mask: mask.clone(),
            }),
        }
    }
    for group in &mut groups {
        for (_, share) in &mut group.members {
            *share /= group.share;
        }
    }
    groups
}

/// The layers that a step reads: content, then style, then those whose Gram matrices are shown.
pub fn layers<'r>(request: &'r Request<'_>) -> Vec<&'r str> {
    let settings = &request.settings;
    let named = settings.content_layers.iter().chain(&settings.style_layers);
    let mut layers: Vec<&str> = named.map(|(name, _)| name.as_str()).collect();
    layers.extend(request.grams.iter().map(String::as_str));
    layers
}

impl Targets {
    /// Computes what is aimed at, for a result of that shape.
    pub async fn new(
        net: &Net,
        request: &Request<'_>,
        groups: &[Group],
        rolls: &[Roll],
        shape: Shape,
        control: &Control,
    ) -> Result<Self> {
        let settings = &request.settings;
        let rule = &request.normalization;
        let given = resized(&request.content, shape)?;
        let seen = match settings.colours {
            Colours::Kept => colour::grey(&given, rule),
            Colours::Style | Colours::Matched => given.clone(),
        };
        let names: Vec<&str> = settings
            .content_layers
            .iter()
            .map(|(n, _)| n.as_str())
            .collect();
        let mut content = Vec::with_capacity(rolls.len());
        for roll in rolls {
            let rolled = roll.of(&seen)?;
            let found = look(net, request, &rolled, &names, control, |_, layer| Ok(layer));
            content.push(found.await?);
        }
        let names: Vec<&str> = settings
            .style_layers
            .iter()
            .map(|(n, _)| n.as_str())
            .collect();
        let mut of_styles = Vec::with_capacity(request.styles.len());
        for style in &request.styles {
            let [height, width] = scaled(
                style.picture.activation_shape(),
                settings.style_scale,
                shape,
            );
            let picture = resized(&style.picture, Shape::new(1, shape.c(), height, width))?;
            let picture = match settings.colours {
                Colours::Style => picture,
                Colours::Matched => colour::matched(&picture, &given, rule),
                Colours::Kept => colour::matched(&colour::grey(&picture, rule), &seen, rule),
            };
            let statistics = look(net, request, &picture, &names, control, |graph, layer| {
                statistic(graph, settings.statistic, layer, None)
            });
            of_styles.push(statistics.await?);
        }
        let style = (0..names.len())
            .map(|layer| {
                let blend = |group: &Group| {
                    let (first, _) = group.members[0];
                    let mut sum = vec![0.0; of_styles[first][layer].data().len()];
                    for &(style, share) in &group.members {
                        let values = sum.iter_mut().zip(of_styles[style][layer].data());
                        values.for_each(|(sum, value)| *sum += share * value);
                    }
                    Tensor::from_shape(sum, of_styles[first][layer].activation_shape())
                };
                groups.iter().map(blend).collect()
            })
            .collect::<Result<_>>()?;
        Ok(Self { content, style })
    }
}

/// Rows and columns at which a style is looked at for a result of `shape`: of the style's own proportions, with as many
/// pixels as the result has, times the square of `scale`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "extents of pictures are small"
)]
fn scaled(style: Shape, scale: f32, shape: Shape) -> [usize; 2] {
    let factor = (shape.plane() as f64 / style.plane() as f64).sqrt() * f64::from(scale);
    [style.h(), style.w()].map(|length| ((length as f64 * factor).round() as usize).max(4))
}

/// What `read` makes of layers of the network that looks at one picture of any size.
async fn look(
    net: &Net,
    request: &Request<'_>,
    picture: &Tensor,
    layers: &[&str],
    control: &Control,
    mut read: impl FnMut(&mut Graph, NodeId) -> Result<NodeId>,
) -> Result<Vec<Tensor>> {
    const PICTURE: &str = "style.picture";
    if layers.is_empty() {
        return Ok(Vec::new());
    }
    control.step().await?;
    let mut graph = Graph::default();
    let seen = graph.feed(PICTURE, picture.activation_shape())?;
    let attached = net.attach_layers(graph, seen, layers, &request.overrides)?;
    let AttachedLayers {
        mut graph,
        layers,
        mut feeds,
        ..
    } = attached;
    let fetches = layers.iter().map(|&layer| read(&mut graph, layer));
    let fetches = fetches.collect::<Result<Vec<_>>>()?;
    let program = Program::new(&graph, &fetches, Memory::Loop)?;
    // It runs once a size; keeping it would push out what runs often.
    let mut executable = Executable::new(net.engine(), program)?;
    feeds.push((PICTURE.to_owned(), picture.data().to_vec()));
    executable
        .run(&net.parameters_now(), &feeds, control)
        .await?;
    let all: Vec<usize> = (0..fetches.len()).collect();
    executable.fetch(&all).await
}

/// What is taken to be a layer's style: its Gram matrix (1, C, C, 1), or means and deviations (1, 2C, 1, 1).
fn statistic(
    graph: &mut Graph,
    statistic: Statistic,
    layer: NodeId,
    mask: Option<NodeId>,
) -> Result<NodeId> {
    let shape = graph.shape(layer);
    let factor = 1.0 / shape.plane() as f32;
    match statistic {
        Statistic::Gram => {
            let seen = match mask {
                Some(mask) => graph.push(Binary::MUL, &[layer, mask])?,
                None => layer,
            };
            graph.push(Gram { factor }, &[seen])
        }
        Statistic::Moments => {
            let squared_mask = match mask {
                Some(mask) => Some(graph.push(Binary::MUL, &[mask, mask])?),
                None => None,
            };
            let mean = |graph: &mut Graph, x: NodeId| {
                let weighted = match squared_mask {
                    Some(weight) => graph.push(Binary::MUL, &[x, weight])?,
                    None => x,
                };
                let shape = Shape::channels(shape.c());
                let sum = graph.push(SumTo { shape }, &[weighted])?;
                graph.push(Scale { factor }, &[sum])
            };
            let means = mean(graph, layer)?;
            let centred = graph.push(Binary::SUB, &[layer, means])?;
            let squares = graph.push(Binary::MUL, &[centred, centred])?;
            let variances = mean(graph, squares)?;
            let epsilon = VARIANCE_FLOOR;
            let inverse = graph.push(InverseRoot { epsilon }, &[variances])?;
            let deviations = graph.push(Binary::MUL, &[variances, inverse])?;
            graph.push(Concat, &[means, deviations])
        }
    }
}

/// Losses as nodes.
pub struct Losses {
    /// Those of content layers, of style layers, and the total variation, (1, R, 1, 1), without α, β and λ.
    pub record: NodeId,
    /// −L, which is raised.
    pub raised: NodeId,
    /// Gram matrices to look at.
    pub grams: Vec<NodeId>,
}

/// Appends the losses of a picture whose `layers` are those that [`layers`] names.
pub fn losses(
    graph: &mut Graph,
    feeds: &mut Feeds,
    request: &Request<'_>,
    groups: &[Group],
    targets: &Targets,
    picture: NodeId,
    layers: &[NodeId],
) -> Result<Losses> {
    let settings = &request.settings;
    let (content, rest) = layers.split_at(settings.content_layers.len());
    let (style, shown) = rest.split_at(settings.style_layers.len());
    let mut rows = Vec::new();
    for ((name, _), (index, (&layer, target))) in settings
        .content_layers
        .iter()
        .zip(content.iter().zip(&targets.content[0]).enumerate())
    {
        let scale = scale(settings.form, target, 1.0, "content", name)?;
        let of = content_name(index);
        let found = (layer, settings.form);
        rows.push(difference(graph, feeds, &of, found, target, scale)?);
    }
    for (index, ((name, _), (&layer, targets))) in settings
        .style_layers
        .iter()
        .zip(style.iter().zip(&targets.style))
        .enumerate()
    {
        let shape = graph.shape(layer);
        let mut row = None;
        for (number, (group, target)) in groups.iter().zip(targets).enumerate() {
            let of = format!("style{index}.{number}");
            let mask = match &group.mask {
                None => None,
                Some(mask) => {
                    let shape = Shape::new(1, 1, shape.h(), shape.w());
                    let values = mask_at(mask, shape);
                    Some(feed(
                        graph,
                        feeds,
                        &mask_name(index, number),
                        shape,
                        values,
                    )?)
                }
            };
            let found = statistic(graph, settings.statistic, layer, mask)?;
            // F Fᵀ is K times as large as what is compared.
            let size = match settings.statistic {
                Statistic::Gram => shape.plane() as f32,
                Statistic::Moments => 1.0,
            };
            let scale = group.share * scale(settings.form, target, size, "style", name)?;
            let found = (found, settings.form);
            let loss = difference(graph, feeds, &of, found, target, scale)?;
            row = Some(match row {
                Some(sum) => graph.push(Binary::ADD, &[sum, loss])?,
                None => loss,
            });
        }
        rows.extend(row);
    }
    rows.push(roughness(graph, feeds, request, picture)?);
    let record = graph.push(Concat, &rows)?;
    let weights = weights(settings).iter().map(|weight| -weight).collect();
    let weights = feed(graph, feeds, "weights", graph.shape(record), weights)?;
    let raised = graph.push(Dot, &[record, weights])?;
    let grams = shown
        .iter()
        .map(|&layer| statistic(graph, Statistic::Gram, layer, None));
    Ok(Losses {
        record,
        raised,
        grams: grams.collect::<Result<_>>()?,
    })
}

/// Prefix of the feeds of a content layer.
fn content_name(layer: usize) -> String {
    format!("content{layer}")
}

/// The feed of a group's mask at a style layer.
fn mask_name(layer: usize, group: usize) -> String {
    format!("style{layer}.{group}.mask")
}

/// What feeds hold for each way in which the picture is rolled: what rolls it, and what is aimed at then.
pub fn turns(
    groups: &[Group],
    targets: &Targets,
    rolls: &[Roll],
    shape: Shape,
    style_shapes: &[Shape],
) -> Result<Vec<Feeds>> {
    let masks = groups.iter().enumerate();
    let masks: Vec<(usize, Tensor)> = masks
        .filter_map(|(number, group)| group.mask.as_ref().map(|mask| (number, mask)))
        .map(|(number, mask)| {
            Ok((
                number,
                resized(mask, Shape::new(1, 1, shape.h(), shape.w()))?,
            ))
        })
        .collect::<Result<_>>()?;
    let turn = |(roll, content): (&Roll, &Vec<Tensor>)| {
        let [rows, columns] = roll.matrices([shape.h(), shape.w()]);
        let mut feeds = vec![
            (named(&format!("{ROLL}.rows")), rows),
            (named(&format!("{ROLL}.columns")), columns),
        ];
        for (index, target) in content.iter().enumerate() {
            let name = named(&format!("{}.target", content_name(index)));
            feeds.push((name, target.data().to_vec()));
        }
        for (number, mask) in &masks {
            let rolled = roll.of(mask)?;
            for (index, layer) in style_shapes.iter().enumerate() {
                let shape = Shape::new(1, 1, layer.h(), layer.w());
                feeds.push((named(&mask_name(index, *number)), mask_at(&rolled, shape)));
            }
        }
        Ok(feeds)
    };
    rolls.iter().zip(&targets.content).map(turn).collect()
}

/// The weight of each number that a step records in L.
pub fn weights(settings: &Settings) -> Vec<f32> {
    let content = settings
        .content_layers
        .iter()
        .map(|(_, w)| settings.alpha * w);
    let style = settings.style_layers.iter().map(|(_, w)| settings.beta * w);
    content.chain(style).chain([settings.tv]).collect()
}

/// What Σ (a − t)² is multiplied by; `size` is what the lecture's form of `target` is larger by.
fn scale(form: Form, target: &Tensor, size: f32, what: &str, layer: &str) -> Result<f32> {
    let squares = target.data().iter().map(|&t| f64::from(t).powi(2));
    let norm: f64 = squares.sum();
    match form {
        Form::Sum => Ok(size * size),
        Form::Mean => Ok(1.0 / target.data().len() as f32),
        Form::Scaled => Ok(1.0),
        Form::Relative if norm < NOTHING => Err(Error::bad_argument(format!(
            "stylize: layer '{layer}' is silent for the {what} picture, so there is nothing to compare with; take another picture or layer, or form \"mean\""
        ))),
        Form::Relative => Ok(crate::lab::synthesis::matrices::narrow(1.0 / norm)),
    }
}

/// scale · Σ (a − t)², for [`Form::Scaled`] divided by Σ |a − t|.
fn difference(
    graph: &mut Graph,
    feeds: &mut Feeds,
    of: &str,
    (found, form): (NodeId, Form),
    target: &Tensor,
    scale: f32,
) -> Result<NodeId> {
    let shape = graph.shape(found);
    let target = feed(
        graph,
        feeds,
        &format!("{of}.target"),
        shape,
        target.data().to_vec(),
    )?;
    let scale = feed(
        graph,
        feeds,
        &format!("{of}.scale"),
        Shape::SCALAR,
        vec![scale],
    )?;
    let difference = graph.push(Binary::SUB, &[found, target])?;
    // Scaled on the way, since the sum of squares of large Gram matrices is beyond f32.
    let scaled = graph.push(Binary::MUL, &[difference, scale])?;
    let squares = graph.push(Dot, &[difference, scaled])?;
    if form != Form::Scaled {
        return Ok(squares);
    }
    let function = Function::Relu;
    let above = graph.push(Activation { function }, &[difference])?;
    let opposite = graph.push(Scale { factor: -1.0 }, &[difference])?;
    let below = graph.push(Activation { function }, &[opposite])?;
    let absolute = graph.push(Binary::ADD, &[above, below])?;
    let shape = Shape::SCALAR;
    let sum = graph.push(SumTo { shape }, &[absolute])?;
    let epsilon = DIFFERENCE_FLOOR;
    let root = graph.push(InverseRoot { epsilon }, &[sum])?;
    let inverse = graph.push(Binary::MUL, &[root, root])?;
    graph.push(Binary::MUL, &[squares, inverse])
}

/// The mean squared difference of neighbours down plus that of neighbours across, pixels in [0, 1].
fn roughness(
    graph: &mut Graph,
    feeds: &mut Feeds,
    request: &Request<'_>,
    picture: NodeId,
) -> Result<NodeId> {
    let shape = graph.shape(picture);
    let deviations = request.normalization.std.clone();
    let std = feed(graph, feeds, "std", Shape::channels(shape.c()), deviations)?;
    let pixels = graph.push(Binary::MUL, &[picture, std])?;
    let share = |differences: usize| 1.0 / differences.max(1) as f32;
    let op = TotalVariation {
        vertical: share(shape.c() * (shape.h() - 1) * shape.w()),
        horizontal: share(shape.c() * shape.h() * (shape.w() - 1)),
        squared: true,
    };
    graph.push(op, &[pixels])
}

/// A mask at a layer's size, with mean square 1.
fn mask_at(mask: &Tensor, shape: Shape) -> Vec<f32> {
    let given = mask.activation_shape();
    let mut values = apply(
        mask.data(),
        [given.h(), given.w()],
        &resize(given.h(), shape.h()),
        &resize(given.w(), shape.w()),
    );
    let square: f32 = values.iter().map(|value| value * value).sum();
    let root = (square / values.len() as f32).sqrt().max(f32::MIN_POSITIVE);
    values.iter_mut().for_each(|value| *value /= root);
    values
}
