// Copies a run of neighbouring values a picture from one tensor into another at other strides and offsets: channels put
// one after another, or a range of them. Access: one value an invocation.

struct Params {
    base: vec4u,
    count: u32,
    run: u32, // values a picture
    x_start: u32,
    x_stride: u32, // from picture to picture
    y_start: u32,
    y_stride: u32,
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
    let n = index / p.run;
    let i = index % p.run;
    y[p.y_start + n * p.y_stride + i] = x[p.x_start + n * p.x_stride + i];
}
