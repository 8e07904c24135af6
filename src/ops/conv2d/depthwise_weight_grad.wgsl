// Gradient to the weight of a convolution with one input channel a group: dw[o, k_y, k_x] = Σ over pictures and positions
// of dy[o] · x[o / multiplier]. The rows of dy, all pictures' together, are cut into parts, [parts][weight], that `sum` adds.
//
// Access: an invocation computes 4 × 4 taps of one channel for one part; with equal stride and dilation the window of x
// is shifted along the row, so that each position loads five values.

struct Params {
    base: vec4u,
    stride: vec2i, // rows, columns
    dilation: vec2i,
    padding: vec2i,
    x_size: vec2i, // H, W
    y_size: vec2i, // H_out, W_out
    kernel: vec2i, // K_h, K_w
    N: u32,
    channels: u32, // C_out
    multiplier: u32, // output channels an input channel
    parts: u32,
    count: u32, // invocations with work
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums_out: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 32u;

// A row of x: where it starts, or −1 if it lies outside.
fn row_start(plane: i32, y: i32) -> i32 {
    return select(-1, plane + y * p.x_size.y, y >= 0 && y < p.x_size.x);
}

fn load(row: i32, column: i32) -> f32 {
    let inside = row >= 0 && column >= 0 && column < p.x_size.y;
    return select(0.0, x[select(0, row + column, inside)], inside);
}

fn load4(row: i32, column: i32) -> vec4f {
    let d = p.dilation.y;
    return vec4f(
        load(row, column),
        load(row, column + d),
        load(row, column + 2 * d),
        load(row, column + 3 * d),
    );
}

// Writes four taps of a row of the kernel.
fn store(sums: vec4f, start: u32, tap: vec2i) {
    if tap.x >= p.kernel.x {
        return;
    }
    for (var i = 0; i < 4; i++) {
        if tap.y + i < p.kernel.y {
            sums_out[start + u32(tap.x * p.kernel.y + tap.y + i)] = sums[i];
        }
    }
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    var index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Taps vary fastest, then channels, parts.
    let tiles_x = u32(p.kernel.y + 3) / 4u;
    let tiles_y = u32(p.kernel.x + 3) / 4u;
    let kx = i32(index % tiles_x) * 4;
    index /= tiles_x;
    let ky = i32(index % tiles_y) * 4;
    index /= tiles_y;
    let o = index % p.channels;
    let part = index / p.channels;

    let rows = p.N * u32(p.y_size.x);
    let chunk = (rows + p.parts - 1u) / p.parts;
    let end = min((part + 1u) * chunk, rows);
    let slides = p.stride.y == p.dilation.y;
    let first = kx * p.dilation.y - p.padding.y;
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    for (var row = part * chunk; row < end; row++) {
        let n = row / u32(p.y_size.x);
        let oy = i32(row % u32(p.y_size.x));
        let y_start = (i32(n * p.channels + o) * p.y_size.x + oy) * p.y_size.y;
        let channel = n * (p.channels / p.multiplier) + o / p.multiplier;
        let plane = i32(channel) * p.x_size.x * p.x_size.y;
        let iy = oy * p.stride.x + ky * p.dilation.x - p.padding.x;
        let row0 = row_start(plane, iy);
        let row1 = row_start(plane, iy + p.dilation.x);
        let row2 = row_start(plane, iy + 2 * p.dilation.x);
        let row3 = row_start(plane, iy + 3 * p.dilation.x);
        var x0 = load4(row0, first);
        var x1 = load4(row1, first);
        var x2 = load4(row2, first);
        var x3 = load4(row3, first);
        for (var ox = 0; ox < p.y_size.y; ox++) {
            let gradient = dy[y_start + ox];
            s0 += gradient * x0;
            s1 += gradient * x1;
            s2 += gradient * x2;
            s3 += gradient * x3;
            let next = first + (ox + 1) * p.stride.y;
            if slides {
                let last = next + 3 * p.dilation.y;
                x0 = vec4f(x0.yzw, load(row0, last));
                x1 = vec4f(x1.yzw, load(row1, last));
                x2 = vec4f(x2.yzw, load(row2, last));
                x3 = vec4f(x3.yzw, load(row3, last));
            } else {
                x0 = load4(row0, next);
                x1 = load4(row1, next);
                x2 = load4(row2, next);
                x3 = load4(row3, next);
            }
        }
    }
    let start = (part * p.channels + o) * u32(p.kernel.x * p.kernel.y);
    store(s0, start, vec2i(ky, kx));
    store(s1, start, vec2i(ky + 1, kx));
    store(s2, start, vec2i(ky + 2, kx));
    store(s3, start, vec2i(ky + 3, kx));
}
