// Which run of the sum comes: pieces of a strip vary fastest, then strips, pictures; `step` counts the rows of a piece.
struct Run {
    step: u32,
    piece: u32,
    strip: u32,
    n: u32,
}

fn run_of(index: u32, pieces: u32, strips: u32) -> Run {
    return Run(0u, index % pieces, index / pieces % strips, index / (pieces * strips));
}

// The next row, of the next run after the last. Without branches: software adapters run both sides of them.
fn next_step(run: Run, rows: u32, pieces: u32, strips: u32) -> Run {
    var next = run;
    next.step++;
    let piece_done = next.step == rows;
    next.step = select(next.step, 0u, piece_done);
    next.piece += select(0u, 1u, piece_done);
    let strip_done = next.piece == pieces;
    next.piece = select(next.piece, 0u, strip_done);
    next.strip += select(0u, 1u, strip_done);
    let picture_done = next.strip == strips;
    next.strip = select(next.strip, 0u, picture_done);
    next.n += select(0u, 1u, picture_done);
    return next;
}
