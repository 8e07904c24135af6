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

// Four neighbouring rows of the kernel on x: where each starts, or −1 if it lies outside.
fn row_starts(plane: i32, y: i32) -> vec4i {
    let rows = vec4i(y) + vec4i(0, 1, 2, 3) * p.dilation.x;
    let inside = vec4u(rows) < vec4u(u32(p.x_size.x));
    return select(vec4i(-1), vec4i(plane) + rows * p.x_size.y, inside);
}

// Three neighbouring values of a row, behind one that is about to be shifted out.
fn load_tail(row: i32, column: i32) -> vec4f {
    let columns = vec3i(column) + vec3i(0, 1, 2) * p.dilation.y;
    let inside = (vec3u(columns) < vec3u(u32(p.x_size.y))) & vec3<bool>(row >= 0);
    let i = select(vec3i(0), vec3i(row) + columns, inside);
    return vec4f(0.0, select(vec3f(0.0), vec3f(x[i.x], x[i.y], x[i.z]), inside));
}

// The values of one column in four rows.
fn load_column(rows: vec4i, column: i32) -> vec4f {
    let inside = (rows >= vec4i(0)) & vec4<bool>(u32(column) < u32(p.x_size.y));
    let i = select(vec4i(0), rows + column, inside);
    return select(vec4f(0.0), vec4f(x[i.x], x[i.y], x[i.z], x[i.w]), inside);
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
    let runs = select(p.y_size.y, 1, slides);
    let run_length = select(1, p.y_size.y, slides);
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
        let starts = row_starts(plane, iy);
        // A run of positions begins with a window that lacks its last column; each position shifts it and loads one more.
        for (var run = 0; run < runs; run++) {
            let column = first + run * p.stride.y;
            var x0 = load_tail(starts.x, column);
            var x1 = load_tail(starts.y, column);
            var x2 = load_tail(starts.z, column);
            var x3 = load_tail(starts.w, column);
            for (var i = 0; i < run_length; i++) {
                let next = load_column(starts, column + 3 * p.dilation.y + i * p.stride.y);
                let gradient = dy[y_start + run + i];
                x0 = vec4f(x0.yzw, next.x);
                x1 = vec4f(x1.yzw, next.y);
                x2 = vec4f(x2.yzw, next.z);
                x3 = vec4f(x3.yzw, next.w);
                s0 += gradient * x0;
                s1 += gradient * x1;
                s2 += gradient * x2;
                s3 += gradient * x3;
            }
        }
    }
    let start = (part * p.channels + o) * u32(p.kernel.x * p.kernel.y);
    store(s0, start, vec2i(ky, kx));
    store(s1, start, vec2i(ky + 1, kx));
    store(s2, start, vec2i(ky + 2, kx));
    store(s3, start, vec2i(ky + 3, kx));
}
