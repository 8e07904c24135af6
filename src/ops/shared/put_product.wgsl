// Where a product of whole vec4s is written, with bias and activation.

@group(0) @binding(3) var<storage, read_write> dst: array<vec4f>; // [N · C_dst][src_quads]

// Writes four channels at four positions of a picture; a column of the matrix is a position.
fn put_product(sums: mat4x4f, n: u32, quad: u32, position: u32) {
    let shift = load_bias(quad * 4u, 4u);
    let rows = transpose(mat4x4f(
        bend(sums[0] + shift),
        bend(sums[1] + shift),
        bend(sums[2] + shift),
        bend(sums[3] + shift),
    ));
    let first = (n * p.C_dst + quad * 4u) * p.src_quads + position;
    dst[first] = rows[0];
    dst[first + p.src_quads] = rows[1];
    dst[first + 2u * p.src_quads] = rows[2];
    dst[first + 3u * p.src_quads] = rows[3];
}
