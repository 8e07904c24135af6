//! What the integration tests share: the committed fixtures and the inputs that belong to them.
#![allow(
    dead_code,
    reason = "every test file is a crate of its own and uses a part of this"
)]

use std::collections::HashMap;
use std::path::PathBuf;

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub mod attacks;
pub mod shipped;

/// Values in [-1, 1] on a grid of 2001 levels: the twin of `lattice` in `fixtures/fixture_io.py`.
pub fn lattice(case: usize, tensor: usize, len: usize) -> Vec<f32> {
    (0..len as u64)
        .map(|i| {
            let level = (i * 7919 + case as u64 * 104_729 + tensor as u64 * 1_299_709) % 2001;
            (level as f32 - 1000.0) / 1000.0
        })
        .collect()
}

/// One convolution of `conv_grid.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct ConvCase {
    pub id: usize,
    pub n: usize,
    pub c_in: usize,
    pub c_out: usize,
    pub h: usize,
    pub w: usize,
    /// `[K_h, K_w]`.
    pub kernel: [usize; 2],
    /// `[y, x]`.
    pub stride: [usize; 2],
    /// `[top, bottom, left, right]`.
    pub padding: [usize; 4],
    /// `[y, x]`.
    pub dilation: [usize; 2],
    pub groups: usize,
    pub bias: bool,
}

impl ConvCase {
    /// `[N, C_in, H, W]`.
    pub fn x_shape(&self) -> [usize; 4] {
        [self.n, self.c_in, self.h, self.w]
    }

    /// `[C_out, C_in / groups, K_h, K_w]`.
    pub fn w_shape(&self) -> [usize; 4] {
        [
            self.c_out,
            self.c_in / self.groups,
            self.kernel[0],
            self.kernel[1],
        ]
    }

    /// `[N, C_out, H_out, W_out]`.
    pub fn y_shape(&self) -> [usize; 4] {
        let [top, bottom, left, right] = self.padding;
        let extent = |size: usize, axis: usize| {
            (size - (self.kernel[axis] - 1) * self.dilation[axis] - 1) / self.stride[axis] + 1
        };
        [
            self.n,
            self.c_out,
            extent(self.h + top + bottom, 0),
            extent(self.w + left + right, 1),
        ]
    }

    /// The input.
    pub fn x(&self) -> Vec<f32> {
        lattice(self.id, 0, self.x_shape().iter().product())
    }

    /// The weight.
    pub fn w(&self) -> Vec<f32> {
        lattice(self.id, 1, self.w_shape().iter().product())
    }

    /// The bias, where the case has one.
    pub fn b(&self) -> Option<Vec<f32>> {
        self.bias.then(|| lattice(self.id, 2, self.c_out))
    }

    /// The gradient that arrives at the output.
    pub fn dy(&self) -> Vec<f32> {
        lattice(self.id, 3, self.y_shape().iter().product())
    }
}

#[derive(Deserialize)]
struct Manifest<T> {
    cases: Vec<T>,
}

/// The path of a committed fixture.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// The `cases` of a fixture's manifest.
pub fn cases<T: DeserializeOwned>(manifest: &str) -> Vec<T> {
    let text = std::fs::read_to_string(fixture(manifest)).expect("the manifest is committed");
    serde_json::from_str::<Manifest<T>>(&text)
        .expect("the manifest is JSON")
        .cases
}

/// The convolution grid.
pub fn conv_grid() -> Vec<ConvCase> {
    cases("conv_grid.json")
}

/// An array of a fixture: f32 and f16 arrive as they are, bytes as 0 to 255, integers as numbers.
#[derive(Debug, Clone)]
pub struct Array {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// All arrays of a fixture's safetensors file, by name.
pub fn arrays(file: &str) -> HashMap<String, Array> {
    let bytes = std::fs::read(fixture(file)).expect("the fixture is committed");
    let tensors = SafeTensors::deserialize(&bytes).expect("the fixture is a safetensors file");
    tensors
        .iter()
        .map(|(name, view)| {
            let data = match view.dtype() {
                Dtype::F32 => words(view.data(), |b: [u8; 4]| f32::from_le_bytes(b)),
                Dtype::F16 => words(view.data(), |b: [u8; 2]| half_to_f32(u16::from_le_bytes(b))),
                Dtype::I64 => words(view.data(), |b: [u8; 8]| i64::from_le_bytes(b) as f32),
                Dtype::U8 => view.data().iter().map(|&b| f32::from(b)).collect(),
                other => panic!("{name} in {file} is {other:?}"),
            };
            (
                name.to_string(),
                Array {
                    shape: view.shape().to_vec(),
                    data,
                },
            )
        })
        .collect()
}

fn words<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes
        .chunks_exact(N)
        .map(|chunk| value(chunk.try_into().expect("N bytes")))
        .collect()
}

/// The f32 of a finite half-precision number.
fn half_to_f32(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let mantissa = f32::from(bits & 0x3ff);
    match i32::from(bits >> 10 & 0x1f) {
        0 => sign * mantissa * 2f32.powi(-24),
        exponent => sign * (1024.0 + mantissa) * 2f32.powi(exponent - 25),
    }
}

/// The largest difference, relative to the largest expected value.
pub fn relative_error(got: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(got.len(), expected.len(), "as many values as expected");
    let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    let difference = got.iter().zip(expected).fold(0f32, |m, (a, b)| {
        let d = (a - b).abs();
        if d.is_nan() { f32::INFINITY } else { m.max(d) }
    });
    if difference == 0.0 {
        0.0
    } else {
        difference / largest
    }
}

/// The WebGPU engine on whatever adapter there is, a software one too; `None`, with a sentence, where there is none.
pub fn gpu_engine() -> Option<convscope::engine::Engine> {
    match pollster::block_on(convscope::engine::gpu::Gpu::open(true)) {
        Ok(gpu) => Some(convscope::engine::Engine::gpu(&gpu)),
        Err(error) => {
            assert!(
                std::env::var_os("CONVSCOPE_REQUIRE_GPU").is_none(),
                "{error}"
            );
            eprintln!("not checked: {error}");
            None
        }
    }
}
