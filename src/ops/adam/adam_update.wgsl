// x + r0 · r1 m / (√(r2 v) + 1e-8). Access: one vec4 an invocation, read once.

struct Params {
    base: vec4u,
    count: u32, // vec4s
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> first: array<vec4f>;
@group(0) @binding(2) var<storage, read> second: array<vec4f>;
@group(0) @binding(3) var<storage, read> rates: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<uniform> p: Params;

const WG_SIZE = 64u;
const EPSILON = 1e-8;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let root = sqrt(rates[2] * max(second[index], vec4f(0.0)));
    y[index] = x[index] + rates[0] * rates[1] * first[index] / (root + EPSILON);
}
