// β + (b − μ) · scale a channel, b = 0 without a bias. Access: one value an invocation.

struct Params {
    base: vec4u,
    count: u32,
    has_bias: u32,
}

@group(0) @binding(0) var<storage, read> beta: array<f32>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> shift: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let c = (workgroup.x + p.base.x) * WG_SIZE + local;
    if c >= p.count {
        return;
    }
    let before = select(0.0, bias[c], p.has_bias != 0u);
    shift[c] = beta[c] + (before - mean[c]) * scale[c];
}
