//! Transposing a matrix in memory.

use std::ops::Range;

use super::level::Level;
use super::matrix::MatrixMut;
use super::simd::{Portable, Routine, Simd};

/// Writes the transpose of `from`, a matrix whose rows start `row_stride` values apart.
pub(crate) fn transpose(from: &[f32], row_stride: usize, to: &mut MatrixMut<'_>) {
    Level::best().run(Transposition { from, row_stride, to });
}

struct Transposition<'a, 'm> {
    from: &'a [f32],
    row_stride: usize,
    to: &'a mut MatrixMut<'m>,
}

impl Routine for Transposition<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let (rows, columns) = (self.to.width(), self.to.height());
        let whole = |count: usize, side: usize| count - count % side;
        // Squares as large as the registers allow, small ones right of and below them, then the rest.
        let large = [rows, columns].map(|count| whole(count, S::LANES));
        let small = [rows, columns].map(|count| whole(count, Portable::LANES));
        self.squares(simd, 0..large[0], 0..large[1]);
        self.squares(Portable, large[0]..small[0], 0..small[1]);
        self.squares(Portable, 0..large[0], large[1]..small[1]);
        for j in 0..columns {
            let done = if j < small[1] { small[0] } else { 0 };
            let row = &mut self.to.row(j)[done..];
            row.iter_mut().enumerate().for_each(|(i, to)| *to = self.from[(done + i) * self.row_stride + j]);
        }
    }
}

impl Transposition<'_, '_> {
    /// Moves `rows` and `columns` of `from`, whole squares of registers: with registers of 16 each row of a square of the
    /// result is a cache line.
    #[inline(always)]
    fn squares<S: Simd>(&mut self, simd: S, rows: Range<usize>, columns: Range<usize>) {
        assert!(rows.len().is_multiple_of(S::LANES) && columns.len().is_multiple_of(S::LANES));
        if rows.is_empty() || columns.is_empty() {
            return;
        }
        assert!((rows.end - 1) * self.row_stride + columns.end <= self.from.len());
        let (start, to_row) = self.to.place(columns.end - 1, rows.end - 1);
        for i in rows.clone().step_by(S::LANES) {
            for j in columns.clone().step_by(S::LANES) {
                // SAFETY: the squares end with the rows and columns, of which the last ones lie inside both matrices.
                unsafe {
                    let from = self.from.as_ptr().add(i * self.row_stride + j);
                    let to = start.sub((columns.end - 1 - j) * to_row + (rows.end - 1 - i));
                    simd.transpose(from, self.row_stride, to, to_row);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transpose_swaps_rows_and_columns_at_every_level() {
        let sizes = [(1, 1, 1), (8, 16, 17), (9, 23, 23), (31, 7, 12), (16, 32, 32), (37, 53, 60), (48, 19, 19)];
        for (rows, columns, stride) in sizes {
            let from: Vec<f32> = (0..rows * stride).map(|i| i as f32).collect();
            for level in Level::available() {
                let mut to = vec![-1.0; columns * (rows + 1)];
                let to_matrix = &mut MatrixMut::new(&mut to, columns, rows, rows + 1);
                level.run(Transposition { from: &from, row_stride: stride, to: to_matrix });
                for j in 0..columns {
                    for i in 0..rows {
                        let (at, expected) = (j * (rows + 1) + i, from[i * stride + j]);
                        assert_eq!(to[at], expected, "{level:?} ({i}, {j}) of {rows}×{columns}");
                    }
                    assert_eq!(to[j * (rows + 1) + rows], -1.0, "{level:?} beside row {j} of {rows}×{columns}");
                }
            }
        }
    }
}
