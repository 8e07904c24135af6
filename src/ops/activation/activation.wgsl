// y = f(x), element by element. Access: one vec4 an invocation, read once.

struct Params {
    base: vec4u,
    count: u32, // vec4s
    slope: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> p: Params;

override FUNCTION: u32; // which activation: a pipeline each, because software adapters run every side of a switch

const WG_SIZE = 64u;

#import activations

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    y[index] = activate(FUNCTION, p.slope, x[index]);
}
