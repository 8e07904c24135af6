// Derivatives of the activations by number; needs `activations`. v is the activation's output where its derivative can be
// read off it (relu, relu6, sigmoid, tanh), else its input. At the kinks the derivatives are PyTorch's.
fn derivative(function: u32, slope: f32, v: vec4f) -> vec4f {
    let zero = vec4f(0.0);
    let one = vec4f(1.0);
    switch function {
        case 1u: { return select(zero, one, v > zero); }
        case 2u: { return select(zero, one, (v > zero) & (v < vec4f(6.0))); }
        case 3u: { return select(vec4f(slope), one, v > zero); }
        case 4u: {
            let s = sigmoid(v);
            return s * (1.0 + v * (1.0 - s));
        }
        case 5u: { return v * (1.0 - v); }
        case 6u: {
            let inner = select(one, v / 3.0 + 0.5, v < vec4f(3.0));
            return select(inner, zero, v <= vec4f(-3.0));
        }
        case 7u: { return 1.0 - v * v; }
        default: { return one; }
    }
}
