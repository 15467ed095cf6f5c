//! Matrices transposed in memory.

use super::gemm::MatrixMut;

/// Squares of this side are moved at a time; the compiler keeps one in four vector registers.
const SIDE: usize = 4;
/// Rows that are read side by side: what they give to a row of the result is a whole cache line.
const ROWS: usize = 16;

/// `to` becomes the transposed of `from`, a matrix whose rows begin `row_stride` numbers apart.
pub(crate) fn transpose(from: &[f32], row_stride: usize, to: &mut MatrixMut<'_>) {
    let (rows, columns) = (to.width(), to.height());
    let (whole_rows, whole_columns) = (rows - rows % SIDE, columns - columns % SIDE);
    for band in (0..whole_rows).step_by(ROWS) {
        for j in (0..whole_columns).step_by(SIDE) {
            for i in (band..whole_rows.min(band + ROWS)).step_by(SIDE) {
                let square: [[f32; SIDE]; SIDE] = std::array::from_fn(|k| {
                    *from[(i + k) * row_stride + j..].first_chunk().expect("a row of the square")
                });
                for k in 0..SIDE {
                    to.row(j + k)[i..i + SIDE].copy_from_slice(&square.map(|line| line[k]));
                }
            }
        }
    }
    for j in 0..columns {
        let done = if j < whole_columns { whole_rows } else { 0 };
        let row = &mut to.row(j)[done..];
        row.iter_mut().enumerate().for_each(|(i, to)| *to = from[(done + i) * row_stride + j]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        for (rows, columns, stride) in [(1, 1, 1), (8, 16, 17), (9, 23, 23), (31, 7, 12)] {
            let from: Vec<f32> = (0..rows * stride).map(|i| i as f32).collect();
            let mut to = vec![-1.0; columns * (rows + 1)];
            transpose(&from, stride, &mut MatrixMut::new(&mut to, columns, rows, rows + 1));
            for j in 0..columns {
                for i in 0..rows {
                    assert_eq!(to[j * (rows + 1) + i], from[i * stride + j], "({i}, {j}) of {rows}×{columns}");
                }
            }
        }
    }
}
