//! What units respond to: the hits found are there, lie in the patches that are cut for them, and see what the geometry says.

mod common;

use common::shipped::{self, file, pictures};
use common::{gpu_engine, lattice};
use convscope::engine::Engine;
use convscope::engine::control::Control;
use convscope::error::Error;
use convscope::lens::field::{Field, Window, measured, window};
use convscope::lens::units::{Search, Survey, Unit, top_activations};
use convscope::load::arch::fashion;
use convscope::load::safetensors;
use convscope::net::{Net, Overrides};
use convscope::tensor::Tensor;

fn picture(set: &Tensor, index: usize) -> Tensor {
    Tensor::new(set.data()[index * 784..][..784].to_vec(), [1, 1, 28, 28]).unwrap()
}

fn map(net: &Net, image: &Tensor, layer: &str) -> Tensor {
    pollster::block_on(net.activations(image, &[layer], &Overrides::new(), &Control::new()))
        .unwrap()
        .remove(0)
}

fn search(layer: &str, count: usize) -> Search {
    Search {
        layer: layer.into(),
        channels: vec![],
        count,
        per_picture: 1,
        apart: 1,
    }
}

fn survey(net: &Net, set: &Tensor, search: &Search) -> Vec<Unit> {
    pollster::block_on(top_activations(
        net,
        set,
        search,
        &Control::new(),
        async |_, _| Ok(()),
    ))
    .unwrap()
    .units()
}

fn field(net: &Net, image: &Tensor, layer: &str, unit: [usize; 3]) -> Field {
    pollster::block_on(measured(net, image, layer, unit, 0.95, &Control::new())).unwrap()
}

fn contains(outer: Window, inner: Window) -> bool {
    inner.y >= outer.y
        && inner.x >= outer.x
        && inner.y + inner.height <= outer.y + outer.height
        && inner.x + inner.width <= outer.x + outer.width
}

/// A picture of other pixels with one window of `image` in it.
fn only(image: &Tensor, kept: Window) -> Tensor {
    let mut data = lattice(7, 0, 784);
    for y in kept.y..kept.y + kept.height {
        for x in kept.x..kept.x + kept.width {
            data[y * 28 + x] = image.data()[y * 28 + x];
        }
    }
    Tensor::new(data, [1, 1, 28, 28]).unwrap()
}

#[test]
fn the_hits_are_the_highest_activations_of_the_set() {
    let (net, set) = (shipped::fashion(Engine::Cpu), pictures(150));
    let units = survey(&net, &set, &search("norm2", 9));
    assert_eq!(units.len(), 32);
    for channel in [0, 13, 31] {
        let mut expected: Vec<(usize, f32)> = (0..150)
            .map(|index| {
                let map = map(&net, &picture(&set, index), "norm2");
                let plane = &map.data()[channel * 196..][..196];
                (
                    index,
                    plane.iter().copied().fold(f32::NEG_INFINITY, f32::max),
                )
            })
            .collect();
        expected.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (hit, (index, value)) in units[channel].top.iter().zip(&expected) {
            assert_eq!(hit.picture, *index);
            assert!((hit.value - value).abs() < 1e-4, "{} {value}", hit.value);
        }
        assert_eq!(units[channel].max, units[channel].top[0].value);
    }
}

#[test]
fn a_patch_alone_gives_the_hit_its_value_and_less_of_it_does_not() {
    let (net, set) = (shipped::fashion(Engine::Cpu), pictures(100));
    for layer in ["conv1", "norm2", "norm3"] {
        for unit in survey(&net, &set, &search(layer, 2)).iter().step_by(7) {
            for hit in &unit.top {
                let image = picture(&set, hit.picture);
                let found = field(&net, &image, layer, [unit.channel, hit.y, hit.x]);
                let value = |patch: Window| {
                    let map = map(&net, &only(&image, patch), layer);
                    let shape = map.activation_shape();
                    map.data()[unit.channel * shape.plane() + hit.y * shape.w() + hit.x]
                };
                let whole = value(found.theoretical);
                assert!(
                    (whole - hit.value).abs() < 1e-4 * hit.value.abs().max(1.0),
                    "{layer} {hit:?}: {whole}"
                );
                let less = Window {
                    height: found.theoretical.height / 2,
                    ..found.theoretical
                };
                assert!((value(less) - hit.value).abs() > 1e-3, "{layer} {hit:?}");
            }
        }
    }
}

#[test]
fn what_a_unit_depends_on_lies_within_what_it_can_see() {
    let (net, set) = (shipped::fashion(Engine::Cpu), pictures(4));
    let layers = net.layers();
    for (layer, size) in [("conv1", 7), ("norm2", 16), ("conv3", 28)] {
        let geometry = layers
            .iter()
            .find(|each| each.name == layer)
            .unwrap()
            .receptive_field;
        for place in [[0, 0], [3, 4], [6, 6]] {
            let found = field(&net, &picture(&set, 1), layer, [2, place[0], place[1]]);
            let (support, core) = (found.support.unwrap(), found.core.unwrap());
            assert_eq!(found.theoretical, window(&geometry, place, [28, 28]));
            assert!(contains(found.theoretical, support), "{layer} {found:?}");
            assert!(contains(support, core), "{layer} {found:?}");
            assert!(support.height <= size && core.height * core.width * 2 > support.height);
            let outside: f32 = found
                .map
                .data()
                .iter()
                .enumerate()
                .filter(|(index, _)| {
                    let (y, x) = (index / 28, index % 28);
                    let inside =
                        |from: usize, length: usize, at: usize| (from..from + length).contains(&at);
                    !(inside(core.y, core.height, y) && inside(core.x, core.width, x))
                })
                .map(|(_, value)| value)
                .sum();
            // 5 % along each axis at most.
            assert!(outside <= 0.1 * found.map.data().iter().sum::<f32>());
        }
    }
    // A first-layer unit away from the border depends on all that it sees.
    let found = field(&net, &picture(&set, 1), "conv1", [2, 9, 9]);
    assert_eq!(found.support, Some(found.theoretical));
}

#[test]
fn both_engines_find_the_same_hits() {
    let set = pictures(70);
    let Some(engine) = gpu_engine() else { return };
    let on_cpu = survey(&shipped::fashion(Engine::Cpu), &set, &search("norm3", 5));
    let on_gpu = survey(&shipped::fashion(engine), &set, &search("norm3", 5));
    for (a, b) in on_cpu.iter().zip(&on_gpu) {
        assert!((a.mean - b.mean).abs() < 1e-4);
        assert!((a.positive - b.positive).abs() < 2e-3);
        for (a, b) in a.top.iter().zip(&b.top) {
            assert!((a.value - b.value).abs() < 1e-3 * a.value.abs().max(1.0));
        }
    }
}

#[test]
fn a_survey_stops_when_asked_and_says_how_far_it_is() {
    let (net, set) = (shipped::fashion(Engine::Cpu), pictures(100));
    let control = Control::new();
    let mut steps = Vec::new();
    let stopped = pollster::block_on(top_activations(
        &net,
        &set,
        &search("conv1", 1),
        &control,
        async |survey: &Survey, seen| {
            steps.push((seen, survey.units().len()));
            control.abort();
            Ok(())
        },
    ));
    assert!(matches!(stopped, Err(Error { code, .. }) if code.as_str() == "aborted"));
    assert_eq!(steps, [(64, 16)]);
}

#[test]
fn empty_sets_and_unknown_layers_are_refused() {
    let net = shipped::fashion(Engine::Cpu);
    let run = |set: &Tensor, layer: &str| {
        pollster::block_on(top_activations(
            &net,
            set,
            &search(layer, 1),
            &Control::new(),
            async |_, _| Ok(()),
        ))
        .map(|survey| survey.units().len())
        .map_err(|error| error.code.as_str())
    };
    let empty = Tensor::new(vec![], [0, 1, 28, 28]).unwrap();
    assert_eq!(run(&empty, "conv1"), Err("bad_image"));
    assert_eq!(run(&pictures(1), "conv9"), Err("bad_argument"));
    assert_eq!(run(&pictures(1), "conv1"), Ok(16));
}

/// Training moves weights, but not so far that they forget where they began: each trained filter is closer to its own
/// beginning than to others'. With another seed, or another way to draw, it would not be.
#[test]
fn the_seed_in_the_model_gives_the_weights_with_which_its_training_began() {
    for id in ["fashion", "fashion-biased"] {
        let read = |name: &str| file(&format!("models/{id}/{name}"));
        let model: serde_json::Value = serde_json::from_slice(&read("model.json")).unwrap();
        let seed = model["initial"]["seed"].as_u64().unwrap();
        let log = String::from_utf8(read("training.log")).unwrap();
        assert!(log.starts_with(&format!("seed {seed},")), "{log}");
        assert_eq!(model["initial"]["architecture"], "fashion");
        let trained = safetensors::load(&read("weights.safetensors")).unwrap();
        let agreement = |seed: u64| {
            let initial = fashion::initial_weights(seed).unwrap();
            let (a, b) = (&initial["conv3.weight"], &trained["conv3.weight"]);
            let size = a.data().len() / 64;
            let pairs = a.data().chunks_exact(size).zip(b.data().chunks_exact(size));
            let cosines = pairs.map(|(a, b)| {
                let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
                dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
            });
            cosines.sum::<f32>() / 64.0
        };
        let (own, other) = (agreement(seed), agreement(seed + 1));
        assert!(own > 0.1 && other.abs() < 0.03, "{id}: {own}, {other}");
    }
}
