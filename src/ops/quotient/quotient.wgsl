// a / (b + ε · sign b) with sign 0 = 1, and 0 where that denominator is 0. Access: one vec4 an invocation, read once.

struct Params {
    base: vec4u,
    count: u32, // vec4s
    smallest: f32, // smaller denominators count as 0
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> epsilon: array<f32>; // one number
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let shift = vec4f(epsilon[0]);
    let denominator = b[index] + select(shift, -shift, b[index] < vec4f(0.0));
    let is_zero = abs(denominator) < vec4f(p.smallest);
    y[index] = select(a[index] / select(denominator, vec4f(1.0), is_zero), vec4f(0.0), is_zero);
}
