// Mean and biased variance of each channel over batch and positions: [2, C]. A workgroup a channel, in two passes so that
// large means cost no digits. Access: x is read twice, neighbours read neighbouring positions.

struct Params {
    base: vec4u,
    N: u32,
    C: u32,
    plane: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

const WG_SIZE = 64u;

#import workgroup_reduce

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let c = workgroup.x + p.base.x;
    let count = f32(p.N * p.plane);
    var sum = 0.0;
    for (var n = 0u; n < p.N; n++) {
        let start = (n * p.C + c) * p.plane;
        for (var i = local; i < p.plane; i += WG_SIZE) {
            sum += x[start + i];
        }
    }
    let mean = workgroup_sum(sum, local) / count;
    var squares = 0.0;
    for (var n = 0u; n < p.N; n++) {
        let start = (n * p.C + c) * p.plane;
        for (var i = local; i < p.plane; i += WG_SIZE) {
            let distance = x[start + i] - mean;
            squares += distance * distance;
        }
    }
    let variance = workgroup_sum(squares, local) / count;
    if local == 0u {
        statistics[c] = mean;
        statistics[p.C + c] = variance;
    }
}
