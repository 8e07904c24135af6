// Sums over some axes: out[o][part] = Σ x over every `parts`-th value of those that belong to o, beginning at `part`.
// Long sums take several dispatches, each of which leaves fewer parts, so the order of summation is always the same.
// Access: one invocation a sum; neighbouring parts read neighbouring values.

struct Params {
    base: vec4u,
    out_extents: vec4u, // N, C, H, W; 1 along axes that are summed
    out_strides: vec4u, // in x
    sum_extents: vec4u, // 1 along axes that are kept
    sum_strides: vec4u, // in x
    count: u32, // sums times parts
    parts: u32,
    length: u32, // values that belong to one sum
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

const WG_SIZE = 64u;

fn offset(index: u32, extents: vec4u, strides: vec4u) -> u32 {
    let row = index / extents.w;
    let channel = row / extents.z;
    return (channel / extents.y) * strides.x
        + (channel % extents.y) * strides.y
        + (row % extents.z) * strides.z
        + (index % extents.w) * strides.w;
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let start = offset(index / p.parts, p.out_extents, p.out_strides);
    var sum = 0.0;
    for (var i = index % p.parts; i < p.length; i += p.parts) {
        sum += x[start + offset(i, p.sum_extents, p.sum_strides)];
    }
    y[index] = sum;
}
