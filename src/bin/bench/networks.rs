//! Whole networks through the same calls that the page makes: forward and the gradient of a logit to the picture.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::engine::gpu::Gpu;
use convscope::error::{Error, Result};
use convscope::load::{arch, data, safetensors};
use convscope::net::objective::Term;
use convscope::net::{Net, Overrides};
use convscope::random::Random;
use convscope::tensor::Tensor;
use serde::Serialize;

use crate::rounds::{Timing, time};

/// The class whose logit is differentiated.
const CLASS: usize = 3;

/// Figures of one network.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    name: &'static str,
    forward: Figure,
    input_gradient: Figure,
}

/// Milliseconds of a call, or why there are none.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Figure {
    #[serde(rename_all = "camelCase")]
    Measured {
        /// From the loaded network to its first result, shader compilation included.
        first_ms: f64,
        #[serde(flatten)]
        steady: Timing,
    },
    Missing {
        missing: String,
    },
}

/// Measures both networks on the CPU, or on a device of their own if `on_gpu`.
pub fn measure(on_gpu: bool, rounds: usize) -> Vec<Row> {
    let shipped = Path::new("www/models/fashion");
    let converted = Path::new(".cache/models/efficientnet-lite0");
    vec![
        row("fashion", on_gpu, rounds, || {
            if shipped.join("weights.safetensors").exists() {
                return from_files(shipped);
            }
            let graph = arch::fashion::graph("fashion").to_string();
            Ok((graph, arch::fashion::initial_weights(1)?))
        }),
        row("efficientnet-lite0", on_gpu, rounds, || {
            from_files(converted)
        }),
    ]
}

/// A graph as JSON and its weights.
type Source = (String, HashMap<String, Tensor>);

fn from_files(folder: &Path) -> Result<Source> {
    let missing = |error: std::io::Error| {
        Error::bad_argument(format!(
            "{}: {error}; ./build.sh build makes it",
            folder.display()
        ))
    };
    let graph = std::fs::read_to_string(folder.join("graph.json")).map_err(missing)?;
    let weights = std::fs::read(folder.join("weights.safetensors")).map_err(missing)?;
    Ok((graph, safetensors::load(&weights)?))
}

fn row(
    name: &'static str,
    on_gpu: bool,
    rounds: usize,
    source: impl Fn() -> Result<Source>,
) -> Row {
    let open = || {
        let (graph, weights) = source()?;
        let engine = if on_gpu {
            Engine::gpu(&pollster::block_on(Gpu::open(true))?)
        } else {
            Engine::Cpu
        };
        let net = Net::new(data::load(&graph, &weights)?, weights, engine);
        let pictures = pictures(&net)?;
        Ok((net, pictures))
    };
    let (forward, input_gradient) = match open() {
        Ok((net, pictures)) => (
            figure(rounds, &pictures, |picture| {
                pollster::block_on(net.logits(picture, &Overrides::new(), &Control::new()))
                    .map(|_| ())
            }),
            figure(rounds, &pictures, |picture| {
                let objective = vec![(Term::Logit(CLASS), 1.0)];
                pollster::block_on(net.gradient(
                    picture,
                    &objective,
                    &["input"],
                    &Overrides::new(),
                    &Control::new(),
                ))
                .map(|_| ())
            }),
        ),
        Err(error) => (missing(&error), missing(&error)),
    };
    Row {
        name,
        forward,
        input_gradient,
    }
}

/// Two pictures: the same one twice would be answered from what the first call left.
fn pictures(net: &Net) -> Result<[Tensor; 2]> {
    let shape = net.input_shape();
    let mut random = Random::new(2);
    let mut picture =
        || Tensor::from_shape((0..shape.len()).map(|_| random.normal()).collect(), shape);
    Ok([picture()?, picture()?])
}

fn figure(
    rounds: usize,
    pictures: &[Tensor; 2],
    mut call: impl FnMut(&Tensor) -> Result<()>,
) -> Figure {
    let mut measured = || {
        let begin = Instant::now();
        call(&pictures[0])?;
        let first_ms = begin.elapsed().as_secs_f64() * 1e3;
        let mut turn = 0;
        let steady = time(rounds, |repetitions| {
            for _ in 0..repetitions {
                turn += 1;
                call(&pictures[turn % 2])?;
            }
            Ok(())
        })?;
        Ok(Figure::Measured { first_ms, steady })
    };
    measured().unwrap_or_else(|error| missing(&error))
}

fn missing(error: &Error) -> Figure {
    Figure::Missing {
        missing: error.to_string(),
    }
}
