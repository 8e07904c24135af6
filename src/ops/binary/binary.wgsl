// a + b, a − b or a · b of two tensors of one shape. Access: one vec4 an invocation, read once.

struct Params {
    base: vec4u,
    count: u32, // vec4s
    operation: u32, // 0 add, 1 subtract, 2 multiply
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 64u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    switch p.operation {
        case 0u: { y[index] = a[index] + b[index]; }
        case 1u: { y[index] = a[index] - b[index]; }
        default: { y[index] = a[index] * b[index]; }
    }
}
