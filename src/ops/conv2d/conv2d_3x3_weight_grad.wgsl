// Gradient to the weight of a convolution with 3×3 kernels at stride and dilation 1: dw[o, c, k_y, k_x] = Σ over pictures and
// positions of dy[o] · x[c]. x and dy come padded in rows of vec4s (see pad_rows.wgsl), dy with two rows of zeros above.
// Strips of 8 columns, in pieces of some rows, are the runs of the sum; a part takes some of them, [parts][weight], and `sum`
// adds the parts. conv2d_strips_weight_grad.wgsl serves other kernels; carrying sums for those makes this one 6 to 10 % slower.
//
// Access: an invocation computes 4 output channels × 2 input channels × 9 taps, 8 columns a turn. It goes down its strip, so
// that a row of x is loaded once and stays for the two turns after; a value of dy is used 18 times, one of x 36 times.

struct Params {
    base: vec4u,
    rows: u32, // of a padded plane
    x_quads: u32, // vec4s a row of x
    y_quads: u32, // vec4s a row of dy
    groups: u32,
    C_in: u32, // a group
    C_out: u32, // a group
    strips: u32, // of a picture
    pieces: u32, // of a strip
    length: u32, // rows of dy a piece
    runs: u32, // pieces a part
    all: u32, // pieces of all strips and pictures
    count: u32, // invocations with work
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>; // [N · groups · C_in][rows][x_quads]
@group(0) @binding(1) var<storage, read> dy: array<vec4f>; // [N · groups · C_out][rows][y_quads]
@group(0) @binding(2) var<storage, read_write> sums_out: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 32u;

#import strip_runs

// Ten neighbouring values of a row.
struct Row {
    a: vec4f,
    b: vec4f,
    c: vec2f,
}

fn load_row(at: u32) -> Row {
    return Row(x[at], x[at + 1u], vec2f(x[at + 2u].x, x[at + 2u].y));
}

// The three taps of a row, summed over 8 columns.
fn taps(left: vec4f, right: vec4f, row: Row) -> vec3f {
    return vec3f(
        dot(left, row.a) + dot(right, row.b),
        dot(left, vec4f(row.a.yzw, row.b.x)) + dot(right, vec4f(row.b.yzw, row.c.x)),
        dot(left, vec4f(row.a.zw, row.b.xy)) + dot(right, vec4f(row.b.zw, row.c)),
    );
}

fn all_taps(left: vec4f, right: vec4f, row0: Row, row1: Row, row2: Row) -> mat3x3f {
    return mat3x3f(taps(left, right, row0), taps(left, right, row1), taps(left, right, row2));
}

// Writes the taps of one pair of channels.
fn store(sums: mat3x3f, start: u32, o: u32, c: u32) {
    if (o < p.C_out) & (c < p.C_in) {
        let at = start + (o * p.C_in + c) * 9u;
        for (var i = 0u; i < 9u; i++) {
            sums_out[at + i] = sums[i / 3u][i % 3u];
        }
    }
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    var index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Input channels vary fastest, then output channels, groups, parts.
    let c_tiles = (p.C_in + 1u) / 2u;
    let c = index % c_tiles * 2u;
    index /= c_tiles;
    let o_tiles = (p.C_out + 3u) / 4u;
    let o = index % o_tiles * 4u;
    index /= o_tiles;
    let group = index % p.groups;
    let part = index / p.groups;

    // Channels past the end repeat the last one and are not written.
    let x_plane = p.rows * p.x_quads;
    let y_plane = p.rows * p.y_quads;
    let x_channels = min(vec2u(0u, 1u) + c, vec2u(p.C_in - 1u)) * x_plane;
    let y_channels = min(vec4u(0u, 1u, 2u, 3u) + o, vec4u(p.C_out - 1u)) * y_plane;

    // sums01 is that of output channel 0 and input channel 1.
    var sums00 = mat3x3f();
    var sums01 = mat3x3f();
    var sums10 = mat3x3f();
    var sums11 = mat3x3f();
    var sums20 = mat3x3f();
    var sums21 = mat3x3f();
    var sums30 = mat3x3f();
    var sums31 = mat3x3f();
    // The two rows of each input channel above the current one.
    var above0 = Row();
    var before0 = Row();
    var above1 = Row();
    var before1 = Row();
    let first = part * p.runs;
    var run = run_of(first, p.pieces, p.strips);
    let run_rows = p.length + 2u;
    let turns = (min(first + p.runs, p.all) - first) * run_rows;
    for (var turn = 0u; turn < turns; turn++) {
        // The first two rows of a piece meet dy's zeros: they bring what the third needs.
        let row = run.piece * p.length + run.step;
        let y_row = select(row, 0u, run.step < 2u);
        let x_start = (run.n * p.groups + group) * p.C_in * x_plane + row * p.x_quads + run.strip * 2u;
        let y_start = (run.n * p.groups + group) * p.C_out * y_plane + y_row * p.y_quads + run.strip * 2u;
        let row0 = load_row(x_start + x_channels.x);
        let row1 = load_row(x_start + x_channels.y);
        let l0 = dy[y_start + y_channels.x];
        let r0 = dy[y_start + y_channels.x + 1u];
        sums00 += all_taps(l0, r0, above0, before0, row0);
        sums01 += all_taps(l0, r0, above1, before1, row1);
        let l1 = dy[y_start + y_channels.y];
        let r1 = dy[y_start + y_channels.y + 1u];
        sums10 += all_taps(l1, r1, above0, before0, row0);
        sums11 += all_taps(l1, r1, above1, before1, row1);
        let l2 = dy[y_start + y_channels.z];
        let r2 = dy[y_start + y_channels.z + 1u];
        sums20 += all_taps(l2, r2, above0, before0, row0);
        sums21 += all_taps(l2, r2, above1, before1, row1);
        let l3 = dy[y_start + y_channels.w];
        let r3 = dy[y_start + y_channels.w + 1u];
        sums30 += all_taps(l3, r3, above0, before0, row0);
        sums31 += all_taps(l3, r3, above1, before1, row1);
        above0 = before0;
        before0 = row0;
        above1 = before1;
        before1 = row1;
        run = next_step(run, run_rows, p.pieces, p.strips);
    }

    let start = (part * p.groups + group) * p.C_out * p.C_in * 9u;
    store(sums00, start, o, c);
    store(sums01, start, o, c + 1u);
    store(sums10, start, o + 1u, c);
    store(sums11, start, o + 1u, c + 1u);
    store(sums20, start, o + 2u, c);
    store(sums21, start, o + 2u, c + 1u);
    store(sums30, start, o + 3u, c);
    store(sums31, start, o + 3u, c + 1u);
}
