// Winograd's convolution F(4×4, 3×3) of a picture (Lavin and Gray 2016, https://arxiv.org/abs/1509.09308), first step: tiles
// of 6×6 values, four apart, become 36 points each, Bᵀ d B. At every point the tiles of all channels are then multiplied with
// the weights' point as matrices (conv2d_1x1_quads.wgsl), and winograd_output.wgsl turns points into 4×4 values: 36
// multiplications a channel where a plain sum needs 144.
//
// Access: an invocation transforms four neighbouring tiles of a channel, which share 6 rows × 18 columns; a vec4 holds the
// four tiles at one point. Loops are rolled, because they are quicker to run than to compile.

struct Params {
    base: vec4u,
    src_size: vec2i, // H, W
    before: vec2i, // zeros above and at the left
    tiles: vec2u, // rows of tiles, vec4s of tiles a row
    C_src: u32,
    count: u32, // invocations with work
}

@group(0) @binding(0) var<storage, read> src: array<f32>; // [N][C_src][H][W]
@group(0) @binding(1) var<storage, read_write> points: array<vec4f>; // [36][C_src][N][tiles.x][tiles.y]
@group(0) @binding(2) var<uniform> p: Params;

const WG_SIZE = 32u;

// Four neighbouring values of the row that starts at `row`, or −1 if it lies outside; zero outside.
fn load_four(row: i32, x: i32) -> vec4f {
    let columns = vec4i(x) + vec4i(0, 1, 2, 3);
    let inside = (vec4u(columns) < vec4u(u32(p.src_size.y))) & vec4<bool>(row >= 0);
    let i = select(vec4i(0), vec4i(row) + columns, inside);
    return select(vec4f(0.0), vec4f(src[i.x], src[i.y], src[i.z], src[i.w]), inside);
}

// Six values of four tiles become six points: Bᵀ d.
fn spread(d: array<vec4f, 6>) -> array<vec4f, 6> {
    let even = d[4] - 4.0 * d[2];
    let odd = d[3] - 4.0 * d[1];
    let far = d[4] - d[2];
    let step = 2.0 * (d[3] - d[1]);
    return array<vec4f, 6>(
        4.0 * d[0] - 5.0 * d[2] + d[4],
        even + odd,
        even - odd,
        far + step,
        far - step,
        4.0 * d[1] - 5.0 * d[3] + d[5],
    );
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Columns vary fastest, then rows, pictures, channels.
    let column = index % p.tiles.y;
    let row = index / p.tiles.y % p.tiles.x;
    let picture_step = p.tiles.x * p.tiles.y;
    let pictures = p.count / (p.C_src * picture_step);
    let n = index / picture_step % pictures;
    let c = index / (picture_step * pictures);

    let plane = i32(n * p.C_src + c) * p.src_size.x * p.src_size.y;
    let first = vec2i(i32(row) * 4, i32(column) * 16) - p.before;
    var rows: array<array<vec4f, 6>, 6>;
    for (var i = 0; i < 6; i++) {
        let y = first.x + i;
        let start = select(-1, plane + y * p.src_size.y, (y >= 0) & (y < p.src_size.x));
        let quads = mat4x4f(
            load_four(start, first.y),
            load_four(start, first.y + 4),
            load_four(start, first.y + 8),
            load_four(start, first.y + 12),
        );
        let last = load_four(start, first.y + 16);
        let d = transpose(quads);
        rows[i] = spread(array<vec4f, 6>(
            d[0],
            d[1],
            d[2],
            d[3],
            vec4f(d[0].yzw, last.x),
            vec4f(d[1].yzw, last.y),
        ));
    }
    for (var j = 0u; j < 6u; j++) {
        let column = spread(array<vec4f, 6>(rows[0][j], rows[1][j], rows[2][j], rows[3][j], rows[4][j], rows[5][j]));
        let at = j * p.count + index;
        points[at] = column[0];
        points[at + 6u * p.count] = column[1];
        points[at + 12u * p.count] = column[2];
        points[at + 18u * p.count] = column[3];
        points[at + 24u * p.count] = column[4];
        points[at + 30u * p.count] = column[5];
    }
}
