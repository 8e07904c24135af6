// Sums of a convolution in registers: 4 channels × 8 columns.

struct Sums {
    left: mat4x4f, // a column of the matrix is a position, a row a channel
    right: mat4x4f,
}

// Adds one tap at four positions. fma rather than a product and a sum: software adapters keep every result on the stack.
fn accumulate(sums: mat4x4f, w: vec4f, x: vec4f) -> mat4x4f {
    return mat4x4f(
        fma(w, vec4f(x.x), sums[0]),
        fma(w, vec4f(x.y), sums[1]),
        fma(w, vec4f(x.z), sums[2]),
        fma(w, vec4f(x.w), sums[3]),
    );
}

fn add(sums: Sums, w: vec4f, left: vec4f, right: vec4f) -> Sums {
    return Sums(accumulate(sums.left, w, left), accumulate(sums.right, w, right));
}

// min(max(x, 0) + slope · min(x, 0), ceiling): no activation (slope 1), relu, relu6 (ceiling 6) and leaky relu.
fn bend(x: vec4f) -> vec4f {
    return min(max(x, vec4f(0.0)) + p.slope * min(x, vec4f(0.0)), vec4f(p.ceiling));
}
