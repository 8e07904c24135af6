// What conv2d_1x1_quads.wgsl computes, with operands shared: a workgroup loads a tile of weights and one of src into its memory,
// 16 channels of src at a time, and uses each value 64 times. That pays where such memory is much nearer than buffers; software
// adapters have none.
//
// Access: a workgroup computes 64 channels × 64 positions, an invocation 8 × 8 of them. Its two quads of each lie eight apart,
// so that neighbours read neighbours.

#import product_block
#import conv_sums
#import put_product

const WG_SIZE = 64u;
const SIDE = 16u; // vec4s of a tile's channels, and of its positions
const DEPTH = 16u; // channels of src a turn
const HALF = SIDE / 2u;

var<workgroup> weight_tile: array<vec4f, DEPTH * SIDE>; // [DEPTH][SIDE]
var<workgroup> src_tile: array<vec4f, DEPTH * SIDE>; // [DEPTH][SIDE]

fn load_tiles(n: u32, first_channel: u32, quad: u32, position: u32, local: u32) {
    let quads = p.C_dst / 4u;
    for (var i = local; i < DEPTH * SIDE; i += WG_SIZE) {
        let c = first_channel + i / SIDE;
        let at_quad = quad + i % SIDE;
        var w = vec4f(0.0);
        if (c < p.C_src) & (at_quad < quads) {
            w = weights[n * p.weight_step + c * quads + at_quad];
        }
        weight_tile[i] = w;
        let at_position = position + i % SIDE;
        var x = vec4f(0.0);
        if (c < p.C_src) & (at_position < p.src_quads) {
            x = src[(n * p.C_src + c) * p.src_quads + at_position];
        }
        src_tile[i] = x;
    }
}

fn put(sums: mat4x4f, n: u32, quad: u32, position: u32) {
    if (quad * 4u < p.C_dst) & (position < p.src_quads) {
        put_product(sums, n, quad, position);
    }
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    // Positions vary fastest, then channels, pictures; an index is a workgroup's.
    let index = workgroup.x + p.base.x;
    let position = index % p.tiles * SIDE;
    let quad_tiles = (p.C_dst / 4u + SIDE - 1u) / SIDE;
    let quad = index / p.tiles % quad_tiles * SIDE;
    let n = index / (p.tiles * quad_tiles);
    let own_quad = local / HALF;
    let own_position = local % HALF;

    var low_left = mat4x4f();
    var low_right = mat4x4f();
    var high_left = mat4x4f();
    var high_right = mat4x4f();
    for (var c = 0u; c < p.C_src; c += DEPTH) {
        load_tiles(n, c, quad, position, local);
        workgroupBarrier();
        for (var k = 0u; k < DEPTH * SIDE; k += SIDE) {
            let low = weight_tile[k + own_quad];
            let high = weight_tile[k + own_quad + HALF];
            let left = src_tile[k + own_position];
            let right = src_tile[k + own_position + HALF];
            low_left = accumulate(low_left, low, left);
            low_right = accumulate(low_right, low, right);
            high_left = accumulate(high_left, high, left);
            high_right = accumulate(high_right, high, right);
        }
        workgroupBarrier();
    }
    put(low_left, n, quad + own_quad, position + own_position);
    put(low_right, n, quad + own_quad, position + own_position + HALF);
    put(high_left, n, quad + own_quad + HALF, position + own_position);
    put(high_right, n, quad + own_quad + HALF, position + own_position + HALF);
}
