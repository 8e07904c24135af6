// dz_j = p_j Σ_i p_i (dp_j − dp_i) over the channels of each picture and position: a workgroup a column of channels.
// With k the most probable channel and d_i = dp_i − dp_k this is p_j (d_j Σ_i p_i − Σ_i p_i d_i): the sure channel's own
// term has d = 0, so nothing near 1 is subtracted from 1. Access: p and dp are read three times.

struct Params {
    base: vec4u,
    C: u32,
    plane: u32, // H · W: the step between channels
}

@group(0) @binding(0) var<storage, read> dp: array<f32>;
@group(0) @binding(1) var<storage, read> probability: array<f32>;
@group(0) @binding(2) var<storage, read_write> dz: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 64u;

#import workgroup_reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let column = workgroup.x + p.base.x;
    let start = column / p.plane * p.C * p.plane + column % p.plane;
    var own = Largest(LOWEST, 0u);
    for (var j = local; j < p.C; j += WG_SIZE) {
        own = larger(own, Largest(probability[start + j * p.plane], j));
    }
    let sure = dp[start + workgroup_largest(own, local).index * p.plane];
    var mass = 0.0;
    var sum = 0.0;
    for (var j = local; j < p.C; j += WG_SIZE) {
        let i = start + j * p.plane;
        mass += probability[i];
        sum += probability[i] * (dp[i] - sure);
    }
    let total = workgroup_sum(mass, local);
    let mean = workgroup_sum(sum, local);
    for (var j = local; j < p.C; j += WG_SIZE) {
        let i = start + j * p.plane;
        dz[i] = probability[i] * ((dp[i] - sure) * total - mean);
    }
}
