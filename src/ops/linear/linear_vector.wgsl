// y[n, m] = Σ_k W[m, k] · x[n, k] + bias[m] for few pictures: a workgroup computes four outputs of one picture, its
// invocations share the sum. Access: neighbours read neighbouring k; x is used four times, W once.

struct Params {
    base: vec4u,
    K: u32,
    M: u32,
    quads: u32, // workgroups a picture
    has_bias: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

const WG_SIZE = 64u;

var<workgroup> sh_sums: array<vec4f, WG_SIZE>;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = workgroup.x + p.base.x;
    let n = index / p.quads;
    let m = index % p.quads * 4u;
    // Outputs past the last repeat it and are not written.
    let rows = min(vec4u(0u, 1u, 2u, 3u) + m, vec4u(p.M - 1u)) * p.K;
    var sum = vec4f(0.0);
    for (var k = local; k < p.K; k += WG_SIZE) {
        let w = vec4f(
            weights[rows.x + k],
            weights[rows.y + k],
            weights[rows.z + k],
            weights[rows.w + k],
        );
        sum += w * x[n * p.K + k];
    }
    sh_sums[local] = sum;
    workgroupBarrier();
    for (var half = WG_SIZE / 2u; half > 0u; half /= 2u) {
        if local < half {
            sh_sums[local] += sh_sums[local + half];
        }
        workgroupBarrier();
    }
    if local < 4u && m + local < p.M {
        var value = sh_sums[0][local];
        if p.has_bias != 0u {
            value += bias[m + local];
        }
        y[n * p.M + m + local] = value;
    }
}
