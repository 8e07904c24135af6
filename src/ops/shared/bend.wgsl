// min(max(x, 0) + slope · min(x, 0), ceiling): no activation (slope 1), relu, relu6 (ceiling 6) and leaky relu.
fn bend(x: vec4f) -> vec4f {
    return min(max(x, vec4f(0.0)) + p.slope * min(x, vec4f(0.0)), vec4f(p.ceiling));
}
