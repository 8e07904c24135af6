// y[n, c, i, j] = x[n, c] at row m0 i + m1 j + m2 and column m3 i + m4 j + m5, between its four neighbours, 0 outside.
// Access: one value an invocation; neighbouring invocations read neighbouring values where the map hardly turns.

struct Params {
    base: vec4u,
    count: u32,
    C: u32,
    H_out: u32,
    W_out: u32,
    H: u32,
    W: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 64u;

fn value(plane: u32, row: i32, column: i32) -> f32 {
    if row < 0 || column < 0 || row >= i32(p.H) || column >= i32(p.W) {
        return 0.0;
    }
    return x[plane + u32(row) * p.W + u32(column)];
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let j = f32(index % p.W_out);
    let i = f32(index / p.W_out % p.H_out);
    let plane = index / (p.W_out * p.H_out);
    let m = plane / p.C * 6u;
    let far = f32(max(p.H, p.W)) + 2.0;
    let row = clamp(maps[m] * i + maps[m + 1u] * j + maps[m + 2u], -2.0, far);
    let column = clamp(maps[m + 3u] * i + maps[m + 4u] * j + maps[m + 5u], -2.0, far);
    let low = vec2f(floor(row), floor(column));
    let share = vec2f(row, column) - low;
    let r = i32(low.x);
    let c = i32(low.y);
    let start = plane * p.H * p.W;
    let above = mix(value(start, r, c), value(start, r, c + 1), share.y);
    let below = mix(value(start, r + 1, c), value(start, r + 1, c + 1), share.y);
    y[index] = mix(above, below, share.x);
}
