//! Matrices over borrowed memory.

use std::marker::PhantomData;

/// A matrix to read; element (i, j) is `data[i · row_stride + j · column_stride]`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub(super) data: &'a [f32],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix whose rows start `row_stride` values apart.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        if rows > 0 && columns > 0 {
            assert!((rows - 1) * row_stride + columns <= data.len(), "a matrix must lie inside its values");
        }
        Matrix { data, rows, columns, row_stride, column_stride: 1 }
    }

    /// The transpose; nothing is copied.
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
    pub(super) start: *mut f32,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: usize,
    values: PhantomData<&'a mut [f32]>,
}

// SAFETY: a MatrixMut is the only way to its elements while it lives, like the `&mut [f32]` that it was made from.
unsafe impl Send for MatrixMut<'_> {}

impl<'a> MatrixMut<'a> {
    /// A matrix whose rows start `row_stride` values apart.
    pub(crate) fn new(data: &'a mut [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(columns <= row_stride || rows <= 1, "the rows of a matrix must not overlap");
        if rows > 0 && columns > 0 {
            assert!((rows - 1) * row_stride + columns <= data.len(), "a matrix must lie inside its values");
        }
        // Empty rows all start at the start: there may be no values to step over.
        let row_stride = if columns == 0 { 0 } else { row_stride };
        MatrixMut { start: data.as_mut_ptr(), rows, columns, row_stride, values: PhantomData }
    }

    pub(crate) fn height(&self) -> usize {
        self.rows
    }

    pub(crate) fn width(&self) -> usize {
        self.columns
    }

    pub(crate) fn row(&mut self, i: usize) -> &mut [f32] {
        assert!(i < self.rows, "row {i} of a matrix of {}", self.rows);
        // SAFETY: `new` checked that every row lies inside the values, and `&mut self` makes this the only access.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(i * self.row_stride), self.columns) }
    }

    /// Element (i, j), and the distance from one row to the next.
    pub(super) fn place(&mut self, i: usize, j: usize) -> (*mut f32, usize) {
        assert!(i < self.rows && j < self.columns, "element ({i}, {j}) of a {}×{} matrix", self.rows, self.columns);
        // SAFETY: `new` checked that every element lies inside the values.
        (unsafe { self.start.add(i * self.row_stride + j) }, self.row_stride)
    }

    /// The matrix cut into blocks of `height` rows and `width` columns, or fewer at the edges: (first row, first column,
    /// block).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "inside its values")]
    fn matrices_larger_than_their_values_are_rejected() {
        Matrix::new(&[0.0; 5], 2, 3, 3);
    }
}
