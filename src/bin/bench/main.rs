//! Measures both engines without a browser and prints JSON: `bench [ROUNDS]`. `./build.sh bench` runs it and makes tables.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use convscope::engine::gpu::{AdapterInfo, Gpu};
use convscope::error::{Error, Result};
use serde::Serialize;

use rounds::calibrate;

mod adapter;
mod convolutions;
mod networks;
mod peak;
mod rounds;

/// Rounds of each measurement at least.
const ROUNDS: usize = 9;
/// Floats that a copy on the CPU moves: 32 MiB, more than caches hold.
const COPIED: usize = 1 << 23;

/// Figures of one engine.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    engine: &'static str,
    place: &'static str,
    adapter: Option<AdapterInfo>,
    peak: adapter::Peak,
    calibration_ms: f64,
    convolutions: Vec<convolutions::Row>,
    networks: Vec<networks::Row>,
}

fn main() -> ExitCode {
    let rounds = std::env::args()
        .nth(1)
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS);
    let mut reports = Vec::new();
    for measured in [cpu(rounds), gpu(rounds)] {
        match measured {
            Ok(report) => reports.push(report),
            Err(error) => eprintln!("bench: {error}"),
        }
    }
    match serde_json::to_string(&reports) {
        Ok(json) if !reports.is_empty() => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}

fn cpu(rounds: usize) -> Result<Report> {
    eprintln!("    CPU engine, natively");
    let calibration = rounds::time(rounds, |repetitions| {
        (0..repetitions).for_each(|_| peak::main());
        Ok(())
    })?;
    let (source, mut target) = (vec![1.0_f32; COPIED], vec![0.0_f32; COPIED]);
    let copy = rounds::time(rounds, |repetitions| {
        for _ in 0..repetitions {
            target.copy_from_slice(std::hint::black_box(&source));
            std::hint::black_box(&target);
        }
        Ok(())
    })?;
    Ok(Report {
        engine: "cpu",
        place: "native",
        adapter: None,
        peak: adapter::Peak {
            gflops: peak::OPERATIONS / calibration.ms / 1e6,
            gigabytes: (2 * COPIED * size_of::<f32>()) as f64 / copy.ms / 1e6,
        },
        calibration_ms: calibration.ms,
        convolutions: convolutions::measure(None, rounds)?,
        networks: networks::measure(false, rounds),
    })
}

fn gpu(rounds: usize) -> Result<Report> {
    let gpu = pollster::block_on(Gpu::open(true))
        .map_err(|error| Error::no_webgpu(format!("the GPU engine is left out: {error}")))?;
    let adapter = gpu.adapter();
    eprintln!("    GPU engine, natively, on {}", adapter.name);
    Ok(Report {
        engine: "webgpu",
        place: "native",
        peak: adapter::measure(rounds)?,
        adapter: Some(adapter),
        calibration_ms: calibrate(),
        convolutions: convolutions::measure(Some(&gpu), rounds)?,
        networks: networks::measure(true, rounds),
    })
}
