//! Linear layers and other matrix products as dispatches.

use crate::error::Result;
use crate::ops::kernel::{Binding, Kernel, word};
use crate::ops::reduce::gpu::{finish_planes, partial};
use crate::tensor::Shape;

/// Pictures up to which a layer with long sums is computed picture by picture. Short ones are left to the shader that
/// gradients need anyway: one that shares sums compiles slowly on software adapters, for its barriers.
const FEW: usize = 2;
/// Invocations that keep a device busy: products with fewer are cut along their sum.
const BUSY: usize = 4096;
/// The shortest part worth cutting.
const SHORTEST: usize = 256;

/// Dispatches of [`super::Linear`].
pub fn forward(inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let (pictures, k, m) = (output.n(), inputs[0].c(), output.c());
    let bias = (inputs.len() == 3).then_some(Binding::Input(2));
    if pictures > FEW || k < SHORTEST {
        // Rows are pictures, columns outputs: B is the transposed weight.
        let product = Product {
            a: (Binding::Input(0), [0, k, 1]),
            b: (Binding::Input(1), [0, 1, k]),
            bias,
            batch: 1,
            rows: pictures,
            columns: m,
            length: k,
            factor: 1.0,
        };
        return Ok(product.kernels());
    }
    let quads = m.div_ceil(4);
    Ok(vec![Kernel {
        shader: "linear_vector",
        constants: Vec::new(),
        bindings: vec![
            Binding::Input(0),
            Binding::Input(1),
            bias.unwrap_or(Binding::Input(1)),
            Binding::Output,
        ],
        prepared: None,
        params: vec![word(k), word(m), word(quads), u32::from(bias.is_some())],
        workgroups: [(pictures * quads) as u64, 1, 1],
        cost: (pictures * m * k) as u64,
    }])
}

/// Dispatches of [`super::LinearInputGrad`]: dx = dy W.
pub fn input_grad(inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let (pictures, m, k) = (inputs[0].n(), inputs[0].c(), output.c());
    let product = Product {
        a: (Binding::Input(0), [0, m, 1]),
        b: (Binding::Input(1), [0, k, 1]),
        bias: None,
        batch: 1,
        rows: pictures,
        columns: k,
        length: m,
        factor: 1.0,
    };
    Ok(product.kernels())
}

/// Dispatches of [`super::LinearWeightGrad`]: dW = dyᵀ x.
pub fn weight_grad(inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
    let (pictures, m, k) = (inputs[0].n(), output.n(), output.c());
    let product = Product {
        a: (Binding::Input(1), [0, 1, m]),
        b: (Binding::Input(0), [0, k, 1]),
        bias: None,
        batch: 1,
        rows: m,
        columns: k,
        length: pictures,
        factor: 1.0,
    };
    Ok(product.kernels())
}

/// C[b, i, j] = factor · Σ_k A[b, i, k] · B[b, k, j] + bias[j].
pub struct Product {
    /// A with its strides along (batch, i, k).
    pub a: (Binding, [usize; 3]),
    /// B with its strides along (batch, k, j).
    pub b: (Binding, [usize; 3]),
    /// Added to every row.
    pub bias: Option<Binding>,
    /// Products side by side.
    pub batch: usize,
    /// Rows of C.
    pub rows: usize,
    /// Columns of C.
    pub columns: usize,
    /// Terms of each sum.
    pub length: usize,
    /// Multiplies every sum.
    pub factor: f32,
}

impl Product {
    /// Its dispatches.
    pub fn kernels(&self) -> Vec<Kernel> {
        let values = self.batch * self.rows * self.columns;
        let tiles = self.batch * self.rows.div_ceil(4) * self.columns.div_ceil(8);
        let parts = if self.bias.is_some() {
            1
        } else {
            (BUSY / tiles).clamp(1, self.length.div_ceil(SHORTEST))
        };
        let count = tiles * parts;
        let ([a_batch, a_i, a_k], [b_batch, b_k, b_j]) = (self.a.1, self.b.1);
        let mut params: Vec<u32> = [
            [self.batch, self.rows, self.columns, self.length],
            [a_batch, a_i, a_k, 0],
            [b_batch, b_k, b_j, 0],
        ]
        .concat()
        .into_iter()
        .map(word)
        .collect();
        params.extend([
            word(parts),
            self.factor.to_bits(),
            u32::from(self.bias.is_some()),
            word(count),
        ]);
        let first = Kernel::linear(
            "product",
            vec![
                self.a.0,
                self.b.0,
                self.bias.unwrap_or(self.a.0),
                partial(values, parts),
            ],
            params,
            count,
        )
        .with_cost(tiles * 32 * self.length);
        let mut kernels = vec![first];
        kernels.extend(finish_planes(values, parts));
        kernels
    }
}
