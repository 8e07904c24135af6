// dz_j = dL · (p_j (1 − t_j) − t_j Σ_{i≠j} p_i): the probability of the other classes is summed without the sure one, so
// that it does not round to 0. A workgroup a picture. Access: logits are read three times, targets once.

struct Params {
    base: vec4u,
    K: u32,
    plane: u32, // always 1
}

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> t: array<f32>;
@group(0) @binding(2) var<storage, read> upstream: array<f32>;
@group(0) @binding(3) var<storage, read_write> dz: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

const WG_SIZE = 64u;

#import workgroup_reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let n = workgroup.x + p.base.x;
    let start = n * p.K;
    var own = Largest(LOWEST, 0u);
    for (var j = local; j < p.K; j += WG_SIZE) {
        own = larger(own, Largest(z[start + j], j));
    }
    let sure = workgroup_largest(own, local);
    var sum = 0.0;
    for (var j = local; j < p.K; j += WG_SIZE) {
        if j != sure.index {
            sum += exp(z[start + j] - sure.value);
        }
    }
    // e^{z_k − z_max} of the sure class is 1.
    let rest = workgroup_sum(sum, local);
    let total = 1.0 + rest;
    for (var j = local; j < p.K; j += WG_SIZE) {
        let target_share = t[start + j];
        let own_share = exp(z[start + j] - sure.value) / total;
        let others = select(1.0 - own_share, rest / total, j == sure.index);
        dz[start + j] = upstream[n] * (own_share * (1.0 - target_share) - target_share * others);
    }
}
