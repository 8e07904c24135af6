// Sums of a kernel's taps, of one pair of channels, over a strip of 8 columns that is gone down row by row: a row of x is
// loaded once and stays for the rows of dy after.

// Rows and columns of taps, 5 at most. A pipeline each, so that nothing is loaded or added in vain.
override ROWS: u32;
override COLUMNS: u32;

// Twelve neighbouring values of a row of x.
struct Row {
    a: vec4f,
    b: vec4f,
    c: vec4f,
}

// Rows of x for as many rows of taps, the uppermost first.
struct Rows {
    first: Row,
    second: Row,
    third: Row,
    fourth: Row,
    fifth: Row,
}

// Moves on to the rows one further down. Through a pointer, as sums are added: rows that a kernel does not have stay untouched.
fn go_down(rows: ptr<function, Rows>, below: Row) {
    if ROWS > 1u {
        (*rows).first = (*rows).second;
    }
    if ROWS > 2u {
        (*rows).second = (*rows).third;
    }
    if ROWS > 3u {
        (*rows).third = (*rows).fourth;
    }
    if ROWS > 4u {
        (*rows).fourth = (*rows).fifth;
    }
    switch ROWS {
        case 1u: { (*rows).first = below; }
        case 2u: { (*rows).second = below; }
        case 3u: { (*rows).third = below; }
        case 4u: { (*rows).fourth = below; }
        default: { (*rows).fifth = below; }
    }
}

// A row of taps.
struct Taps {
    four: vec4f,
    fifth: f32,
}

// Four taps of a row, over eight columns.
fn four_taps(left: vec4f, right: vec4f, row: Row) -> vec4f {
    var taps = vec4f(dot(left, row.a) + dot(right, row.b), 0.0, 0.0, 0.0);
    if COLUMNS > 1u {
        taps.y = dot(left, vec4f(row.a.yzw, row.b.x)) + dot(right, vec4f(row.b.yzw, row.c.x));
    }
    if COLUMNS > 2u {
        taps.z = dot(left, vec4f(row.a.zw, row.b.xy)) + dot(right, vec4f(row.b.zw, row.c.xy));
    }
    if COLUMNS > 3u {
        taps.w = dot(left, vec4f(row.a.w, row.b.xyz)) + dot(right, vec4f(row.b.w, row.c.xyz));
    }
    return taps;
}

// Adds to a row of taps eight columns of dy with a row of x.
fn add_taps(taps: Taps, left: vec4f, right: vec4f, row: Row) -> Taps {
    var next = taps;
    next.four += four_taps(left, right, row);
    if COLUMNS > 4u {
        next.fifth += dot(left, row.b) + dot(right, row.c);
    }
    return next;
}

// All taps.
struct Sums {
    first: Taps,
    second: Taps,
    third: Taps,
    fourth: Taps,
    fifth: Taps,
}

// Adds eight columns of a row of dy.
fn add_columns(sums: ptr<function, Sums>, left: vec4f, right: vec4f, rows: Rows) {
    (*sums).first = add_taps((*sums).first, left, right, rows.first);
    if ROWS > 1u {
        (*sums).second = add_taps((*sums).second, left, right, rows.second);
    }
    if ROWS > 2u {
        (*sums).third = add_taps((*sums).third, left, right, rows.third);
    }
    if ROWS > 3u {
        (*sums).fourth = add_taps((*sums).fourth, left, right, rows.fourth);
    }
    if ROWS > 4u {
        (*sums).fifth = add_taps((*sums).fifth, left, right, rows.fifth);
    }
}

fn rows_of_taps(sums: Sums) -> array<Taps, 5> {
    return array<Taps, 5>(sums.first, sums.second, sums.third, sums.fourth, sums.fifth);
}

fn tap(row: Taps, column: u32) -> f32 {
    return select(row.four[min(column, 3u)], row.fifth, column == 4u);
}
