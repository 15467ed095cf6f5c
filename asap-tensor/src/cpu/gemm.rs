//! Matrix products on one thread: a safe face on the `gemm` crate. Kernels split their work by shape alone and give
//! each part to [`product`], so that results do not depend on the number of threads.

use std::marker::PhantomData;

use gemm::Parallelism;

/// A matrix to read; element (i, j) is `data[i · row_stride + j · column_stride]`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix whose rows begin `row_stride` numbers apart.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        if rows > 0 && columns > 0 {
            assert!((rows - 1) * row_stride + columns <= data.len(), "a matrix must lie inside its numbers");
        }
        Matrix { data, rows, columns, row_stride, column_stride: 1 }
    }

    /// The transposed matrix; nothing is copied.
    pub(crate) fn transposed(self) -> Self {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Rows `start` to `start + count`.
    pub(crate) fn rows(self, start: usize, count: usize) -> Self {
        assert!(start + count <= self.rows, "rows outside the matrix");
        let data = if count == 0 || self.columns == 0 { &[] } else { &self.data[start * self.row_stride..] };
        Matrix { data, rows: count, ..self }
    }

    /// Columns `start` to `start + count`.
    pub(crate) fn columns(self, start: usize, count: usize) -> Self {
        self.transposed().rows(start, count).transposed()
    }
}

/// A row-major matrix to write.
pub(crate) struct MatrixMut<'a> {
    start: *mut f32,
    rows: usize,
    columns: usize,
    row_stride: usize,
    numbers: PhantomData<&'a mut [f32]>,
}

// SAFETY: a MatrixMut is the only way to its elements while it lives, like the `&mut [f32]` that it was made from.
unsafe impl Send for MatrixMut<'_> {}

impl<'a> MatrixMut<'a> {
    /// A matrix whose rows begin `row_stride` numbers apart.
    pub(crate) fn new(data: &'a mut [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(columns <= row_stride || rows <= 1, "the rows of a matrix must not overlap");
        if rows > 0 && columns > 0 {
            assert!((rows - 1) * row_stride + columns <= data.len(), "a matrix must lie inside its numbers");
        }
        // Rows without numbers all begin at the start, where there may be no numbers to step over.
        let row_stride = if columns == 0 { 0 } else { row_stride };
        MatrixMut { start: data.as_mut_ptr(), rows, columns, row_stride, numbers: PhantomData }
    }

    /// The number of rows.
    pub(crate) fn height(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub(crate) fn width(&self) -> usize {
        self.columns
    }

    /// Row `i`.
    pub(crate) fn row(&mut self, i: usize) -> &mut [f32] {
        assert!(i < self.rows, "row {i} of a matrix of {}", self.rows);
        // SAFETY: `new` checked that every row lies inside the numbers, and `&mut self` makes this the only access.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(i * self.row_stride), self.columns) }
    }

    /// The matrix cut into blocks of `height` rows and `width` columns, the last ones of each row and column smaller;
    /// each comes with the row and the column where it begins.
    pub(crate) fn blocks(self, height: usize, width: usize) -> Vec<(usize, usize, MatrixMut<'a>)> {
        let mut blocks = Vec::new();
        for i in (0..self.rows).step_by(height) {
            for j in (0..self.columns).step_by(width) {
                let block = MatrixMut {
                    // SAFETY: element (i, j) lies inside the matrix.
                    start: unsafe { self.start.add(i * self.row_stride + j) },
                    rows: height.min(self.rows - i),
                    columns: width.min(self.columns - j),
                    ..self
                };
                blocks.push((i, j, block));
            }
        }
        blocks
    }
}

/// C ← A·B, or C ← C + A·B with `add`, on the calling thread.
pub(crate) fn product(c: &mut MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, add: bool) {
    assert!(c.rows == a.rows && c.columns == b.columns && a.columns == b.rows, "the matrices of a product must fit");
    // SAFETY: `Matrix` and `MatrixMut` were checked to lie inside their numbers when they were made; C is borrowed
    // mutably, so it overlaps neither A nor B.
    unsafe {
        gemm::gemm(
            c.rows,
            c.columns,
            a.columns,
            c.start,
            1,
            c.row_stride as isize,
            add,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_a_product_with_transposed_sides_add_up() {
        let (m, k, n) = (5, 3, 7);
        let a: Vec<f32> = (0..k * m).map(|i| i as f32).collect();
        let b: Vec<f32> = (0..n * k).map(|i| 1.0 - i as f32).collect();
        let mut c = vec![1.0; m * (n + 2)];
        for (i, j, mut block) in MatrixMut::new(&mut c, m, n, n + 2).blocks(2, 3) {
            let a = Matrix::new(&a, k, m, m).transposed().rows(i, block.height());
            let b = Matrix::new(&b, n, k, k).transposed().columns(j, block.width());
            product(&mut block, a, b, true);
        }
        for i in 0..m {
            for j in 0..n {
                let sum: f32 = (0..k).map(|l| a[l * m + i] * b[j * k + l]).sum();
                assert_eq!(c[i * (n + 2) + j], 1.0 + sum, "({i}, {j})");
            }
            assert_eq!(c[i * (n + 2) + n..][..2], [1.0, 1.0], "beside row {i}");
        }
    }

    #[test]
    #[should_panic(expected = "inside its numbers")]
    fn a_matrix_larger_than_its_numbers_is_refused() {
        Matrix::new(&[0.0; 5], 2, 3, 3);
    }
}
