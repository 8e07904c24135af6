// Planes copied into rows of whole vec4s with zeros around them, [planes][rows][quads]. With a step, each plane becomes as
// many as there are remainders of rows and columns, [planes][step.x][step.y][rows][quads].
// Access: one invocation a vec4; neighbours read neighbours.

struct Params {
    base: vec4u,
    size: vec2i, // H, W of a plane that is read
    before: vec2i, // zeros above and at the left; what is below 0 is left out
    step: vec2u,
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
    let phase = row / p.rows % (p.step.x * p.step.y);
    let plane = row / (p.rows * p.step.x * p.step.y);
    let columns = (vec4u(index % p.quads * 4u) + vec4u(0u, 1u, 2u, 3u)) * p.step.y + phase % p.step.y;
    let x = vec4i(columns) - p.before.y;
    let y = i32(row % p.rows * p.step.x + phase / p.step.y) - p.before.x;
    let start = i32(plane) * p.size.x * p.size.y + y * p.size.y;
    let inside = (vec4u(x) < vec4u(u32(p.size.y))) & vec4<bool>(u32(y) < u32(p.size.x));
    let i = select(vec4i(0), start + x, inside);
    dst[index] = select(vec4f(0.0), vec4f(src[i.x], src[i.y], src[i.z], src[i.w]), inside);
}
