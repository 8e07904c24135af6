// L_n = Σ_j t_j (z_max − z_j) + log Σ_j e^{z_j − z_max}: both terms stay small for a sure network. A workgroup a picture.
// Access: logits are read twice, targets once.

struct Params {
    base: vec4u,
    K: u32,
    plane: u32, // always 1
}

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> t: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

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
    let largest = workgroup_largest(own, local).value;
    var exponentials = 0.0;
    var distances = 0.0;
    for (var j = local; j < p.K; j += WG_SIZE) {
        let distance = largest - z[start + j];
        exponentials += exp(-distance);
        distances += t[start + j] * distance;
    }
    let total = workgroup_sum(exponentials, local);
    let distance = workgroup_sum(distances, local);
    if local == 0u {
        loss[n] = distance + log(total);
    }
}
