//! The fixtures mean what their manifests say: held to the definition of convolution, written out.

mod common;

use common::{ConvCase, arrays, conv_grid, relative_error};

/// y, dx, dw and db of a case, one product at a time, in f64.
fn by_definition(case: &ConvCase) -> [Vec<f32>; 4] {
    let (x, w, dy) = (case.x(), case.w(), case.dy());
    let [n, c_out, h_out, w_out] = case.y_shape();
    let (in_group, out_group) = (case.c_in / case.groups, c_out / case.groups);
    let bias = case.b().unwrap_or_else(|| vec![0.0; c_out]);
    let mut y = vec![0f64; dy.len()];
    let mut dx = vec![0f64; x.len()];
    let mut dw = vec![0f64; w.len()];
    let mut db = vec![0f64; c_out];
    for (image, o, row, column) in indices([n, c_out, h_out, w_out]) {
        let at = ((image * c_out + o) * h_out + row) * w_out + column;
        y[at] += f64::from(bias[o]);
        db[o] += f64::from(dy[at]);
        for (c, ky, kx, _) in indices([in_group, case.kernel[0], case.kernel[1], 1]) {
            let iy = row * case.stride[0] + ky * case.dilation[0];
            let ix = column * case.stride[1] + kx * case.dilation[1];
            let (Some(iy), Some(ix)) = (
                iy.checked_sub(case.padding[0]),
                ix.checked_sub(case.padding[2]),
            ) else {
                continue;
            };
            if iy >= case.h || ix >= case.w {
                continue;
            }
            let from =
                ((image * case.c_in + o / out_group * in_group + c) * case.h + iy) * case.w + ix;
            let by = ((o * in_group + c) * case.kernel[0] + ky) * case.kernel[1] + kx;
            y[at] += f64::from(x[from]) * f64::from(w[by]);
            dx[from] += f64::from(dy[at]) * f64::from(w[by]);
            dw[by] += f64::from(dy[at]) * f64::from(x[from]);
        }
    }
    [y, dx, dw, db].map(|values| values.into_iter().map(|v| v as f32).collect())
}

/// All index tuples below these bounds, the last one fastest.
fn indices([a, b, c, d]: [usize; 4]) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    (0..a * b * c * d).map(move |i| (i / d / c / b, i / d / c % b, i / d % c, i % d))
}

#[test]
fn the_definition_of_convolution_gives_the_stored_grid() {
    let stored = arrays("conv_grid.safetensors");
    let grid = conv_grid();
    assert!(grid.len() >= 200, "the grid has {} cases", grid.len());
    for case in &grid {
        for (name, values) in ["y", "dx", "dw", "db"].into_iter().zip(by_definition(case)) {
            let Some(expected) = stored.get(&format!("{}.{name}", case.id)) else {
                assert!(name == "db" && !case.bias, "{name} of {case:?} is stored");
                continue;
            };
            let error = relative_error(&values, &expected.data);
            assert!(error < 1e-6, "{name} of {case:?}: {error}");
        }
    }
}
