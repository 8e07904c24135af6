// γ / √(σ² + ε) a channel. Access: one value an invocation.

struct Params {
    base: vec4u,
    count: u32,
    epsilon: f32,
}

@group(0) @binding(0) var<storage, read> gamma: array<f32>;
@group(0) @binding(1) var<storage, read> variance: array<f32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let c = (workgroup.x + p.base.x) * WG_SIZE + local;
    if c >= p.count {
        return;
    }
    scale[c] = gamma[c] / sqrt(variance[c] + p.epsilon);
}
