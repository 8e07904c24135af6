//! Training against PyTorch on both engines: the same weights and batches give the same losses.

mod common;

use std::collections::HashMap;

use common::shipped::{self, labels, pictures};
use common::{fixture, gpu_engine, lattice, relative_error};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::error::Error;
use convscope::lab::attack::{Bounds, Units, argmax};
use convscope::lab::shortcut::{Mark, Shortcut};
use convscope::lab::train::{
    self, Adversary, Examples, Optimizer, Rates, Rule, Settings, Step, Trainer, TrainingProgram,
};
use convscope::load::arch::fashion;
use convscope::load::data;
use convscope::net::{Net, Overrides};
use convscope::tensor::Tensor;
use serde::Deserialize;

#[derive(Deserialize)]
struct Run {
    loss: Vec<f32>,
    accuracy: Vec<f32>,
    running_mean: Vec<f32>,
    running_var: Vec<f32>,
}

#[derive(Deserialize)]
struct Expected {
    sgd: Run,
    adam: Run,
}

const SGD: Rates = Rates {
    rule: Rule::Sgd { momentum: 0.9 },
    learning_rate: 5e-3,
    weight_decay: 1e-3,
};

const ADAM: Rates = Rates {
    rule: Rule::Adam,
    learning_rate: 1e-3,
    ..SGD
};

const SETTINGS: Settings = Settings {
    steps: 100,
    every: 100,
    batch: 32,
    rates: SGD,
    label_noise: 0.0,
    shortcut: None,
    adversary: None,
    shuffle: false,
    seed: 1,
};

fn expected() -> Expected {
    let text = std::fs::read_to_string(fixture("training.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// `fashion` with the weights that `make_training.py` begins with.
fn network(engine: Engine) -> Net {
    let mut weights: HashMap<String, Tensor> = fashion::initial_weights(1).unwrap();
    let order = [
        "conv1.weight",
        "norm1.weight",
        "norm1.bias",
        "conv2.weight",
        "norm2.weight",
        "norm2.bias",
        "conv3.weight",
        "norm3.weight",
        "norm3.bias",
        "fc.weight",
        "fc.bias",
    ];
    for (index, name) in order.iter().enumerate() {
        if !name.starts_with("norm") {
            let shape = weights[*name].shape().to_vec();
            let fan_in: usize = match shape[..] {
                [_] => 64,
                _ => shape[1..].iter().product(),
            };
            let scale = 1.0 / (fan_in as f32).sqrt();
            let values = lattice(900, index, shape.iter().product());
            let values = values.into_iter().map(|value| value * scale).collect();
            weights.insert((*name).to_owned(), Tensor::new(values, shape).unwrap());
        }
    }
    let graph = fashion::graph("fashion").to_string();
    Net::new(data::load(&graph, &weights).unwrap(), weights, engine)
}

fn examples(count: usize) -> Examples {
    Examples::new(pictures(count), labels(count)).unwrap()
}

fn train(net: &Net, trainer: &mut Trainer, examples: &Examples, settings: Settings) -> Vec<Step> {
    let control = Control::new();
    pollster::block_on(trainer.train(net, examples, &settings, &control, async |_, _| Ok(())))
        .unwrap()
}

fn agrees_with_pytorch(engine: Engine, settings: Settings, expected: &Run) -> Net {
    let net = network(engine);
    let history = train(
        &net,
        &mut Trainer::default(),
        &examples(2000),
        settings.clone(),
    );
    assert_eq!(history.len(), settings.steps);
    for (step, &loss) in history.iter().zip(&expected.loss) {
        let difference = (step.loss - loss).abs() / loss;
        assert!(
            difference < 0.01,
            "step {}: {} instead of {loss}",
            step.step,
            step.loss
        );
    }
    // A rounding error may turn single pictures.
    let right = |accuracies: &mut dyn Iterator<Item = f32>| accuracies.sum::<f32>() * 32.0;
    let own = right(&mut history.iter().map(|step| step.accuracy));
    let theirs = right(&mut expected.accuracy[..settings.steps].iter().copied());
    assert!(
        (own - theirs).abs() <= 10.0,
        "{own} right instead of {theirs}"
    );
    let worst = history.iter().zip(&expected.loss);
    let worst = worst.map(|(step, loss)| (step.loss - loss).abs() / loss);
    eprintln!(
        "largest relative difference {:.1e}",
        worst.fold(0.0, f32::max)
    );
    net
}

#[test]
fn losses_of_sgd_are_pytorchs_over_a_hundred_steps() {
    agrees_with_pytorch(Engine::Cpu, SETTINGS, &expected().sgd);
}

#[test]
fn losses_of_adam_are_pytorchs_over_a_hundred_steps() {
    let settings = Settings {
        rates: ADAM,
        ..SETTINGS
    };
    agrees_with_pytorch(Engine::Cpu, settings, &expected().adam);
}

/// Losses of the first steps, and then the statistics that the first batch norm has gathered.
fn begins_as_pytorch(engine: Engine) {
    let settings = Settings {
        steps: 12,
        ..SETTINGS
    };
    let expected = expected().sgd;
    let net = agrees_with_pytorch(engine, settings, &expected);
    let running = |name: &str| net.weights(&format!("norm1.running_{name}")).unwrap();
    let error = relative_error(running("var").data(), &expected.running_var);
    assert!(error < 1e-3, "variances: {error}");
    // Means are near zero, so their errors are held against the deviations.
    for (c, mean) in running("mean").data().iter().enumerate() {
        let error = (mean - expected.running_mean[c]).abs() / expected.running_var[c].sqrt();
        assert!(error < 1e-4, "mean of channel {c}: {error}");
    }
}

#[test]
fn running_statistics_are_pytorchs() {
    begins_as_pytorch(Engine::Cpu);
}

#[test]
fn the_first_steps_on_webgpu_are_pytorchs() {
    if let Some(engine) = gpu_engine() {
        begins_as_pytorch(engine);
    }
}

/// The weights after steps over batches of the first pictures, pass by pass with the optimiser beside the program.
fn by_hand(rates: Rates, batches: &[usize]) -> HashMap<String, Tensor> {
    let net = network(Engine::Cpu);
    let mut parameters: HashMap<String, Tensor> = net
        .parameters()
        .iter()
        .map(|(name, _)| (name.clone(), net.weights(name).unwrap()))
        .collect();
    let (pictures, labels) = (pictures(200), labels(200));
    let (mut optimizer, mut at) = (Optimizer::default(), 0);
    for &batch in batches {
        let program = TrainingProgram::new(net.graph(), net.input(), net.output(), batch).unwrap();
        let pass = pollster::block_on(program.pass_on_cpu(
            &mut program.memory(),
            &parameters,
            pictures.data()[at * 784..(at + batch) * 784].to_vec(),
            &labels[at..at + batch],
            &Control::new(),
        ))
        .unwrap();
        at += batch;
        optimizer.advance();
        for (index, name) in program.weights().iter().enumerate() {
            let weight = parameters.get_mut(name).unwrap().data_mut();
            optimizer.update(rates, index, weight, &pass.gradients[index]);
        }
        program.update_statistics(&pass.statistics, |name, change| {
            change(parameters.get_mut(name).unwrap().data_mut());
        });
    }
    parameters
}

/// The step as one program against the optimiser by hand, moments carried on as the batch size changes.
fn learns_as_by_hand(engine: &Engine, tolerance: f32) {
    for rates in [SGD, ADAM] {
        let net = network(engine.clone());
        let mut trainer = Trainer::default();
        for (steps, batch) in [(2, 16), (1, 24)] {
            let settings = Settings {
                steps,
                batch,
                rates,
                ..SETTINGS
            };
            train(&net, &mut trainer, &examples(200), settings);
        }
        for (name, expected) in by_hand(rates, &[16, 16, 24]) {
            let error = relative_error(net.weights(&name).unwrap().data(), expected.data());
            assert!(error < tolerance, "{name} after {rates:?}: {error}");
        }
    }
}

#[test]
fn a_step_as_one_program_is_pass_and_optimiser_also_as_the_batch_size_changes() {
    learns_as_by_hand(&Engine::Cpu, 1e-5);
}

#[test]
fn a_step_on_webgpu_is_pass_and_optimiser() {
    if let Some(engine) = gpu_engine() {
        learns_as_by_hand(&engine, 1e-3);
    }
}

#[test]
fn the_network_follows_at_steps_that_are_shown_and_where_a_call_ends() {
    let net = network(Engine::Cpu);
    let weight = || net.weights("conv1.weight").unwrap();
    let mut seen = vec![weight()];
    let settings = Settings {
        steps: 5,
        every: 2,
        batch: 8,
        ..SETTINGS
    };
    let mut trainer = Trainer::default();
    let mut run = |fails: bool, seen: &mut Vec<Tensor>| {
        let mut steps = Vec::new();
        let result = pollster::block_on(trainer.train(
            &net,
            &examples(96),
            &settings,
            &Control::new(),
            async |step, _| {
                steps.push(step.step);
                seen.push(weight());
                if fails {
                    return Err(Error::bad_argument("enough"));
                }
                Ok(())
            },
        ));
        (steps, result.is_ok())
    };
    assert_eq!(run(false, &mut seen), (vec![2, 4, 5], true));
    assert!((1..seen.len()).all(|at| seen[at] != seen[at - 1]));
    assert_eq!(weight(), seen[3]);
    // What was learnt before a call failed stands, and the next call goes on.
    assert_eq!(run(true, &mut seen), (vec![7], false));
    assert_eq!(weight(), seen[4]);
    assert_eq!(run(false, &mut seen).0, [9, 11, 12]);
}

#[test]
fn weights_that_a_listener_changes_are_learnt_from() {
    let loss_of_second_step = |silences: bool| {
        let net = network(Engine::Cpu);
        let settings = Settings {
            steps: 2,
            every: 1,
            batch: 8,
            ..SETTINGS
        };
        let history = pollster::block_on(Trainer::default().train(
            &net,
            &examples(96),
            &settings,
            &Control::new(),
            async |_, _| {
                if silences {
                    net.set_weights("fc.weight", Tensor::new(vec![0.0; 640], [10, 64])?)?;
                    net.set_weights("fc.bias", Tensor::new(vec![0.0; 10], [10])?)?;
                }
                Ok(())
            },
        ));
        history.unwrap()[1].loss
    };
    // A network whose last weights are zero takes every class for equally likely.
    assert!((loss_of_second_step(true) - 10.0_f32.ln()).abs() < 1e-5);
    assert!((loss_of_second_step(false) - 10.0_f32.ln()).abs() > 1e-3);
}

#[test]
fn after_numbers_that_are_none_the_network_has_the_weights_shown_last_and_learns_on() {
    let net = network(Engine::Cpu);
    let loaded = net.weights("fc.weight").unwrap();
    let mut trainer = Trainer::default();
    let wild = Settings {
        rates: Rates {
            learning_rate: 1e30,
            ..SGD
        },
        steps: 5,
        batch: 16,
        ..SETTINGS
    };
    let control = Control::new();
    let result = pollster::block_on(trainer.train(
        &net,
        &examples(96),
        &wild,
        &control,
        async |_, _| Ok(()),
    ));
    assert!(result.unwrap_err().message.contains("no longer finite"));
    assert_eq!(net.weights("fc.weight").unwrap(), loaded);
    let calm = Settings {
        rates: SGD,
        ..wild.clone()
    };
    let history = train(&net, &mut trainer, &examples(96), calm);
    assert_eq!(history[0].step, 1, "it begins anew");
    assert!(history.iter().all(|step| step.loss.is_finite()));
}

#[test]
fn two_calls_take_the_steps_of_one() {
    let examples = examples(96);
    let half = Settings {
        steps: 3,
        batch: 16,
        shuffle: true,
        ..SETTINGS
    };
    let (whole, parts) = (network(Engine::Cpu), network(Engine::Cpu));
    let once = train(
        &whole,
        &mut Trainer::default(),
        &examples,
        Settings {
            steps: 6,
            ..half.clone()
        },
    );
    let mut trainer = Trainer::default();
    let mut twice = train(&parts, &mut trainer, &examples, half.clone());
    twice.extend(train(&parts, &mut trainer, &examples, half.clone()));
    assert_eq!(once, twice);
    // Weights that come from elsewhere begin anew: the same steps again.
    parts.restore();
    let again = train(&parts, &mut trainer, &examples, half);
    assert_eq!(once[..3], again[..]);
}

#[test]
fn every_option_changes_what_is_learnt() {
    let examples = examples(96);
    let plain = || Settings {
        steps: 4,
        batch: 16,
        shuffle: true,
        ..SETTINGS
    };
    let shortcut = Shortcut {
        mark: Mark {
            top: 1,
            left: 1,
            height: 3,
            width: 3,
            value: 2.0,
        },
        class: 4,
        share: 0.95,
        others: 0.02,
    };
    let losses = |settings: Settings| {
        let net = network(Engine::Cpu);
        let history = train(&net, &mut Trainer::default(), &examples, settings);
        history.iter().map(|step| step.loss).collect::<Vec<f32>>()
    };
    let expected = losses(plain());
    assert_eq!(expected, losses(plain()), "one seed, one course");
    let rates = |rates: Rates| Settings { rates, ..plain() };
    for (what, settings) in [
        (
            "learning rate",
            rates(Rates {
                learning_rate: 0.02,
                ..SGD
            }),
        ),
        (
            "weight decay",
            rates(Rates {
                weight_decay: 0.1,
                ..SGD
            }),
        ),
        (
            "momentum",
            rates(Rates {
                rule: Rule::Sgd { momentum: 0.5 },
                ..SGD
            }),
        ),
        ("optimizer", rates(ADAM)),
        (
            "label noise",
            Settings {
                label_noise: 0.5,
                ..plain()
            },
        ),
        (
            "shortcut",
            Settings {
                shortcut: Some(shortcut),
                ..plain()
            },
        ),
        (
            "shuffle",
            Settings {
                shuffle: false,
                ..plain()
            },
        ),
        ("seed", Settings { seed: 2, ..plain() }),
        (
            "batch",
            Settings {
                batch: 12,
                ..plain()
            },
        ),
    ] {
        assert_ne!(expected, losses(settings), "{what}");
    }
    // Each of an adversary's settings, against the one before and against none.
    let hard = |epsilon: f32, steps: usize, step_size: f32| Settings {
        adversary: Some(adversary(epsilon, steps, step_size)),
        ..plain()
    };
    let mut seen = vec![expected];
    for settings in [
        hard(0.03, 2, 0.02),
        hard(0.04, 2, 0.02),
        hard(0.04, 3, 0.02),
        hard(0.04, 3, 0.01),
    ] {
        let losses = losses(settings.clone());
        assert!(!seen.contains(&losses), "{:?}", settings.adversary);
        seen.push(losses);
    }
}

fn adversary(epsilon: f32, steps: usize, step_size: f32) -> Adversary {
    let units = Units {
        mean: vec![0.286],
        std: vec![0.353],
    };
    Adversary::pgd(epsilon, steps, step_size, units, Bounds::pixels(1))
}

/// A few steps on hard pictures, and the attack fools the network less often.
#[test]
fn adversarial_training_makes_a_network_robust() {
    const EPSILON: f32 = 8.0 / 255.0;
    let net = shipped::fashion(Engine::Cpu);
    let examples = Examples::new(pictures(800), labels(800)).expect("examples");
    let attack = adversary(EPSILON, 8, 2.0 / 255.0);
    let accuracy = || {
        let (images, labels) = (pictures(100), labels(100));
        let control = Control::new();
        let hard = attack.harden(&net, images, &labels, 9, &control);
        let hard = pollster::block_on(hard).expect("hard pictures");
        let overrides = Overrides::new();
        let logits = net.logits(&hard, &overrides, &control);
        let logits = pollster::block_on(logits).expect("logits");
        let rows = logits.data().chunks_exact(10).map(argmax);
        rows.zip(labels)
            .filter(|(class, label)| class == label)
            .count()
    };
    let before = accuracy();
    let settings = Settings {
        steps: 20,
        batch: 40,
        rates: ADAM,
        adversary: Some(adversary(EPSILON, 3, 4.0 / 255.0)),
        shuffle: true,
        ..SETTINGS
    };
    let history = train(&net, &mut Trainer::default(), &examples, settings);
    let after = accuracy();
    assert_eq!(history.len(), 20);
    assert!(after >= before + 8, "{before} before, {after} after");
}

#[test]
fn reset_draws_within_pytorchs_bounds_and_restore_brings_the_loaded_weights_back() {
    let net = network(Engine::Cpu);
    let loaded = net.weights("conv2.weight").unwrap();
    train::reset(&net, 5).unwrap();
    let drawn = net.weights("conv2.weight").unwrap();
    assert_eq!(drawn.shape(), loaded.shape());
    let bound = 1.0 / (16.0_f32 * 25.0).sqrt();
    let largest = drawn
        .data()
        .iter()
        .fold(0.0_f32, |most, w| most.max(w.abs()));
    assert!(
        (0.99 * bound..=bound).contains(&largest),
        "{largest} of {bound}"
    );
    let mean_square = drawn.data().iter().map(|w| w * w).sum::<f32>() / drawn.data().len() as f32;
    assert!((mean_square / (bound * bound / 3.0) - 1.0).abs() < 0.05);
    assert_eq!(net.weights("norm1.weight").unwrap().data(), [1.0; 16]);
    assert_eq!(net.weights("norm1.running_var").unwrap().data(), [1.0; 16]);
    train::reset(&net, 6).unwrap();
    assert_ne!(drawn, net.weights("conv2.weight").unwrap(), "another seed");
    net.restore();
    assert_eq!(loaded, net.weights("conv2.weight").unwrap());
}

#[test]
fn what_cannot_be_trained_is_said() {
    let net = network(Engine::Cpu);
    let picture = |label: usize| {
        Examples::new(
            Tensor::new(vec![0.5; 784], [1, 1, 28, 28]).unwrap(),
            vec![label],
        )
    };
    let refusal = |examples: &Examples, settings: Settings| {
        let control = Control::new();
        let mut trainer = Trainer::default();
        let result =
            pollster::block_on(
                trainer.train(&net, examples, &settings, &control, async |_, _| Ok(())),
            );
        result.unwrap_err().message
    };
    assert!(refusal(&picture(10).unwrap(), SETTINGS).contains("label 10"));
    let small = Examples::new(Tensor::new(vec![0.5; 9], [1, 1, 3, 3]).unwrap(), vec![0]).unwrap();
    assert!(refusal(&small, SETTINGS).contains("28"));
    assert!(Examples::new(Tensor::new(vec![0.5; 784], [1, 1, 28, 28]).unwrap(), vec![]).is_err());
    assert!(
        Examples::new(
            Tensor::new(vec![f32::NAN; 784], [1, 1, 28, 28]).unwrap(),
            vec![0]
        )
        .is_err()
    );
    let wild = Settings {
        rates: Rates {
            learning_rate: 1e30,
            ..SGD
        },
        steps: 5,
        batch: 16,
        ..SETTINGS
    };
    assert!(refusal(&examples(64), wild).contains("lower learningRate"));
}
