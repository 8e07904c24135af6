// Keeps pixels whose squared norm over the channels is at least factor · Σ x² of their picture; the rest becomes 0.
// Access: one pixel an invocation, which visits its channels.

struct Params {
    base: vec4u,
    count: u32, // pixels
    C: u32,
    plane: u32,
    factor: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let n = index / p.plane;
    let start = n * p.C * p.plane + index % p.plane;
    var square = 0.0;
    for (var c = 0u; c < p.C; c++) {
        let value = x[start + c * p.plane];
        square += value * value;
    }
    let kept = select(0.0, 1.0, square >= p.factor * sums[n]);
    for (var c = 0u; c < p.C; c++) {
        y[start + c * p.plane] = kept * x[start + c * p.plane];
    }
}
