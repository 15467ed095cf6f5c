//! Matrix products on one thread. Kernels split their work by shape alone and compute each part with [`product`], so that
//! results do not depend on the number of threads.

use super::level::Level;
use super::matrix::{Matrix, MatrixMut};
use super::panel::{Columns, Panel, Rows, multiply};
use super::scratch::with_scratch;
use super::simd::{Routine, Simd};
#[cfg(target_arch = "x86_64")]
use super::tiles;
use super::transpose::transpose;

/// Terms of each sum that are added at a time: a panel of B that long stays in the L1 cache.
const DEPTH: usize = 128;
/// Maximum number of columns of B that are packed at a time: with `DEPTH` rows they stay in the L2 cache.
const WIDTH: usize = 512;
/// Values left free between the copied rows of A, so that these do not map to the same cache sets.
const GAP: usize = 16;
/// From one copied row of A to the next; a constant, so that it needs no register for each row.
const ROW: usize = DEPTH + GAP;
/// Registers in a row of a panel.
const REGISTERS: usize = 2;

/// C ← A·B, or C ← C + A·B with `add`, on the calling thread.
pub(crate) fn product(c: &mut MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, add: bool) {
    product_at(Level::best(), c, a, b, add);
}

/// [`product`] with the given registers.
fn product_at(level: Level, c: &mut MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, add: bool) {
    assert!(c.rows == a.rows && c.columns == b.columns && a.columns == b.rows, "shapes of a matrix product");
    if a.columns == 0 && !add {
        (0..c.rows).for_each(|i| c.row(i).fill(0.0));
    }
    #[cfg(target_arch = "x86_64")]
    if let Level::Tiles(_, registers) = level
        && tiles::pays(c.rows, a.columns, c.columns)
    {
        let scratch = tiles::scratch(c.rows, a.columns, c.columns);
        return with_scratch(scratch, |scratch| tiles::product(registers, c, a, b, add, scratch));
    }
    let panel = REGISTERS * level.lanes();
    let terms = a.columns.min(DEPTH);
    let packed_b = c.columns.min(WIDTH).next_multiple_of(panel) * terms;
    let packed_a = c.rows * ROW;
    // Allocated outside the kernel: the code of a closure would not be compiled for the registers.
    with_scratch(packed_a + packed_b, |scratch| {
        let (packed_a, packed_b) = scratch.split_at_mut(packed_a);
        level.run(Product { c, a, b, add, packed_a, packed_b });
    });
}

/// Maximum scratch, in values, of a product whose result has `rows` rows.
pub(crate) fn scratch(rows: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    if let Level::Tiles(..) = Level::best() {
        return tiles::scratch(rows, usize::MAX, usize::MAX);
    }
    WIDTH.next_multiple_of(REGISTERS * Level::best().lanes()) * DEPTH + rows * ROW
}

/// The loops around [`multiply`]: over parts of k, over parts of B's columns, over panels of such a part.
///
/// B is packed, part by part, into panels with contiguous rows. A part of A is copied as well: its rows are often a
/// power of two apart, and would compete for few sets of the L1 cache.
struct Product<'c, 'n> {
    c: &'c mut MatrixMut<'n>,
    a: Matrix<'c>,
    b: Matrix<'c>,
    add: bool,
    packed_a: &'c mut [f32],
    packed_b: &'c mut [f32],
}

impl Routine for Product<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Product { c, a, b, add, packed_a, packed_b } = self;
        let panel = REGISTERS * S::LANES;
        for start in (0..a.columns).step_by(DEPTH) {
            let depth = DEPTH.min(a.columns - start);
            let now = a.columns(start, depth);
            if a.column_stride == 1 {
                for (i, copy) in packed_a.chunks_exact_mut(ROW).take(a.rows).enumerate() {
                    copy[..depth].copy_from_slice(&now.data[i * now.row_stride..][..depth]);
                }
            } else {
                transpose(now.data, now.column_stride, &mut MatrixMut::new(packed_a, a.rows, depth, ROW));
            }
            let a_rows = Rows { start: packed_a.as_ptr(), row: ROW, step: 1 };
            for first in (0..b.columns).step_by(WIDTH) {
                let width = WIDTH.min(b.columns - first);
                pack(simd, b.rows(start, depth).columns(first, width), packed_b);
                for j in (0..width).step_by(panel) {
                    let b = Panel { start: packed_b[j * depth..][..panel * depth].as_ptr(), step: panel };
                    let (to, row) = (c.start.wrapping_add(first + j), c.row_stride);
                    let mut ends = Columns { start: to, row, width: panel.min(width - j), add: add || start > 0 };
                    // SAFETY: A's part was copied, as many rows as C has, of `depth` values; the panel has `depth` rows
                    // of `panel` values; and the columns lie inside C.
                    unsafe { multiply::<S, REGISTERS>(simd, c.rows, depth, a_rows, b, &mut ends) };
                }
            }
        }
    }
}

/// Packs B into panels, the last one padded with zeros.
#[inline(always)]
fn pack<S: Simd>(simd: S, b: Matrix<'_>, packed: &mut [f32]) {
    let panel = REGISTERS * S::LANES;
    for (at, packed) in packed.chunks_exact_mut(b.rows * panel).take(b.columns.div_ceil(panel)).enumerate() {
        let width = panel.min(b.columns - at * panel);
        let b = b.columns(at * panel, width);
        if b.column_stride != 1 {
            if width < panel {
                packed.fill(0.0);
            }
            transpose(b.data, b.column_stride, &mut MatrixMut::new(packed, b.rows, width, panel));
            continue;
        }
        for (l, row) in packed.chunks_exact_mut(panel).enumerate() {
            let from = &b.data[l * b.row_stride..][..width];
            if width < panel {
                row[..width].copy_from_slice(from);
                row[width..].fill(0.0);
                continue;
            }
            for v in 0..REGISTERS {
                // SAFETY: both rows have a panel's values.
                unsafe {
                    let values = simd.load(from.as_ptr().add(v * S::LANES));
                    simd.store(row.as_mut_ptr().add(v * S::LANES), values);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::uniform_by_name;

    #[test]
    fn blocks_of_transposed_products_match_sums() {
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
    fn products_match_sums_at_every_level() {
        for (m, k, n) in
            [(1, 1, 1), (3, 0, 5), (15, 257, 33), (16, 1, 16), (40, 600, 390), (75, 129, 541), (130, 7, 64)]
        {
            let a = uniform_by_name("a", m * k);
            let b = uniform_by_name("b", k * n);
            for level in Level::available() {
                for (transpose_a, transpose_b, add) in
                    [(false, false, false), (true, false, true), (false, true, true), (true, true, false)]
                {
                    let mut c = vec![1.0; m * n];
                    let a_matrix =
                        if transpose_a { Matrix::new(&a, k, m, m).transposed() } else { Matrix::new(&a, m, k, k) };
                    let b_matrix =
                        if transpose_b { Matrix::new(&b, n, k, k).transposed() } else { Matrix::new(&b, k, n, n) };
                    product_at(level, &mut MatrixMut::new(&mut c, m, n, n), a_matrix, b_matrix, add);
                    for (at, &c) in c.iter().enumerate() {
                        let (i, j) = (at / n, at % n);
                        let (mut sum, mut magnitude) = if add { (1.0, 1.0) } else { (0.0, 0.0) };
                        for l in 0..k {
                            let term = f64::from(a[if transpose_a { l * m + i } else { i * k + l }])
                                * f64::from(b[if transpose_b { j * k + l } else { l * n + j }]);
                            sum += term;
                            magnitude += term.abs();
                        }
                        let bound = 16.0 * f64::from(f32::EPSILON) * (k as f64 + 1.0).sqrt() * magnitude;
                        let what = format!("{level:?} {m}×{k}×{n} ({i}, {j})");
                        assert!((f64::from(c) - sum).abs() <= bound, "{what}: {c}, expected {sum}");
                    }
                }
            }
        }
    }
}
