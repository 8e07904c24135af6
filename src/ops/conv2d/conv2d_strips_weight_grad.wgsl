// Gradient to the weight of a convolution at dilation 1 with more than one tap: dw[o, c, k_y, k_x] = Σ over pictures and
// positions of dy[o] · x[c]. x and dy come padded in rows of vec4s (see pad_rows.wgsl): x as one plane for each remainder of a
// stride, over which the stride is 1, and dy with ROWS − 1 rows of zeros above. Strips of 8 columns, in pieces of some rows,
// are the runs of the sum; a part takes some of them, [parts][weight], and `sum` adds the parts.
//
// Access: an invocation computes 4 output channels × ROWS × COLUMNS taps of one plane of x, 8 columns a turn. Of 4×4 taps a value
// of dy is used 16 times, one of x 64 times.

struct Params {
    base: vec4u,
    rows: u32, // of a padded plane
    x_quads: u32, // vec4s a row of x
    y_quads: u32, // vec4s a row of dy
    groups: u32,
    C_in: u32, // a group
    C_out: u32, // a group
    kernel: vec2u, // K_h, K_w
    step: vec2u, // strides of rows, columns
    tiles: vec2u, // of ROWS and of COLUMNS taps, a plane of x
    strips: u32, // of a picture
    pieces: u32, // of a strip
    length: u32, // rows of dy a piece
    runs: u32, // pieces a part
    all: u32, // pieces of all strips and pictures
    count: u32, // invocations with work
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>; // [N · groups · C_in][step.x][step.y][rows][x_quads]
@group(0) @binding(1) var<storage, read> dy: array<vec4f>; // [N · groups · C_out][rows][y_quads]
@group(0) @binding(2) var<storage, read_write> sums_out: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 32u;

#import strip_runs

#import tap_sums

// No more than a row of taps reaches.
fn load_row(at: u32) -> Row {
    var row = Row(x[at], x[at + 1u], vec4f(0.0));
    if COLUMNS > 1u {
        row.c.x = x[at + 2u].x;
    }
    if COLUMNS > 2u {
        row.c.y = x[at + 2u].y;
    }
    if COLUMNS > 3u {
        row.c.z = x[at + 2u].z;
    }
    if COLUMNS > 4u {
        row.c.w = x[at + 2u].w;
    }
    return row;
}

// Where an invocation's sums stand.
struct Place {
    part: u32,
    group: u32,
    c: u32,
    tap: vec2u, // the first: row, column
}

// Writes the taps that there are of one output channel.
fn store(sums: Sums, place: Place, o: u32) {
    if o >= p.C_out {
        return;
    }
    let pair = ((place.part * p.groups + place.group) * p.C_out + o) * p.C_in + place.c;
    let start = pair * p.kernel.x * p.kernel.y;
    var rows = rows_of_taps(sums);
    for (var i = 0u; i < ROWS; i++) {
        let row = place.tap.x + i * p.step.x;
        for (var j = 0u; j < COLUMNS; j++) {
            let column = place.tap.y + j * p.step.y;
            if (row < p.kernel.x) & (column < p.kernel.y) {
                sums_out[start + row * p.kernel.y + column] = tap(rows[i], j);
            }
        }
    }
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    var index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Tiles of taps vary fastest, then planes of x, output channels, groups, parts.
    let phases = p.step.x * p.step.y;
    let planes = p.C_in * phases;
    let first_column = index % p.tiles.y * COLUMNS;
    index /= p.tiles.y;
    let first_row = index % p.tiles.x * ROWS;
    index /= p.tiles.x;
    let plane = index % planes;
    index /= planes;
    let o_tiles = (p.C_out + 3u) / 4u;
    let o = index % o_tiles * 4u;
    index /= o_tiles;
    let group = index % p.groups;
    let part = index / p.groups;

    // Channels past the end repeat the last one and are not written.
    let y_plane = p.rows * p.y_quads;
    let y_channels = min(vec4u(0u, 1u, 2u, 3u) + o, vec4u(p.C_out - 1u)) * y_plane;
    let x_first = (plane * p.rows + first_row) * p.x_quads + first_column / 4u;

    var sums0 = Sums();
    var sums1 = Sums();
    var sums2 = Sums();
    var sums3 = Sums();
    var rows = Rows();
    let first = part * p.runs;
    var run = run_of(first, p.pieces, p.strips);
    let run_rows = p.length + ROWS - 1u;
    let turns = (min(first + p.runs, p.all) - first) * run_rows;
    for (var turn = 0u; turn < turns; turn++) {
        // The first rows of a piece meet dy's zeros: they bring what the others need.
        let row = run.piece * p.length + run.step;
        let y_row = select(row, 0u, run.step + 1u < ROWS);
        let picture = run.n * p.groups + group;
        let x_start = (picture * planes * p.rows + row) * p.x_quads + run.strip * 2u + x_first;
        let y_start = picture * p.C_out * y_plane + y_row * p.y_quads + run.strip * 2u;
        go_down(&rows, load_row(x_start));
        let l0 = dy[y_start + y_channels.x];
        let r0 = dy[y_start + y_channels.x + 1u];
        add_columns(&sums0, l0, r0, rows);
        let l1 = dy[y_start + y_channels.y];
        let r1 = dy[y_start + y_channels.y + 1u];
        add_columns(&sums1, l1, r1, rows);
        let l2 = dy[y_start + y_channels.z];
        let r2 = dy[y_start + y_channels.z + 1u];
        add_columns(&sums2, l2, r2, rows);
        let l3 = dy[y_start + y_channels.w];
        let r3 = dy[y_start + y_channels.w + 1u];
        add_columns(&sums3, l3, r3, rows);
        run = next_step(run, run_rows, p.pieces, p.strips);
    }

    let phase = vec2u(plane % phases / p.step.y, plane % p.step.y);
    let place = Place(part, group, plane / phases, vec2u(first_row, first_column) * p.step + phase);
    store(sums0, place, o);
    store(sums1, place, o + 1u);
    store(sums2, place, o + 2u);
    store(sums3, place, o + 3u);
}
