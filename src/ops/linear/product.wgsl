// C[b, i, j] = factor · Σ_k A[b, i, k] · B[b, k, j] (+ bias[j]) for matrices at any strides: linear layers and their
// gradients, Gram matrices and theirs. A long sum is cut into parts, [parts][b, i, j], that `sum` adds.
// Access: an invocation computes 4 rows × 8 columns; a value of A is used 8 times, one of B 4 times.

struct Params {
    base: vec4u,
    batch: u32,
    rows: u32,
    columns: u32,
    length: u32,
    a_strides: vec4u, // batch, i, k
    b_strides: vec4u, // batch, k, j
    parts: u32,
    factor: f32,
    has_bias: u32,
    count: u32, // invocations with work
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

const WG_SIZE = 64u;

fn outer(w: vec4f, x: vec4f) -> mat4x4f {
    return mat4x4f(w * x.x, w * x.y, w * x.z, w * x.w);
}

// Writes four columns of four rows.
fn store(sums: mat4x4f, start: u32, row: u32, column: u32) {
    for (var j = 0u; j < 4u; j++) {
        if column + j < p.columns {
            let value = sums[j] * p.factor;
            var shift = 0.0;
            if p.has_bias != 0u {
                shift = bias[column + j];
            }
            for (var i = 0u; i < 4u; i++) {
                if row + i < p.rows {
                    c[start + (row + i) * p.columns + column + j] = value[i] + shift;
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
    let column_tiles = (p.columns + 7u) / 8u;
    let row_tiles = (p.rows + 3u) / 4u;
    let column = index % column_tiles * 8u;
    index /= column_tiles;
    let row = index % row_tiles * 4u;
    index /= row_tiles;
    let n = index % p.batch;
    let part = index / p.batch;

    // Rows and columns past the edge repeat the last one and are not written.
    let rows = n * p.a_strides.x + min(vec4u(0u, 1u, 2u, 3u) + row, vec4u(p.rows - 1u)) * p.a_strides.y;
    let last = vec4u(p.columns - 1u);
    let left = n * p.b_strides.x + min(vec4u(0u, 1u, 2u, 3u) + column, last) * p.b_strides.z;
    let right = n * p.b_strides.x + min(vec4u(4u, 5u, 6u, 7u) + column, last) * p.b_strides.z;
    let chunk = (p.length + p.parts - 1u) / p.parts;
    let end = min((part + 1u) * chunk, p.length);
    var low = mat4x4f();
    var high = mat4x4f();
    for (var k = part * chunk; k < end; k++) {
        let ia = rows + k * p.a_strides.z;
        let il = left + k * p.b_strides.y;
        let ir = right + k * p.b_strides.y;
        let va = vec4f(a[ia.x], a[ia.y], a[ia.z], a[ia.w]);
        low += outer(va, vec4f(b[il.x], b[il.y], b[il.z], b[il.w]));
        high += outer(va, vec4f(b[ir.x], b[ir.y], b[ir.z], b[ir.w]));
    }
    let start = (part * p.batch + n) * p.rows * p.columns;
    store(low, start, row, column);
    store(high, start, row, column + 4u);
}
