//! Batch normalisation as dispatches.

use super::{
    BatchNorm, BatchNormScale, BatchNormTrain, BatchNormTrainInputGrad, RunningStatistics,
};
use crate::error::Result;
use crate::ops::kernel::{Binding, Kernel, word};
use crate::tensor::Shape;

/// Dispatches of [`BatchNorm`].
pub fn evaluate(op: &BatchNorm, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let bindings = [0, 1, 2, 3, 4].map(Binding::Input);
    Ok(vec![normalise(bindings, 0, op.epsilon, output)])
}

/// Dispatches of [`BatchNormTrain`]: means and variances lie in one tensor.
pub fn train(op: &BatchNormTrain, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let bindings = [0, 2, 3, 1, 1].map(Binding::Input);
    Ok(vec![normalise(bindings, output.c(), op.epsilon, output)])
}

fn normalise(inputs: [Binding; 5], variance_start: usize, epsilon: f32, output: Shape) -> Kernel {
    let mut bindings = inputs.to_vec();
    bindings.push(Binding::Output);
    let mut params = elementwise(output);
    params.extend([word(variance_start), epsilon.to_bits()]);
    Kernel::linear("batch_norm", bindings, params, output.len()).with_cost(4 * output.len())
}

/// Count, channels, plane.
fn elementwise(shape: Shape) -> Vec<u32> {
    [shape.len(), shape.c(), shape.plane()].map(word).to_vec()
}

/// Dispatches of [`BatchNormScale`].
pub fn scale(op: &BatchNormScale, output: Shape) -> Result<Vec<Kernel>> {
    let params = vec![word(output.len()), op.epsilon.to_bits()];
    let bindings = vec![Binding::Input(0), Binding::Input(1), Binding::Output];
    Ok(vec![Kernel::linear(
        "batch_norm_scale",
        bindings,
        params,
        output.len(),
    )])
}

/// Dispatches of [`super::BatchNormShift`].
pub fn shift(inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let has_bias = inputs.len() == 4;
    let bias = if has_bias { 3 } else { 0 };
    let mut bindings = [0, 1, 2, bias].map(Binding::Input).to_vec();
    bindings.push(Binding::Output);
    let params = vec![word(output.len()), u32::from(has_bias)];
    Ok(vec![Kernel::linear(
        "batch_norm_shift",
        bindings,
        params,
        output.len(),
    )])
}

/// Dispatches of [`super::BatchStatistics`].
pub fn statistics(inputs: &[Shape]) -> Result<Vec<Kernel>> {
    let bindings = vec![Binding::Input(0), Binding::Output];
    Ok(vec![channels(
        "batch_statistics",
        bindings,
        inputs[0],
        Vec::new(),
    )])
}

/// A workgroup a channel.
fn channels(shader: &'static str, bindings: Vec<Binding>, x: Shape, more: Vec<u32>) -> Kernel {
    let mut params = [x.n(), x.c(), x.plane()].map(word).to_vec();
    params.extend(more);
    Kernel {
        shader,
        constants: Vec::new(),
        bindings,
        prepared: None,
        params,
        workgroups: [x.c() as u64, 1, 1],
        cost: 4 * x.len() as u64,
    }
}

/// Dispatches of [`BatchNormTrainInputGrad`].
pub fn train_input_grad(
    op: &BatchNormTrainInputGrad,
    inputs: &[Shape],
    output: Shape,
) -> Result<Vec<Kernel>> {
    let epsilon = op.epsilon.to_bits();
    let means = Binding::Scratch(0, 2 * output.c());
    let sums = channels(
        "batch_norm_sums",
        vec![
            Binding::Input(0),
            Binding::Input(1),
            Binding::Input(3),
            means,
        ],
        inputs[0],
        vec![epsilon],
    );
    let mut bindings = [0, 1, 2, 3].map(Binding::Input).to_vec();
    bindings.extend([means, Binding::Output]);
    let mut params = elementwise(output);
    params.push(epsilon);
    let gradient = Kernel::linear("batch_norm_train_grad", bindings, params, output.len())
        .with_cost(4 * output.len());
    Ok(vec![sums, gradient])
}

/// Dispatches of [`RunningStatistics`].
pub fn running_statistics(op: &RunningStatistics, output: Shape) -> Result<Vec<Kernel>> {
    let unbiased = op.unbiased() as f32;
    let params = vec![
        word(output.len()),
        word(output.c()),
        op.momentum.to_bits(),
        unbiased.to_bits(),
    ];
    let bindings = vec![Binding::Input(0), Binding::Input(1), Binding::Output];
    Ok(vec![Kernel::linear(
        "running_statistics",
        bindings,
        params,
        output.len(),
    )])
}
