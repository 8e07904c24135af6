//! Linear layers on slices.

use crate::ops::{Real, View};

/// y = x Wᵀ + b.
pub fn forward<T: Real>(x: View<'_, T>, weight: View<'_, T>, bias: Option<&[T]>, y: &mut [T]) {
    let (m, k) = (weight.shape.n(), weight.shape.c());
    for (x, y) in x.data.chunks_exact(k).zip(y.chunks_exact_mut(m)) {
        for (o, (y, row)) in y.iter_mut().zip(weight.data.chunks_exact(k)).enumerate() {
            *y = bias.map_or(T::zero(), |bias| bias[o]) + dot(x, row);
        }
    }
}

/// dx = dy W.
pub fn input_grad<T: Real>(dy: View<'_, T>, weight: View<'_, T>, dx: &mut [T]) {
    let (m, k) = (weight.shape.n(), weight.shape.c());
    dx.fill(T::zero());
    for (dy, dx) in dy.data.chunks_exact(m).zip(dx.chunks_exact_mut(k)) {
        for (&dy, row) in dy.iter().zip(weight.data.chunks_exact(k)) {
            if dy != T::zero() {
                dx.iter_mut().zip(row).for_each(|(dx, &w)| *dx += dy * w);
            }
        }
    }
}

/// dW = dyᵀ x.
pub fn weight_grad<T: Real>(x: View<'_, T>, dy: View<'_, T>, dw: &mut [T]) {
    let (m, k) = (dy.shape.c(), x.shape.c());
    dw.fill(T::zero());
    for (x, dy) in x.data.chunks_exact(k).zip(dy.data.chunks_exact(m)) {
        for (&dy, row) in dy.iter().zip(dw.chunks_exact_mut(k)) {
            row.iter_mut().zip(x).for_each(|(dw, &x)| *dw += dy * x);
        }
    }
}

/// An inner product in eight partial sums, which the compiler can keep in vector registers.
fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::zero(); 8];
    let (a_blocks, b_blocks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: T = a_blocks
        .remainder()
        .iter()
        .zip(b_blocks.remainder())
        .map(|(&a, &b)| a * b)
        .sum();
    for (a, b) in a_blocks.zip(b_blocks) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().copied().sum::<T>() + rest
}
