// The maximum of each window, or the index (row · W + column, as a number) of its first maximum.
// Access: one window an invocation.

#import pool_axis

struct Params {
    base: vec4u,
    rows: PoolAxis,
    columns: PoolAxis,
    count: u32,
    wants_index: u32,
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
    let columns = span(p.columns, index % p.columns.y);
    let rows = span(p.rows, index / p.columns.y % p.rows.y);
    let plane = index / (p.columns.y * p.rows.y) * p.rows.x * p.columns.x;
    var best = rows.x * p.columns.x + columns.x;
    var largest = x[plane + best];
    for (var row = rows.x; row < rows.y; row++) {
        for (var column = columns.x; column < columns.y; column++) {
            let i = row * p.columns.x + column;
            let value = x[plane + i];
            if value > largest {
                largest = value;
                best = i;
            }
        }
    }
    y[index] = select(largest, f32(best), p.wants_index != 0u);
}
