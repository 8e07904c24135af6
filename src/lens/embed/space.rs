//! The original space: one row of numbers a point, centred, and the squared distances between the points.

use crate::engine::control::Control;
use crate::error::{Error, Result};
use crate::ops::gemm;

/// Most points whose inner products are all kept: 64 MiB.
const KEPT_POINTS: usize = 4096;

/// Multiply-adds between two looks at the control: some 20 ms on one thread of wasm.
const SLICE: usize = 120_000_000;

/// Points in as many dimensions as they have features, moved so that their mean is zero.
#[derive(Debug, Clone)]
pub struct Space {
    count: usize,
    width: usize,
    values: Vec<f32>,
    mean: Vec<f32>,
    /// All inner products, where they are few enough.
    products: Option<Vec<f32>>,
}

impl Space {
    /// Points from `values`, row-major with `width` features a point.
    ///
    /// # Errors
    /// `bad_argument` for fewer than two points, for a value that is not finite, and where all points are equal;
    /// `aborted`.
    pub async fn new(mut values: Vec<f32>, width: usize, control: &Control) -> Result<Self> {
        let count = values.len() / width.max(1);
        check(&values, count, width)?;
        let mean = centre(&mut values, width);
        let mut space = Self {
            count,
            width,
            values,
            mean,
            products: None,
        };
        if space.variation() <= 0.0 {
            return Err(Error::bad_argument(format!(
                "embed: all {count} points are equal, so that there is nothing to tell them apart; take other pictures or another layer"
            )));
        }
        if count <= KEPT_POINTS {
            space.products = Some(products(&space.values, count, width, control).await?);
        }
        Ok(space)
    }

    /// The number of points.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The number of features.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// The centred values, row-major.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The mean that was taken off.
    #[must_use]
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The sum of all squares about the mean.
    #[must_use]
    pub fn variation(&self) -> f64 {
        self.values.iter().map(|&v| f64::from(v).powi(2)).sum()
    }

    /// The matrix of inner products of all points (N × N).
    ///
    /// # Errors
    /// `aborted`.
    pub async fn point_products(&self, control: &Control) -> Result<Vec<f32>> {
        match &self.products {
            Some(products) => Ok(products.clone()),
            None => products(&self.values, self.count, self.width, control).await,
        }
    }

    /// The matrix of inner products of all features (D × D): the covariance times N.
    ///
    /// # Errors
    /// `aborted`.
    pub async fn feature_products(&self, control: &Control) -> Result<Vec<f32>> {
        let mut columns = vec![0.0; self.values.len()];
        for (point, row) in self.values.chunks_exact(self.width).enumerate() {
            for (feature, &value) in row.iter().enumerate() {
                columns[feature * self.count + point] = value;
            }
        }
        products(&columns, self.width, self.count, control).await
    }

    /// Shows `visit` each of the `asked` points with its squared Euclidean distances to all points; a point's distance to
    /// itself and to its exact copies is zero.
    ///
    /// # Errors
    /// `aborted`.
    pub async fn distances(
        &self,
        asked: &[usize],
        control: &Control,
        mut visit: impl FnMut(usize, &[f32]),
    ) -> Result<()> {
        let offsets: Vec<usize> = (0..self.count).map(|point| point * self.width).collect();
        let norms: Vec<f32> = match &self.products {
            Some(products) => diagonal(products, self.count),
            None => self.norms(&offsets),
        };
        let mut row = vec![0.0; self.count];
        for band in asked.chunks(band_of(self.count, self.width)) {
            let mut fresh = Vec::new();
            if self.products.is_none() {
                let left: Vec<usize> = band.iter().map(|&point| offsets[point]).collect();
                fresh = vec![0.0; band.len() * self.count];
                inner(&self.values, self.width, &left, &offsets, &mut fresh);
            }
            for (index, &point) in band.iter().enumerate() {
                let products = match &self.products {
                    Some(products) => &products[point * self.count..][..self.count],
                    None => &fresh[index * self.count..][..self.count],
                };
                let own = norms[point];
                for ((distance, product), norm) in row.iter_mut().zip(products).zip(&norms) {
                    *distance = (own + norm - 2.0 * product).max(0.0);
                }
                visit(point, &row);
            }
            control.step().await?;
        }
        Ok(())
    }

    /// The squared length of every point, summed in the order of [`inner`], so that copies are at distance zero.
    fn norms(&self, offsets: &[usize]) -> Vec<f32> {
        offsets
            .iter()
            .map(|&offset| {
                let mut norm = [0.0];
                inner(&self.values, self.width, &[offset], &[offset], &mut norm);
                norm[0]
            })
            .collect()
    }
}

/// That there is something to embed.
fn check(values: &[f32], count: usize, width: usize) -> Result<()> {
    if count < 2 {
        return Err(Error::bad_argument(format!(
            "embed: {count} points of {width} features cannot be laid out; give at least 2 pictures, or 2 rows"
        )));
    }
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(position) => Err(Error::bad_argument(format!(
            "embed: feature {} of point {} is {}; every value must be a finite number",
            position % width,
            position / width,
            values[position]
        ))),
    }
}

/// Takes the mean off every feature, and returns it.
fn centre(values: &mut [f32], width: usize) -> Vec<f32> {
    let count = values.len() / width;
    let mut sums = vec![0.0_f64; width];
    for row in values.chunks_exact(width) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += f64::from(value);
        }
    }
    let mean: Vec<f32> = sums.iter().map(|sum| (sum / count as f64) as f32).collect();
    for row in values.chunks_exact_mut(width) {
        for (value, mean) in row.iter_mut().zip(&mean) {
            *value -= mean;
        }
    }
    mean
}

/// Rows between two looks at the control.
fn band_of(count: usize, width: usize) -> usize {
    (SLICE / (count * width).max(1)).clamp(1, 16) * 4
}

/// All inner products of the rows of a matrix.
async fn products(
    values: &[f32],
    count: usize,
    width: usize,
    control: &Control,
) -> Result<Vec<f32>> {
    let offsets: Vec<usize> = (0..count).map(|row| row * width).collect();
    let mut all = vec![0.0; count * count];
    let band = band_of(count, width);
    for start in (0..count).step_by(band) {
        let end = count.min(start + band);
        let wide = count - start;
        let mut upper = vec![0.0; (end - start) * wide];
        inner(
            values,
            width,
            &offsets[start..end],
            &offsets[start..],
            &mut upper,
        );
        for (row, products) in (start..end).zip(upper.chunks_exact(wide)) {
            for (column, &product) in (start..count).zip(products) {
                all[row * count + column] = product;
                all[column * count + row] = product;
            }
        }
        control.step().await?;
    }
    Ok(all)
}

/// Inner products of rows that start at `left` with rows that start at `right`.
fn inner(values: &[f32], width: usize, left: &[usize], right: &[usize], out: &mut [f32]) {
    let rows = |offsets| gemm::Rows {
        data: values,
        offsets,
        step: 0,
    };
    gemm::inner_products(rows(left), rows(right), 1, width, out);
}

/// The diagonal of a square matrix.
fn diagonal(matrix: &[f32], count: usize) -> Vec<f32> {
    matrix.iter().step_by(count + 1).copied().collect()
}
