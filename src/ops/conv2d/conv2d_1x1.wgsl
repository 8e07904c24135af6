// Convolution with 1×1 kernels at stride 1 without padding or groups, and its gradient to the input: a product of the weight
// with the channels of each picture (see product_sums.wgsl); with bias, residual and activation, for any numbers of channels
// and positions.

#import product_sums
#import load_residual

@group(0) @binding(3) var<storage, read> residual: array<f32>; // of dst's shape
@group(0) @binding(4) var<storage, read_write> dst: array<f32>;

const WG_SIZE = 32u;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    let place = place_of(index);
    var tile = matrices(sum_products(place));
    let position = index % p.tiles * 16u;
    for (var i = 0u; i < 32u; i++) {
        let first = (place.quad + i / 16u) * 4u;
        let at = position + i % 16u;
        let start = (place.n * p.C_dst + first) * p.plane + at;
        let channels = select(0, i32(p.C_dst) - i32(first), at < p.plane);
        let value = tile[i / 4u][i % 4u] + load_residual(i32(start), i32(p.plane), channels);
        for (var j = 0u; j < 4u; j++) {
            if i32(j) < channels {
                let shift = select(0.0, bias[first + j], p.has_bias != 0u);
                dst[start + j * p.plane] = bend(value + shift)[j];
            }
        }
    }
}
