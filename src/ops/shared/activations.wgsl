// Activations by number, as `Function::code` in Rust counts them: 0 none, 1 relu, 2 relu6, 3 leaky relu, 4 silu,
// 5 sigmoid, 6 hard swish, 7 tanh.

// 1 / (1 + e^-x). The argument is clamped because e^x of a large number overflows on some adapters.
fn sigmoid(x: vec4f) -> vec4f {
    let e = exp(-min(abs(x), vec4f(80.0)));
    let smaller = e / (1.0 + e);
    return select(1.0 - smaller, smaller, x < vec4f(0.0));
}

fn activate(function: u32, slope: f32, x: vec4f) -> vec4f {
    switch function {
        case 1u: { return max(x, vec4f(0.0)); }
        case 2u: { return clamp(x, vec4f(0.0), vec4f(6.0)); }
        case 3u: { return select(x * slope, x, x > vec4f(0.0)); }
        case 4u: { return x * sigmoid(x); }
        case 5u: { return sigmoid(x); }
        case 6u: { return x * clamp(x + 3.0, vec4f(0.0), vec4f(6.0)) / 6.0; }
        case 7u: { return 2.0 * sigmoid(2.0 * x) - 1.0; }
        default: { return x; }
    }
}
