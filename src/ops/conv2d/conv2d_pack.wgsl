// Weights [groups · C_out, C_in, K_h, K_w] repacked as [groups][C_red][K_h][K_w][C_dst], C_dst padded with zeros to a
// multiple of 4, so that one vec4 load serves four of the channels that a convolution writes. Forward it sums over
// (C_red =) C_in and writes (C_dst =) C_out; the gradient to the input exchanges the two, and may flip the taps.
// C_red may be padded with zeros, too.
// Access: one invocation a vec4; reads are strided, but happen once a weight's lifetime.

struct Params {
    base: vec4u,
    groups: u32,
    C_red: u32,
    C_dst: u32,
    taps: u32, // K_h · K_w
    stride_red: u32, // values between neighbours along C_red
    stride_dst: u32, // values between neighbours along C_dst
    count: u32, // vec4s to write
    C_padded: u32, // C_red with padding
    flips: u32, // whether taps are written in reverse
}

@group(0) @binding(0) var<storage, read> weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> quads_out: array<vec4f>;
@group(0) @binding(2) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let quads = (p.C_dst + 3u) / 4u;
    let dst = index % quads * 4u;
    let tap = index / quads % p.taps;
    let red = index / (quads * p.taps) % p.C_padded;
    let group = index / (quads * p.taps * p.C_padded);
    let source_tap = select(tap, p.taps - 1u - tap, p.flips != 0u);
    let start = group * p.C_red * p.C_dst * p.taps + red * p.stride_red + source_tap;
    var value = vec4f(0.0);
    for (var i = 0u; i < 4u; i++) {
        if (dst + i < p.C_dst) & (red < p.C_red) {
            value[i] = weights[start + (dst + i) * p.stride_dst];
        }
    }
    quads_out[index] = value;
}
