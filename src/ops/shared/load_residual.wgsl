#import residual

// What is added to the first `count` of four values of dst, which stand `step` apart from `at` on.
fn load_residual(at: i32, step: i32, count: i32) -> vec4f {
    var values = vec4f(0.0);
    if RESIDUAL != 0u {
        for (var i = 0; i < min(count, 4); i++) {
            values[i] = residual[at + i * step];
        }
    }
    return values;
}
