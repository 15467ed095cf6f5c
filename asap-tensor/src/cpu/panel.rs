//! The innermost loop of every matrix product here: some rows of A times a panel of B.
//!
//! A panel is B's columns, a few registers wide. A block of C, R rows by V registers, stays in registers while the sum
//! over k runs; each step reads V registers of B and R values of A for R·V multiplications. R is as large as the
//! registers allow, so that these hide how long one takes and the loads stay under what the caches give.

use super::simd::Simd;

/// Where the rows of A stand: element (i, l) at `i · row + l · step` from `start`.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    /// Element (0, 0).
    pub(crate) start: *const f32,
    /// From one row to the next.
    pub(crate) row: usize,
    /// From one k to the next.
    pub(crate) step: usize,
}

/// Where a panel of B stands: element (l, j) at `l · step + j` from `start`.
#[derive(Clone, Copy)]
pub(crate) struct Panel {
    /// Element (0, 0).
    pub(crate) start: *const f32,
    /// From one k to the next.
    pub(crate) step: usize,
}

/// What the sums of a product begin with, and what becomes of them. With `#[inline(always)]` the methods are compiled
/// for the registers however long they are, which a closure's body is only where the compiler thinks it short.
pub(crate) trait Ends<S: Simd, const V: usize> {
    /// What the sums of row i begin with.
    fn start(&self, simd: S, i: usize) -> [S::V; V];
    /// Takes the sums of row i.
    fn finish(&mut self, simd: S, i: usize, sums: [S::V; V]);
}

struct Closures<F, G>(F, G);

impl<S: Simd, const V: usize, F: Fn(usize) -> [S::V; V], G: FnMut(usize, [S::V; V])> Ends<S, V> for Closures<F, G> {
    #[inline(always)]
    fn start(&self, _: S, i: usize) -> [S::V; V] {
        self.0(i)
    }
    #[inline(always)]
    fn finish(&mut self, _: S, i: usize, sums: [S::V; V]) {
        self.1(i, sums);
    }
}

/// For each i < `rows`: finish(i, start(i) + Σ over l < `depth` of A[i, l]·B[l, ·]), in ascending order of i. Each sum
/// runs in ascending order of l, whatever the number of rows.
///
/// # Safety
/// `rows` × `depth` values of A and `depth` × V registers of B must be readable.
#[inline(always)]
pub(crate) unsafe fn multiply<S: Simd, const V: usize>(
    simd: S,
    rows: usize,
    depth: usize,
    a: Rows,
    b: Panel,
    start: impl Fn(usize) -> [S::V; V],
    finish: impl FnMut(usize, [S::V; V]),
) {
    // SAFETY: the caller's.
    unsafe { multiply_with(simd, rows, depth, a, b, &mut Closures(start, finish)) }
}

/// [`multiply`] with [`Ends`] in place of closures.
///
/// # Safety
/// As of [`multiply`].
#[inline(always)]
pub(crate) unsafe fn multiply_with<S: Simd, const V: usize>(
    simd: S,
    rows: usize,
    depth: usize,
    a: Rows,
    b: Panel,
    ends: &mut impl Ends<S, V>,
) {
    let mut i = 0;
    macro_rules! blocks_of {
        ($($r:literal)*) => {{
            $(while rows - i >= $r {
                // SAFETY: the caller's.
                unsafe { block::<S, $r, V>(simd, i, depth, a, b, ends) };
                i += $r;
            })*
        }};
    }
    // Of 32 registers V·R hold sums, V the step's values of B, one the number of A.
    match (S::REGISTERS >= 32, V) {
        (true, 1) => blocks_of!(24 12 6 3 1),
        (true, 2) => blocks_of!(14 8 4 2 1),
        (true, 3) => blocks_of!(9 4 2 1),
        (true, _) => blocks_of!(6 4 2 1),
        (false, 1) => blocks_of!(12 6 3 1),
        (false, 2) => blocks_of!(6 4 2 1),
        (false, 3) => blocks_of!(4 2 1),
        (false, _) => blocks_of!(2 1),
    }
}

/// R rows of [`multiply`], from row `i` on.
#[inline(always)]
unsafe fn block<S: Simd, const R: usize, const V: usize>(
    simd: S,
    i: usize,
    depth: usize,
    a: Rows,
    b: Panel,
    ends: &mut impl Ends<S, V>,
) {
    let mut sums = [[simd.zero(); V]; R];
    for (r, sums) in sums.iter_mut().enumerate() {
        *sums = ends.start(simd, i + r);
    }
    // SAFETY: the caller's: every row and step below lies inside A and B.
    unsafe {
        let first = a.start.add(i * a.row);
        for l in 0..depth {
            let b: [S::V; V] = std::array::from_fn(|v| simd.load(b.start.add(l * b.step + v * S::LANES)));
            for r in 0..R {
                let a = simd.splat(*first.add(r * a.row + l * a.step));
                for v in 0..V {
                    sums[r][v] = simd.mul_add(a, b[v], sums[r][v]);
                }
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        ends.finish(simd, i + r, sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::simd::{Kernel, Level};
    use crate::random::uniform_by_name;

    struct Product<'a, const V: usize> {
        rows: usize,
        depth: usize,
        a: &'a [f32],
        b: &'a [f32],
    }

    impl<const V: usize> Kernel for Product<'_, V> {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Vec<f32> {
            let width = V * S::LANES;
            let mut c = vec![0.0; self.rows * width];
            let a = Rows { start: self.a.as_ptr(), row: 1, step: self.rows };
            let b = Panel { start: self.b.as_ptr(), step: 64 };
            assert!(self.a.len() == self.rows * self.depth && self.b.len() == 64 * self.depth && width <= 64);
            // SAFETY: the assertion above.
            unsafe {
                let start = |i: usize| [simd.splat(i as f32); V];
                multiply(simd, self.rows, self.depth, a, b, start, |i, sums| {
                    for (v, sum) in sums.into_iter().enumerate() {
                        simd.store(c[i * width + v * S::LANES..].as_mut_ptr(), sum);
                    }
                });
            }
            c
        }
    }

    fn check<const V: usize>() {
        for (rows, depth) in [(1, 1), (3, 0), (29, 7), (47, 33)] {
            let a = uniform_by_name("a", rows * depth);
            let b = uniform_by_name("b", 64 * depth);
            for level in Level::available() {
                let c = level.run(Product::<V> { rows, depth, a: &a, b: &b });
                let width = c.len() / rows;
                for (at, &c) in c.iter().enumerate() {
                    let (i, j) = (at / width, at % width);
                    let sum: f64 = (0..depth).map(|l| f64::from(a[l * rows + i]) * f64::from(b[l * 64 + j])).sum();
                    let bound = 1e-6 * (i as f64 + depth as f64 + 1.0);
                    assert!((f64::from(c) - i as f64 - sum).abs() <= bound, "{level:?} {rows}×{depth} ({i}, {j})");
                }
            }
        }
    }

    #[test]
    fn rows_times_a_panel_are_sums_at_every_level_and_width() {
        check::<1>();
        check::<2>();
        check::<3>();
        check::<4>();
    }
}
