// Weights [groups · C_out, C_in, K_h, K_w] repacked as [groups][C_red][remainders][K_h][K_w][C_dst], C_dst padded with zeros to a
// multiple of 4, so that one vec4 load serves four of the channels that a convolution writes. Forward it sums over
// (C_red =) C_in and writes (C_dst =) C_out; the gradient to the input exchanges the two, and may flip the taps.
// C_red may be padded with zeros, too.
// Access: one invocation a vec4; reads are strided, but happen once a weight's lifetime.

struct Params {
    base: vec4u,
    kernel: vec2u, // K_h, K_w
    step: vec2u, // of rows and columns: taps of each remainder stand together
    C_red: u32,
    C_dst: u32,
    stride_red: u32, // values between neighbours along C_red
    stride_dst: u32, // values between neighbours along C_dst
    C_padded: u32, // C_red with padding
    flips: u32, // whether taps are written in reverse
    count: u32, // vec4s to write
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
    let size = (p.kernel + p.step - 1u) / p.step;
    let taps = size.x * size.y;
    let phases = p.step.x * p.step.y;
    let dst = index % quads * 4u;
    let tap = index / quads % taps;
    let phase = index / (quads * taps) % phases;
    let red = index / (quads * taps * phases) % p.C_padded;
    let group = index / (quads * taps * phases * p.C_padded);
    let written = vec2u(tap / size.y, tap % size.y) * p.step + vec2u(phase / p.step.y, phase % p.step.y);
    let source = select(written, p.kernel - 1u - written, vec2<bool>(p.flips != 0u));
    let start = group * p.C_red * p.C_dst * p.kernel.x * p.kernel.y + red * p.stride_red + source.x * p.kernel.y + source.y;
    let exists = (red < p.C_red) & all(written < p.kernel);
    var value = vec4f(0.0);
    for (var i = 0u; i < 4u; i++) {
        if exists & (dst + i < p.C_dst) {
            value[i] = weights[start + (dst + i) * p.stride_dst];
        }
    }
    quads_out[index] = value;
}
