// What conv2d_1x1_quads.wgsl computes, in smaller tiles: 4 channels × 4 positions an invocation. That loads more for each
// product, and gives a large device enough invocations to run.

#import product_block
#import conv_sums
#import put_product

const WG_SIZE = 32u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Positions vary fastest, then channels, pictures.
    let position = index % p.tiles;
    let quads = p.C_dst / 4u;
    let quad = index / p.tiles % quads;
    let n = index / (p.tiles * quads);

    var at = n * p.C_src * p.src_quads + position;
    var at_weight = n * p.weight_step + quad;
    var sums = mat4x4f();
    for (var c = 0u; c < p.C_src; c++) {
        sums = accumulate(sums, weights[at_weight], src[at]);
        at += p.src_quads;
        at_weight += quads;
    }
    put_product(sums, n, quad, position);
}
