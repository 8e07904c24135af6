// a + b, a − b, a · b, or a alone, with extents of 1 repeated (strides of 0). Access: one value an invocation.

struct Params {
    base: vec4u,
    extents: vec4u, // N, C, H, W of the result
    a_strides: vec4u,
    b_strides: vec4u,
    count: u32,
    operation: u32, // 0 add, 1 subtract, 2 multiply, 3 a alone
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 64u;

fn offset(position: vec4u, strides: vec4u) -> u32 {
    let products = position * strides;
    return products.x + products.y + products.z + products.w;
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let row = index / p.extents.w;
    let channel = row / p.extents.z;
    let position = vec4u(
        channel / p.extents.y,
        channel % p.extents.y,
        row % p.extents.z,
        index % p.extents.w,
    );
    let left = a[offset(position, p.a_strides)];
    let right = b[offset(position, p.b_strides)];
    switch p.operation {
        case 0u: { y[index] = left + right; }
        case 1u: { y[index] = left - right; }
        case 2u: { y[index] = left * right; }
        default: { y[index] = left; }
    }
}
