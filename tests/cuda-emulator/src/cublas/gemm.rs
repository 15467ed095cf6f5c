//! The matrix product C ← α·op(A)·op(B) + β·C, column-major as in BLAS.

use crate::memory;
use crate::report::Outcome;

/// How the products' factors are rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    /// Not at all.
    Single,
    /// To TF32: 10 bits of fraction.
    Tf32,
    /// To bfloat16: 7 bits of fraction.
    Bfloat16,
}

impl Precision {
    fn round(self, x: f32) -> f32 {
        match self {
            Precision::Single => x,
            Precision::Tf32 => round_fraction(x, 10),
            Precision::Bfloat16 => round_fraction(x, 7),
        }
    }
}

/// Rounds to `bits` bits of fraction, to nearest with ties to even.
fn round_fraction(x: f32, bits: u32) -> f32 {
    if !x.is_finite() {
        return x;
    }
    let dropped = 23 - bits;
    let value = x.to_bits();
    let half = (1 << (dropped - 1)) - 1 + (value >> dropped & 1);
    f32::from_bits((value + half) >> dropped << dropped)
}

/// A matrix argument: its address, leading dimension and whether it is transposed.
#[derive(Clone, Copy)]
pub(super) struct Matrix {
    pub address: usize,
    pub leading: usize,
    pub transposed: bool,
}

impl Matrix {
    /// Checks that the stored matrix of op's shape `rows`×`columns` lies in one allocation.
    fn check(&self, name: &str, rows: usize, columns: usize) -> Outcome {
        let (rows, columns) = if self.transposed { (columns, rows) } else { (rows, columns) };
        if rows == 0 || columns == 0 {
            return Ok(());
        }
        memory::check_range(&format!("cuBLAS matrix {name}"), self.address, 4 * ((columns - 1) * self.leading + rows))
    }

    /// op's matrix, rounded, copied to contiguous columns.
    ///
    /// # Safety
    /// The matrix passed [`check`](Self::check) with the same shape.
    unsafe fn packed(&self, rows: usize, columns: usize, precision: Precision) -> Vec<f32> {
        let (down, right) = if self.transposed { (self.leading, 1) } else { (1, self.leading) };
        let start = self.address as *const f32;
        let mut packed = Vec::with_capacity(rows * columns);
        for column in 0..columns {
            // SAFETY: the index is inside of the matrix.
            packed.extend((0..rows).map(|row| precision.round(unsafe { *start.add(row * down + column * right) })));
        }
        packed
    }
}

/// Sizes and factors of a product.
#[derive(Clone, Copy)]
pub(super) struct Product {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub alpha: f32,
    pub beta: f32,
    pub precision: Precision,
}

impl Product {
    /// Computes the product, after checking that all three matrices lie in device memory.
    pub fn run(&self, a: Matrix, b: Matrix, c: Matrix) -> Outcome {
        let Product { m, n, k, alpha, beta, precision } = *self;
        a.check("A", m, k)?;
        b.check("B", k, n)?;
        c.check("C", m, n)?;
        // SAFETY: the matrices were just checked.
        let (left, right) = unsafe { (a.packed(m, k, precision), b.packed(k, n, precision)) };
        let product = if m >= n {
            multiply(&left, &right, m, n, k)
        } else {
            // Long columns make the inner loop fast: compute the transposed product and turn it.
            let turned = multiply(&transposed(&right, k, n), &transposed(&left, m, k), n, m, k);
            transposed(&turned, n, m)
        };
        for column in 0..n {
            for row in 0..m {
                // SAFETY: the index is inside of the matrix.
                let element = unsafe { &mut *(c.address as *mut f32).add(column * c.leading + row) };
                let value = alpha * product[column * m + row];
                // With β = 0 the old value isn't read: it may be NaN.
                *element = if beta == 0.0 { value } else { value + beta * *element };
            }
        }
        Ok(())
    }
}

fn transposed(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|i| matrix[i / columns + i % columns * rows]).collect()
}

/// m×k times k×n, all with contiguous columns: four columns of the result at a time.
fn multiply(a: &[f32], b: &[f32], m: usize, n: usize, k: usize) -> Vec<f32> {
    let mut c = vec![0.0f32; m * n];
    if m == 0 {
        return c;
    }
    for (group, columns) in c.chunks_mut(4 * m).enumerate() {
        let first = 4 * group;
        let at = |p: usize, j: usize| b[(first + j) * k + p];
        if columns.len() < 4 * m {
            for (j, column) in columns.chunks_mut(m).enumerate() {
                for p in 0..k {
                    let factor = at(p, j);
                    for (sum, x) in column.iter_mut().zip(&a[p * m..(p + 1) * m]) {
                        *sum += x * factor;
                    }
                }
            }
            continue;
        }
        let (c01, c23) = columns.split_at_mut(2 * m);
        let ((c0, c1), (c2, c3)) = (c01.split_at_mut(m), c23.split_at_mut(m));
        for p in 0..k {
            let [b0, b1, b2, b3] = [at(p, 0), at(p, 1), at(p, 2), at(p, 3)];
            let sums = c0.iter_mut().zip(c1.iter_mut()).zip(c2.iter_mut().zip(c3.iter_mut()));
            for (((s0, s1), (s2, s3)), x) in sums.zip(&a[p * m..(p + 1) * m]) {
                *s0 += x * b0;
                *s1 += x * b1;
                *s2 += x * b2;
                *s3 += x * b3;
            }
        }
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_nearest_even() {
        assert_eq!(round_fraction(1.0 + 2f32.powi(-8), 7), 1.0);
        assert_eq!(round_fraction(1.0 + 3.0 * 2f32.powi(-8), 7), 1.0 + 4.0 * 2f32.powi(-8));
        assert_eq!(round_fraction(-1.0 - 2f32.powi(-10), 10), -1.0 - 2f32.powi(-10));
        assert!(round_fraction(f32::NAN, 7).is_nan());
    }
}
