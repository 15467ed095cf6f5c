//! Matrices transposed in memory.

use super::gemm::MatrixMut;

/// Squares of this side are moved at a time, one in four vector registers.
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
                for (k, line) in transposed(square).iter().enumerate() {
                    to.row(j + k)[i..i + SIDE].copy_from_slice(line);
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

/// Left to itself the compiler moves the numbers one by one.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn transposed(square: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
    use std::arch::x86_64::{_MM_TRANSPOSE4_PS, _mm_loadu_ps, _mm_storeu_ps};
    let mut result = square;
    // SAFETY: every processor of this kind has SSE, and a line is a register's numbers.
    unsafe {
        let [mut a, mut b, mut c, mut d] = square.each_ref().map(|line| _mm_loadu_ps(line.as_ptr()));
        _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d);
        for (line, register) in result.iter_mut().zip([a, b, c, d]) {
            _mm_storeu_ps(line.as_mut_ptr(), register);
        }
    }
    result
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn transposed(square: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
    std::array::from_fn(|k| square.map(|line| line[k]))
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
