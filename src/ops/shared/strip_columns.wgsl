// Four neighbouring columns that an invocation reads: where each stands in a row, and whether it lies inside.
struct Columns {
    at: vec4i,
    inside: vec4<bool>,
}

fn columns_from(first: i32, width: i32) -> Columns {
    let x = vec4i(first) + vec4i(0, 1, 2, 3);
    let inside = vec4u(x) < vec4u(u32(width));
    return Columns(select(vec4i(0), x, inside), inside);
}
