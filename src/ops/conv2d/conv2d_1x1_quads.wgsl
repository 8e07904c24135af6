// What conv2d_1x1.wgsl computes, where channels and positions come in whole vec4s. With a weight for each picture it is also
// the middle of Winograd's convolution (see winograd_input.wgsl), whose pictures are the points.

#import product_sums
#import put_product

const WG_SIZE = 32u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let place = place_of(index);
    var tile = matrices(sum_products(place));
    var positions = place.positions;
    // Rolled, because it is quicker to run than to compile. What repeats the last vec4 writes it again.
    for (var i = 0u; i < 8u; i++) {
        let quad = place.quad + i / 4u * place.next_quad;
        put_product(tile[i], place.n, quad, positions[i % 4u]);
    }
}
