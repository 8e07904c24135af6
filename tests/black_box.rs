//! Attacks that are told scores or decisions only: what they ask for, in the order of their papers, and what they find.

mod common;

use std::cell::RefCell;

use common::attacks::{affine, affine_request, origin, rate, request, run};
use common::shipped::{fashion, labels};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::error::Result;
use convscope::lab::attack::{
    Attack, Distribution, HopSkipJump, Loss, Noise, Norm, Pgd, Plain, Request, Slope, Square,
    Units, Victim, attack,
};
use convscope::net::Overrides;
use convscope::net::passes::Pass;
use convscope::tensor::{Shape, Tensor};

/// Pictures that a network was asked about at once, and the class that it took the first one for.
struct Call {
    rows: Vec<Vec<f64>>,
    class: usize,
}

/// A network that keeps what it was asked.
struct Asked<'a> {
    victim: Plain<'a>,
    calls: RefCell<Vec<Call>>,
}

impl Victim for Asked<'_> {
    fn shape(&self) -> Shape {
        self.victim.shape()
    }

    fn classes(&self) -> usize {
        self.victim.classes()
    }

    fn batch_size(&self, _: Pass) -> usize {
        usize::MAX
    }

    async fn logits(&self, pictures: &Tensor) -> Result<Tensor> {
        let length = pictures.activation_shape().picture();
        let rows = pictures.data().chunks_exact(length);
        let mut asked: Vec<Vec<f64>> = rows
            .map(|row| row.iter().map(|&value| f64::from(value)).collect())
            .collect();
        // Batches are filled up with their last picture.
        asked.dedup();
        let logits = self.victim.logits(pictures).await?;
        self.calls.borrow_mut().push(Call {
            rows: asked,
            class: usize::from(logits.data()[1] > logits.data()[0]),
        });
        Ok(logits)
    }

    async fn slope(&self, pictures: &Tensor, loss: &Loss) -> Result<Slope> {
        self.victim.slope(pictures, loss).await
    }
}

/// What an attack asks of the affine network with two classes, and the picture that it starts from.
fn asked(wanted: Attack) -> (Vec<Call>, Vec<f64>) {
    let (net, ..) = affine(2);
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(&net, Units::own(1), &overrides, &control).unwrap();
    let start = affine_request(0, Attack::Noise(Noise::default())).pictures;
    let logits = pollster::block_on(victim.logits(&start))
        .unwrap()
        .into_data();
    let request = affine_request(usize::from(logits[1] > logits[0]), wanted);
    let asked = Asked {
        victim,
        calls: RefCell::default(),
    };
    pollster::block_on(attack(&asked, &request, &control, async |_| Ok(true))).unwrap();
    let origin = start.data().iter().map(|&value| f64::from(value)).collect();
    (asked.calls.into_inner(), origin)
}

fn between(a: &[f64], b: &[f64]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
    squares.sum::<f64>().sqrt()
}

/// Chen, Jordan and Wainwright 2020, algorithm 2 with L2: of step t, B₀ √t draws at a distance of δ = √n θ d for
/// θ = n^−1.5, then a step of d / √t, where d is how far the boundary is.
#[test]
fn hop_skip_jump_draws_and_steps_by_its_schedule() {
    let initial = 400;
    let settings = HopSkipJump {
        steps: 5,
        initial_queries: initial,
        ..HopSkipJump::default()
    };
    let (calls, origin) = asked(Attack::HopSkipJump(settings));
    let draws: Vec<usize> = (0..calls.len())
        .filter(|&at| calls[at].rows.len() > 1)
        .collect();
    assert_eq!(draws.len(), 5, "a batch of draws for each step");
    for (step, &at) in draws.iter().enumerate() {
        let rows = &calls[at].rows;
        let turn = ((step + 1) as f64).sqrt();
        assert_eq!(rows.len(), (initial as f64 * turn) as usize);
        // The bisection's last picture of the other class.
        let own = calls[0].class;
        let fooled = calls[..at].iter().rfind(|call| call.class != own);
        let here = &fooled.expect("a picture across the boundary").rows[0];
        let distance = between(here, &origin);
        let width = if step == 0 {
            let most = origin.iter().copied().fold(f64::MIN, f64::max);
            let least = origin.iter().copied().fold(f64::MAX, f64::min);
            0.1 * (most - least)
        } else {
            distance / 9.0
        };
        for row in rows {
            let drawn = between(row, here);
            assert!(
                (drawn / width - 1.0).abs() < 1e-3,
                "step {step}: {drawn}, not {width}"
            );
        }
        let (stepped, length) = (between(&calls[at + 1].rows[0], here), distance / turn);
        assert!(
            (stepped / length - 1.0).abs() < 1e-3,
            "step {step}: {stepped}, not {length}"
        );
    }
}

/// Andriushchenko et al. 2020: vertical stripes of ±ε first, then squares of ±ε in one colour each, ever smaller ones.
#[test]
fn the_square_attack_begins_with_stripes_and_lays_squares() {
    let epsilon = 0.25;
    let settings = Square {
        epsilon,
        steps: 40,
        p_init: 0.5,
    };
    let (calls, origin) = asked(Attack::Square(settings));
    // The first call asks for the picture as it is, the last one for what was found.
    assert_eq!(calls.len(), 1 + 40 + 1);
    let rows: Vec<&Vec<f64>> = calls[1..41].iter().map(|call| &call.rows[0]).collect();
    let signs = |row: &[f64]| -> Vec<f64> {
        let changes = row
            .iter()
            .zip(&origin)
            .map(|(a, b)| (a - b) / f64::from(epsilon));
        changes.map(|change| (1e4 * change).round() / 1e4).collect()
    };
    let first = signs(rows[0]);
    for at in 0..9 {
        assert!(
            first[at].abs() == 1.0 && first[at] == first[at % 3],
            "{first:?}"
        );
    }
    for row in &rows[1..] {
        let signs = signs(row);
        assert!(signs.iter().all(|sign| sign.abs() == 1.0), "{signs:?}");
    }
}

#[test]
fn the_square_attack_beats_noise_and_not_pgd() {
    let net = fashion(Engine::Cpu);
    let square = Square {
        epsilon: 0.06,
        steps: 120,
        ..Square::default()
    };
    let square = run(&net, &request(20, Attack::Square(square)));
    let noise = Noise {
        epsilon: 0.06,
        distribution: Distribution::Sign,
        samples: 3,
    };
    let noise = run(&net, &request(20, Attack::Noise(noise)));
    let pgd = run(
        &net,
        &request(
            30,
            Attack::Pgd(Pgd {
                epsilon: 0.06,
                steps: 20,
                step_size: Some(0.01),
                ..Pgd::default()
            }),
        ),
    );
    assert!(
        rate(&noise) < rate(&square) && rate(&square) <= rate(&pgd),
        "{} {} {}",
        rate(&noise),
        rate(&square),
        rate(&pgd)
    );
    assert!(
        square
            .distances
            .iter()
            .all(|distance| distance.linf <= 0.06 + 1e-6)
    );
    assert!(square.queries.iter().all(|&queries| queries == 120));
}

#[test]
fn hop_skip_jump_asks_for_decisions_only_and_takes_a_start_for_a_target() {
    let net = fashion(Engine::Cpu);
    let settings = HopSkipJump {
        steps: 4,
        initial_queries: 30,
        ..HopSkipJump::default()
    };
    let wanted = request(2, Attack::HopSkipJump(settings.clone()));
    let plain = run(&net, &wanted);
    assert_eq!(rate(&plain), 1.0);
    // Twice the logits are the same decisions.
    for name in ["fc.weight", "fc.bias"] {
        let weight = net.weights(name).unwrap();
        let doubled = weight.data().iter().map(|value| 2.0 * value).collect();
        let doubled = Tensor::new(doubled, weight.shape()).unwrap();
        net.set_weights(name, doubled).unwrap();
    }
    assert_eq!(run(&net, &wanted).pictures, plain.pictures);
    net.restore();
    let more = Attack::HopSkipJump(HopSkipJump {
        steps: 10,
        ..settings.clone()
    });
    let more = run(&net, &request(2, more));
    for norm in [Norm::L2, Norm::Linf] {
        // The second picture's way to the first one's class.
        let pictures = origin(2).start().data().to_vec();
        let start = Tensor::new(pictures[..784].to_vec(), [1, 1, 28, 28]).unwrap();
        let aimed = Request {
            pictures: Tensor::new(pictures[784..].to_vec(), [1, 1, 28, 28]).unwrap(),
            labels: None,
            targets: Some(vec![labels(1)[0]]),
            ..request(
                1,
                Attack::HopSkipJump(HopSkipJump {
                    start: Some(start),
                    norm,
                    ..settings.clone()
                }),
            )
        };
        let outcome = run(&net, &aimed);
        assert!(outcome.success[0] && outcome.distances[0].linf < 1.0);
    }
    for picture in 0..2 {
        assert!(more.distances[picture].l2 <= plain.distances[picture].l2);
    }
}
