// Convolution with 3×3 kernels at stride and dilation 1, and its gradient to the input, which is one with flipped weights;
// with bias and activation. src comes padded in rows of vec4s (see pad_rows.wgsl).
//
// Access: an invocation computes 4 channels × 4 rows × 8 columns. Each of the 6 rows that it needs of a channel is loaded
// once and used by up to 3 rows of taps and 4 channels; a weight vec4 is used for 32 positions. A sum takes all nine taps
// of a channel at once, so that it is read and written once.

struct Params {
    base: vec4u,
    rows: u32, // of a padded plane
    quads: u32, // vec4s a row of it
    dst_size: vec2i, // H, W
    tiles: vec2u, // rows, columns
    C_src: u32, // channels of src a group
    C_dst: u32, // channels of dst a group
    groups: u32,
    count: u32, // invocations with work
    has_bias: u32,
    slope: f32, // of the activation, below zero
    ceiling: f32, // of the activation
}

@group(0) @binding(0) var<storage, read> src: array<vec4f>; // [N · groups · C_src][rows][quads]
@group(0) @binding(1) var<storage, read> weights: array<vec4f>; // [groups][C_src][3][3][C_dst / 4]
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> dst: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

const WG_SIZE = 32u;

#import conv_sums

// The windows of eight neighbouring outputs on a row.
struct Row {
    left: mat4x3f,
    right: mat4x3f,
}

fn load_row(at: u32) -> Row {
    let a = src[at];
    let b = src[at + 1u];
    let c = src[at + 2u];
    return Row(
        mat4x3f(a.xyz, a.yzw, vec3f(a.zw, b.x), vec3f(a.w, b.xy)),
        mat4x3f(b.xyz, b.yzw, vec3f(b.zw, c.x), vec3f(b.w, c.xy)),
    );
}

// The taps of a row, four channels each.
fn load_weights(at: u32, step: u32) -> mat3x4f {
    return mat3x4f(weights[at], weights[at + step], weights[at + 2u * step]);
}

// Adds the nine taps of a channel.
fn add_rows(sums: Sums, w0: mat3x4f, w1: mat3x4f, w2: mat3x4f, r0: Row, r1: Row, r2: Row) -> Sums {
    return Sums(
        sums.left + (w0 * r0.left + w1 * r1.left + w2 * r2.left),
        sums.right + (w0 * r0.right + w1 * r1.right + w2 * r2.right),
    );
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    var index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Columns vary fastest, then rows, channels, groups, pictures.
    let column = index % p.tiles.y;
    index /= p.tiles.y;
    let row = index % p.tiles.x * 4u;
    index /= p.tiles.x;
    let step = (p.C_dst + 3u) / 4u;
    let quad = index % step;
    index /= step;
    let group = index % p.groups;
    let n = index / p.groups;

    let quads = p.quads;
    let plane = p.rows * quads;
    var at = (n * p.groups + group) * p.C_src * plane + row * quads + column * 2u;
    var at_weight = group * p.C_src * 9u * step + quad;
    var sums0 = Sums();
    var sums1 = Sums();
    var sums2 = Sums();
    var sums3 = Sums();
    for (var c = 0u; c < p.C_src; c++) {
        let w0 = load_weights(at_weight, step);
        let w1 = load_weights(at_weight + 3u * step, step);
        let w2 = load_weights(at_weight + 6u * step, step);
        let row0 = load_row(at);
        let row1 = load_row(at + quads);
        let row2 = load_row(at + 2u * quads);
        sums0 = add_rows(sums0, w0, w1, w2, row0, row1, row2);
        let row3 = load_row(at + 3u * quads);
        sums1 = add_rows(sums1, w0, w1, w2, row1, row2, row3);
        let row4 = load_row(at + 4u * quads);
        sums2 = add_rows(sums2, w0, w1, w2, row2, row3, row4);
        let row5 = load_row(at + 5u * quads);
        sums3 = add_rows(sums3, w0, w1, w2, row3, row4, row5);
        at += plane;
        at_weight += 9u * step;
    }

    let first_channel = group * p.C_dst + quad * 4u;
    let channels = min(4u, p.C_dst - quad * 4u);
    var shift = vec4f(0.0);
    if p.has_bias != 0u {
        for (var channel = 0u; channel < channels; channel++) {
            shift[channel] = bias[first_channel + channel];
        }
    }
    let plane_dst = p.dst_size.x * p.dst_size.y;
    let start = i32(n * p.groups * p.C_dst + first_channel) * plane_dst;
    var tile = array<mat4x4f, 8>(
        sums0.left, sums0.right, sums1.left, sums1.right,
        sums2.left, sums2.right, sums3.left, sums3.right,
    );
    let first = vec2i(i32(row), i32(column) * 8);
    for (var i = 0; i < 32; i++) {
        let at = first + vec2i(i / 8, i % 8);
        if (at.x < p.dst_size.x) & (at.y < p.dst_size.y) {
            let value = bend(tile[i / 4][i % 4] + shift);
            for (var channel = 0u; channel < channels; channel++) {
                dst[start + i32(channel) * plane_dst + at.x * p.dst_size.y + at.y] = value[channel];
            }
        }
    }
}
