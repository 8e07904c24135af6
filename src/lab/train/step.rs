//! A whole step of training as one program: forward, backward, and the optimiser, whose weights, moments and running
//! statistics go from one run to the next where they are. Only loss and logits have to come back.

use super::forward::{Forward, Norm, Weights, batch_feeds};
use super::optimizer::{ADAM_DECAYS, Rates, Rule};
use crate::engine::control::Control;
use crate::engine::program::{Memory, Program};
use crate::engine::{Executable, Parameter, Parameters, autodiff};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::net::Net;
use crate::net::objective::Feeds;
use crate::ops::adam::{AdamMoment, AdamUpdate};
use crate::ops::binary::Binary;
use crate::tensor::{Shape, Tensor};

const RATES: &str = "rates";
const MOMENTUM: &str = "momentum";
const DECAY: &str = "weight decay";

/// A step of training ready to run, with all that it learns.
#[derive(Debug)]
pub struct Stepper {
    executable: Executable,
    weights: Vec<String>,
    norms: Vec<[String; 2]>,
    /// The variables in the order of the fetches after loss and logits: weights, statistics of norms, moments.
    variables: Vec<(String, usize)>,
    rule: Rule,
    classes: usize,
    batch: usize,
}

/// What a step says before the weights move.
#[derive(Debug)]
pub struct Said {
    /// Mean cross-entropy of the batch.
    pub loss: f32,
    /// Logits (N, K), row by row.
    pub logits: Vec<f32>,
}

impl Stepper {
    /// A step with batches of `batch` pictures on the engine of `net`.
    ///
    /// # Errors
    /// `unsupported_op` if an operator has no gradient; `bad_argument` if the network gives no list of classes;
    /// `out_of_memory`.
    pub fn new(net: &Net, batch: usize, rule: Rule) -> Result<Self> {
        let forward = Forward::new(
            net.graph(),
            net.input(),
            net.output(),
            batch,
            Weights::Feeds,
        )?;
        let classes = forward.classes();
        let Forward {
            mut graph,
            loss,
            logits,
            weights,
            norms,
        } = forward;
        let wrt: Vec<NodeId> = weights.iter().map(|(_, id)| *id).collect();
        let gradients = autodiff::gradient(&mut graph, loss, &wrt)?;
        let (next, moments) = optimised(&mut graph, rule, &weights, &gradients)?;
        let mut variables = next;
        for norm in &norms {
            variables.push(gathered(&mut graph, norm)?);
        }
        variables.extend(moments);
        // The feeds themselves are read back: they hold the last whole step even where one was cut off.
        let mut fetches = vec![loss, logits];
        let mut sizes = Vec::new();
        for (name, next) in &variables {
            let feed = graph.find(name);
            fetches.push(feed.ok_or_else(|| Error::internal(format!("'{name}' was lost")))?);
            sizes.push((name.clone(), graph.shape(*next).len()));
        }
        let named: Vec<(&str, NodeId)> = variables
            .iter()
            .map(|(name, next)| (name.as_str(), *next))
            .collect();
        let program = Program::with_variables(&graph, &fetches, &named, Memory::Loop)?;
        Ok(Self {
            executable: Executable::new(net.engine(), program)?,
            weights: weights.into_iter().map(|(name, _)| name).collect(),
            norms: norms.into_iter().map(|norm| norm.names).collect(),
            variables: sizes,
            rule,
            classes,
            batch,
        })
    }

    /// Pictures a step.
    #[must_use]
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Whether it takes the kind of step that `rule` asks for.
    #[must_use]
    pub const fn takes(&self, rule: Rule) -> bool {
        self.rule.continues(rule)
    }

    /// What the first step is fed beside a batch: the weights as they are, and no moments.
    ///
    /// # Errors
    /// `bad_argument` if a weight is missing.
    pub fn beginning(&self, parameters: &Parameters) -> Result<Feeds> {
        let mut feeds = self.given(parameters)?;
        let moments = &self.variables[feeds.len()..];
        feeds.extend(
            moments
                .iter()
                .map(|(name, size)| (name.clone(), vec![0.0; *size])),
        );
        Ok(feeds)
    }

    /// What a step is fed after weights were changed from outside: those as they are, while the moments stay.
    ///
    /// # Errors
    /// `bad_argument` if a weight is missing.
    pub fn given(&self, parameters: &Parameters) -> Result<Feeds> {
        let own = |name: &String| parameters.get(name).map(|each| each.values.to_vec());
        let mut values: Vec<Vec<f32>> = self.weights.iter().map(own).collect::<Result<_>>()?;
        for [mean, variance] in &self.norms {
            values.push([own(mean)?, own(variance)?].concat());
        }
        Ok(self.named(values))
    }

    /// What the first step of another batch size is fed, so that it goes on where this one stopped.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn carried(&self) -> Result<Feeds> {
        Ok(self.named(self.state().await?))
    }

    /// What a step is fed: a batch, and the rates; `taken` counts from 1.
    ///
    /// # Errors
    /// `bad_argument` for a class that does not exist.
    pub fn feeds(
        &self,
        pictures: Vec<f32>,
        labels: &[usize],
        rates: Rates,
        taken: usize,
    ) -> Result<Feeds> {
        let mut feeds = batch_feeds(pictures, labels, self.classes)?;
        feeds.extend(rate_feeds(rates, taken));
        Ok(feeds)
    }

    /// Takes a step. The first one is fed what [`Self::beginning`] or [`Self::carried`] gave, too.
    ///
    /// # Errors
    /// `aborted`, after which nothing has moved; those of the engine.
    pub async fn step(
        &mut self,
        parameters: &Parameters,
        feeds: &Feeds,
        control: &Control,
    ) -> Result<Said> {
        self.executable.run(parameters, feeds, control).await?;
        let mut said = self.executable.fetch(&[0, 1]).await?.into_iter();
        let mut next = || {
            let tensor = said.next().map(Tensor::into_data);
            tensor.ok_or_else(|| Error::internal("the training program has no loss"))
        };
        Ok(Said {
            loss: next()?[0],
            logits: next()?,
        })
    }

    /// The weights and running statistics as they are now, for the network.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn learnt(&self, parameters: &Parameters) -> Result<Vec<(String, Parameter)>> {
        let count = self.weights.len() + self.norms.len();
        let indices: Vec<usize> = (2..2 + count).collect();
        let mut values = self.executable.fetch(&indices).await?.into_iter();
        let mut learnt = Vec::new();
        let mut put = |name: &String, values: Vec<f32>| -> Result<()> {
            let shape = parameters.get(name)?.shape.clone();
            learnt.push((name.clone(), Tensor::new(values, shape)?.into()));
            Ok(())
        };
        for (name, tensor) in self.weights.iter().zip(values.by_ref()) {
            put(name, tensor.into_data())?;
        }
        for ([mean, variance], tensor) in self.norms.iter().zip(values) {
            let (means, variances) = tensor.data().split_at(tensor.data().len() / 2);
            put(mean, means.to_vec())?;
            put(variance, variances.to_vec())?;
        }
        Ok(learnt)
    }

    async fn state(&self) -> Result<Vec<Vec<f32>>> {
        let indices: Vec<usize> = (2..2 + self.variables.len()).collect();
        let values = self.executable.fetch(&indices).await?;
        Ok(values.into_iter().map(Tensor::into_data).collect())
    }

    fn named(&self, values: Vec<Vec<f32>>) -> Feeds {
        let names = self.variables.iter().map(|(name, _)| name.clone());
        names.zip(values).collect()
    }
}

/// A step's rates as it takes them: learning rates are negative, since weights go down the gradient.
fn rate_feeds(rates: Rates, taken: usize) -> Feeds {
    let down = -rates.learning_rate;
    let mut feeds = vec![(DECAY.to_owned(), vec![rates.weight_decay])];
    match rates.rule {
        Rule::Sgd { momentum } => {
            feeds.push((MOMENTUM.to_owned(), vec![momentum]));
            feeds.push((RATES.to_owned(), vec![down]));
        }
        Rule::Adam => {
            let taken = i32::try_from(taken).unwrap_or(i32::MAX);
            let [first, second] = ADAM_DECAYS.map(|decay| 1.0 / (1.0 - decay.powi(taken)));
            feeds.push((RATES.to_owned(), vec![down, first, second]));
        }
    }
    feeds
}

type Variables = Vec<(String, NodeId)>;

/// Weights and moments after a step, by the formulas of [`Rule`].
fn optimised(
    graph: &mut Graph,
    rule: Rule,
    weights: &Variables,
    gradients: &[NodeId],
) -> Result<(Variables, Variables)> {
    let decay = graph.feed(DECAY, Shape::SCALAR)?;
    let rates_shape = match rule {
        Rule::Sgd { .. } => Shape::SCALAR,
        Rule::Adam => Shape::channels(3),
    };
    let rates = graph.feed(RATES, rates_shape)?;
    let momentum = match rule {
        Rule::Sgd { .. } => Some(graph.feed(MOMENTUM, Shape::SCALAR)?),
        Rule::Adam => None,
    };
    let (mut next, mut moments) = (Vec::new(), Vec::new());
    for ((name, weight), &gradient) in weights.iter().zip(gradients) {
        let shape = graph.shape(*weight);
        let pull = graph.push(Binary::MUL, &[*weight, decay])?;
        let gradient = graph.push(Binary::ADD, &[gradient, pull])?;
        let moment = |graph: &mut Graph, order: usize| -> Result<(String, NodeId)> {
            let name = format!("moment {order} of {name}");
            let feed = graph.feed(&name, shape)?;
            Ok((name, feed))
        };
        let moved = if let Some(momentum) = momentum {
            let (name, velocity) = moment(graph, 1)?;
            let kept = graph.push(Binary::MUL, &[velocity, momentum])?;
            let velocity = graph.push(Binary::ADD, &[kept, gradient])?;
            moments.push((name, velocity));
            let step = graph.push(Binary::MUL, &[velocity, rates])?;
            graph.push(Binary::ADD, &[*weight, step])?
        } else {
            let mut means = [*weight; 2];
            for (index, &decay) in ADAM_DECAYS.iter().enumerate() {
                let (name, mean) = moment(graph, index + 1)?;
                let squared = index == 1;
                means[index] = graph.push(AdamMoment { decay, squared }, &[mean, gradient])?;
                moments.push((name, means[index]));
            }
            graph.push(AdamUpdate, &[*weight, means[0], means[1], rates])?
        };
        next.push((name.clone(), moved));
    }
    Ok((next, moments))
}

/// A batch norm's running statistics after a step, (2, C, 1, 1).
fn gathered(graph: &mut Graph, norm: &Norm) -> Result<(String, NodeId)> {
    let name = format!("statistics of {}", norm.names[0]);
    let before = graph.feed(&name, graph.shape(norm.batch))?;
    Ok((name, graph.push(norm.running, &[before, norm.batch])?))
}
