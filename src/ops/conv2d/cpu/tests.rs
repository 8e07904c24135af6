//! The kernels against loops that say what they mean, over a random grid of shapes.

use super::*;
use crate::ops::activation::Function;
use crate::ops::conv2d::Padding;
use crate::ops::testing::{Random, assert_close, view};

/// Visits (index into x, index into w) of every product that makes output (n, o, oy, ox).
fn each_tap(
    geometry: &Geometry,
    [x, weight, y]: [Shape; 3],
    [n, o, oy, ox]: [usize; 4],
    mut visit: impl FnMut(usize, usize),
) {
    let group = o / (y.c() / geometry.groups);
    for c in 0..weight.c() {
        for ky in 0..weight.h() {
            for kx in 0..weight.w() {
                let iy = (oy * geometry.stride[0] + ky * geometry.dilation[0])
                    .checked_sub(geometry.padding.top);
                let ix = (ox * geometry.stride[1] + kx * geometry.dilation[1])
                    .checked_sub(geometry.padding.left);
                if let (Some(iy), Some(ix)) = (iy, ix)
                    && iy < x.h()
                    && ix < x.w()
                {
                    let channel = group * weight.c() + c;
                    let input = ((n * x.c() + channel) * x.h() + iy) * x.w() + ix;
                    visit(
                        input,
                        ((o * weight.c() + c) * weight.h() + ky) * weight.w() + kx,
                    );
                }
            }
        }
    }
}

/// Visits (index into y, index into x, index into w) of every product of a convolution.
fn each_product(
    geometry: &Geometry,
    shapes: [Shape; 3],
    mut visit: impl FnMut(usize, usize, usize),
) {
    let [n, c, h, w] = shapes[2].0;
    for index in 0..shapes[2].len() {
        let position = [
            index / (c * h * w) % n,
            index / (h * w) % c,
            index / w % h,
            index % w,
        ];
        each_tap(geometry, shapes, position, |input, tap| {
            visit(index, input, tap)
        });
    }
}

/// A convolution: geometry and the shapes of x, w and y.
type Case = (Geometry, [Shape; 3]);

fn cases(seed: u64, count: usize) -> Vec<Case> {
    let mut random = Random(seed);
    let mut cases = Vec::new();
    while cases.len() < count {
        let pick = &mut |choices: &[usize]| random.pick(choices);
        let (groups, inputs, outputs) = match pick(&[0, 0, 1, 2, 2, 3]) {
            0 => (
                1,
                pick(&[1, 2, 3, 5, 16, 33]),
                pick(&[1, 2, 3, 4, 7, 13, 32]),
            ),
            1 => (2, pick(&[2, 3, 8]), pick(&[1, 3, 8])),
            2 => (pick(&[2, 3, 8, 17]), 1, 1),
            _ => (pick(&[2, 5]), 1, pick(&[2, 3])),
        };
        let geometry = Geometry {
            stride: [pick(&[1, 1, 2, 3, 4]), pick(&[1, 1, 2, 3, 4])],
            padding: Padding::from([
                pick(&[0, 1, 2, 3, 5]),
                pick(&[0, 1, 2, 3, 5]),
                pick(&[0, 1, 2, 3, 5]),
                pick(&[0, 1, 2, 3, 5]),
            ]),
            dilation: [pick(&[1, 1, 2, 3]), pick(&[1, 1, 2, 3])],
            groups,
        };
        let kernels = [1, 1, 2, 3, 3, 5, 7];
        let weight = Shape::new(outputs * groups, inputs, pick(&kernels), pick(&kernels));
        let sizes = [1, 2, 5, 7, 8, 12, 19, 31];
        let x = Shape::new(
            pick(&[1, 2, 3]),
            inputs * groups,
            pick(&sizes),
            pick(&sizes),
        );
        // Every third without padding and stride, where tensors are read in place.
        let geometry = match pick(&[0, 1, 2]) {
            0 => Geometry {
                groups,
                ..Geometry::default()
            },
            _ => geometry,
        };
        if let Ok((height, width)) = geometry.output_size(x, weight) {
            cases.push((
                geometry,
                [x, weight, Shape::new(x.n(), weight.n(), height, width)],
            ));
        }
    }
    cases
}

fn check<T: Real>(case: &Case, tolerance: f64) {
    let (geometry, shapes) = case;
    let mut random = Random(7);
    let [x, w, dy] = shapes.map(|shape| random.values::<T>(shape));
    let channels = Shape::channels(shapes[1].n());
    let bias = random.values::<T>(channels);
    let bias = view(&bias, channels);
    let [x, w, dy] = [
        view(&x, shapes[0]),
        view(&w, shapes[1]),
        view(&dy, shapes[2]),
    ];

    // What was there before must not shine through.
    let mut found = shapes.map(|shape| vec![T::nan(); shape.len()]);
    let op = Conv2d::plain(*geometry);
    forward(&op, &[x, w, bias], &mut found[2], shapes[2]);
    let fused = Conv2d {
        residual: true,
        activation: Some(Function::Relu),
        ..op
    };
    let mut rectified = vec![T::nan(); shapes[2].len()];
    forward(&fused, &[x, w, bias, dy], &mut rectified, shapes[2]);
    input_grad(geometry, dy, w, &mut found[0], shapes[0]);
    weight_grad(geometry, x, dy, &mut found[1], shapes[1]);

    let mut expected = shapes.map(|shape| vec![T::zero(); shape.len()]);
    for (index, y) in expected[2].iter_mut().enumerate() {
        *y = bias.data[index / shapes[2].plane() % shapes[2].c()];
    }
    let [dx, dw, y] = &mut expected;
    each_product(geometry, *shapes, |output, input, tap| {
        y[output] += x.data[input] * w.data[tap];
        dx[input] += dy.data[output] * w.data[tap];
        dw[tap] += dy.data[output] * x.data[input];
    });
    for (index, what) in ["dx", "dw", "y"].into_iter().enumerate() {
        assert_close(&found[index], &expected[index], tolerance, (what, case));
    }
    let sums = expected[2].iter().zip(dy.data);
    let expected: Vec<T> = sums.map(|(&y, &dy)| (y + dy).max(T::zero())).collect();
    assert_close(&rectified, &expected, tolerance, ("relu(y + dy)", case));
}

#[test]
fn kernels_equal_plain_loops_in_f64() {
    for case in cases(1, 400) {
        check::<f64>(&case, 1e-12);
    }
}

#[test]
fn kernels_equal_plain_loops_in_f32() {
    for case in cases(2, 400) {
        check::<f32>(&case, 1e-5);
    }
}

#[test]
fn blocks_of_depth_columns_and_pictures_join_seamlessly() {
    let same = Geometry {
        padding: Padding::from([1, 1, 1, 1]),
        ..Geometry::default()
    };
    let strided = Geometry {
        stride: [2, 2],
        padding: Padding::from([1, 0, 1, 0]),
        ..Geometry::default()
    };
    for (geometry, x, outputs, kernel) in [
        (same, Shape::new(1, 100, 21, 40), 9, 3),
        (Geometry::default(), Shape::new(1, 900, 3, 3), 5, 1),
        (strided, Shape::new(40, 50, 7, 7), 6, 3),
        (Geometry::default(), Shape::new(30, 401, 4, 5), 3, 1),
        (Geometry::default(), Shape::new(2, 3, 50, 60), 5, 1),
    ] {
        let weight = Shape::new(outputs, x.c(), kernel, kernel);
        let (height, width) = geometry.output_size(x, weight).unwrap();
        check::<f64>(
            &(
                geometry,
                [x, weight, Shape::new(x.n(), outputs, height, width)],
            ),
            1e-12,
        );
    }
}

#[test]
fn gradients_are_adjoint_to_the_convolution() {
    for case in cases(3, 200) {
        let (geometry, shapes) = case;
        let mut random = Random(11);
        let [x, w, dy] = shapes.map(|shape| random.values::<f64>(shape));
        let [x, w, dy] = [
            view(&x, shapes[0]),
            view(&w, shapes[1]),
            view(&dy, shapes[2]),
        ];
        let mut y = vec![f64::NAN; shapes[2].len()];
        let mut dx = vec![f64::NAN; shapes[0].len()];
        let mut dw = vec![f64::NAN; shapes[1].len()];
        forward(&Conv2d::plain(geometry), &[x, w], &mut y, shapes[2]);
        input_grad(&geometry, dy, w, &mut dx, shapes[0]);
        weight_grad(&geometry, x, dy, &mut dw, shapes[1]);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let scale = 1e-12
            * (1.0
                + y.iter()
                    .zip(dy.data)
                    .map(|(a, b)| (a * b).abs())
                    .sum::<f64>());
        assert!(
            (dot(&y, dy.data) - dot(x.data, &dx)).abs() <= scale,
            "to the input: {case:?}"
        );
        assert!(
            (dot(&y, dy.data) - dot(w.data, &dw)).abs() <= scale,
            "to the weights: {case:?}"
        );
    }
}
