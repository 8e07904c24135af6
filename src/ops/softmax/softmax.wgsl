// p_j = e^{z_j} / Σ_i e^{z_i} over the channels of each picture and position: a workgroup a column of channels.
// Access: each logit is read three times.

struct Params {
    base: vec4u,
    C: u32,
    plane: u32, // H · W: the step between channels
}

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

const WG_SIZE = 64u;

#import workgroup_reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let column = workgroup.x + p.base.x;
    let start = column / p.plane * p.C * p.plane + column % p.plane;
    var own = Largest(LOWEST, 0u);
    for (var j = local; j < p.C; j += WG_SIZE) {
        own = larger(own, Largest(z[start + j * p.plane], j));
    }
    let largest = workgroup_largest(own, local).value;
    var sum = 0.0;
    for (var j = local; j < p.C; j += WG_SIZE) {
        sum += exp(z[start + j * p.plane] - largest);
    }
    let total = workgroup_sum(sum, local);
    for (var j = local; j < p.C; j += WG_SIZE) {
        y[start + j * p.plane] = exp(z[start + j * p.plane] - largest) / total;
    }
}
