//! Single convolutions without a network around them: forward and both gradients, operands where the kernel reads them.

use convscope::engine::control::Control;
use convscope::engine::gpu::Gpu;
use convscope::error::{Error, Result};
use convscope::ops::conv2d::{Conv2d, Conv2dInputGrad, Conv2dWeightGrad, Geometry, Padding};
use convscope::ops::{Op, Operator as _, View};
use convscope::random::Random;
use convscope::tensor::Shape;
use serde::{Deserialize, Serialize};

use crate::rounds::{Timing, time};

/// One line of `cases.json`.
#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    /// (C, H, W).
    input: [usize; 3],
    out: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    groups: usize,
}

/// Figures of one convolution.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    name: String,
    forward: Figure,
    to_input: Figure,
    to_weights: Figure,
}

/// A time with the rate it means, or why there is none.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Figure {
    Measured {
        #[serde(flatten)]
        timing: Timing,
        gflops: f64,
    },
    Missing {
        missing: String,
    },
}

/// An operator with the shapes it runs on.
struct Work {
    op: Op,
    inputs: [Shape; 2],
    output: Shape,
}

/// Measures every case on the CPU, or on a device if one is given.
///
/// # Errors
/// `internal` if the list of cases is damaged; a case that cannot run is a figure that says so.
pub fn measure(gpu: Option<&Gpu>, rounds: usize) -> Result<Vec<Row>> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases.json"))
        .map_err(|error| Error::internal(format!("cases.json: {error}")))?;
    cases
        .into_iter()
        .map(|case| {
            let [forward, to_input, to_weights] =
                case.works()?.map(|work| work.measure(gpu, rounds));
            Ok(Row {
                name: case.name,
                forward,
                to_input,
                to_weights,
            })
        })
        .collect()
}

impl Case {
    fn works(&self) -> Result<[Work; 3]> {
        let geometry = Geometry {
            stride: [self.stride; 2],
            padding: Padding::from([self.padding; 4]),
            dilation: [1, 1],
            groups: self.groups,
        };
        let [c, h, w] = self.input;
        let x = Shape::new(1, c, h, w);
        let weight = Shape::new(self.out, c / self.groups, self.kernel, self.kernel);
        let (height, width) = geometry.output_size(x, weight)?;
        let y = Shape::new(1, self.out, height, width);
        let forward = Conv2d::plain(geometry);
        Ok([
            Work::new(forward, [x, weight], y),
            Work::new(Conv2dInputGrad { geometry, input: x }, [y, weight], x),
            Work::new(Conv2dWeightGrad { geometry, weight }, [x, y], weight),
        ])
    }
}

impl Work {
    fn new(op: impl Into<Op>, inputs: [Shape; 2], output: Shape) -> Self {
        Self {
            op: op.into(),
            inputs,
            output,
        }
    }

    fn measure(&self, gpu: Option<&Gpu>, rounds: usize) -> Figure {
        let operations = 2.0 * self.op.macs(&self.inputs, self.output) as f64;
        let timing = match gpu {
            None => self.on_cpu(rounds),
            Some(gpu) => self.on_gpu(gpu, rounds),
        };
        match timing {
            Ok(timing) => Figure::Measured {
                timing,
                gflops: operations / timing.ms / 1e6,
            },
            Err(error) => Figure::Missing {
                missing: error.to_string(),
            },
        }
    }

    fn values(&self) -> [Vec<f32>; 2] {
        let mut random = Random::new(1);
        self.inputs
            .map(|shape| (0..shape.len()).map(|_| random.normal()).collect())
    }

    fn on_cpu(&self, rounds: usize) -> Result<Timing> {
        let values = self.values();
        let [a, b] = &values;
        let views = [(a, self.inputs[0]), (b, self.inputs[1])].map(|(data, shape)| View {
            data: data.as_slice(),
            shape,
        });
        let mut output = vec![0.0; self.output.len()];
        time(rounds, |repetitions| {
            for _ in 0..repetitions {
                self.op.cpu(&views, &mut output, self.output);
            }
            Ok(())
        })
    }

    fn on_gpu(&self, gpu: &Gpu, rounds: usize) -> Result<Timing> {
        let mut buffers = Vec::new();
        for values in &self.values() {
            let buffer = gpu.allocate(values.len())?;
            gpu.upload(&buffer, values);
            buffers.push(buffer);
        }
        buffers.push(gpu.allocate(self.output.len())?);
        let kernels = self.op.gpu(&self.inputs, self.output)?;
        let mut recorded = None;
        time(rounds, |repetitions| {
            // All repetitions are one recording: one wait for the device, as in a network of as many layers.
            let recording = match recorded.take() {
                Some((count, recording)) if count == repetitions => recording,
                _ => {
                    let steps: Vec<_> = (0..repetitions)
                        .flat_map(|_| &kernels)
                        .map(|kernel| (kernel.clone(), buffers.clone()))
                        .collect();
                    let recording = gpu.compile(&steps)?;
                    pollster::block_on(gpu.run(&recording, &Control::new()))?;
                    recording
                }
            };
            pollster::block_on(async {
                gpu.run(&recording, &Control::new()).await?;
                gpu.read(&[(&buffers[2], 1)]).await
            })?;
            recorded = Some((repetitions, recording));
            Ok(())
        })
    }
}
