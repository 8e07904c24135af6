// The adjoint of affine_sample: dx[row, column] = Σ dy[i, j] · the weight with which (i, j) reads it, over the output
// positions around the preimage of (row, column). Access: one value an invocation, which gathers from a few neighbours.

struct Params {
    base: vec4u,
    count: u32,
    C: u32,
    H: u32, // of dx
    W: u32,
    H_out: u32, // of dy
    W_out: u32,
}

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 64u;
const SINGULAR = 1e-9;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let here = vec2f(f32(index / p.W % p.H), f32(index % p.W));
    let plane = index / (p.W * p.H);
    let m = plane / p.C * 6u;
    let to_row = vec3f(maps[m], maps[m + 1u], maps[m + 2u]);
    let to_column = vec3f(maps[m + 3u], maps[m + 4u], maps[m + 5u]);
    let determinant = to_row.x * to_column.y - to_row.y * to_column.x;
    let extents = vec2f(f32(p.H_out), f32(p.W_out));
    var first = vec2f(0.0);
    var end = extents;
    if abs(determinant) >= SINGULAR {
        let d = here - vec2f(to_row.z, to_column.z);
        let centre = vec2f(
            to_column.y * d.x - to_row.y * d.y,
            to_row.x * d.y - to_column.x * d.x,
        ) / determinant;
        let reach = vec2f(
            abs(to_column.y) + abs(to_row.y),
            abs(to_column.x) + abs(to_row.x),
        ) / abs(determinant);
        first = clamp(floor(centre - reach), vec2f(0.0), extents);
        end = clamp(ceil(centre + reach) + 1.0, vec2f(0.0), extents);
    }
    let start = plane * p.H_out * p.W_out;
    var sum = 0.0;
    for (var i = u32(first.x); i < u32(end.x); i++) {
        for (var j = u32(first.y); j < u32(end.y); j++) {
            let position = vec3f(f32(i), f32(j), 1.0);
            let at = vec2f(dot(to_row, position), dot(to_column, position));
            let weight = max(vec2f(0.0), 1.0 - abs(at - here));
            sum += weight.x * weight.y * dy[start + i * p.W_out + j];
        }
    }
    dx[index] = sum;
}
