// Convolution with 1×1 kernels at stride 1 without padding or groups, and its gradient to the input: a product of the weight
// with the channels of each picture, whose planes are whole vec4s; with bias and activation.
//
// Access: an invocation computes 8 channels × 16 positions of the flattened picture, 2 channels of src at a time. A weight
// vec4 is used for 16 positions, a value of src for 8 channels.

struct Params {
    base: vec4u,
    plane: u32, // H · W
    src_quads: u32, // vec4s of a plane of src
    tiles: u32, // of 16 positions
    C_src: u32,
    C_dst: u32,
    count: u32, // invocations with work
    has_bias: u32,
    slope: f32, // of the activation, below zero
    ceiling: f32, // of the activation
}

@group(0) @binding(0) var<storage, read> src: array<vec4f>; // [N · C_src][src_quads]
@group(0) @binding(1) var<storage, read> weights: array<vec4f>; // [C_src, to 2][C_dst / 4]
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> dst: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

const WG_SIZE = 32u;

#import conv_sums

fn put(at: i32, value: f32, inside: bool) {
    if inside {
        dst[at] = value;
    }
}

// Writes one position of the first `channels` of four channels; `plane` is the step between them.
fn put_position(value: vec4f, at: i32, plane: i32, channels: i32, inside: bool) {
    put(at, value.x, inside & (channels > 0));
    put(at + plane, value.y, inside & (channels > 1));
    put(at + 2 * plane, value.z, inside & (channels > 2));
    put(at + 3 * plane, value.w, inside & (channels > 3));
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    var index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Positions vary fastest, then channels, pictures.
    let position = index % p.tiles * 16u;
    index /= p.tiles;
    let quads = (p.C_dst + 3u) / 4u;
    let pairs = (quads + 1u) / 2u;
    let quad = index % pairs * 2u;
    let n = index / pairs;

    // Positions and channels past the end repeat the last one and are not written.
    let i = min(vec4u(0u, 1u, 2u, 3u) + position / 4u, vec4u(p.src_quads - 1u));
    let next_quad = min(quad + 1u, quads - 1u) - quad;
    var at = quad;
    let picture = n * p.C_src * p.src_quads;
    var low0 = Sums();
    var low1 = Sums();
    var high0 = Sums();
    var high1 = Sums();
    for (var c = 0u; c < p.C_src; c += 2u) {
        let start = picture + c * p.src_quads;
        let w0 = weights[at];
        let w1 = weights[at + next_quad];
        let x0 = src[start + i.x];
        let x1 = src[start + i.y];
        let x2 = src[start + i.z];
        let x3 = src[start + i.w];
        low0 = add(low0, w0, x0, x1);
        low1 = add(low1, w0, x2, x3);
        high0 = add(high0, w1, x0, x1);
        high1 = add(high1, w1, x2, x3);
        // Of an odd number of channels the last is repeated with weights of 0.
        let second = picture + min(c + 1u, p.C_src - 1u) * p.src_quads;
        let w2 = weights[at + quads];
        let w3 = weights[at + quads + next_quad];
        let x4 = src[second + i.x];
        let x5 = src[second + i.y];
        let x6 = src[second + i.z];
        let x7 = src[second + i.w];
        low0 = add(low0, w2, x4, x5);
        low1 = add(low1, w2, x6, x7);
        high0 = add(high0, w3, x4, x5);
        high1 = add(high1, w3, x6, x7);
        at += 2u * quads;
    }

    var tile = array<mat4x4f, 8>(
        low0.left, low0.right, low1.left, low1.right,
        high0.left, high0.right, high1.left, high1.right,
    );
    let plane = i32(p.plane);
    for (var half = 0; half < 2; half++) {
        let first = i32(quad) * 4 + half * 4;
        // Beyond the last four channels there are none to write.
        let channels = clamp(i32(p.C_dst) - first, 0, 4);
        var shift = vec4f(0.0);
        if p.has_bias != 0u {
            for (var channel = 0; channel < channels; channel++) {
                shift[channel] = bias[first + channel];
            }
        }
        let start = (i32(n * p.C_dst) + first) * plane;
        for (var i = 0; i < 4; i++) {
            let at = i32(position) + i * 4;
            let inside = vec4i(at) + vec4i(0, 1, 2, 3) < vec4i(plane);
            let value = tile[half * 4 + i];
            put_position(bend(value[0] + shift), start + at, plane, channels, inside.x);
            put_position(bend(value[1] + shift), start + at + 1, plane, channels, inside.y);
            put_position(bend(value[2] + shift), start + at + 2, plane, channels, inside.z);
            put_position(bend(value[3] + shift), start + at + 3, plane, channels, inside.w);
        }
    }
}
