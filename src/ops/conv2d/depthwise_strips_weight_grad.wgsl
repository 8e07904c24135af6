// Gradient to the weight of a convolution with one channel a group, of up to 5×5 taps at stride and dilation 1:
// dw[o, k_y, k_x] = Σ over pictures and positions of dy[o] · x[o]. Strips of 8 columns, in pieces of some rows, are the runs of
// the sum; a part takes some of them, [parts][weight], and `sum` adds the parts.
//
// Access: an invocation computes all taps of one channel, 8 columns a turn: a position costs 2.25 loads of a 3×3 kernel.

struct Params {
    base: vec4u,
    x_size: vec2i, // H, W
    y_size: vec2i, // H_out, W_out
    padding: vec2i, // above and at the left
    channels: u32,
    strips: u32, // of a picture
    pieces: u32, // of a strip
    length: u32, // rows of dy a piece
    runs: u32, // pieces a part
    all: u32, // pieces of all strips and pictures
    count: u32, // invocations with work
}

@group(0) @binding(0) var<storage, read> x: array<f32>; // [N · channels][H][W]
@group(0) @binding(1) var<storage, read> dy: array<f32>; // [N · channels][H_out][W_out]
@group(0) @binding(2) var<storage, read_write> sums_out: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const WG_SIZE = 32u;

#import strip_runs

#import tap_sums

#import strip_columns

fn load_four(row: i32, columns: Columns, row_inside: bool) -> vec4f {
    let i = columns.at + row;
    return select(vec4f(0.0), vec4f(x[i.x], x[i.y], x[i.z], x[i.w]), columns.inside & vec4<bool>(row_inside));
}

// As far as a row of taps reaches.
fn load_rest(row: i32, columns: Columns, row_inside: bool) -> vec4f {
    if COLUMNS > 3u {
        return load_four(row, columns, row_inside);
    }
    let i = columns.at.xy + row;
    return vec4f(select(vec2f(0.0), vec2f(x[i.x], x[i.y]), columns.inside.xy & vec2<bool>(row_inside)), 0.0, 0.0);
}

fn load_gradient(row: i32, columns: Columns, row_inside: bool) -> vec4f {
    let i = columns.at + row;
    return select(vec4f(0.0), vec4f(dy[i.x], dy[i.y], dy[i.z], dy[i.w]), columns.inside & vec4<bool>(row_inside));
}

// Where a row starts in its plane, 0 for one outside.
fn row_start(y: i32, width: i32, inside: bool) -> i32 {
    return select(0, y * width, inside);
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
    let index = (workgroup.x + p.base.x) * WG_SIZE + local;
    if index >= p.count {
        return;
    }
    // Channels vary fastest, then parts.
    let channel = index % p.channels;
    let part = index / p.channels;

    var sums = Sums();
    var rows = Rows();
    let first = part * p.runs;
    var run = run_of(first, p.pieces, p.strips);
    let run_rows = p.length + ROWS - 1u;
    let turns = (min(first + p.runs, p.all) - first) * run_rows;
    for (var turn = 0u; turn < turns; turn++) {
        let plane = i32(run.n * p.channels + channel);
        let column = i32(run.strip) * 8;
        // The first rows of a piece meet no row of dy: they bring what the others need.
        let below = i32(run.piece * p.length + run.step);
        let x_row = below - p.padding.x;
        let x_inside = (x_row >= 0) & (x_row < p.x_size.x);
        let x_start = plane * p.x_size.x * p.x_size.y + row_start(x_row, p.x_size.y, x_inside);
        let x_column = column - p.padding.y;
        let row = Row(
            load_four(x_start, columns_from(x_column, p.x_size.y), x_inside),
            load_four(x_start, columns_from(x_column + 4, p.x_size.y), x_inside),
            load_rest(x_start, columns_from(x_column + 8, p.x_size.y), x_inside),
        );
        let y_row = below - i32(ROWS) + 1;
        let y_inside = (run.step + 1u >= ROWS) & (y_row < p.y_size.x);
        let y_start = plane * p.y_size.x * p.y_size.y + row_start(y_row, p.y_size.y, y_inside);
        let left = load_gradient(y_start, columns_from(column, p.y_size.y), y_inside);
        let right = load_gradient(y_start, columns_from(column + 4, p.y_size.y), y_inside);
        go_down(&rows, row);
        add_columns(&sums, left, right, rows);
        run = next_step(run, run_rows, p.pieces, p.strips);
    }

    let start = (part * p.channels + channel) * ROWS * COLUMNS;
    var taps = rows_of_taps(sums);
    for (var i = 0u; i < ROWS; i++) {
        for (var j = 0u; j < COLUMNS; j++) {
            sums_out[start + i * COLUMNS + j] = tap(taps[i], j);
        }
    }
}
