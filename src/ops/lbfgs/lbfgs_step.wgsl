// Coefficients of a step of L-BFGS from inner products of rows: M steps, M changes of the gradient, the gradient. Access: one
// invocation, a few hundred numbers.

struct Params {
    base: vec4u,
    rows: u32, // 2M + 1
}

@group(0) @binding(0) var<storage, read> products: array<f32>;
@group(0) @binding(1) var<storage, read> l1: array<f32>;
@group(0) @binding(2) var<storage, read> rates: array<f32>; // the rate, the most that a step's square may be
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

const WG_SIZE = 64u;
const LEAST_CURVATURE = 1e-10;
const GROWTH = 4.0;
const MOST_ROWS = 21u;

var<private> step: array<f32, MOST_ROWS>;
var<private> shares: array<f32, MOST_ROWS>;

fn product(a: u32, b: u32) -> f32 {
    return products[a * p.rows + b];
}

fn along(row: u32) -> f32 {
    var sum = 0.0;
    for (var other = 0u; other < p.rows; other++) {
        sum += product(row, other) * step[other];
    }
    return sum;
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    if (workgroup.x + p.base.x) * WG_SIZE + local > 0u {
        return;
    }
    let M = p.rows / 2u;
    let last = p.rows - 1u;
    for (var row = 0u; row < p.rows; row++) {
        step[row] = 0.0;
    }
    step[last] = -1.0;
    var scale = 0.0;
    for (var back = 0u; back < M; back++) {
        let i = M - 1u - back;
        let curvature = product(i, M + i);
        if curvature > LEAST_CURVATURE {
            if scale == 0.0 {
                scale = curvature / product(M + i, M + i);
            }
            shares[i] = along(i) / curvature;
            step[M + i] -= shares[i];
        }
    }
    for (var row = 0u; row < p.rows; row++) {
        step[row] *= scale;
    }
    for (var i = 0u; i < M; i++) {
        let curvature = product(i, M + i);
        if curvature > LEAST_CURVATURE {
            step[i] += shares[i] - along(M + i) / curvature;
        }
    }
    if scale == 0.0 || along(last) >= 0.0 {
        let before = product(M - 1u, M - 1u);
        var length = 1.0 / max(l1[0], 1.0);
        if before > 0.0 {
            length = GROWTH * sqrt(before / product(last, last));
        }
        for (var row = 0u; row < p.rows; row++) {
            step[row] = select(0.0, -length, row == last);
        }
    }
    var square = 0.0;
    for (var row = 0u; row < p.rows; row++) {
        square += rates[0] * rates[0] * step[row] * along(row);
    }
    let share = sqrt(min(1.0, rates[1] / max(square, 1e-30)));
    for (var row = 0u; row < p.rows; row++) {
        y[row] = share * rates[0] * step[row];
    }
}
