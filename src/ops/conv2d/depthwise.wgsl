// Convolution with one input channel a group and its gradient to the input, with bias and activation; positions and taps
// as in conv2d.wgsl. Forward, output channel o reads input channel o / multiplier; backward, input channel c sums over
// the multiplier's output channels.
//
// Access: an invocation computes 4 rows × 8 columns of one channel; windows are shifted where neighbouring taps overlap.

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
    activation: u32,
    slope: f32,
}

@group(0) @binding(0) var<storage, read> src: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>; // [C_out][K_h][K_w]
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

// Writes four neighbouring positions.
fn store(sums: vec4f, shift: f32, start: i32, j: vec2i, phase: vec2i) {
    let y = j.y * p.rows.phases + phase.y;
    if y >= p.rows.dst {
        return;
    }
    let value = activate(p.activation, p.slope, sums + shift);
    for (var i = 0; i < 4; i++) {
        let x = (j.x + i) * p.columns.phases + phase.x;
        if x < p.columns.dst {
            dst[start + y * p.columns.dst + x] = value[i];
        }
    }
}

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
    let slides = p.columns.step == p.columns.scale;
    let scale_y = p.rows.scale;

    // The first channel of src and of the weights, how many there are, and how many channels src has.
    let first_src = select(channel / p.multiplier, channel * p.multiplier, backward);
    let first_weight = select(channel, channel * p.multiplier, backward);
    let inner = select(1u, p.multiplier, backward);
    let src_channels = select(p.channels / p.multiplier, p.channels * p.multiplier, backward);

    var a0 = vec4f();
    var a1 = vec4f();
    var a2 = vec4f();
    var a3 = vec4f();
    var b0 = vec4f();
    var b1 = vec4f();
    var b2 = vec4f();
    var b3 = vec4f();
    for (var c = 0u; c < inner; c++) {
        let src_plane = i32(n * src_channels + first_src + c) * p.rows.src * p.columns.src;
        let w_plane = i32(first_weight + c) * p.rows.kernel * p.columns.kernel;
        for (var i = 0; i < taps_y.count; i++) {
            let y = j.y * scale_y + taps_y.start + i * p.rows.step;
            let row0 = row_start(src_plane, y);
            let row1 = row_start(src_plane, y + scale_y);
            let row2 = row_start(src_plane, y + 2 * scale_y);
            let row3 = row_start(src_plane, y + 3 * scale_y);
            let w_row = w_plane + (taps_y.first + i * taps_y.step) * p.columns.kernel;
            var x = window;
            let middle = x + 4 * p.columns.scale;
            var xa0 = load4(row0, x);
            var xa1 = load4(row1, x);
            var xa2 = load4(row2, x);
            var xa3 = load4(row3, x);
            var xb0 = load4(row0, middle);
            var xb1 = load4(row1, middle);
            var xb2 = load4(row2, middle);
            var xb3 = load4(row3, middle);
            for (var k = 0; k < taps_x.count; k++) {
                let w = weights[w_row + taps_x.first + k * taps_x.step];
                a0 += w * xa0;
                b0 += w * xb0;
                a1 += w * xa1;
                b1 += w * xb1;
                a2 += w * xa2;
                b2 += w * xb2;
                a3 += w * xa3;
                b3 += w * xb3;
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

    var shift = 0.0;
    if p.has_bias != 0u {
        shift = bias[channel];
    }
    let start = i32(n * p.channels + channel) * p.rows.dst * p.columns.dst;
    store(a0, shift, start, j, phase);
    store(b0, shift, start, j + vec2i(4, 0), phase);
    store(a1, shift, start, j + vec2i(0, 1), phase);
    store(b1, shift, start, j + vec2i(4, 1), phase);
    store(a2, shift, start, j + vec2i(0, 2), phase);
    store(b2, shift, start, j + vec2i(4, 2), phase);
    store(a3, shift, start, j + vec2i(0, 3), phase);
    store(b3, shift, start, j + vec2i(4, 3), phase);
}
