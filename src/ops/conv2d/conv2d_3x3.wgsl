// Convolution with 3×3 kernels at stride and dilation 1, and its gradient to the input, which is one with flipped weights;
// with bias and activation.
//
// Access: an invocation computes 4 channels × 4 rows × 8 columns. Each of the 6 rows that it needs of a channel is loaded
// once and used by up to 3 rows of taps and 4 channels; a weight vec4 is used for 32 positions.

struct Params {
    base: vec4u,
    src_size: vec2i, // H, W
    dst_size: vec2i,
    padding: vec2i, // above, at the left
    tiles: vec2u, // rows, columns
    C_src: u32, // channels of src a group
    C_dst: u32, // channels of dst a group
    groups: u32,
    count: u32, // invocations with work
    has_bias: u32,
    slope: f32, // of the activation, below zero
    ceiling: f32, // of the activation
}

@group(0) @binding(0) var<storage, read> src: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>; // [groups][C_src][3][3][C_dst / 4]
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> dst: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

const WG_SIZE = 32u;

#import conv_sums

// Ten neighbouring values of a row.
struct Row {
    x0: vec4f,
    x1: vec4f,
    x2: vec2f,
}

fn load4(start: i32, x: i32, row_inside: bool) -> vec4f {
    let columns = vec4i(x) + vec4i(0, 1, 2, 3);
    let inside = (vec4u(columns) < vec4u(u32(p.src_size.y))) & vec4<bool>(row_inside);
    let i = select(vec4i(0), vec4i(start) + columns, inside);
    return select(vec4f(0.0), vec4f(src[i.x], src[i.y], src[i.z], src[i.w]), inside);
}

fn load2(start: i32, x: i32, row_inside: bool) -> vec2f {
    let columns = vec2i(x) + vec2i(0, 1);
    let inside = (vec2u(columns) < vec2u(u32(p.src_size.y))) & vec2<bool>(row_inside);
    let i = select(vec2i(0), vec2i(start) + columns, inside);
    return select(vec2f(0.0), vec2f(src[i.x], src[i.y]), inside);
}

fn load_row(plane: i32, y: i32, x: i32) -> Row {
    let inside = u32(y) < u32(p.src_size.x);
    let start = plane + y * p.src_size.y;
    return Row(load4(start, x, inside), load4(start, x + 4, inside), load2(start, x + 8, inside));
}

// Adds the three taps of a row.
fn add_row(sums: Sums, w: mat3x4f, row: Row) -> Sums {
    let first = add(sums, w[0], row.x0, row.x1);
    let second = add(first, w[1], vec4f(row.x0.yzw, row.x1.x), vec4f(row.x1.yzw, row.x2.x));
    return add(second, w[2], vec4f(row.x0.zw, row.x1.xy), vec4f(row.x1.zw, row.x2));
}

fn load_weights(at: i32, step: i32) -> mat3x4f {
    return mat3x4f(weights[at], weights[at + step], weights[at + 2 * step]);
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    var index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Columns vary fastest, then rows, channels, groups, pictures.
    let column = i32(index % p.tiles.y) * 8;
    index /= p.tiles.y;
    let row = i32(index % p.tiles.x) * 4;
    index /= p.tiles.x;
    let quads = (p.C_dst + 3u) / 4u;
    let quad = index % quads;
    index /= quads;
    let group = index % p.groups;
    let n = index / p.groups;

    let y = row - p.padding.x;
    let x = column - p.padding.y;
    let step = i32(quads);
    let plane_size = p.src_size.x * p.src_size.y;
    var plane = i32((n * p.groups + group) * p.C_src) * plane_size;
    var at = i32(group * p.C_src * 9u * quads + quad);
    var sums0 = Sums();
    var sums1 = Sums();
    var sums2 = Sums();
    var sums3 = Sums();
    for (var c = 0u; c < p.C_src; c++) {
        let w0 = load_weights(at, step);
        let w1 = load_weights(at + 3 * step, step);
        let w2 = load_weights(at + 6 * step, step);
        let row0 = load_row(plane, y, x);
        sums0 = add_row(sums0, w0, row0);
        let row1 = load_row(plane, y + 1, x);
        sums0 = add_row(sums0, w1, row1);
        sums1 = add_row(sums1, w0, row1);
        let row2 = load_row(plane, y + 2, x);
        sums0 = add_row(sums0, w2, row2);
        sums1 = add_row(sums1, w1, row2);
        sums2 = add_row(sums2, w0, row2);
        let row3 = load_row(plane, y + 3, x);
        sums1 = add_row(sums1, w2, row3);
        sums2 = add_row(sums2, w1, row3);
        sums3 = add_row(sums3, w0, row3);
        let row4 = load_row(plane, y + 4, x);
        sums2 = add_row(sums2, w2, row4);
        sums3 = add_row(sums3, w1, row4);
        let row5 = load_row(plane, y + 5, x);
        sums3 = add_row(sums3, w2, row5);
        plane += plane_size;
        at += 9 * step;
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
    for (var i = 0; i < 32; i++) {
        let at = vec2i(row + i / 8, column + i % 8);
        if (at.x < p.dst_size.x) & (at.y < p.dst_size.y) {
            let value = bend(tile[i / 4][i % 4] + shift);
            for (var channel = 0u; channel < channels; channel++) {
                dst[start + i32(channel) * plane_dst + at.x * p.dst_size.y + at.y] = value[channel];
            }
        }
    }
}
