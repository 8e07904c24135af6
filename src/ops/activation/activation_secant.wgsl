// dx = dy · (f(x) − f(r)) / (x − r), element by element; the mean of both derivatives where x and r are closer than `closest`.
// Access: one vec4 an invocation, read once.

struct Params {
    base: vec4u,
    count: u32, // vec4s
    slope: f32,
    closest: f32,
}

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> reference: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(4) var<uniform> p: Params;

override FUNCTION: u32; // which activation: a pipeline each, because software adapters run every side of a switch
override FROM_OUTPUT: bool; // whether the derivative is read off the output

const WG_SIZE = 64u;

#import activations
#import activation_derivatives

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let x1 = x[index];
    let x0 = reference[index];
    let y1 = activate(FUNCTION, p.slope, x1);
    let y0 = activate(FUNCTION, p.slope, x0);
    let is_close = abs(x1 - x0) <= vec4f(p.closest);
    let at1 = select(x1, y1, vec4<bool>(FROM_OUTPUT));
    let at0 = select(x0, y0, vec4<bool>(FROM_OUTPUT));
    let tangent = 0.5 * (derivative(FUNCTION, p.slope, at1) + derivative(FUNCTION, p.slope, at0));
    let secant = (y1 - y0) / select(x1 - x0, vec4f(1.0), is_close);
    dx[index] = dy[index] * select(secant, tangent, is_close);
}
