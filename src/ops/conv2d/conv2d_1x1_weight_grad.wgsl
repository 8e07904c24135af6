// Gradient to the weight of a convolution with 1×1 kernels at stride 1 without padding or groups: dw[o, c] = Σ over pictures
// and positions of dy[o] · x[c], planes of whole vec4s. The vec4s of all pictures are cut into parts, [parts][weight], that
// `sum` adds.
//
// Access: an invocation computes 8 output × 8 input channels for one part; each vec4 is used 8 times.

struct Params {
    base: vec4u,
    quads: u32, // vec4s a plane
    C_in: u32,
    C_out: u32,
    chunk: u32, // vec4s a part
    all: u32, // vec4s of all pictures' planes
    count: u32, // invocations with work
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>; // [N · C_in][quads]
@group(0) @binding(1) var<storage, read> dy: array<vec4f>; // [N · C_out][quads]
@group(0) @binding(2) var<storage, read_write> sums_out: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 32u;

// Inner products of four rows of dy with one of x.
fn inner(d: mat4x4f, x: vec4f) -> vec4f {
    return vec4f(dot(d[0], x), dot(d[1], x), dot(d[2], x), dot(d[3], x));
}

// Column c of the matrix is input channel c, row o output channel o.
fn products(d: mat4x4f, x: mat4x4f) -> mat4x4f {
    return mat4x4f(inner(d, x[0]), inner(d, x[1]), inner(d, x[2]), inner(d, x[3]));
}

fn store(sums: mat4x4f, start: u32, o: u32, c: u32) {
    for (var j = 0u; j < 4u; j++) {
        if c + j < p.C_in {
            for (var i = 0u; i < 4u; i++) {
                if o + i < p.C_out {
                    sums_out[start + (o + i) * p.C_in + c + j] = sums[j][i];
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
    // Input channels vary fastest, then output channels, parts.
    let c_tiles = (p.C_in + 7u) / 8u;
    let c = index % c_tiles * 8u;
    index /= c_tiles;
    let o_tiles = (p.C_out + 7u) / 8u;
    let o = index % o_tiles * 8u;
    let part = index / o_tiles;

    // Channels past the end repeat the last one and are not written.
    let quads = p.quads;
    let c_low = min(vec4u(0u, 1u, 2u, 3u) + c, vec4u(p.C_in - 1u)) * quads;
    let c_high = min(vec4u(4u, 5u, 6u, 7u) + c, vec4u(p.C_in - 1u)) * quads;
    let o_low = min(vec4u(0u, 1u, 2u, 3u) + o, vec4u(p.C_out - 1u)) * quads;
    let o_high = min(vec4u(4u, 5u, 6u, 7u) + o, vec4u(p.C_out - 1u)) * quads;
    var low_low = mat4x4f();
    var low_high = mat4x4f();
    var high_low = mat4x4f();
    var high_high = mat4x4f();
    let end = min((part + 1u) * p.chunk, p.all);
    for (var i = part * p.chunk; i < end; i++) {
        let n = i / quads;
        let at_x = n * p.C_in * quads + i % quads;
        let at_y = n * p.C_out * quads + i % quads;
        let xl = at_x + c_low;
        let xh = at_x + c_high;
        let dl = at_y + o_low;
        let dh = at_y + o_high;
        let d_low = mat4x4f(dy[dl.x], dy[dl.y], dy[dl.z], dy[dl.w]);
        let d_high = mat4x4f(dy[dh.x], dy[dh.y], dy[dh.z], dy[dh.w]);
        let x_low = mat4x4f(x[xl.x], x[xl.y], x[xl.z], x[xl.w]);
        low_low += products(d_low, x_low);
        high_low += products(d_high, x_low);
        let x_high = mat4x4f(x[xh.x], x[xh.y], x[xh.z], x[xh.w]);
        low_high += products(d_low, x_high);
        high_high += products(d_high, x_high);
    }
    let start = part * p.C_out * p.C_in;
    store(low_low, start, o, c);
    store(low_high, start, o, c + 4u);
    store(high_low, start, o + 4u, c);
    store(high_high, start, o + 4u, c + 4u);
}
