// Gradient to a convolution's weight: dw[o, q] = Σ over pictures and positions of dy[o] · x[q], q = (c, k_y, k_x) counted
// in the weight's order. The rows of dy, all pictures' together, are cut into parts, [parts][weight], that `sum` adds.
//
// Access: an invocation computes 8 output channels × 8 q for one part; a value of dy and one of x are each used 8 times.

struct Params {
    base: vec4u,
    stride: vec2i, // rows, columns
    dilation: vec2i,
    padding: vec2i,
    x_size: vec2i, // H, W
    y_size: vec2i, // H_out, W_out
    kernel: vec2i, // K_h, K_w
    N: u32,
    groups: u32,
    C_in: u32, // a group
    C_out: u32, // a group
    parts: u32,
    count: u32, // invocations with work
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums_out: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 32u;

fn outer(a: vec4f, b: vec4f) -> mat4x4f {
    return mat4x4f(a * b.x, a * b.y, a * b.z, a * b.w);
}

// One value in each of four rows; a row outside starts at −1.
fn load(rows: vec4i, columns: vec4i) -> vec4f {
    let inside = (rows >= vec4i(0)) & (vec4u(columns) < vec4u(u32(p.x_size.y)));
    let i = select(vec4i(0), rows + columns, inside);
    return select(vec4f(0.0), vec4f(x[i.x], x[i.y], x[i.z], x[i.w]), inside);
}

// Writes four q of four channels.
fn store(sums: mat4x4f, start: u32, o: u32, q: u32, length: u32) {
    for (var j = 0u; j < 4u; j++) {
        if q + j < length {
            for (var i = 0u; i < 4u; i++) {
                if o + i < p.C_out {
                    sums_out[start + (o + i) * length + q + j] = sums[j][i];
                }
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
    let taps = p.kernel.x * p.kernel.y;
    let length = p.C_in * u32(taps);
    // q varies fastest, then output channels, groups, parts.
    let q_tiles = (length + 7u) / 8u;
    let o_tiles = (p.C_out + 7u) / 8u;
    let q = index % q_tiles * 8u;
    index /= q_tiles;
    let o = index % o_tiles * 8u;
    index /= o_tiles;
    let group = index % p.groups;
    let part = index / p.groups;

    // Each q's channel, its row above the window's first and its column. Those past the end repeat the last one.
    let ql = vec4i(min(vec4u(0u, 1u, 2u, 3u) + q, vec4u(length - 1u)));
    let qr = vec4i(min(vec4u(4u, 5u, 6u, 7u) + q, vec4u(length - 1u)));
    let plane = p.x_size.x * p.x_size.y;
    let channel_l = ql / taps * plane;
    let channel_r = qr / taps * plane;
    let row_l = ql % taps / p.kernel.y * p.dilation.x - p.padding.x;
    let row_r = qr % taps / p.kernel.y * p.dilation.x - p.padding.x;
    let column_l = ql % p.kernel.y * p.dilation.y - p.padding.y;
    let column_r = qr % p.kernel.y * p.dilation.y - p.padding.y;
    let o_left = vec4i(min(vec4u(0u, 1u, 2u, 3u) + o, vec4u(p.C_out - 1u)));
    let o_right = vec4i(min(vec4u(4u, 5u, 6u, 7u) + o, vec4u(p.C_out - 1u)));
    let y_plane = p.y_size.x * p.y_size.y;

    let rows = p.N * u32(p.y_size.x);
    let chunk = (rows + p.parts - 1u) / p.parts;
    let end = min((part + 1u) * chunk, rows);
    var ll = mat4x4f();
    var lr = mat4x4f();
    var rl = mat4x4f();
    var rr = mat4x4f();
    for (var row = part * chunk; row < end; row++) {
        let n = i32(row) / p.y_size.x;
        let oy = i32(row) % p.y_size.x;
        let y_start = (n * i32(p.groups) + i32(group)) * i32(p.C_out) * y_plane + oy * p.y_size.y;
        let yl = y_start + o_left * y_plane;
        let yr = y_start + o_right * y_plane;
        let x_start = (n * i32(p.groups) + i32(group)) * i32(p.C_in) * plane;
        let iy_l = row_l + oy * p.stride.x;
        let iy_r = row_r + oy * p.stride.x;
        let inside_l = (iy_l >= vec4i(0)) & (iy_l < vec4i(p.x_size.x));
        let inside_r = (iy_r >= vec4i(0)) & (iy_r < vec4i(p.x_size.x));
        let xl = select(vec4i(-1), x_start + channel_l + iy_l * p.x_size.y, inside_l);
        let xr = select(vec4i(-1), x_start + channel_r + iy_r * p.x_size.y, inside_r);
        for (var ox = 0; ox < p.y_size.y; ox++) {
            let il = yl + ox;
            let ir = yr + ox;
            let dl = vec4f(dy[il.x], dy[il.y], dy[il.z], dy[il.w]);
            let dr = vec4f(dy[ir.x], dy[ir.y], dy[ir.z], dy[ir.w]);
            let vl = load(xl, column_l + ox * p.stride.y);
            let vr = load(xr, column_r + ox * p.stride.y);
            ll += outer(dl, vl);
            lr += outer(dl, vr);
            rl += outer(dr, vl);
            rr += outer(dr, vr);
        }
    }
    let start = (part * p.groups + group) * p.C_out * length;
    store(ll, start, o, q, length);
    store(lr, start, o, q + 4u, length);
    store(rl, start, o + 4u, q, length);
    store(rr, start, o + 4u, q + 4u, length);
}
