// mean(dy) and mean(dy · x̂) of each channel: [2, C], for the gradient of batch normalisation. A workgroup a channel.
// Access: x and dy are read once, neighbours read neighbouring positions.

struct Params {
    base: vec4u,
    N: u32,
    C: u32,
    plane: u32,
    epsilon: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> statistics: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> means: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

const WG_SIZE = 64u;

#import workgroup_reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let c = workgroup.x + p.base.x;
    let mean = statistics[c];
    let inverse = 1.0 / sqrt(statistics[p.C + c] + p.epsilon);
    var sum = 0.0;
    var product = 0.0;
    for (var n = 0u; n < p.N; n++) {
        let start = (n * p.C + c) * p.plane;
        for (var i = local; i < p.plane; i += WG_SIZE) {
            let gradient = dy[start + i];
            sum += gradient;
            product += gradient * (x[start + i] - mean);
        }
    }
    let count = f32(p.N * p.plane);
    let total = workgroup_sum(sum, local) / count;
    let weighted = workgroup_sum(product, local) * inverse / count;
    if local == 0u {
        means[c] = total;
        means[p.C + c] = weighted;
    }
}
