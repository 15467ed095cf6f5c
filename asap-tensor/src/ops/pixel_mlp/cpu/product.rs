//! Products of matrices small enough for the L1 cache, where packing would cost more than it saves.

use crate::cpu::panel::{self, Panel, Rows};
use crate::cpu::simd::Simd;

/// Loads `from[at..at + LANES]`.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, from: &[f32], at: usize) -> S::V {
    // SAFETY: the slice has a register's values.
    unsafe { simd.load(from[at..at + S::LANES].as_ptr()) }
}

/// Stores `to[at..at + LANES]`.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, to: &mut [f32], at: usize, v: S::V) {
    // SAFETY: the slice has a register's values.
    unsafe { simd.store(to[at..at + S::LANES].as_mut_ptr(), v) }
}

/// Adds to `to[at..at + LANES]`.
#[inline(always)]
pub(super) fn add<S: Simd>(simd: S, to: &mut [f32], at: usize, v: S::V) {
    let sum = simd.add(load(simd, to, at), v);
    store(simd, to, at, sum);
}

/// The left operand of a product: element (i, l) is `values[i · row + l · step]`.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub(super) values: &'a [f32],
    pub(super) row: usize,
    pub(super) step: usize,
}

/// What the sums of a product start from and what is stored in C, a register at a time: the one whose first element is
/// C's element `at`, in column j.
pub(super) trait Ends<S: Simd>: Copy {
    /// Panics unless `start` and `finish` may be called for every register of C.
    #[inline(always)]
    fn check(self, _rows: usize, _columns: usize) {}
    /// What the sums start from.
    ///
    /// # Safety
    /// `check` must have returned, and the register must be C's.
    #[inline(always)]
    unsafe fn start(self, simd: S, _at: usize, _j: usize) -> S::V {
        simd.zero()
    }
    /// The values to store; `old` points to those there.
    ///
    /// # Safety
    /// As of `start`, and `old` must be readable.
    unsafe fn finish(self, simd: S, at: usize, old: *const f32, sum: S::V) -> S::V;
}

/// C ← A·B.
#[derive(Clone, Copy)]
pub(super) struct Written;

impl<S: Simd> Ends<S> for Written {
    #[inline(always)]
    unsafe fn finish(self, _simd: S, _at: usize, _old: *const f32, sum: S::V) -> S::V {
        sum
    }
}

/// C ← C + A·B. The product is summed on its own first: a long sum loses no more digits than its parts.
#[derive(Clone, Copy)]
pub(super) struct Added;

impl<S: Simd> Ends<S> for Added {
    #[inline(always)]
    unsafe fn finish(self, simd: S, _at: usize, old: *const f32, sum: S::V) -> S::V {
        // SAFETY: the caller's.
        simd.add(unsafe { simd.load(old) }, sum)
    }
}

/// C ← φ(terms + bias + A·B), φ the leaky ReLU. The bias is a row, the terms, if any, a matrix.
#[derive(Clone, Copy)]
pub(super) struct Activated<'a> {
    pub(super) terms: Option<&'a [f32]>,
    pub(super) bias: &'a [f32],
    pub(super) slope: f32,
}

impl<S: Simd> Ends<S> for Activated<'_> {
    #[inline(always)]
    fn check(self, rows: usize, columns: usize) {
        assert!(self.bias.len() >= columns && self.terms.is_none_or(|terms| terms.len() >= rows * columns));
    }
    #[inline(always)]
    unsafe fn start(self, simd: S, at: usize, j: usize) -> S::V {
        // SAFETY: `check` and the caller.
        unsafe {
            let bias = simd.load(self.bias.as_ptr().add(j));
            match self.terms {
                Some(terms) => simd.add(simd.load(terms.as_ptr().add(at)), bias),
                None => bias,
            }
        }
    }
    #[inline(always)]
    unsafe fn finish(self, simd: S, _at: usize, _old: *const f32, sum: S::V) -> S::V {
        simd.where_positive(sum, sum, simd.mul(simd.splat(self.slope), sum))
    }
}

/// C ← (A·B) ⊙ φ′, φ′ being 1 where `h` > 0, else the slope.
#[derive(Clone, Copy)]
pub(super) struct Derived<'a> {
    pub(super) h: &'a [f32],
    pub(super) slope: f32,
}

impl<S: Simd> Ends<S> for Derived<'_> {
    #[inline(always)]
    fn check(self, rows: usize, columns: usize) {
        assert!(self.h.len() >= rows * columns);
    }
    #[inline(always)]
    unsafe fn finish(self, simd: S, at: usize, _old: *const f32, sum: S::V) -> S::V {
        // SAFETY: `check` and the caller.
        let h = unsafe { simd.load(self.h.as_ptr().add(at)) };
        simd.where_positive(h, sum, simd.mul(simd.splat(self.slope), sum))
    }
}

/// The columns of C of a panel, from `first` on.
struct Columns<E> {
    c: *mut f32,
    columns: usize,
    first: usize,
    ends: E,
}

impl<S: Simd, const V: usize, E: Ends<S>> panel::Ends<S, V> for Columns<E> {
    #[inline(always)]
    fn start(&self, simd: S, i: usize) -> [S::V; V] {
        let mut sums = [simd.zero(); V];
        for (v, sum) in sums.iter_mut().enumerate() {
            let j = self.first + v * S::LANES;
            // SAFETY: `multiply` checked that all registers of its panels are C's.
            *sum = unsafe { self.ends.start(simd, i * self.columns + j, j) };
        }
        sums
    }
    #[inline(always)]
    fn finish(&mut self, simd: S, i: usize, sums: [S::V; V]) {
        for (v, sum) in sums.into_iter().enumerate() {
            let at = i * self.columns + self.first + v * S::LANES;
            // SAFETY: as above.
            unsafe {
                let to = self.c.add(at);
                simd.store(to, self.ends.finish(simd, at, to, sum));
            }
        }
    }
}

/// C from A·B by `ends`: A is (rows, depth), B (depth, columns) and C (rows, columns), columns being whole registers.
#[inline(always)]
pub(super) fn multiply<S: Simd, E: Ends<S>>(
    simd: S,
    [rows, depth, columns]: [usize; 3],
    a: Left<'_>,
    b: &[f32],
    c: &mut [f32],
    ends: E,
) {
    assert!(columns.is_multiple_of(S::LANES) && b.len() >= depth * columns && c.len() >= rows * columns);
    assert!(rows == 0 || depth == 0 || a.values.len() > (rows - 1) * a.row + (depth - 1) * a.step);
    ends.check(rows, columns);
    let a = Rows { start: a.values.as_ptr(), row: a.row, step: a.step };
    let c = c.as_mut_ptr();
    let mut first = 0;
    macro_rules! panels_of {
        ($v:literal) => {
            while columns - first >= $v * S::LANES {
                let b = Panel { start: b.as_ptr().wrapping_add(first), step: columns };
                let mut ends = Columns { c, columns, first, ends };
                // SAFETY: the assertions above; the panel's columns end with B's at the latest.
                unsafe { panel::multiply::<S, $v>(simd, rows, depth, a, b, &mut ends) };
                first += $v * S::LANES;
            }
        };
    }
    // Wide panels read A's rows fewer times; with 16 registers there would be too few rows to a block.
    if S::REGISTERS >= 32 {
        panels_of!(4);
    }
    panels_of!(2);
    panels_of!(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::level::Level;
    use crate::cpu::simd::Routine;
    use crate::random::uniform_by_name;

    /// Enough rows for every size of a block, and columns for panels of every width.
    const SIZES: [[usize; 3]; 7] =
        [[1, 1, 16], [13, 5, 48], [12, 64, 32], [7, 3, 80], [4, 0, 16], [47, 33, 16], [47, 33, 64]];

    struct Product<'a> {
        size: [usize; 3],
        a: Left<'a>,
        b: &'a [f32],
        bias: &'a [f32],
        h: &'a [f32],
    }

    impl Routine for Product<'_> {
        type Output = [Vec<f32>; 4];

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> [Vec<f32>; 4] {
            let Product { size, a, b, bias, h } = self;
            let mut results = std::array::from_fn(|_| h.to_vec());
            let [written, added, activated, derived] = &mut results;
            multiply(simd, size, a, b, written, Written);
            multiply(simd, size, a, b, added, Added);
            multiply(simd, size, a, b, activated, Activated { terms: Some(h), bias, slope: 0.5 });
            multiply(simd, size, a, b, derived, Derived { h, slope: 0.5 });
            results
        }
    }

    fn check(row: impl Fn([usize; 3]) -> usize, step: impl Fn([usize; 3]) -> usize) {
        for size in SIZES {
            let [rows, depth, columns] = size;
            let (row, step) = (row(size), step(size));
            let values = uniform_by_name("a", rows * row + depth * step);
            let b = uniform_by_name("b", depth * columns);
            let bias = uniform_by_name("bias", columns);
            let h = uniform_by_name("h", rows * columns);
            for level in Level::available() {
                let a = Left { values: &values, row, step };
                let results = level.run(Product { size, a, b: &b, bias: &bias, h: &h });
                for at in 0..rows * columns {
                    let (i, j) = (at / columns, at % columns);
                    let terms = (0..depth).map(|l| (values[i * row + l * step], b[l * columns + j]));
                    let sum: f64 = terms.map(|(a, b)| f64::from(a) * f64::from(b)).sum();
                    let (h, bias) = (f64::from(h[at]), f64::from(bias[j]));
                    let z = h + bias + sum;
                    let expected = [sum, h + sum, z.max(0.5 * z), if h > 0.0 { sum } else { 0.5 * sum }];
                    for (which, (result, expected)) in results.iter().zip(expected).enumerate() {
                        let error = f64::from(result[at]) - expected;
                        assert!(error.abs() < 1e-5, "{level:?} {size:?} ends {which} ({i}, {j}): {error}");
                    }
                }
            }
        }
    }

    #[test]
    fn products_match_sums_at_every_level() {
        check(|[_, depth, _]| depth + 2, |_| 1);
    }

    #[test]
    fn transposed_products_match_sums_at_every_level() {
        check(|_| 1, |[rows, ..]| rows + 1);
    }
}
