// Partial sums of vertical · |x[i+1, j] − x[i, j]| + horizontal · |x[i, j+1] − x[i, j]|, or of the squares, over every
// `parts`-th value; `sum` adds them up. Access: neighbouring invocations read neighbouring values.

struct Params {
    base: vec4u,
    parts: u32,
    length: u32,
    H: u32,
    W: u32,
    vertical: f32,
    horizontal: f32,
    squared: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

const WG_SIZE = 64u;

fn size(d: f32) -> f32 {
    return select(abs(d), d * d, p.squared == 1u);
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let part = (workgroup.x + p.base.x) * WG_SIZE + local;
    if part >= p.parts {
        return;
    }
    var sum = 0.0;
    for (var i = part; i < p.length; i += p.parts) {
        let here = x[i];
        if i / p.W % p.H + 1u < p.H {
            sum += p.vertical * size(x[i + p.W] - here);
        }
        if i % p.W + 1u < p.W {
            sum += p.horizontal * size(x[i + 1u] - here);
        }
    }
    y[part] = sum;
}
