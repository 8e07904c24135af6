//! Converts `EfficientNet-Lite0`'s published state dict to a network as data: `convert FILE.pth FOLDER`.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

use convscope::error::{Error, Result};
use convscope::load::arch::efficientnet_lite;
use convscope::load::pth;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, folder] = arguments.as_slice() else {
        eprintln!("usage: convert FILE.pth FOLDER");
        return ExitCode::FAILURE;
    };
    match run(Path::new(weights), Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("convert: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(weights: &Path, folder: &Path) -> Result<()> {
    let bytes = std::fs::read(weights).map_err(|error| on(weights, &error))?;
    let network = efficientnet_lite::convert(pth::load(&bytes)?)?;
    std::fs::create_dir_all(folder).map_err(|error| on(folder, &error))?;
    let graph = folder.join("graph.json");
    std::fs::write(&graph, format!("{}\n", network.graph)).map_err(|error| on(&graph, &error))?;
    let values = folder.join("weights.safetensors");
    let bytes = safetensors::serialize(&network.weights, None)
        .map_err(|error| Error::internal(format!("the weights cannot be written: {error}")))?;
    std::fs::write(&values, bytes).map_err(|error| on(&values, &error))
}

fn on(path: &Path, error: &std::io::Error) -> Error {
    Error::bad_argument(format!("{}: {error}", path.display()))
}
