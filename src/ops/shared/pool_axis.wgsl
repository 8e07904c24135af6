// Where pooling windows lie along one axis.

struct PoolAxis {
    x: u32, // extent of the picture
    y: u32, // windows
    kernel: u32,
    stride: u32,
    before: u32, // padding
    after: u32,
    unused_0: u32,
    unused_1: u32,
}

// The part of window i inside the picture: (first, one past the last).
fn span(axis: PoolAxis, i: u32) -> vec2u {
    let start = i * axis.stride;
    return vec2u(
        max(start, axis.before) - axis.before,
        min(max(start + axis.kernel, axis.before) - axis.before, axis.x),
    );
}

// The windows that contain position i: (first, one past the last).
fn windows(axis: PoolAxis, i: u32) -> vec2u {
    let position = i + axis.before;
    let past = max(position + 1u, axis.kernel) - axis.kernel;
    return vec2u((past + axis.stride - 1u) / axis.stride, min(position / axis.stride + 1u, axis.y));
}

// What an average divides by along an axis: the window's extent in the padded picture, or in the picture itself.
fn divisor(axis: PoolAxis, i: u32, count_padding: bool) -> u32 {
    let inside = span(axis, i);
    let start = i * axis.stride;
    let padded = min(start + axis.kernel, axis.x + axis.before + axis.after) - start;
    return select(inside.y - inside.x, padded, count_padding);
}
