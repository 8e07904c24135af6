// (1 − m) · running + m · batch, the batch's variances made unbiased: [2, C]. Access: one value an invocation.

struct Params {
    base: vec4u,
    count: u32, // 2 · C
    C: u32,
    momentum: f32,
    unbiased: f32, // factor of the batch's variances
}

@group(0) @binding(0) var<storage, read> running: array<f32>;
@group(0) @binding(1) var<storage, read> batch: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let correction = select(p.unbiased, 1.0, index < p.C);
    y[index] = (1.0 - p.momentum) * running[index] + p.momentum * correction * batch[index];
}
