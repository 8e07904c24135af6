//! Embeddings held to scikit-learn and umap-learn on the sets of `fixtures/make_embeddings.py`.

mod common;

use std::collections::HashMap;

use common::{Array, arrays};
use convscope::engine::control::Control;
use convscope::error::Result;
use convscope::lens::embed::neighbors::Neighbors;
use convscope::lens::embed::space::Space;
use convscope::lens::embed::tsne::{self, EXACT_POINTS, Tsne};
use convscope::lens::embed::{Method, Search, Start, Step, Wish, pca, quality, umap};
use pollster::block_on;
use serde_json::Value;

struct Fixture {
    arrays: HashMap<String, Array>,
    numbers: Value,
}

fn fixture() -> Fixture {
    let path = common::fixture("embeddings.json");
    let text = std::fs::read_to_string(path).expect("the fixture is committed");
    Fixture {
        arrays: arrays("embeddings.safetensors"),
        numbers: serde_json::from_str(&text).expect("it is JSON"),
    }
}

impl Fixture {
    fn values(&self, name: &str) -> &[f32] {
        &self.arrays[name].data
    }

    /// The first `count` rows of a set.
    fn space(&self, name: &str, count: usize) -> Space {
        let array = &self.arrays[name];
        space(
            array.data[..count * array.shape[1]].to_vec(),
            array.shape[1],
        )
    }

    fn labels(&self, name: &str, count: usize) -> Vec<u32> {
        self.values(name)[..count]
            .iter()
            .map(|&v| v as u32)
            .collect()
    }

    fn number(&self, path: [&str; 3]) -> f64 {
        let found = path.iter().filter(|key| !key.is_empty());
        found
            .fold(&self.numbers, |value, key| &value[key])
            .as_f64()
            .expect("the fixture has this number")
    }
}

fn space(values: Vec<f32>, width: usize) -> Space {
    block_on(Space::new(values, width, &Control::new())).expect("the points can be told apart")
}

/// The first 150 Fashion-MNIST pictures that ship, as bytes.
fn pixels() -> Vec<f32> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/www/data/fashion-test-2000.safetensors"
    );
    let bytes = std::fs::read(path).expect("the pictures ship");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("they are sound");
    let images = file.tensor("images").expect("they are called so");
    images.data()[..150 * 784]
        .iter()
        .map(|&byte| f32::from(byte))
        .collect()
}

fn settings(perplexity: f32, exact_points: usize) -> tsne::Settings {
    tsne::Settings {
        perplexity,
        early_exaggeration: 12.0,
        learning_rate: None,
        exact_points,
    }
}

fn relative_l2(values: &[f32], expected: &[f32]) -> f64 {
    let square = |list: &mut dyn Iterator<Item = f64>| list.map(|v| v * v).sum::<f64>();
    assert_eq!(values.len(), expected.len());
    let pairs = values.iter().zip(expected);
    let off = square(&mut pairs.map(|(a, b)| f64::from(*a) - f64::from(*b)));
    (off / square(&mut expected.iter().map(|&v| f64::from(v)))).sqrt()
}

type Shown = fn(Step) -> std::future::Ready<Result<Wish>>;

fn search(space: &Space, method: Method, start: Start, iterations: usize, seed: u64) -> Step {
    let search = Search {
        method,
        start,
        iterations,
        every: 10,
        seed,
    };
    block_on(search.run(space, None, &Control::new(), None::<Shown>)).expect("the search is sound")
}

fn trust(space: &Space, map: &[f32]) -> f64 {
    let trust = block_on(quality::trustworthiness(space, map, 0, &Control::new()));
    f64::from(
        trust
            .expect("nobody aborts")
            .expect("there are points enough"),
    )
}

#[test]
fn principal_components_are_scikit_learns() {
    let fixture = fixture();
    let spaces = [
        ("digits", fixture.space("digits", 1000)),
        ("features", fixture.space("features", 600)),
        // More features than points: by the matrix of the points.
        ("wide", space(pixels(), 784)),
    ];
    for (name, space) in spaces {
        let found = block_on(pca::pca(&space, 5, &Control::new())).expect("nobody aborts");
        let expected = fixture.values(&format!("pca_{name}"));
        for axis in 0..5 {
            let column = |values: &[f32]| -> Vec<f32> {
                values
                    .iter()
                    .skip(axis)
                    .step_by(5)
                    .take(150)
                    .copied()
                    .collect()
            };
            let error = relative_l2(&column(&found.points), &column(expected));
            println!("{name} component {axis}: {error:.1e}");
            assert!(error < 1e-4, "component {axis} of {name}: {error}");
        }
        let error = relative_l2(
            &found.explained,
            fixture.values(&format!("explained_{name}")),
        );
        assert!(error < 1e-4, "explained by {name}: {error}");
        if name == "digits" {
            let error = relative_l2(&found.loadings, fixture.values("loadings_digits"));
            assert!(error < 1e-4, "loadings: {error}");
        }
    }
}

#[test]
fn joint_probabilities_gradient_and_divergence_are_scikit_learns() {
    let fixture = fixture();
    let space = fixture.space("digits", 200);
    let control = Control::new();
    let place = fixture.values("place");
    let exact = Tsne::new(&space, settings(30.0, EXACT_POINTS), place, &control);
    let mut exact = block_on(exact).expect("nobody aborts");
    let joint = exact.joint_probabilities();
    let upper: Vec<f32> = (0..200)
        .flat_map(|i| joint[i * 200 + i + 1..(i + 1) * 200].to_vec())
        .collect();
    let error = relative_l2(&upper, fixture.values("joint"));
    println!("joint probabilities: {error:.1e}");
    assert!(error < 1e-4, "joint probabilities: {error}");
    let gradient = block_on(exact.gradient(&control)).expect("nobody aborts");
    let error = relative_l2(&gradient, fixture.values("gradient"));
    println!("gradient: {error:.1e}");
    assert!(error < 1e-4, "gradient: {error}");
    let kl = block_on(exact.kl(&control)).expect("nobody aborts");
    let expected = fixture.number(["kl_at_place", "", ""]);
    assert!((kl / expected - 1.0).abs() < 1e-4, "{kl} {expected}");
    // By groups of far points it is the same within the accuracy that they are taken at.
    let groups = Tsne::new(&space, settings(30.0, 0), place, &control);
    let mut groups = block_on(groups).expect("nobody aborts");
    let gradient = block_on(groups.gradient(&control)).expect("nobody aborts");
    let error = relative_l2(&gradient, fixture.values("gradient"));
    assert!(error < 0.06, "gradient by groups: {error}");
}

/// One run of t-SNE from scikit-learn's own start, and one from ours, beside scikit-learn's.
fn hold_tsne(fixture: &Fixture, name: &str, set: &str, count: usize, exact_points: usize) {
    let space = fixture.space(set, count);
    let theirs = if exact_points > 0 {
        "exact"
    } else {
        "barnes_hut"
    };
    let kl = fixture.number([name, theirs, "kl"]);
    let expected = fixture.number([name, theirs, "trustworthiness"]);
    let method = Method::Tsne(settings(30.0, exact_points));
    let given = Start::Given(fixture.values(&format!("start_{name}")).to_vec());
    for start in [given, Start::Pca] {
        let step = search(&space, method, start, 1000, 0);
        let (own, trusted) = (step.kl.expect("t-SNE has one"), trust(&space, &step.points));
        println!(
            "{name} {theirs}: KL {own:.4} ({kl:.4}), trustworthiness {trusted:.4} ({expected:.4})"
        );
        assert!(
            own < 1.03 * kl,
            "{name}, {theirs}: KL {own}, scikit-learn {kl}"
        );
        assert!(
            trusted > expected - 0.01,
            "{name}, {theirs}: {trusted}, scikit-learn {expected}"
        );
    }
}

#[test]
fn tsne_ends_as_low_as_scikit_learn() {
    let fixture = fixture();
    hold_tsne(&fixture, "digits_400", "digits", 400, EXACT_POINTS);
}

#[test]
fn tsne_by_groups_ends_as_low_as_scikit_learn() {
    let fixture = fixture();
    hold_tsne(&fixture, "digits_400", "digits", 400, 0);
}

#[test]
#[ignore = "half a minute"]
fn tsne_of_all_sets_ends_as_low_as_scikit_learn() {
    let fixture = fixture();
    for (set, count) in [("digits", 1000), ("features", 600)] {
        for exact_points in [EXACT_POINTS, 0] {
            hold_tsne(&fixture, set, set, count, exact_points);
        }
    }
}

/// One run of UMAP beside umap-learn's better one of two.
fn hold_umap(fixture: &Fixture, name: &str, set: &str, count: usize) {
    let space = fixture.space(set, count);
    let method = Method::Umap(umap::Settings {
        neighbors: 15,
        min_distance: 0.1,
        epochs: 500,
    });
    let step = search(&space, method, Start::Pca, 500, 0);
    let trusted = trust(&space, &step.points);
    let expected = fixture.number([name, "umap", "trustworthiness"]);
    println!("{name} UMAP: trustworthiness {trusted:.4} ({expected:.4})");
    assert!(
        trusted > expected - 0.02,
        "{name}: {trusted}, umap-learn {expected}"
    );
}

#[test]
fn umap_is_as_trustworthy_as_umap_learn() {
    hold_umap(&fixture(), "digits_400", "digits", 400);
}

#[test]
#[ignore = "half a minute"]
fn umap_of_all_sets_is_as_trustworthy_as_umap_learn() {
    let fixture = fixture();
    hold_umap(&fixture, "digits", "digits", 1000);
    hold_umap(&fixture, "features", "features", 600);
}

#[test]
fn quality_is_scikit_learns() {
    let (fixture, control) = (fixture(), Control::new());
    for (name, set, count) in [("digits_400", "digits", 400), ("features", "features", 600)] {
        let map = fixture.values(&format!("map_{name}"));
        let original = fixture.space(set, count);
        // The map that is stored is that of the last method.
        let expected = fixture.number([name, "barnes_hut", "trustworthiness"]);
        let trusted = trust(&original, map);
        assert!(
            (trusted - expected).abs() < 1e-4,
            "{name}: {trusted} {expected}"
        );
        let label_set = if set == "digits" {
            "digit_labels"
        } else {
            "feature_labels"
        };
        let labels = fixture.labels(label_set, count);
        for (space, prefix) in [(original, ""), (space(map.to_vec(), 2), "map_")] {
            let found = block_on(quality::separation(&space, &labels, 0, &control))
                .expect("nobody aborts")
                .expect("there are classes");
            for (own, what) in [
                (found.knn_accuracy, "knn_accuracy"),
                (found.silhouette, "silhouette"),
            ] {
                let expected = fixture.number([name, &format!("{prefix}{what}"), ""]);
                assert!(
                    (f64::from(own) - expected).abs() < 2e-4,
                    "{name} {prefix}{what}: {own} {expected}"
                );
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let fixture = fixture();
    let space = fixture.space("digits", 150);
    let methods = [
        Method::Tsne(settings(20.0, EXACT_POINTS)),
        Method::Tsne(settings(20.0, 0)),
        Method::Umap(umap::Settings {
            neighbors: 10,
            min_distance: 0.1,
            epochs: 60,
        }),
    ];
    for method in methods {
        let run = |seed| search(&space, method, Start::Random, 60, seed).points;
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }
}

#[test]
fn two_far_groups_stay_apart_in_every_map() {
    let mut random = convscope::random::Random::new(8);
    let values: Vec<f32> = (0..120 * 6)
        .map(|at| random.normal() + if at / 6 < 50 { 0.0 } else { 40.0 })
        .collect();
    let space = space(values, 6);
    let labels: Vec<u32> = (0..120).map(|point| u32::from(point >= 50)).collect();
    let umap = umap::Settings {
        neighbors: 15,
        min_distance: 0.1,
        epochs: 400,
    };
    let starts = [
        (Method::Tsne(settings(20.0, EXACT_POINTS)), Start::Random),
        (Method::Umap(umap), Start::Pca),
    ];
    for (method, start) in starts {
        let map = search(&space, method, start, 400, 1).points;
        let own = self::space(map, 2);
        let near = block_on(Neighbors::of(&own, 5, &Control::new())).expect("nobody aborts");
        for point in 0..120 {
            for (other, _) in near.row(point) {
                assert_eq!(labels[point], labels[other], "{method:?}");
            }
        }
    }
}

#[test]
fn steps_are_shown_as_often_as_is_wished() {
    let fixture = fixture();
    let space = fixture.space("digits", 60);
    let plan = Search {
        method: Method::Tsne(settings(10.0, EXACT_POINTS)),
        start: Start::Pca,
        iterations: 100,
        every: 20,
        seed: 0,
    };
    let mut seen = Vec::new();
    let show = async |step: Step| {
        seen.push(step.step);
        Ok(Wish {
            every: (step.step == 40).then_some(5),
            stop: step.step == 55,
        })
    };
    let last = block_on(plan.run(&space, None, &Control::new(), Some(show))).expect("it is sound");
    assert_eq!(seen, [0, 20, 40, 45, 50, 55, 55]);
    assert_eq!(last.step, 55);
}

#[test]
fn copies_lie_in_one_place_and_nothing_is_lost() {
    let mut values: Vec<f32> = fixture().values("digits")[..64 * 60].to_vec();
    let first = values[..64].to_vec();
    (0..60).for_each(|_| values.extend(&first));
    let space = space(values, 64);
    for method in [
        Method::Tsne(settings(15.0, EXACT_POINTS)),
        Method::Tsne(settings(15.0, 0)),
        Method::Umap(umap::Settings {
            neighbors: 15,
            min_distance: 0.1,
            epochs: 100,
        }),
    ] {
        let map = search(&space, method, Start::Pca, 300, 0).points;
        assert!(map.iter().all(|value| value.is_finite()), "{method:?}");
        // With all forces computed they stay exactly together; by groups and at random each is pushed on its own.
        if matches!(method, Method::Tsne(settings) if settings.exact_points > 0) {
            assert!(
                map[2 * 60..]
                    .chunks_exact(2)
                    .all(|place| place == &map[..2]),
                "{method:?}"
            );
        }
    }
}

#[test]
fn what_cannot_be_embedded_is_refused_with_a_reason() {
    let refused = |values: Vec<f32>, width| {
        block_on(Space::new(values, width, &Control::new()))
            .expect_err("it cannot be embedded")
            .message
    };
    assert!(refused(vec![1.0; 40], 4).contains("equal"));
    assert!(refused(vec![0.0, 1.0, f32::NAN, 2.0], 2).contains("feature 0 of point 1 is NaN"));
    assert!(refused(vec![1.0, 2.0], 2).contains("at least 2"));
    let space = fixture().space("digits", 20);
    let plan = |method, start| Search {
        method,
        start,
        iterations: 10,
        every: 10,
        seed: 0,
    };
    let wide = umap::Settings {
        neighbors: 21,
        min_distance: 0.1,
        epochs: 10,
    };
    for (search, reason) in [
        (
            plan(Method::Tsne(settings(30.0, 0)), Start::Pca),
            "at most 6",
        ),
        (plan(Method::Umap(wide), Start::Pca), "at most 20"),
        (
            plan(Method::Tsne(settings(5.0, 0)), Start::Given(vec![0.0; 6])),
            "3 points",
        ),
    ] {
        let error = block_on(search.run(&space, None, &Control::new(), None::<Shown>))
            .expect_err("it cannot run");
        assert!(error.message.contains(reason), "{}", error.message);
    }
}

#[test]
fn one_class_has_no_silhouette() {
    let space = fixture().space("digits", 20);
    let found = block_on(quality::separation(&space, &[3; 20], 0, &Control::new()));
    assert_eq!(found, Ok(None));
}

#[test]
fn small_classes_are_not_outvoted() {
    // Three pairs, far apart: each point's nearest is its like, and all others are not.
    let values = vec![0.0, 0.1, 5.0, 5.1, 20.0, 20.1];
    let space = space(values, 1);
    let found = block_on(quality::separation(
        &space,
        &[0, 0, 1, 1, 2, 2],
        0,
        &Control::new(),
    ));
    let found = found.expect("nobody aborts").expect("there are classes");
    assert!((found.knn_accuracy - 1.0).abs() < f32::EPSILON, "{found:?}");
    assert!(found.silhouette > 0.9, "{found:?}");
}
