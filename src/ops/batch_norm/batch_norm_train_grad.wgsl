// dx = γ / √(v + ε) · (dy − mean(dy) − x̂ · mean(dy · x̂)). Access: one value an invocation.

struct Params {
    base: vec4u,
    count: u32,
    C: u32,
    plane: u32,
    epsilon: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> statistics: array<f32>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read> means: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let c = index / p.plane % p.C;
    let inverse = 1.0 / sqrt(statistics[p.C + c] + p.epsilon);
    let normalised = (x[index] - statistics[c]) * inverse;
    dx[index] = gamma[c] * inverse * (dy[index] - means[c] - normalised * means[p.C + c]);
}
