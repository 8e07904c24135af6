//! Signs that a robust accuracy is what it seems (Athalye, Carlini and Wagner 2018; Carlini et al. 2019): a defence that
//! only hides its gradients breaks one of them.

use super::{Cell, Ladder, is_white_box};
use crate::lab::attack::{Attack, Knowledge, Method};

/// What chance may change of a success rate; of few pictures, one.
const SLACK: f64 = 0.01;

/// One sign.
#[derive(Debug, Clone, PartialEq)]
pub struct Light {
    /// Its name as in the API.
    pub name: &'static str,
    /// Whether it holds; `None` where nothing on the ladder can tell.
    pub holds: Option<bool>,
    /// The success rate that must not be the smaller one, where it comes nearest to it or fails most.
    pub stronger: f64,
    /// The success rate that it is held against.
    pub weaker: f64,
    /// At which budget.
    pub epsilon: Option<usize>,
}

/// The lights of every rung, over `count` pictures.
#[must_use]
pub fn lights(ladder: &Ladder, cells: &[Cell], count: usize) -> Vec<Vec<Light>> {
    let slack = SLACK.max(1.0 / count.max(1) as f64);
    (0..ladder.rungs.len())
        .map(|rung| of_rung(ladder, cells, rung, slack))
        .collect()
}

fn of_rung(ladder: &Ladder, cells: &[Cell], rung: usize, slack: f64) -> Vec<Light> {
    let best = |rung: usize, epsilon: usize, chosen: &dyn Fn(&Attack) -> bool| {
        let own = cells.iter().filter(|cell| {
            cell.rung == rung && cell.epsilon == epsilon && chosen(&ladder.attacks[cell.attack])
        });
        own.map(|cell| cell.success).reduce(f64::max)
    };
    let budgets = 0..ladder.epsilons.len();
    let compare =
        |name, stronger: &dyn Fn(usize) -> Option<f64>, weaker: &dyn Fn(usize) -> Option<f64>| {
            let pairs = budgets
                .clone()
                .filter_map(|epsilon| Some((stronger(epsilon)?, weaker(epsilon)?, Some(epsilon))));
            Light::of(name, slack, pairs)
        };
    let is = |method: Method| move |attack: &Attack| attack.method() == method;
    let of = |chosen: &dyn Fn(&Attack) -> bool, epsilon| best(rung, epsilon, chosen);
    let is_black_box = |attack: &Attack| {
        let knowledge = attack.method().abilities().knowledge;
        matches!(knowledge, Knowledge::Scores | Knowledge::Decisions)
    };
    let mut lights = vec![
        compare(
            "iterated",
            &|epsilon| of(&is_iterated, epsilon),
            &|epsilon| of(&is(Method::Fgsm), epsilon),
        ),
        compare(
            "white_box",
            &|epsilon| of(&is_white_box, epsilon),
            &|epsilon| of(&is_black_box, epsilon),
        ),
        compare("noise", &|epsilon| of(&is_white_box, epsilon), &|epsilon| {
            of(&is(Method::Noise), epsilon)
        }),
        rises(ladder, cells, rung, slack),
        unbounded(ladder, slack, |epsilon| of(&is_white_box, epsilon)),
    ];
    // What the same defence bears when the attack knows it.
    let own = &ladder.rungs[rung];
    let knowing = ladder.rungs.iter().position(|other| {
        own.defence.is_some() && !own.adaptive && other.adaptive && other.defence == own.defence
    });
    if let Some(knowing) = knowing {
        lights.push(compare(
            "adaptive",
            &|epsilon| best(rung, epsilon, &|_| true),
            &|epsilon| best(knowing, epsilon, &|_| true),
        ));
    }
    lights
}

impl Light {
    /// Of pairs of a rate that must not be the smaller one and another: the pair that speaks most against it.
    fn of(
        name: &'static str,
        slack: f64,
        pairs: impl Iterator<Item = (f64, f64, Option<usize>)>,
    ) -> Self {
        let worst = pairs.min_by(|a, b| (a.0 - a.1).total_cmp(&(b.0 - b.1)));
        let (stronger, weaker, epsilon) = worst.unwrap_or((0.0, 0.0, None));
        Self {
            name,
            holds: worst.map(|_| stronger + slack >= weaker),
            stronger,
            weaker,
            epsilon,
        }
    }
}

/// Whether an attack takes many steps by gradients.
fn is_iterated(attack: &Attack) -> bool {
    is_white_box(attack) && attack.method() != Method::Fgsm
}

/// Whether a greater budget never helps less; a single step may well go too far.
fn rises(ladder: &Ladder, cells: &[Cell], rung: usize, slack: f64) -> Light {
    let iterated = (0..ladder.attacks.len()).filter(|&attack| is_iterated(&ladder.attacks[attack]));
    let pairs = iterated.flat_map(|attack| {
        let own: Vec<&Cell> = cells
            .iter()
            .filter(|cell| cell.rung == rung && cell.attack == attack)
            .collect();
        let pairs: Vec<_> = own
            .windows(2)
            .map(|pair| (pair[1].success, pair[0].success, Some(pair[1].epsilon)))
            .collect();
        pairs
    });
    Light::of("rises", slack, pairs)
}

/// Whether an attack that may turn every picture into any other makes every answer wrong.
fn unbounded(ladder: &Ladder, slack: f64, white_box: impl Fn(usize) -> Option<f64>) -> Light {
    let [low, high] = ladder.bounds.of(0);
    let last = ladder.epsilons.len().saturating_sub(1);
    let reaches = ladder
        .epsilons
        .last()
        .is_some_and(|&epsilon| epsilon >= high - low);
    let rate = white_box(last).filter(|_| reaches);
    Light {
        name: "unbounded",
        holds: rate.map(|rate| rate + slack >= 1.0),
        stronger: rate.unwrap_or(0.0),
        weaker: 1.0,
        epsilon: rate.map(|_| last),
    }
}
