//! The ladder's lights: each turns red for its own reason, and together they expose what only looks strong.

mod common;

use common::attacks::{fashion_units, origin};
use common::shipped::{fashion, labels};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::error::Result;
use convscope::lab::attack::{
    Attack, Bounds, Fgsm, Loss, Method, MiFgsm, Noise, Pgd, Plain, Slope, Square, Victim,
};
use convscope::lab::defence::Defence;
use convscope::lab::filters::{Filter, Pixels};
use convscope::lab::ladder::{Cell, Ladder, Light, Outcome, Rung, lights, play};
use convscope::net::passes::Pass;
use convscope::net::{Net, Overrides};
use convscope::tensor::{Shape, Tensor};
use pollster::block_on;

const EPSILON: f32 = 8.0 / 255.0;

/// One of everything that the lights ask about, at a budget of the benchmarks and at one that allows any picture.
fn ladder(attacks: Vec<Attack>, rungs: Vec<Rung>) -> Ladder {
    Ladder {
        attacks,
        rungs,
        epsilons: vec![EPSILON, 1.0],
        bounds: Bounds::pixels(1),
        pixels: Pixels::unit(1, None),
        seed: 1,
    }
}

fn all_attacks() -> Vec<Attack> {
    vec![
        Attack::Fgsm(Fgsm::default()),
        Attack::Pgd(Pgd {
            steps: 8,
            ..Pgd::default()
        }),
        Attack::MiFgsm(MiFgsm::default()),
        Attack::Square(Square {
            steps: 30,
            ..Square::default()
        }),
        Attack::Noise(Noise::default()),
    ]
}

fn red(lights: &[Light]) -> Vec<&str> {
    let failing = lights.iter().filter(|light| light.holds == Some(false));
    failing.map(|light| light.name).collect()
}

/// Success rates at both budgets of the attacks above: those of a rung that gives no cause for doubt.
const SOUND: [[f64; 2]; 5] = [[0.4, 0.9], [0.6, 1.0], [0.5, 1.0], [0.3, 0.9], [0.1, 0.5]];

/// The lights of a defence that attacks do not know, beside one that they do, over 50 pictures.
fn lights_of(blind: &[[f64; 2]; 5], knowing: &[[f64; 2]; 5]) -> Vec<Light> {
    let ladder = ladder(all_attacks(), rungs(&[Filter::BitDepth { bits: 3 }]));
    let rates = [&SOUND, knowing, blind];
    let mut cells = Vec::new();
    for (rung, rates) in rates.into_iter().enumerate() {
        for (attack, by_epsilon) in rates.iter().enumerate() {
            for (epsilon, &success) in by_epsilon.iter().enumerate() {
                cells.push(Cell {
                    rung,
                    attack,
                    epsilon,
                    accuracy: 0.9 * (1.0 - success),
                    success,
                });
            }
        }
    }
    lights(&ladder, &cells, 50).remove(2)
}

#[test]
fn every_light_turns_red_for_its_own_reason_alone() {
    let green = lights_of(&SOUND, &SOUND);
    assert!(green.iter().all(|light| light.holds == Some(true)));
    let names: Vec<&str> = green.iter().map(|light| light.name).collect();
    let all = [
        "iterated",
        "white_box",
        "noise",
        "rises",
        "unbounded",
        "adaptive",
    ];
    assert_eq!(names, all);
    let [fgsm, pgd, mi_fgsm, square, noise] = [0, 1, 2, 3, 4];
    // Which rates become what.
    let cases = [
        ("iterated", vec![(fgsm, 0, 0.65)]),
        ("white_box", vec![(square, 0, 0.65)]),
        ("noise", vec![(noise, 0, 0.65)]),
        ("rises", vec![(pgd, 0, 0.95), (pgd, 1, 0.9)]),
        ("unbounded", vec![(pgd, 1, 0.9), (mi_fgsm, 1, 0.9)]),
    ];
    for (name, changes) in cases {
        let mut rates = SOUND;
        for (attack, epsilon, rate) in changes {
            rates[attack][epsilon] = rate;
        }
        assert_eq!(red(&lights_of(&rates, &rates)), [name]);
    }
    let mut knowing = SOUND;
    knowing[pgd][0] = 0.8;
    let lights = lights_of(&SOUND, &knowing);
    assert_eq!(red(&lights), ["adaptive"]);
    let adaptive = lights.last().expect("six lights");
    assert_eq!((adaptive.stronger, adaptive.weaker), (0.6, 0.8));
    assert_eq!(adaptive.epsilon, Some(0));
}

#[test]
fn one_picture_of_the_set_turns_no_light_red() {
    let mut rates = SOUND;
    rates[3][0] = 0.61;
    assert_eq!(red(&lights_of(&rates, &SOUND)), [""; 0]);
    rates[3][0] = 0.63;
    assert_eq!(red(&lights_of(&rates, &SOUND)), ["white_box"]);
}

/// A network whose gradient is not what it is taken for.
struct Masked<'a> {
    victim: Plain<'a>,
    mask: Mask,
}

#[derive(Clone, Copy, PartialEq)]
enum Mask {
    None,
    /// There is no gradient at all.
    Everywhere,
    /// There is one at pictures as files hold them, and nowhere between their 256 levels.
    BetweenLevels,
}

impl Victim for Masked<'_> {
    fn shape(&self) -> Shape {
        self.victim.shape()
    }

    fn classes(&self) -> usize {
        self.victim.classes()
    }

    fn batch_size(&self, pass: Pass) -> usize {
        self.victim.batch_size(pass)
    }

    async fn logits(&self, pictures: &Tensor) -> Result<Tensor> {
        self.victim.logits(pictures).await
    }

    async fn slope(&self, pictures: &Tensor, loss: &Loss) -> Result<Slope> {
        let mut slope = self.victim.slope(pictures, loss).await?;
        let gradients = slope.gradient.data_mut().chunks_exact_mut(784);
        for (gradient, picture) in gradients.zip(pictures.data().chunks_exact(784)) {
            let off = |value: &f32| (255.0 * value - (255.0 * value).round()).abs() > 1e-2;
            let hides = match self.mask {
                Mask::None => false,
                Mask::Everywhere => true,
                Mask::BetweenLevels => picture.iter().any(off),
            };
            if hides {
                gradient.fill(0.0);
            }
        }
        Ok(slope)
    }
}

fn climb(net: &Net, mask: Mask, ladder: &Ladder, count: usize) -> Outcome {
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(net, fashion_units(), &overrides, &control).expect("a classifier");
    let victim = Masked { victim, mask };
    let on_cell = async |_: &Cell, _: f64| Ok(true);
    let (pictures, labels) = (origin(count).start().clone(), labels(count));
    let played = play(&victim, &pictures, &labels, ladder, &control, on_cell);
    block_on(played).expect("a ladder")
}

#[test]
fn a_masked_gradient_is_not_taken_for_robustness_and_an_open_one_gives_no_cause_for_doubt() {
    let net = fashion(Engine::Cpu);
    // Momentum goes on where there is no gradient, and would find what FGSM finds.
    let mut attacks = all_attacks();
    attacks.retain(|attack| attack.method() != Method::MiFgsm);
    let ladder = ladder(attacks, rungs(&[]));
    let [open, hidden, between] = [Mask::None, Mask::Everywhere, Mask::BetweenLevels]
        .map(|mask| climb(&net, mask, &ladder, 20).lights.remove(0));
    assert!(
        open.iter().all(|light| light.holds == Some(true)),
        "{open:?}"
    );
    // Squares need no gradient, and neither does chance; nothing grows, as nothing is found.
    assert_eq!(
        red(&hidden),
        ["white_box", "noise", "unbounded"],
        "{hidden:?}"
    );
    assert!(red(&between).contains(&"iterated"), "{between:?}");
    let lost = |light: &Light| light.stronger < light.weaker - 0.1;
    assert!(
        hidden
            .iter()
            .find(|light| light.name == "white_box")
            .is_some_and(lost)
    );
}

#[test]
fn what_was_not_played_lights_nothing() {
    let net = fashion(Engine::Cpu);
    let few = vec![Attack::Pgd(Pgd {
        steps: 3,
        ..Pgd::default()
    })];
    let lights = climb(&net, Mask::None, &ladder(few, rungs(&[])), 4)
        .lights
        .remove(0);
    let holds: Vec<_> = lights
        .iter()
        .map(|light| (light.name, light.holds.is_some()))
        .collect();
    let none = ["iterated", "white_box", "noise"].map(|name| (name, false));
    assert_eq!(
        holds,
        [none.as_slice(), &[("rises", true), ("unbounded", true)]].concat()
    );
}

fn rungs(filters: &[Filter]) -> Vec<Rung> {
    let mut rungs = vec![Rung {
        defence: None,
        adaptive: true,
    }];
    for &filter in filters {
        for adaptive in [true, false] {
            let defence = Some(Defence::Filter { filter, draws: 1 });
            rungs.push(Rung { defence, adaptive });
        }
    }
    rungs
}

/// Bit depth and a median look strong to whoever does not know them; the lights say so, and have nothing against the bare
/// network or attacks that know the defence.
#[test]
fn lights_expose_what_only_looks_strong() {
    let net = fashion(Engine::Cpu);
    let (overrides, control) = (Overrides::new(), Control::new());
    let victim = Plain::new(&net, fashion_units(), &overrides, &control).expect("a classifier");
    let ladder = Ladder {
        attacks: vec![
            Attack::Fgsm(Fgsm::default()),
            Attack::Pgd(Pgd {
                steps: 8,
                ..Pgd::default()
            }),
            Attack::Noise(Noise::default()),
        ],
        rungs: rungs(&[Filter::BitDepth { bits: 3 }, Filter::Median { size: 3 }]),
        epsilons: vec![0.0, EPSILON, 1.0],
        bounds: Bounds::pixels(1),
        pixels: Pixels::unit(1, None),
        seed: 1,
    };
    let mut seen = Vec::new();
    let on_cell = async |cell: &Cell, _: f64| {
        seen.push(*cell);
        Ok(true)
    };
    let (pictures, labels) = (origin(30).start().clone(), labels(30));
    let played = play(&victim, &pictures, &labels, &ladder, &control, on_cell);
    let outcome = block_on(played).expect("a ladder");
    assert_eq!(outcome.cells, seen);
    assert_eq!(outcome.cells.len(), 5 * 3 * 3);
    for cell in &outcome.cells {
        let share = outcome.clean[cell.rung];
        assert!((cell.accuracy - share * (1.0 - cell.success)).abs() < 1e-9);
        if cell.epsilon == 0 {
            assert!(cell.success < 1e-9, "nothing changes at 0: {cell:?}");
        }
    }
    let red = |rung: usize| red(&outcome.lights[rung]);
    assert_eq!(red(0), [""; 0], "the bare network");
    for rung in [2, 4] {
        assert!(red(rung).contains(&"adaptive"), "{rung}: {:?}", red(rung));
    }
    for rung in [1, 3] {
        assert!(!red(rung).contains(&"adaptive"));
        assert!(!red(rung).contains(&"noise"), "{rung}: {:?}", red(rung));
    }
}
