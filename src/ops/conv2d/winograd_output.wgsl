// Winograd's convolution F(4×4, 3×3), last step (see winograd_input.wgsl): 36 points become 4×4 values, Aᵀ m A; with bias,
// residual and activation.
//
// Access: an invocation transforms four neighbouring tiles of a channel into 4 rows × 16 columns.

struct Params {
    base: vec4u,
    dst_size: vec2u, // H, W
    tiles: vec2u, // rows of tiles, vec4s of tiles a row
    C_dst: u32,
    channel_step: u32, // invocations a channel
    count: u32, // invocations with work
    has_bias: u32,
    slope: f32, // of the activation, below zero
    ceiling: f32, // of the activation
}

@group(0) @binding(0) var<storage, read> points: array<vec4f>; // [36][C_dst, to 4][N][tiles.x][tiles.y]
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> residual: array<f32>; // of dst's shape
@group(0) @binding(3) var<storage, read_write> dst: array<f32>; // [N][C_dst][H][W]
@group(0) @binding(4) var<uniform> p: Params;

const WG_SIZE = 32u;

// Six points of four tiles become four values: Aᵀ m.
fn gather(m: array<vec4f, 6>) -> mat4x4f {
    let near = m[1] + m[2];
    let near_odd = m[1] - m[2];
    let far = m[3] + m[4];
    let far_odd = m[3] - m[4];
    return mat4x4f(
        m[0] + near + far,
        near_odd + 2.0 * far_odd,
        near + 4.0 * far,
        near_odd + 8.0 * far_odd + m[5],
    );
}

#import bend
#import load_residual

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Columns vary fastest, then rows, pictures, channels.
    let column = index % p.tiles.y;
    let row = index / p.tiles.y % p.tiles.x;
    let n = index % p.channel_step / (p.tiles.x * p.tiles.y);
    let channel = index / p.channel_step;

    let point_step = (p.C_dst + 3u) / 4u * 4u * p.channel_step;
    var rows: array<mat4x4f, 6>;
    for (var i = 0u; i < 6u; i++) {
        let at = i * 6u * point_step + index;
        rows[i] = gather(array<vec4f, 6>(
            points[at],
            points[at + point_step],
            points[at + 2u * point_step],
            points[at + 3u * point_step],
            points[at + 4u * point_step],
            points[at + 5u * point_step],
        ));
    }
    let shift = vec4f(select(0.0, bias[channel], p.has_bias != 0u));
    let plane = (n * p.C_dst + channel) * p.dst_size.x * p.dst_size.y;
    for (var j = 0u; j < 4u; j++) {
        var values = gather(array<vec4f, 6>(rows[0][j], rows[1][j], rows[2][j], rows[3][j], rows[4][j], rows[5][j]));
        let x = vec4u(column * 16u + j) + vec4u(0u, 4u, 8u, 12u);
        for (var i = 0u; i < 4u; i++) {
            let y = row * 4u + i;
            let start = plane + y * p.dst_size.y;
            let inside = (x < vec4u(p.dst_size.y)) & vec4<bool>(y < p.dst_size.x);
            let count = select(0, (i32(p.dst_size.y) - i32(x.x) + 3) / 4, y < p.dst_size.x);
            let value = bend(values[i] + shift + load_residual(i32(start + x.x), 4, count));
            if inside.x {
                dst[start + x.x] = value.x;
            }
            if inside.y {
                dst[start + x.y] = value.y;
            }
            if inside.z {
                dst[start + x.z] = value.z;
            }
            if inside.w {
                dst[start + x.w] = value.w;
            }
        }
    }
}
