// Planes copied into rows of whole vec4s with zeros around them, [planes][rows][quads].
// Access: one invocation a vec4; neighbours read neighbours.

struct Params {
    base: vec4u,
    size: vec2i, // H, W of a plane that is read
    before: vec2i, // zeros above and at the left; what is below 0 is left out
    rows: u32,
    quads: u32, // vec4s a row
    count: u32, // vec4s to write
}

@group(0) @binding(0) var<storage, read> src: array<f32>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4f>;
@group(0) @binding(2) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let row = index / p.quads;
    let x = vec4i(i32(index % p.quads) * 4 - p.before.y) + vec4i(0, 1, 2, 3);
    let y = i32(row % p.rows) - p.before.x;
    let start = i32(row / p.rows) * p.size.x * p.size.y + y * p.size.y;
    let inside = (vec4u(x) < vec4u(u32(p.size.y))) & vec4<bool>(u32(y) < u32(p.size.x));
    let i = select(vec4i(0), start + x, inside);
    dst[index] = select(vec4f(0.0), vec4f(src[i.x], src[i.y], src[i.z], src[i.w]), inside);
}
