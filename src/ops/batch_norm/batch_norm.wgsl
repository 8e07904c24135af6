// y = γ (x − μ) / √(σ² + ε) + β with means and variances from two places, which may lie in one buffer.
// Access: one value an invocation; the channel's parameters are read by all its positions.

struct Params {
    base: vec4u,
    count: u32,
    C: u32,
    plane: u32,
    variance_start: u32, // where the variances begin in their buffer
    epsilon: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> beta: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> variance: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let c = index / p.plane % p.C;
    let scale = gamma[c] / sqrt(variance[p.variance_start + c] + p.epsilon);
    y[index] = (x[index] - mean[c]) * scale + beta[c];
}
