// Convolution and its gradient to the input: any kernel, stride, dilation, padding and groups, with bias, residual and
// activation.
//
// Both directions sum, over channels c and taps k, src[c][src(j, k)] · w[k][c], for the positions t = j · phases + phase of
// dst, with src(j, k) = j · scale + first + i · step for the i-th tap that counts. Forward there is one phase, scale is
// the stride and every tap counts; backward the phases are the stride's remainders, scale is 1, and a tap counts where
// t + padding − tap · dilation is a multiple of the stride.
//
// Access: an invocation computes 4 channels × 4 rows × 8 columns, 4 taps of a kernel's row at a time where their windows
// overlap, so that they share 11 columns (18 at stride 2), else one. A weight vec4 is used for 32 positions.
// There is one loop because software adapters copy all sums at every turn of every loop.

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
    slope: f32, // of the activation, below zero
    ceiling: f32, // of the activation
}

@group(0) @binding(0) var<storage, read> src: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>; // [groups][C_src][K_h][K_w][C_dst / 4]
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>; // of dst's shape
@group(0) @binding(4) var<storage, read_write> dst: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;

const WG_SIZE = 32u;

#import conv_window
#import conv_sums
#import load_residual

// Adds four taps whose windows overlap.
fn add_overlapping(sums: Sums, w: mat4x4f, row: i32, x: i32) -> Sums {
    let scale = p.columns.scale;
    let x0 = load_row(row, x);
    let x1 = load_row(row, x + 4 * scale);
    let x2 = load_three(row, x + 8 * scale);
    var next = add(sums, w[0], x0, x1);
    next = add(next, w[1], vec4f(x0.yzw, x1.x), vec4f(x1.yzw, x2.x));
    next = add(next, w[2], vec4f(x0.zw, x1.xy), vec4f(x1.zw, x2.xy));
    return add(next, w[3], vec4f(x0.w, x1.xyz), vec4f(x1.w, x2));
}

// Adds four taps of which every other's windows overlap.
fn add_alternating(sums: Sums, w: mat4x4f, row: i32, x: i32) -> Sums {
    let scale = p.columns.scale;
    let odd = x + p.columns.step;
    let e0 = load_row(row, x);
    let e1 = load_row(row, x + 4 * scale);
    let o0 = load_row(row, odd);
    let o1 = load_row(row, odd + 4 * scale);
    var next = add(sums, w[0], e0, e1);
    next = add(next, w[1], o0, o1);
    next = add(next, w[2], vec4f(e0.yzw, e1.x), vec4f(e1.yzw, load_one(row, x + 8 * scale)));
    return add(next, w[3], vec4f(o0.yzw, o1.x), vec4f(o1.yzw, load_one(row, odd + 8 * scale)));
}

fn add_taps(sums: Sums, w: mat4x4f, row: i32, x: i32) -> Sums {
    if OVERLAP == 1u {
        return add_overlapping(sums, w, row, x);
    }
    if OVERLAP == 2u {
        return add_alternating(sums, w, row, x);
    }
    return add(sums, w[0], load_row(row, x), load_row(row, x + 4 * p.columns.scale));
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
    let tap_stride = i32(quads);
    let plane_weights = p.rows.kernel * p.columns.kernel * tap_stride;
    let first_plane = i32((n * p.groups + group) * p.C_src) * plane;
    let first_weight = i32(group * p.C_src) * plane_weights + i32(quad);
    let chunks = (taps_x.count + taps_per_turn() - 1) / taps_per_turn();

    var sums0 = Sums();
    var sums1 = Sums();
    var sums2 = Sums();
    var sums3 = Sums();
    // Channels, rows of taps and taps in one loop.
    var c = 0;
    var tap_y = 0;
    var chunk = 0;
    let turns = i32(p.C_src) * taps_y.count * chunks;
    for (var turn = 0; turn < turns; turn++) {
        let y = j.y * p.rows.scale + taps_y.start + tap_y * p.rows.step;
        let rows = row_starts(first_plane + c * plane, y);
        let x = window + chunk * taps_per_turn() * p.columns.step;
        let w_row = first_weight + c * plane_weights
            + (taps_y.first + tap_y * taps_y.step) * p.columns.kernel * tap_stride;
        let taps = vec4i(chunk * taps_per_turn()) + vec4i(0, 1, 2, 3);
        let valid = taps < vec4i(taps_x.count);
        let at = vec4i(w_row) + select(vec4i(0), vec4i(taps_x.first) + taps * taps_x.step, valid) * tap_stride;
        let on = select(vec4f(0.0), vec4f(1.0), valid);
        let w = mat4x4f(
            weights[at.x],
            weights[at.y] * on.y,
            weights[at.z] * on.z,
            weights[at.w] * on.w,
        );
        sums0 = add_taps(sums0, w, rows.x, x);
        sums1 = add_taps(sums1, w, rows.y, x);
        sums2 = add_taps(sums2, w, rows.z, x);
        sums3 = add_taps(sums3, w, rows.w, x);
        chunk++;
        let row_done = chunk == chunks;
        chunk = select(chunk, 0, row_done);
        tap_y += select(0, 1, row_done);
        let plane_done = tap_y == taps_y.count;
        tap_y = select(tap_y, 0, plane_done);
        c += select(0, 1, plane_done);
    }

    let first_channel = group * p.C_dst + quad * 4u;
    let channels = min(4u, p.C_dst - quad * 4u);
    let shift = load_bias(first_channel, channels);
    let plane_dst = p.rows.dst * p.columns.dst;
    let start = i32(n * p.groups * p.C_dst + first_channel) * plane_dst;
    var tile = array<mat4x4f, 8>(
        sums0.left, sums0.right, sums1.left, sums1.right,
        sums2.left, sums2.right, sums3.left, sums3.right,
    );
    for (var i = 0; i < 32; i++) {
        let y = (j.y + i / 8) * p.rows.phases + phase.y;
        let x = (j.x + i % 8) * p.columns.phases + phase.x;
        if (y < p.rows.dst) & (x < p.columns.dst) {
            let at = start + y * p.columns.dst + x;
            let value = bend(tile[i / 4][i % 4] + shift + load_residual(at, plane_dst, i32(channels)));
            for (var channel = 0u; channel < channels; channel++) {
                dst[at + i32(channel) * plane_dst] = value[channel];
            }
        }
    }
}
