// Convolution at stride and dilation 1 with kernels of up to 8 columns, and its gradient to the input, which is one with
// flipped weights; with bias, residual and activation. src comes padded in rows of vec4s (see pad_rows.wgsl).
//
// Access: an invocation computes 4 channels × ROWS rows × 8 columns, a row of taps at a time, whose windows overlap. The tile
// is small, so that the loop's body is: software adapters run long code slowly.

struct Params {
    base: vec4u,
    rows: u32, // of a padded plane
    quads: u32, // vec4s a row of it
    dst_size: vec2i, // H, W
    tiles: vec2u, // rows, columns
    C_src: u32, // channels of src a group
    C_dst: u32, // channels of dst a group
    groups: u32,
    kernel_rows: u32,
    count: u32, // invocations with work
    has_bias: u32,
    slope: f32, // of the activation, below zero
    ceiling: f32, // of the activation
}

@group(0) @binding(0) var<storage, read> src: array<vec4f>; // [N · groups · C_src][rows][quads]
@group(0) @binding(1) var<storage, read> weights: array<vec4f>; // [groups][C_src][kernel_rows][TAPS][C_dst / 4]
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>; // of dst's shape
@group(0) @binding(4) var<storage, read_write> dst: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;

const WG_SIZE = 32u;

// Columns of the kernel. A pipeline each, so that nothing is loaded or added in vain.
override TAPS: u32;

// Rows that an invocation computes: 2, or 1 for more invocations.
override ROWS: u32;

#import conv_sums

// What one row of taps needs of a row of src: 8 + TAPS − 1 values.
struct Window {
    a: vec4f,
    b: vec4f,
    c: vec4f,
    d: vec4f,
}

fn load_window(at: u32) -> Window {
    var window = Window(src[at], src[at + 1u], vec4f(0.0), vec4f(0.0));
    if TAPS > 1u {
        window.c = src[at + 2u];
    }
    if TAPS > 5u {
        window.d = src[at + 3u];
    }
    return window;
}

// A row of taps, four channels each.
struct Taps {
    first: mat4x4f,
    second: mat4x4f,
}

fn load_taps(at: u32, step: u32) -> Taps {
    var taps = Taps();
    taps.first[0] = weights[at];
    if TAPS > 1u {
        taps.first[1] = weights[at + step];
    }
    if TAPS > 2u {
        taps.first[2] = weights[at + 2u * step];
    }
    if TAPS > 3u {
        taps.first[3] = weights[at + 3u * step];
    }
    if TAPS > 4u {
        taps.second[0] = weights[at + 4u * step];
    }
    if TAPS > 5u {
        taps.second[1] = weights[at + 5u * step];
    }
    if TAPS > 6u {
        taps.second[2] = weights[at + 6u * step];
    }
    if TAPS > 7u {
        taps.second[3] = weights[at + 7u * step];
    }
    return taps;
}

fn add_taps(sums: Sums, w: Taps, x: Window) -> Sums {
    var next = add(sums, w.first[0], x.a, x.b);
    if TAPS > 1u {
        next = add(next, w.first[1], vec4f(x.a.yzw, x.b.x), vec4f(x.b.yzw, x.c.x));
    }
    if TAPS > 2u {
        next = add(next, w.first[2], vec4f(x.a.zw, x.b.xy), vec4f(x.b.zw, x.c.xy));
    }
    if TAPS > 3u {
        next = add(next, w.first[3], vec4f(x.a.w, x.b.xyz), vec4f(x.b.w, x.c.xyz));
    }
    if TAPS > 4u {
        next = add(next, w.second[0], x.b, x.c);
    }
    if TAPS > 5u {
        next = add(next, w.second[1], vec4f(x.b.yzw, x.c.x), vec4f(x.c.yzw, x.d.x));
    }
    if TAPS > 6u {
        next = add(next, w.second[2], vec4f(x.b.zw, x.c.xy), vec4f(x.c.zw, x.d.xy));
    }
    if TAPS > 7u {
        next = add(next, w.second[3], vec4f(x.b.w, x.c.xyz), vec4f(x.c.w, x.d.xyz));
    }
    return next;
}

#import load_residual

#import put_four

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    var index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Columns vary fastest, then rows, channels, groups, pictures.
    let column = index % p.tiles.y;
    index /= p.tiles.y;
    let row = index % p.tiles.x * ROWS;
    index /= p.tiles.x;
    let step = (p.C_dst + 3u) / 4u;
    let quad = index % step;
    index /= step;
    let group = index % p.groups;
    let n = index / p.groups;

    let quads = p.quads;
    var at = ((n * p.groups + group) * p.C_src * p.rows + row) * quads + column * 2u;
    var at_weight = group * p.C_src * p.kernel_rows * TAPS * step + quad;
    var sums0 = Sums();
    var sums1 = Sums();
    var tap_row = 0u;
    // Channels and rows of taps in one loop: software adapters copy all sums at every turn of every loop.
    for (var turn = 0u; turn < p.C_src * p.kernel_rows; turn++) {
        let taps = load_taps(at_weight, step);
        sums0 = add_taps(sums0, taps, load_window(at));
        if ROWS > 1u {
            sums1 = add_taps(sums1, taps, load_window(at + quads));
        }
        at_weight += TAPS * step;
        tap_row++;
        let channel_done = tap_row == p.kernel_rows;
        at += select(quads, (p.rows - p.kernel_rows + 1u) * quads, channel_done);
        tap_row = select(tap_row, 0u, channel_done);
    }

    let first_channel = group * p.C_dst + quad * 4u;
    let channels = min(4u, p.C_dst - quad * 4u);
    let shift = load_bias(first_channel, channels);
    let plane = p.dst_size.x * p.dst_size.y;
    let start = i32(n * p.groups * p.C_dst + first_channel) * plane;
    // Four columns of a channel at a time in one loop, which is the shortest code: compiling it is most of a first answer.
    var tile = array<mat4x4f, 4>(
        transpose(sums0.left),
        transpose(sums0.right),
        transpose(sums1.left),
        transpose(sums1.right),
    );
    for (var i = 0u; i < 8u * ROWS; i++) {
        let channel = i / (2u * ROWS);
        let y = i32(row + i / 2u % ROWS);
        let x = i32(column * 8u + i % 2u * 4u);
        if (channel < channels) & (y < p.dst_size.x) & (x < p.dst_size.y) {
            let start_row = start + i32(channel) * plane + y * p.dst_size.y;
            let residual = load_residual(start_row + x, 1, p.dst_size.y - x);
            put(bend(tile[i % (2u * ROWS)][channel] + shift[channel] + residual), start_row, x);
        }
    }
}
