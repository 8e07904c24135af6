// Where a product of whole vec4s is written, with bias, residual and activation.

#import residual

@group(0) @binding(3) var<storage, read> residual: array<vec4f>; // as dst
@group(0) @binding(4) var<storage, read_write> dst: array<vec4f>; // [N · C_dst][src_quads]

// Writes four positions of a channel.
fn put_quad(values: vec4f, at: u32) {
    var sum = values;
    if RESIDUAL != 0u {
        sum += residual[at];
    }
    dst[at] = bend(sum);
}

// Writes four channels at four positions of a picture; a column of the matrix is a position.
fn put_product(sums: mat4x4f, n: u32, quad: u32, position: u32) {
    let shift = load_bias(quad * 4u, 4u);
    let rows = transpose(mat4x4f(sums[0] + shift, sums[1] + shift, sums[2] + shift, sums[3] + shift));
    let first = (n * p.C_dst + quad * 4u) * p.src_quads + position;
    put_quad(rows[0], first);
    put_quad(rows[1], first + p.src_quads);
    put_quad(rows[2], first + 2u * p.src_quads);
    put_quad(rows[3], first + 3u * p.src_quads);
}
