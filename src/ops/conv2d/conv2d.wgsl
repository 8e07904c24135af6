// Convolution and its gradient to the input: any kernel, stride, dilation, padding and groups, with bias and activation.
//
// Both directions sum, over channels c and taps k, src[c][src(j, k)] · w[k][c], for the positions t = j · phases + phase of
// dst, with src(j, k) = j · scale + first + i · step for the i-th tap that counts. Forward there is one phase, scale is
// the stride and every tap counts; backward the phases are the stride's remainders, scale is 1, and a tap counts where
// t + padding − tap · dilation is a multiple of the stride.
//
// Access: an invocation computes 4 channels × 4 rows × 8 columns. A weight vec4 is used for 32 positions; where windows of
// neighbouring taps overlap (step = scale) a row's window is shifted, so that each tap loads one new value a row.

#import conv_axis

struct Params {
    base: vec4u,
    rows: Axis,
    columns: Axis,
    C_src: u32, // channels of src a group
    C_dst: u32, // channels of dst a group
    groups: u32,
    backward: u32,
    count: u32, // invocations with work
    has_bias: u32,
    activation: u32,
    slope: f32,
}

@group(0) @binding(0) var<storage, read> src: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>; // [groups][C_src][K_h][K_w][C_dst / 4]
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> dst: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

const WG_SIZE = 32u;

#import activations

// A row of src: where it starts, or −1 if it lies outside.
fn row_start(plane: i32, y: i32) -> i32 {
    return select(-1, plane + y * p.columns.src, y >= 0 && y < p.rows.src);
}

fn load(row: i32, x: i32) -> f32 {
    let inside = row >= 0 && x >= 0 && x < p.columns.src;
    return select(0.0, src[select(0, row + x, inside)], inside);
}

fn load4(row: i32, x: i32) -> vec4f {
    let s = p.columns.scale;
    return vec4f(load(row, x), load(row, x + s), load(row, x + 2 * s), load(row, x + 3 * s));
}

fn outer(w: vec4f, x: vec4f) -> mat4x4f {
    return mat4x4f(w * x.x, w * x.y, w * x.z, w * x.w);
}

// Writes four neighbouring positions of four channels.
fn store(sums: mat4x4f, shift: vec4f, start: i32, channels: u32, j: vec2i, phase: vec2i) {
    let y = j.y * p.rows.phases + phase.y;
    if y >= p.rows.dst {
        return;
    }
    let plane = p.rows.dst * p.columns.dst;
    for (var i = 0; i < 4; i++) {
        let x = (j.x + i) * p.columns.phases + phase.x;
        if x < p.columns.dst {
            let value = activate(p.activation, p.slope, sums[i] + shift);
            let index = start + y * p.columns.dst + x;
            for (var channel = 0u; channel < channels; channel++) {
                dst[index + i32(channel) * plane] = value[channel];
            }
        }
    }
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    var index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Columns vary fastest, then rows, phases, channels, groups, pictures.
    let column_tile = index % p.columns.tiles;
    index /= p.columns.tiles;
    let row_tile = index % p.rows.tiles;
    index /= p.rows.tiles;
    let phase_x = index % u32(p.columns.phases);
    index /= u32(p.columns.phases);
    let phase_y = index % u32(p.rows.phases);
    index /= u32(p.rows.phases);
    let quads = (p.C_dst + 3u) / 4u;
    let quad = index % quads;
    index /= quads;
    let group = index % p.groups;
    let n = index / p.groups;

    let phase = vec2i(i32(phase_x), i32(phase_y));
    let j = vec2i(i32(column_tile) * 8, i32(row_tile) * 4);
    let taps_y = taps(p.rows, phase.y, p.backward != 0u);
    let taps_x = taps(p.columns, phase.x, p.backward != 0u);
    let plane = p.rows.src * p.columns.src;
    let window = j.x * p.columns.scale + taps_x.start;
    let slides = p.columns.step == p.columns.scale;
    let scale_y = p.rows.scale;
    let tap_stride = i32(quads);

    var a0 = mat4x4f();
    var a1 = mat4x4f();
    var a2 = mat4x4f();
    var a3 = mat4x4f();
    var b0 = mat4x4f();
    var b1 = mat4x4f();
    var b2 = mat4x4f();
    var b3 = mat4x4f();
    for (var c = 0u; c < p.C_src; c++) {
        let src_plane = i32((n * p.groups + group) * p.C_src + c) * plane;
        let w_plane = i32((group * p.C_src + c) * u32(p.rows.kernel * p.columns.kernel) * quads + quad);
        for (var i = 0; i < taps_y.count; i++) {
            let y = j.y * scale_y + taps_y.start + i * p.rows.step;
            let row0 = row_start(src_plane, y);
            let row1 = row_start(src_plane, y + scale_y);
            let row2 = row_start(src_plane, y + 2 * scale_y);
            let row3 = row_start(src_plane, y + 3 * scale_y);
            let w_row = w_plane + (taps_y.first + i * taps_y.step) * p.columns.kernel * tap_stride;
            var x = window;
            var xa0 = load4(row0, x);
            var xa1 = load4(row1, x);
            var xa2 = load4(row2, x);
            var xa3 = load4(row3, x);
            let middle = x + 4 * p.columns.scale;
            var xb0 = load4(row0, middle);
            var xb1 = load4(row1, middle);
            var xb2 = load4(row2, middle);
            var xb3 = load4(row3, middle);
            for (var k = 0; k < taps_x.count; k++) {
                let w = weights[w_row + (taps_x.first + k * taps_x.step) * tap_stride];
                a0 += outer(w, xa0);
                b0 += outer(w, xb0);
                a1 += outer(w, xa1);
                b1 += outer(w, xb1);
                a2 += outer(w, xa2);
                b2 += outer(w, xb2);
                a3 += outer(w, xa3);
                b3 += outer(w, xb3);
                if k + 1 == taps_x.count {
                    break;
                }
                x += p.columns.step;
                if slides {
                    let last = x + 7 * p.columns.scale;
                    xa0 = vec4f(xa0.yzw, xb0.x);
                    xb0 = vec4f(xb0.yzw, load(row0, last));
                    xa1 = vec4f(xa1.yzw, xb1.x);
                    xb1 = vec4f(xb1.yzw, load(row1, last));
                    xa2 = vec4f(xa2.yzw, xb2.x);
                    xb2 = vec4f(xb2.yzw, load(row2, last));
                    xa3 = vec4f(xa3.yzw, xb3.x);
                    xb3 = vec4f(xb3.yzw, load(row3, last));
                } else {
                    let half = x + 4 * p.columns.scale;
                    xa0 = load4(row0, x);
                    xb0 = load4(row0, half);
                    xa1 = load4(row1, x);
                    xb1 = load4(row1, half);
                    xa2 = load4(row2, x);
                    xb2 = load4(row2, half);
                    xa3 = load4(row3, x);
                    xb3 = load4(row3, half);
                }
            }
        }
    }

    let first_channel = group * p.C_dst + quad * 4u;
    let channels = min(4u, p.C_dst - quad * 4u);
    var shift = vec4f(0.0);
    if p.has_bias != 0u {
        for (var channel = 0u; channel < channels; channel++) {
            shift[channel] = bias[first_channel + channel];
        }
    }
    let start = i32(n * p.groups * p.C_dst + first_channel) * p.rows.dst * p.columns.dst;
    store(a0, shift, start, channels, j, phase);
    store(b0, shift, start, channels, j + vec2i(4, 0), phase);
    store(a1, shift, start, channels, j + vec2i(0, 1), phase);
    store(b1, shift, start, channels, j + vec2i(4, 1), phase);
    store(a2, shift, start, channels, j + vec2i(0, 2), phase);
    store(b2, shift, start, channels, j + vec2i(4, 2), phase);
    store(a3, shift, start, channels, j + vec2i(0, 3), phase);
    store(b3, shift, start, channels, j + vec2i(4, 3), phase);
}
