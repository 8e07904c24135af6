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

#import bend

// The bias of four channels, as far as there are any.
fn load_bias(first: u32, channels: u32) -> vec4f {
    var values = vec4f(0.0);
    if p.has_bias != 0u {
        for (var channel = 0u; channel < channels; channel++) {
            values[channel] = bias[first + channel];
        }
    }
    return values;
}
