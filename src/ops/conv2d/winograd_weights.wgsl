// Weights of 3×3 for Winograd's convolution F(4×4, 3×3) (see winograd_input.wgsl): G g Gᵀ at 36 points, laid out as
// conv2d_pack.wgsl does for a 1×1 weight each.
// Access: an invocation transforms the kernels of four channels; reads are strided, but happen once a weight's lifetime.

struct Params {
    base: vec4u,
    C_red: u32, // channels that the convolution sums over
    C_dst: u32, // channels that it writes
    stride_red: u32, // values between neighbours along C_red
    stride_dst: u32, // values between neighbours along C_dst
    count: u32, // invocations with work
    flips: u32, // whether taps are read in reverse
}

@group(0) @binding(0) var<storage, read> weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> points: array<vec4f>; // [36][C_red, to 2][C_dst / 4]
@group(0) @binding(2) var<uniform> p: Params;

const WG_SIZE = 64u;

// One tap of four channels; zero beyond the last.
fn load(red: u32, dst: u32, tap: u32) -> vec4f {
    let source_tap = select(tap, 8u - tap, p.flips != 0u);
    let channels = vec4u(dst) + vec4u(0u, 1u, 2u, 3u);
    let inside = (channels < vec4u(p.C_dst)) & vec4<bool>(red < p.C_red);
    let i = select(vec4u(0u), red * p.stride_red + channels * p.stride_dst + source_tap, inside);
    return select(vec4f(0.0), vec4f(weights[i.x], weights[i.y], weights[i.z], weights[i.w]), inside);
}

// Three taps, transformed: G g.
fn spread(first: vec4f, second: vec4f, third: vec4f) -> array<vec4f, 6> {
    let near = (first + third) / -6.0;
    let far = first / 24.0 + third / 6.0;
    return array<vec4f, 6>(
        0.25 * first,
        near - second / 6.0,
        near + second / 6.0,
        far + second / 12.0,
        far - second / 12.0,
        third,
    );
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let quads = (p.C_dst + 3u) / 4u;
    let dst = index % quads * 4u;
    let red = index / quads;
    var row0 = spread(load(red, dst, 0u), load(red, dst, 1u), load(red, dst, 2u));
    var row1 = spread(load(red, dst, 3u), load(red, dst, 4u), load(red, dst, 5u));
    var row2 = spread(load(red, dst, 6u), load(red, dst, 7u), load(red, dst, 8u));
    for (var j = 0u; j < 6u; j++) {
        var column = spread(row0[j], row1[j], row2[j]);
        for (var i = 0u; i < 6u; i++) {
            points[(i * 6u + j) * p.count + index] = column[i];
        }
    }
}
