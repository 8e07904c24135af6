// Positions along one axis of a convolution (see conv2d.wgsl), forward and backward.

struct Axis {
    src: i32, // extent of src
    dst: i32, // extent of dst
    kernel: i32,
    stride: i32,
    dilation: i32,
    padding: i32,
    scale: i32,
    phases: i32,
    period: i32, // taps between two that count
    step: i32,
    tiles: u32, // tiles along the positions of one phase
    pad: u32,
}

// The taps of one phase: the first that counts, the step to the next, how many, and where the first reads for j = 0.
struct Taps {
    first: i32,
    step: i32,
    count: i32,
    start: i32,
}

fn taps(axis: Axis, phase: i32, backward: bool) -> Taps {
    if !backward {
        return Taps(0, 1, axis.kernel, -axis.padding);
    }
    // The largest tap that counts comes first, so that src positions ascend.
    var tap = axis.kernel - 1;
    let end = max(tap - axis.period, -1);
    while tap > end && (phase + axis.padding - tap * axis.dilation) % axis.stride != 0 {
        tap--;
    }
    if tap == end {
        return Taps(0, 0, 0, 0);
    }
    let start = (phase + axis.padding - tap * axis.dilation) / axis.stride;
    return Taps(tap, -axis.period, tap / axis.period + 1, start);
}
