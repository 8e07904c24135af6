// decay · mean + (1 − decay) · g, or · g². Access: one vec4 an invocation, read once.

struct Params {
    base: vec4u,
    count: u32, // vec4s
    decay: f32,
    squared: u32,
}

@group(0) @binding(0) var<storage, read> mean: array<vec4f>;
@group(0) @binding(1) var<storage, read> g: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    var fresh = g[index];
    if p.squared == 1u {
        fresh *= fresh;
    }
    y[index] = p.decay * mean[index] + (1.0 - p.decay) * fresh;
}
