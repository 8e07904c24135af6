// dx = dy · f′(v), element by element; v is the activation's output where its derivative can be read off it (relu, relu6,
// sigmoid, tanh), else its input. At the kinks the derivatives are PyTorch's. Access: one vec4 an invocation, read once.

struct Params {
    base: vec4u,
    count: u32, // vec4s
    slope: f32,
}

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> at: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

override FUNCTION: u32; // which activation: a pipeline each, because software adapters run every side of a switch

const WG_SIZE = 64u;

#import activations
#import activation_derivatives

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    dx[index] = dy[index] * derivative(FUNCTION, p.slope, at[index]);
}
