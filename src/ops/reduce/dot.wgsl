// Partial inner products: out[part] = Σ a · b over every `parts`-th value, beginning at `part`; `sum` adds them up.
// Access: neighbouring invocations read neighbouring values, each once.

struct Params {
    base: vec4u,
    parts: u32,
    length: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let part = (workgroup.x + p.base.x) * WG_SIZE + local;
    if part >= p.parts {
        return;
    }
    var sum = 0.0;
    for (var i = part; i < p.length; i += p.parts) {
        sum += a[i] * b[i];
    }
    y[part] = sum;
}
