// The mean of each window. Access: one window an invocation.

#import pool_axis

struct Params {
    base: vec4u,
    rows: PoolAxis,
    columns: PoolAxis,
    count: u32,
    count_padding: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let window_x = index % p.columns.y;
    let window_y = index / p.columns.y % p.rows.y;
    let columns = span(p.columns, window_x);
    let rows = span(p.rows, window_y);
    let plane = index / (p.columns.y * p.rows.y) * p.rows.x * p.columns.x;
    var sum = 0.0;
    for (var row = rows.x; row < rows.y; row++) {
        for (var column = columns.x; column < columns.y; column++) {
            sum += x[plane + row * p.columns.x + column];
        }
    }
    let pads = p.count_padding != 0u;
    y[index] = sum / f32(divisor(p.rows, window_y, pads) * divisor(p.columns, window_x, pads));
}
