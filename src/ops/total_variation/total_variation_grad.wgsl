// The gradient of total variation, with sign(0) = 0, or of its squared form. Access: one value an invocation, which reads its four neighbours.

struct Params {
    base: vec4u,
    count: u32,
    H: u32,
    W: u32,
    vertical: f32,
    horizontal: f32,
    squared: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

const WG_SIZE = 64u;

fn slope(d: f32) -> f32 {
    return select(sign(d), d + d, p.squared == 1u);
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let row = index / p.W % p.H;
    let column = index % p.W;
    let here = x[index];
    var sum = 0.0;
    if row > 0u {
        sum += p.vertical * slope(here - x[index - p.W]);
    }
    if row + 1u < p.H {
        sum -= p.vertical * slope(x[index + p.W] - here);
    }
    if column > 0u {
        sum += p.horizontal * slope(here - x[index - 1u]);
    }
    if column + 1u < p.W {
        sum -= p.horizontal * slope(x[index + 1u] - here);
    }
    dx[index] = sum;
}
