// Convolution with one input channel a group and its gradient to the input, with bias, residual and activation; positions and
// taps as in conv2d.wgsl. Forward, output channel o reads input channel o / multiplier; backward, input channel c sums over
// the multiplier's output channels.
//
// Access: an invocation computes 4 rows × 8 columns of one channel, 4 taps of a kernel's row at a time where their windows
// overlap, so that they share 11 columns (18 at stride 2), else one.

#import conv_axis

struct Params {
    base: vec4u,
    rows: Axis,
    columns: Axis,
    channels: u32, // of dst
    multiplier: u32, // output channels an input channel
    backward: u32,
    count: u32, // invocations with work
    has_bias: u32,
    slope: f32, // of the activation, below zero
    ceiling: f32, // of the activation
}

@group(0) @binding(0) var<storage, read> src: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>; // [C_out][K_h][K_w]
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>; // of dst's shape
@group(0) @binding(4) var<storage, read_write> dst: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;

const WG_SIZE = 32u;

#import conv_window

struct Sums {
    left: vec4f,
    right: vec4f,
}

// Adds four taps whose windows overlap.
fn add_overlapping(sums: Sums, w: vec4f, row: i32, x: i32) -> Sums {
    let scale = p.columns.scale;
    let x0 = load_row(row, x);
    let x1 = load_row(row, x + 4 * scale);
    let x2 = load_three(row, x + 8 * scale);
    return Sums(
        sums.left + w.x * x0 + w.y * vec4f(x0.yzw, x1.x) + w.z * vec4f(x0.zw, x1.xy) + w.w * vec4f(x0.w, x1.xyz),
        sums.right + w.x * x1 + w.y * vec4f(x1.yzw, x2.x) + w.z * vec4f(x1.zw, x2.xy) + w.w * vec4f(x1.w, x2),
    );
}

// Adds four taps of which every other's windows overlap.
fn add_alternating(sums: Sums, w: vec4f, row: i32, x: i32) -> Sums {
    let scale = p.columns.scale;
    let odd = x + p.columns.step;
    let e0 = load_row(row, x);
    let e1 = load_row(row, x + 4 * scale);
    let e2 = load_one(row, x + 8 * scale);
    let o0 = load_row(row, odd);
    let o1 = load_row(row, odd + 4 * scale);
    let o2 = load_one(row, odd + 8 * scale);
    return Sums(
        sums.left + w.x * e0 + w.y * o0 + w.z * vec4f(e0.yzw, e1.x) + w.w * vec4f(o0.yzw, o1.x),
        sums.right + w.x * e1 + w.y * o1 + w.z * vec4f(e1.yzw, e2) + w.w * vec4f(o1.yzw, o2),
    );
}

fn add_taps(sums: Sums, w: vec4f, row: i32, x: i32) -> Sums {
    if OVERLAP == 1u {
        return add_overlapping(sums, w, row, x);
    }
    if OVERLAP == 2u {
        return add_alternating(sums, w, row, x);
    }
    let half = x + 4 * p.columns.scale;
    return Sums(sums.left + w.x * load_row(row, x), sums.right + w.x * load_row(row, half));
}

#import bend
#import load_residual

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    var index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Columns vary fastest, then rows, phases, channels, pictures.
    let column_tile = index % p.columns.tiles;
    index /= p.columns.tiles;
    let row_tile = index % p.rows.tiles;
    index /= p.rows.tiles;
    let phase_x = index % u32(p.columns.phases);
    index /= u32(p.columns.phases);
    let phase_y = index % u32(p.rows.phases);
    index /= u32(p.rows.phases);
    let channel = index % p.channels;
    let n = index / p.channels;

    let backward = p.backward != 0u;
    let phase = vec2i(i32(phase_x), i32(phase_y));
    let j = vec2i(i32(column_tile) * 8, i32(row_tile) * 4);
    let taps_y = taps(p.rows, phase.y, backward);
    let taps_x = taps(p.columns, phase.x, backward);
    let window = j.x * p.columns.scale + taps_x.start;

    // The first channel of src and of the weights, how many there are, and how many channels src has.
    let first_src = select(channel / p.multiplier, channel * p.multiplier, backward);
    let first_weight = select(channel, channel * p.multiplier, backward);
    let inner = select(1u, p.multiplier, backward);
    let src_channels = select(p.channels / p.multiplier, p.channels * p.multiplier, backward);

    let plane = p.rows.src * p.columns.src;
    let first_plane = i32(n * src_channels + first_src) * plane;
    let taps_plane = p.rows.kernel * p.columns.kernel;
    let chunks = (taps_x.count + taps_per_turn() - 1) / taps_per_turn();

    var sums0 = Sums();
    var sums1 = Sums();
    var sums2 = Sums();
    var sums3 = Sums();
    // Channels, rows of taps and taps in one loop.
    var c = 0;
    var tap_y = 0;
    var chunk = 0;
    let turns = i32(inner) * taps_y.count * chunks;
    for (var turn = 0; turn < turns; turn++) {
        let y = j.y * p.rows.scale + taps_y.start + tap_y * p.rows.step;
        let rows = row_starts(first_plane + c * plane, y);
        let x = window + chunk * taps_per_turn() * p.columns.step;
        let w_row = (i32(first_weight) + c) * taps_plane + (taps_y.first + tap_y * taps_y.step) * p.columns.kernel;
        let taps = vec4i(chunk * taps_per_turn()) + vec4i(0, 1, 2, 3);
        let valid = taps < vec4i(taps_x.count);
        let at = vec4i(w_row) + select(vec4i(0), vec4i(taps_x.first) + taps * taps_x.step, valid);
        let w = select(vec4f(0.0), vec4f(weights[at.x], weights[at.y], weights[at.z], weights[at.w]), valid);
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

    var shift = 0.0;
    if p.has_bias != 0u {
        shift = bias[channel];
    }
    let start = i32(n * p.channels + channel) * p.rows.dst * p.columns.dst;
    var tile = array<vec4f, 8>(
        sums0.left, sums0.right, sums1.left, sums1.right,
        sums2.left, sums2.right, sums3.left, sums3.right,
    );
    for (var i = 0; i < 8; i++) {
        let y = (j.y + i / 2) * p.rows.phases + phase.y;
        let x = (j.x + i % 2 * 4) * p.columns.phases + phase.x;
        // How many of four columns lie inside.
        let inside = select(0, (p.columns.dst - x + p.columns.phases - 1) / p.columns.phases, y < p.rows.dst);
        let at = start + y * p.columns.dst + x;
        let value = bend(tile[i] + shift + load_residual(at, p.columns.phases, inside));
        for (var column = 0; column < 4; column++) {
            if column < inside {
                dst[at + column * p.columns.phases] = value[column];
            }
        }
    }
}
