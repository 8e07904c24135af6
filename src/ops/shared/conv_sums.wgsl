// Sums of a convolution in registers: 4 channels × 8 columns.

struct Sums {
    left: mat4x4f, // a column of the matrix is a position, a row a channel
    right: mat4x4f,
}

fn outer(w: vec4f, x: vec4f) -> mat4x4f {
    return mat4x4f(w * x.x, w * x.y, w * x.z, w * x.w);
}

fn add(sums: Sums, w: vec4f, left: vec4f, right: vec4f) -> Sums {
    return Sums(sums.left + outer(w, left), sums.right + outer(w, right));
}

// min(max(x, 0) + slope · min(x, 0), ceiling): no activation (slope 1), relu, relu6 (ceiling 6) and leaky relu.
fn bend(x: vec4f) -> vec4f {
    return min(max(x, vec4f(0.0)) + p.slope * min(x, vec4f(0.0)), vec4f(p.ceiling));
}
