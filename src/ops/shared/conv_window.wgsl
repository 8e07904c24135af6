// Which windows of neighbouring taps overlap: none (0), each one the next (1: step = scale), or every other (2: twice the
// step is the scale, as at stride 2). A pipeline each, because software adapters run every side of a branch.
override OVERLAP: u32;

// Taps that one turn adds.
fn taps_per_turn() -> i32 {
    return select(4, 1, OVERLAP == 0u);
}

// Loads from src for convolutions; zero outside. Conditions are combined without branches: software adapters run both
// sides of a branch.

// Four neighbouring rows of src: where each starts, or −1 if it lies outside.
fn row_starts(plane: i32, y: i32) -> vec4i {
    let rows = vec4i(y) + vec4i(0, 1, 2, 3) * p.rows.scale;
    let inside = vec4u(rows) < vec4u(u32(p.rows.src));
    return select(vec4i(-1), vec4i(plane) + rows * p.columns.src, inside);
}

// Four values at neighbouring positions of a row.
fn load_row(row: i32, x: i32) -> vec4f {
    let columns = vec4i(x) + vec4i(0, 1, 2, 3) * p.columns.scale;
    let inside = (vec4u(columns) < vec4u(u32(p.columns.src))) & vec4<bool>(row >= 0);
    let i = select(vec4i(0), vec4i(row) + columns, inside);
    return select(vec4f(0.0), vec4f(src[i.x], src[i.y], src[i.z], src[i.w]), inside);
}

// Three of them.
fn load_three(row: i32, x: i32) -> vec3f {
    let columns = vec3i(x) + vec3i(0, 1, 2) * p.columns.scale;
    let inside = (vec3u(columns) < vec3u(u32(p.columns.src))) & vec3<bool>(row >= 0);
    let i = select(vec3i(0), vec3i(row) + columns, inside);
    return select(vec3f(0.0), vec3f(src[i.x], src[i.y], src[i.z]), inside);
}

// One of them.
fn load_one(row: i32, x: i32) -> f32 {
    let inside = (u32(x) < u32(p.columns.src)) & (row >= 0);
    return select(0.0, src[select(0, row + x, inside)], inside);
}
