// dx of average pooling: each value gathers its share of the windows that contain it.
// Access: one value an invocation.

#import pool_axis

struct Params {
    base: vec4u,
    rows: PoolAxis,
    columns: PoolAxis,
    count: u32,
    count_padding: u32,
}

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let plane_size = p.columns.x * p.rows.x;
    let position = index % plane_size;
    let columns = windows(p.columns, position % p.columns.x);
    let rows = windows(p.rows, position / p.columns.x);
    let plane = index / plane_size * p.rows.y * p.columns.y;
    let pads = p.count_padding != 0u;
    var sum = 0.0;
    for (var row = rows.x; row < rows.y; row++) {
        let height = divisor(p.rows, row, pads);
        for (var column = columns.x; column < columns.y; column++) {
            let share = f32(height * divisor(p.columns, column, pads));
            sum += dy[plane + row * p.columns.y + column] / share;
        }
    }
    dx[index] = sum;
}
