// Convolution with one channel a group, 3×3 or 5×5 kernels at stride and dilation 1, and its gradient to the input, which is
// one with flipped weights; with bias, residual and activation.
//
// Access: an invocation computes 8 columns of one channel row by row. Each row of src is loaded once and added to the sums of
// all rows of dst that it belongs to, so that a value of dst costs 1.25 to 1.5 loads and a store. The loop's body stays small: software adapters
// run long code slowly.

struct Params {
    base: vec4u,
    src_size: vec2i, // H, W
    dst_size: vec2i, // H, W
    before: vec2i, // zeros above and at the left
    strips: u32, // of 8 columns
    pieces: u32, // of a strip
    length: i32, // rows of dst a piece
    channels: u32,
    flips: u32, // whether taps are read in reverse
    count: u32, // invocations with work
    has_bias: u32,
    slope: f32, // of the activation, below zero
    ceiling: f32, // of the activation
}

@group(0) @binding(0) var<storage, read> src: array<f32>; // [N · channels][H][W]
@group(0) @binding(1) var<storage, read> weights: array<f32>; // [channels][KERNEL][KERNEL]
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>; // of dst's shape
@group(0) @binding(4) var<storage, read_write> dst: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;

const WG_SIZE = 32u;

// Rows and columns of the kernel: 3 or 5. A pipeline each, because software adapters run every side of a branch.
override KERNEL: u32;

#import strip_columns

fn load_four(row: i32, columns: Columns, row_inside: bool) -> vec4f {
    let i = columns.at + row;
    return select(vec4f(0.0), vec4f(src[i.x], src[i.y], src[i.z], src[i.w]), columns.inside & vec4<bool>(row_inside));
}

fn load_two(row: i32, columns: Columns, row_inside: bool) -> vec4f {
    let i = columns.at.xy + row;
    return vec4f(select(vec2f(0.0), vec2f(src[i.x], src[i.y]), columns.inside.xy & vec2<bool>(row_inside)), 0.0, 0.0);
}

// A row of taps.
struct Taps {
    first: vec4f,
    last: f32, // the fifth
}

fn load_taps(channel: u32, row: u32) -> Taps {
    let end = KERNEL * KERNEL - 1u;
    let start = channel * (end + 1u);
    let i = vec4u(row * KERNEL) + vec4u(0u, 1u, 2u, 3u);
    // Taps beyond the third of three are not used.
    let at = start + select(i, vec4u(end) - min(i, vec4u(end)), vec4<bool>(p.flips != 0u));
    let last = row * KERNEL + 4u;
    let at_last = start + select(last, end - min(last, end), p.flips != 0u);
    if KERNEL == 3u {
        return Taps(vec4f(weights[at.x], weights[at.y], weights[at.z], 0.0), 0.0);
    }
    return Taps(vec4f(weights[at.x], weights[at.y], weights[at.z], weights[at.w]), weights[at_last]);
}

// Twelve neighbouring values of a row.
struct Window {
    a: vec4f,
    b: vec4f,
    c: vec4f,
}

// Eight neighbouring sums.
struct Sums {
    left: vec4f,
    right: vec4f,
}

fn add(sums: Sums, w: f32, left: vec4f, right: vec4f) -> Sums {
    return Sums(fma(vec4f(w), left, sums.left), fma(vec4f(w), right, sums.right));
}

fn add_row(sums: Sums, w: Taps, x: Window) -> Sums {
    var next = add(sums, w.first.x, x.a, x.b);
    next = add(next, w.first.y, vec4f(x.a.yzw, x.b.x), vec4f(x.b.yzw, x.c.x));
    next = add(next, w.first.z, vec4f(x.a.zw, x.b.xy), vec4f(x.b.zw, x.c.xy));
    if KERNEL == 5u {
        next = add(next, w.first.w, vec4f(x.a.w, x.b.xyz), vec4f(x.b.w, x.c.xyz));
        next = add(next, w.last, x.b, x.c);
    }
    return next;
}

#import bend
#import load_residual
#import put_four

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Strips vary fastest, then pieces, channels, pictures.
    let x = i32(index % p.strips) * 8;
    let first = i32(index / p.strips % p.pieces) * p.length;
    let plane = index / (p.strips * p.pieces);
    let channel = plane % p.channels;

    let w0 = load_taps(channel, 0u);
    let w1 = load_taps(channel, 1u);
    let w2 = load_taps(channel, 2u);
    var w3: Taps;
    var w4: Taps;
    if KERNEL == 5u {
        w3 = load_taps(channel, 3u);
        w4 = load_taps(channel, 4u);
    }
    let a = columns_from(x - p.before.y, p.src_size.y);
    let b = columns_from(x - p.before.y + 4, p.src_size.y);
    let c = columns_from(x - p.before.y + 8, p.src_size.y);
    let shift = vec4f(select(0.0, bias[channel], p.has_bias != 0u));
    let plane_src = i32(plane) * p.src_size.x * p.src_size.y;
    let plane_dst = i32(plane) * p.dst_size.x * p.dst_size.y;
    let behind = i32(KERNEL) - 1;
    let end = min(first + p.length, p.dst_size.x);
    // The sums of the next rows of dst; the first is done when the last row of taps has been added.
    var sums0 = Sums();
    var sums1 = Sums();
    var sums2 = Sums();
    var sums3 = Sums();
    for (var y = first; y < end + behind; y++) {
        let y_src = y - p.before.x;
        let inside = (y_src >= 0) & (y_src < p.src_size.x);
        let row = plane_src + select(0, y_src, inside) * p.src_size.y;
        var row_end: vec4f;
        if KERNEL == 5u {
            row_end = load_four(row, c, inside);
        } else {
            row_end = load_two(row, c, inside);
        }
        let window = Window(load_four(row, a, inside), load_four(row, b, inside), row_end);
        var done: Sums;
        if KERNEL == 5u {
            done = add_row(sums0, w4, window);
            sums0 = add_row(sums1, w3, window);
            sums1 = add_row(sums2, w2, window);
            sums2 = add_row(sums3, w1, window);
            sums3 = add_row(Sums(), w0, window);
        } else {
            done = add_row(sums0, w2, window);
            sums0 = add_row(sums1, w1, window);
            sums1 = add_row(Sums(), w0, window);
        }
        if y >= first + behind {
            let row_dst = plane_dst + (y - behind) * p.dst_size.y;
            let left = load_residual(row_dst + x, 1, p.dst_size.y - x);
            let right = load_residual(row_dst + x + 4, 1, p.dst_size.y - x - 4);
            put(bend(done.left + shift + left), row_dst, x);
            put(bend(done.right + shift + right), row_dst, x + 4);
        }
    }
}
