//! Linear layers on slices, as matrix products.

use crate::ops::gemm::{self, Before, Columns, Left, Rows, multiply_add};
use crate::ops::{Real, View};

/// Pictures from which packing a matrix pays.
const FEW: usize = 4;

/// y = x Wᵀ + b.
pub fn forward<T: Real>(x: View<'_, T>, weight: View<'_, T>, bias: Option<&[T]>, y: &mut [T]) {
    let (m, k) = (weight.shape.n(), weight.shape.c());
    match bias {
        Some(bias) => y.chunks_exact_mut(m).for_each(|y| y.copy_from_slice(bias)),
        None => y.fill(T::zero()),
    }
    let pictures = row_offsets(x.shape.n(), k);
    let outputs = row_offsets(m, k);
    let left = Rows {
        data: x.data,
        offsets: &pictures,
        step: 0,
    };
    let right = Rows {
        data: weight.data,
        offsets: &outputs,
        step: 0,
    };
    gemm::inner_products(left, right, 1, k, y);
}

/// dx = dy W.
pub fn input_grad<T: Real>(dy: View<'_, T>, weight: View<'_, T>, dx: &mut [T]) {
    let (n, m, k) = (dy.shape.n(), weight.shape.n(), weight.shape.c());
    if n < FEW {
        dx.fill(T::zero());
        for (dy, dx) in dy.data.chunks_exact(m).zip(dx.chunks_exact_mut(k)) {
            add_rows(dy, weight.data, dx);
        }
    } else {
        let left = Left {
            data: dy.data,
            row: m,
            columns: Columns::InOrder,
        };
        let right = gemm::rows_of(weight.data, k);
        gemm::product([n, k, m], left, right, (dx, Before::Dropped), |_, _| ());
    }
}

/// dW = dyᵀ x.
pub fn weight_grad<T: Real>(x: View<'_, T>, dy: View<'_, T>, dw: &mut [T]) {
    let (n, m, k) = (dy.shape.n(), dy.shape.c(), x.shape.c());
    if n < FEW {
        for (row, dw) in dw.chunks_exact_mut(k).enumerate() {
            dw.fill(T::zero());
            for (x, dy) in x.data.chunks_exact(k).zip(dy.data.chunks_exact(m)) {
                for (dw, x) in dw.iter_mut().zip(x) {
                    *dw = multiply_add(dy[row], *x, *dw);
                }
            }
        }
    } else {
        let columns = row_offsets(n, m);
        let left = Left {
            data: dy.data,
            row: 1,
            columns: Columns::At(&columns),
        };
        let right = gemm::rows_of(x.data, k);
        gemm::product([m, k, n], left, right, (dw, Before::Dropped), |_, _| ());
    }
}

/// Adds the sum of the rows of a matrix, each times its factor; four at a time, so that `sum` is read and written less often.
fn add_rows<T: Real>(factors: &[T], matrix: &[T], sum: &mut [T]) {
    let k = sum.len();
    let (blocks, rest) = factors.as_chunks::<4>();
    let mut rows = matrix.chunks_exact(k);
    for factors in blocks {
        let (Some(a), Some(b), Some(c), Some(d)) =
            (rows.next(), rows.next(), rows.next(), rows.next())
        else {
            return;
        };
        for ((((sum, a), b), c), d) in sum.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            let two = multiply_add(factors[0], *a, factors[1] * *b);
            *sum += multiply_add(factors[2], *c, multiply_add(factors[3], *d, two));
        }
    }
    for (factor, row) in rest.iter().zip(rows) {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum = multiply_add(*factor, *value, *sum);
        }
    }
}

/// Where the rows of a matrix start.
fn row_offsets(rows: usize, length: usize) -> Vec<usize> {
    (0..rows).map(|row| row * length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{Random, assert_close, view};
    use crate::tensor::Shape;

    fn check<T: Real>([n, m, k]: [usize; 3], tolerance: f64) {
        let shapes = [
            Shape::new(n, k, 1, 1),
            Shape::new(m, k, 1, 1),
            Shape::new(n, m, 1, 1),
        ];
        let mut random = Random(5);
        let [x, w, dy] = shapes.map(|shape| random.values::<T>(shape));
        let bias = random.values::<T>(Shape::channels(m));
        let [mut dx, mut dw, mut y] = shapes.map(|shape| vec![T::nan(); shape.len()]);
        let views = [
            view(&x, shapes[0]),
            view(&w, shapes[1]),
            view(&dy, shapes[2]),
        ];
        forward(views[0], views[1], Some(&bias), &mut y);
        input_grad(views[2], views[1], &mut dx);
        weight_grad(views[0], views[2], &mut dw);
        let mut expected = shapes.map(|shape| vec![T::zero(); shape.len()]);
        for picture in 0..n {
            for (output, bias) in bias.iter().enumerate() {
                let at = picture * m + output;
                expected[2][at] = *bias;
                for input in 0..k {
                    let (from, by) = (picture * k + input, output * k + input);
                    expected[2][at] += x[from] * w[by];
                    expected[0][from] += dy[at] * w[by];
                    expected[1][by] += dy[at] * x[from];
                }
            }
        }
        for (what, (found, expected)) in ["dx", "dw", "y"]
            .into_iter()
            .zip([dx, dw, y].iter().zip(&expected))
        {
            assert_close(found, expected, tolerance, (what, n, m, k));
        }
    }

    #[test]
    fn linear_kernels_equal_plain_loops() {
        for n in [1, 2, 3, 4, 5, 9, 70] {
            for m in [1, 2, 4, 7, 10, 67] {
                for k in [1, 3, 8, 17, 84, 130] {
                    check::<f64>([n, m, k], 1e-12);
                    check::<f32>([n, m, k], 1e-5);
                }
            }
        }
    }

    #[test]
    fn linear_kernels_join_blocks_seamlessly() {
        check::<f64>([6, 70, 2500], 1e-12);
        check::<f64>([400, 3, 5], 1e-12);
        check::<f64>([5, 390, 390], 1e-12);
    }
}
