// Writes four neighbouring values of a row from `x` on, as far as they lie inside.
fn put(values: vec4f, row: i32, x: i32) {
    let at = row + x;
    if x + 4 <= p.dst_size.y {
        dst[at] = values.x;
        dst[at + 1] = values.y;
        dst[at + 2] = values.z;
        dst[at + 3] = values.w;
    } else {
        var rest = values;
        for (var i = 0; i < p.dst_size.y - x; i++) {
            dst[at + i] = rest[i];
        }
    }
}
