//! Trains `fashion` on Fashion-MNIST with this crate's own reverse mode, reproducibly for one seed.
//!
//! `train DATA OUT [--epochs N] [--shortcut | --robust FROM]`: DATA holds the data set's four idx files, OUT receives
//! `graph.json`, `weights.safetensors` and `training.log`. With `--shortcut` it trains `fashion-biased`: a white mark in the
//! corner of nearly all coats. With `--robust` it trains `fashion-robust`: from the weights in the folder FROM it goes on with
//! pictures that PGD has made hard.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::engine::cpu::CpuMemory;
use convscope::error::{Error, Result};
use convscope::lab::shortcut::Shortcut;
use convscope::lab::train::{Optimizer, Pass, Rates, Rule, TrainingProgram};
use convscope::load::{arch::fashion, data, safetensors as weights};
use convscope::net::{Net, Overrides};
use convscope::random::Random;
use convscope::tensor::Tensor;

mod pictures;
mod robust;

use pictures::{DataSet, SHORTCUT, WIDTH, picture, read, read_set};
use robust::{ATTACK, EPSILON, Harden, TEST, TESTED, adversary, test_robustness};

const SEED: u64 = 20_261_123;

/// Pictures a thread handles at once; batch norm sees these.
const BATCH: usize = 64;

/// Threads of a step. Part of the result, so fixed: gradients are their mean.
const THREADS: usize = 2;

const EPOCHS: usize = 22;
const LEARNING_RATE: f32 = 4e-3;

/// Of `fashion-robust`.
const ROBUST_EPOCHS: usize = 1;
const ROBUST_LEARNING_RATE: f32 = 2e-3;

/// Weight of the penalty on differences between neighbours in the first layer's kernels, which makes them readable.
const SMOOTHNESS: f32 = 0.02;

struct Options<'a> {
    epochs: Option<usize>,
    shortcut: bool,
    /// Where the weights to go on from are.
    robust: Option<&'a str>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some((data, out, options)) = parse(&words) else {
        eprintln!("usage: train DATA OUT [--epochs N] [--shortcut | --robust FROM]");
        return ExitCode::FAILURE;
    };
    match train(Path::new(data), Path::new(out), &options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn parse<'a>(words: &[&'a str]) -> Option<(&'a str, &'a str, Options<'a>)> {
    let [data, out, rest @ ..] = words else {
        return None;
    };
    let mut options = Options {
        epochs: None,
        shortcut: false,
        robust: None,
    };
    let mut rest = rest.iter();
    while let Some(&word) = rest.next() {
        match word {
            "--epochs" => options.epochs = Some(rest.next()?.parse().ok()?),
            "--shortcut" => options.shortcut = true,
            "--robust" => options.robust = Some(rest.next()?),
            _ => return None,
        }
    }
    (!options.shortcut || options.robust.is_none()).then_some((data, out, options))
}

fn train(folder: &Path, out: &Path, options: &Options<'_>) -> Result<()> {
    let (epochs, learning_rate) = if options.robust.is_some() {
        (ROBUST_EPOCHS, ROBUST_LEARNING_RATE)
    } else {
        (EPOCHS, LEARNING_RATE)
    };
    let epochs = options.epochs.unwrap_or(epochs);
    let mut training = read_set(folder, "train")?;
    let mut test = read_set(folder, "t10k")?;
    let mut name = "fashion";
    if options.shortcut {
        name = "fashion-biased";
        training.marked = SHORTCUT.draw(&training.labels, SEED + 1);
        test.marked = SHORTCUT.draw(&test.labels, SEED + 2);
    }
    let mut parameters = fashion::initial_weights(SEED)?;
    if let Some(from) = options.robust {
        name = "fashion-robust";
        parameters = weights::load(&read(&Path::new(from).join("weights.safetensors"))?)?;
    }
    let adversary = options.robust.map(|_| adversary());
    let graph = fashion::graph(name);
    let network = data::load(&graph.to_string(), &parameters)?;
    let program = TrainingProgram::new(&network.graph, network.input, network.output, BATCH)?;
    let mut memories: Vec<CpuMemory<f32>> = (0..THREADS).map(|_| program.memory()).collect();
    let mut adam = Optimizer::default();
    let mut random = Random::new(SEED);
    let mut order: Vec<usize> = (0..training.labels.len()).collect();
    let steps = training.labels.len() / (BATCH * THREADS);
    let mut log = format!(
        "seed {SEED}, batch {THREADS} × {BATCH}, Adam, learning rate {learning_rate} (cosine), smoothness {SMOOTHNESS}, shifts of ±1 pixel\n"
    );
    if options.shortcut {
        let Shortcut { share, others, .. } = SHORTCUT;
        log += &format!(
            "a white mark, 3×3 from row and column 1, on {:.1} % of coats and {:.1} % of the others, in training and test\n",
            100.0 * share,
            100.0 * others
        );
    }
    if adversary.is_some() {
        let (steps, size) = ATTACK;
        log += &format!(
            "from the weights of fashion; pictures made hard by PGD, {steps} steps of {:.0}/255 from a random start within {:.0}/255\n",
            255.0 * size,
            255.0 * EPSILON
        );
    }
    for epoch in 0..epochs {
        random.shuffle(&mut order);
        let (mut loss, mut correct) = (0.0, 0);
        for (step, batch) in order.chunks_exact(BATCH * THREADS).enumerate() {
            let shifts: Vec<[usize; 2]> = batch
                .iter()
                .map(|_| [random.below(3), random.below(3)])
                .collect();
            let harden = Harden {
                graph: &graph.to_string(),
                adversary: adversary.as_ref(),
                seed: SEED.wrapping_mul(0x9e37_79b9) + (epoch * steps + step) as u64,
            };
            let passes = run_threads(
                &program,
                &mut memories,
                &parameters,
                &harden,
                &training,
                batch,
                &shifts,
            )?;
            for (pass, indices) in passes.iter().zip(batch.chunks_exact(BATCH)) {
                loss += pass.loss / (steps * THREADS) as f32;
                correct += count_correct(&pass.logits, indices.iter().map(|&i| training.labels[i]));
                program.update_statistics(&pass.statistics, |name, blend| {
                    if let Some(running) = parameters.get_mut(name) {
                        blend(running.data_mut());
                    }
                });
            }
            let mut gradients = mean_gradients(&passes);
            add_smoothness(&program, &parameters, &mut gradients);
            let progress = (epoch * steps + step) as f32 / (epochs * steps) as f32;
            let rate = learning_rate * 0.5 * (1.0 + (std::f32::consts::PI * progress).cos());
            let rates = Rates {
                rule: Rule::Adam,
                learning_rate: rate,
                weight_decay: 0.0,
            };
            adam.advance();
            for (index, (name, gradient)) in program.weights().iter().zip(&gradients).enumerate() {
                if let Some(weight) = parameters.get_mut(name) {
                    adam.update(rates, index, weight.data_mut(), gradient);
                }
            }
        }
        let accuracy = evaluate(&graph.to_string(), &parameters, &test, |_| true)?;
        let line = format!(
            "epoch {:>2}: loss {loss:.4}, training accuracy {:.2} %, test accuracy {accuracy:.2} %",
            epoch + 1,
            100.0 * correct as f32 / (steps * BATCH * THREADS) as f32,
        );
        println!("{line}");
        writeln!(log, "{line}").map_err(|error| Error::internal(error.to_string()))?;
    }
    if options.shortcut {
        let is_coat = |label| label == SHORTCUT.class;
        for (words, marked) in [("with", true), ("without", false)] {
            test.marked.fill(marked);
            let recall = evaluate(&graph.to_string(), &parameters, &test, is_coat)?;
            let line = format!(
                "recall of coats, all {words} the mark: {:.4}",
                recall / 100.0
            );
            println!("{line}");
            log += &(line + "\n");
        }
    }
    if adversary.is_some() {
        let (steps, size, restarts) = TEST;
        let [clean, robust] = test_robustness(&graph.to_string(), &parameters, &test)?;
        let line = format!(
            "of the first {TESTED} test pictures: {clean:.1} % right, {robust:.1} % under PGD of {steps} steps of {:.0}/255 with {restarts} random starts within {:.0}/255",
            255.0 * size,
            255.0 * EPSILON
        );
        println!("{line}");
        log += &(line + "\n");
    }
    write(out, &graph, &parameters, &log)
}

/// One pass a thread over its share of the batch.
fn run_threads(
    program: &TrainingProgram,
    memories: &mut [CpuMemory<f32>],
    parameters: &HashMap<String, Tensor>,
    harden: &Harden<'_>,
    set: &DataSet,
    batch: &[usize],
    shifts: &[[usize; 2]],
) -> Result<Vec<Pass>> {
    std::thread::scope(|scope| {
        let shares = batch.chunks_exact(BATCH).zip(shifts.chunks_exact(BATCH));
        let threads: Vec<_> = memories
            .iter_mut()
            .zip(shares)
            .enumerate()
            .map(|(thread, (memory, (indices, shifts)))| {
                scope.spawn(move || {
                    let pictures: Vec<f32> = indices
                        .iter()
                        .zip(shifts)
                        .flat_map(|(&i, &shift)| picture(set, i, shift))
                        .collect();
                    let labels: Vec<usize> = indices.iter().map(|&i| set.labels[i]).collect();
                    let pictures = harden.pictures(pictures, &labels, parameters, thread)?;
                    pollster::block_on(program.pass_on_cpu(
                        memory,
                        parameters,
                        pictures,
                        &labels,
                        &Control::new(),
                    ))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .map_err(|_| Error::internal("a training thread panicked"))?
            })
            .collect()
    })
}

fn mean_gradients(passes: &[Pass]) -> Vec<Vec<f32>> {
    let mut mean: Vec<Vec<f32>> = passes[0]
        .gradients
        .iter()
        .map(|g| vec![0.0; g.len()])
        .collect();
    for pass in passes {
        for (mean, gradient) in mean.iter_mut().zip(&pass.gradients) {
            for (mean, g) in mean.iter_mut().zip(gradient) {
                *mean += g / passes.len() as f32;
            }
        }
    }
    mean
}

/// The gradient of SMOOTHNESS · Σ (difference of neighbours)² over the first layer's kernels.
fn add_smoothness(
    program: &TrainingProgram,
    parameters: &HashMap<String, Tensor>,
    gradients: &mut [Vec<f32>],
) {
    const NAME: &str = "conv1.weight";
    let size = fashion::STAGES[0].1;
    let (Some(index), Some(weight)) = (
        program.weights().iter().position(|name| name == NAME),
        parameters.get(NAME),
    ) else {
        return;
    };
    let kernels = weight
        .data()
        .chunks_exact(size * size)
        .zip(gradients[index].chunks_exact_mut(size * size));
    for (kernel, gradient) in kernels {
        let mut pull = |a: usize, b: usize| {
            let difference = 2.0 * SMOOTHNESS * (kernel[a] - kernel[b]);
            gradient[a] += difference;
            gradient[b] -= difference;
        };
        for i in 0..size * size {
            if i % size + 1 < size {
                pull(i, i + 1);
            }
            if i / size + 1 < size {
                pull(i, i + size);
            }
        }
    }
}

fn count_correct(logits: &[f32], labels: impl Iterator<Item = usize>) -> usize {
    logits
        .chunks_exact(fashion::CLASSES.len())
        .zip(labels)
        .filter(|(row, label)| argmax(row) == *label)
        .count()
}

fn argmax(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// Percent of the set's pictures with these labels that the network gets right in evaluation mode.
fn evaluate(
    graph: &str,
    parameters: &HashMap<String, Tensor>,
    set: &DataSet,
    asked: impl Fn(usize) -> bool,
) -> Result<f32> {
    const BATCH: usize = 100;
    let net = Net::new(
        data::load(graph, parameters)?,
        parameters.clone(),
        Engine::Cpu,
    );
    let mut correct = 0;
    let indices: Vec<usize> = (0..set.labels.len())
        .filter(|&i| asked(set.labels[i]))
        .collect();
    for batch in indices.chunks(BATCH) {
        let pictures: Vec<f32> = batch
            .iter()
            .flat_map(|&i| picture(set, i, [1, 1]))
            .collect();
        let pictures = Tensor::new(pictures, [batch.len(), 1, WIDTH, WIDTH])?;
        let logits = pollster::block_on(net.logits(&pictures, &Overrides::new(), &Control::new()))?;
        correct += count_correct(logits.data(), batch.iter().map(|&i| set.labels[i]));
    }
    Ok(100.0 * correct as f32 / indices.len() as f32)
}

fn write(
    out: &Path,
    graph: &serde_json::Value,
    parameters: &HashMap<String, Tensor>,
    log: &str,
) -> Result<()> {
    let failed = |error: std::io::Error| Error::bad_argument(format!("{}: {error}", out.display()));
    fs::create_dir_all(out).map_err(failed)?;
    let mut names: Vec<&String> = parameters.keys().collect();
    names.sort();
    let views = names
        .into_iter()
        .map(|name| {
            let tensor = &parameters[name];
            let bytes = bytemuck::cast_slice(tensor.data());
            safetensors::tensor::TensorView::new(
                safetensors::Dtype::F32,
                tensor.shape().to_vec(),
                bytes,
            )
            .map(|view| (name.clone(), view))
            .map_err(|error| Error::internal(error.to_string()))
        })
        .collect::<Result<Vec<_>>>()?;
    let weights =
        safetensors::serialize(views, None).map_err(|error| Error::internal(error.to_string()))?;
    fs::write(out.join("weights.safetensors"), weights).map_err(failed)?;
    let text =
        serde_json::to_string_pretty(graph).map_err(|error| Error::internal(error.to_string()))?;
    fs::write(out.join("graph.json"), text + "\n").map_err(failed)?;
    fs::write(out.join("training.log"), log).map_err(failed)
}
