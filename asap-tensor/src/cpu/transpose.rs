//! Matrices transposed in memory.

use super::gemm::MatrixMut;

/// Numbers are moved in squares of this side, so that what is read and what is written both stay in the cache.
const SIDE: usize = 8;

/// `to` becomes the transposed of `from`, a matrix whose rows begin `row_stride` numbers apart.
pub(crate) fn transpose(from: &[f32], row_stride: usize, to: &mut MatrixMut<'_>) {
    let (rows, columns) = (to.width(), to.height());
    let mut square = [[0.0; SIDE]; SIDE];
    for i in (0..rows).step_by(SIDE) {
        let height = SIDE.min(rows - i);
        for j in (0..columns).step_by(SIDE) {
            let width = SIDE.min(columns - j);
            if (height, width) == (SIDE, SIDE) {
                for (k, line) in square.iter_mut().enumerate() {
                    line.copy_from_slice(&from[(i + k) * row_stride + j..][..SIDE]);
                }
                for k in 0..SIDE {
                    to.row(j + k)[i..i + SIDE].copy_from_slice(&square.map(|line| line[k]));
                }
            } else {
                for l in 0..width {
                    let row = &mut to.row(j + l)[i..i + height];
                    row.iter_mut().enumerate().for_each(|(k, to)| *to = from[(i + k) * row_stride + j + l]);
                }
            }
        }
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
