//! Kernels of `Cpu`.

use std::sync::Arc;

use rayon::prelude::*;

use super::{BLOCK_ROWS, Matmul};
use crate::cpu::Cpu;
use crate::cpu::gemm::product;
use crate::cpu::matrix::{Matrix, MatrixMut};
use crate::error::Result;
use crate::op::Kernel;

/// Columns of the block that goes with `BLOCK_ROWS`.
const BLOCK_COLUMNS: usize = 384;

impl Kernel<Matmul> for Cpu {
    fn compute(&self, op: &Matmul, [a, b]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let &Matmul { batch, m, k, n, transpose, .. } = op;
        let mut y = self.array(batch * m * n);
        if y.is_empty() {
            return Ok(Arc::new(y));
        }
        self.run(|| {
            let blocks: Vec<_> = y
                .chunks_exact_mut(m * n)
                .enumerate()
                .flat_map(|(item, y)| {
                    let blocks = MatrixMut::new(y, m, n, n).blocks(BLOCK_ROWS, BLOCK_COLUMNS);
                    blocks.into_iter().map(move |block| (item, block))
                })
                .collect();
            blocks.into_par_iter().for_each(|(item, (i, j, mut y))| {
                let (a, b) = (&a[item * m * k..][..m * k], &b[item * k * n..][..k * n]);
                let a = if transpose.a { Matrix::new(a, k, m, m).transposed() } else { Matrix::new(a, m, k, k) };
                let b = if transpose.b { Matrix::new(b, n, k, k).transposed() } else { Matrix::new(b, k, n, n) };
                let (height, width) = (y.height(), y.width());
                product(&mut y, a.rows(i, height), b.columns(j, width), false);
            });
        });
        Ok(Arc::new(y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::matmul::Transpose;
    use crate::random::uniform_by_name;
    use crate::shape::Shape;

    const SIZES: [[usize; 4]; 6] =
        [[1, 1, 1, 1], [3, 5, 7, 2], [2, 131, 17, 389], [1, 200, 300, 1], [1, 1, 300, 200], [2, 300, 0, 4]];

    #[test]
    fn matmul_matches_sums_for_any_layout_and_thread_count() {
        let backends = [1, 2, 4].map(|threads| Cpu::new(Some(threads)).expect("threads"));
        for [batch, m, k, n] in SIZES {
            let a = backends[0].adopt(uniform_by_name("a", batch * m * k));
            let b = backends[0].adopt(uniform_by_name("b", batch * k * n));
            for (transpose_a, transpose_b) in [(false, false), (false, true), (true, false), (true, true)] {
                let transpose = Transpose { a: transpose_a, b: transpose_b };
                let size = Matmul { y: Shape::from([batch, m, n]), batch, m, k, n, transpose };
                let [y, two, four] = backends.each_ref().map(|cpu| cpu.compute(&size, [&a, &b]).expect("a product"));
                assert!(y == two && y == four, "{size:?}");
                let bound = 16.0 * f64::from(f32::EPSILON) * (k as f64).sqrt();
                for (at, &y) in y.iter().enumerate() {
                    let (item, i, j) = (at / (m * n), at / n % m, at % n);
                    let (mut sum, mut magnitude) = (0.0, 0.0);
                    for l in 0..k {
                        let a = a[item * m * k + if transpose_a { l * m + i } else { i * k + l }];
                        let b = b[item * k * n + if transpose_b { j * k + l } else { l * n + j }];
                        sum += f64::from(a) * f64::from(b);
                        magnitude += (f64::from(a) * f64::from(b)).abs();
                    }
                    assert!((f64::from(y) - sum).abs() <= bound * magnitude, "{size:?} [{at}]: {y} is not {sum}");
                }
            }
        }
    }
}
