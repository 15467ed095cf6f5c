//! The innermost loop of every matrix product: some rows of A times a panel of B, a few registers of B's columns.
//!
//! A block of C, R rows by V registers, stays in registers during the sum over k; each step reads V registers of B and
//! R values of A for R·V multiplications. R is as large as the registers allow, to hide the latency of a multiplication
//! and to stay within the bandwidth of the caches.

use super::simd::Simd;

/// Rows of A: element (i, l) is at `i · row + l · step` from `start`.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) start: *const f32,
    pub(crate) row: usize,
    pub(crate) step: usize,
}

/// A panel of B: element (l, j) is at `l · step + j` from `start`.
#[derive(Clone, Copy)]
pub(crate) struct Panel {
    pub(crate) start: *const f32,
    pub(crate) step: usize,
}

/// What the sums of a product start from, and where they go. The methods must be `#[inline(always)]`: a closure would be
/// compiled for the registers only where the compiler inlines it.
pub(crate) trait Ends<S: Simd, const V: usize> {
    /// What the sums of row i start from.
    fn start(&self, simd: S, i: usize) -> [S::V; V];
    /// Stores the sums of row i.
    fn finish(&mut self, simd: S, i: usize, sums: [S::V; V]);
}

/// Some columns of C, at most a panel: C ← A·B, or with `add` C ← C + A·B. Element (i, j) is at `i · row + j` from
/// `start`, readable and writable.
pub(crate) struct Columns {
    pub(crate) start: *mut f32,
    pub(crate) row: usize,
    /// How many columns there are.
    pub(crate) width: usize,
    pub(crate) add: bool,
}

impl<S: Simd, const V: usize> Ends<S, V> for Columns {
    #[inline(always)]
    fn start(&self, simd: S, i: usize) -> [S::V; V] {
        let mut sums = [simd.zero(); V];
        if self.add && self.width == V * S::LANES {
            for (v, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the panel's columns all lie inside C.
                *sum = unsafe { simd.load(self.start.add(i * self.row + v * S::LANES)) };
            }
        }
        sums
    }

    #[inline(always)]
    fn finish(&mut self, simd: S, i: usize, sums: [S::V; V]) {
        // SAFETY: the row lies inside C.
        let to = unsafe { self.start.add(i * self.row) };
        if self.width == V * S::LANES {
            // By index: an array's `into_iter` moves the registers through memory.
            for v in 0..V {
                // SAFETY: the panel's columns all lie inside C.
                unsafe { simd.store(to.add(v * S::LANES), sums[v]) };
            }
            return;
        }
        let mut row = [0.0; 64];
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: a panel's row has at most 64 values, which the slice checks.
            unsafe { simd.store(row[v * S::LANES..][..S::LANES].as_mut_ptr(), sum) };
        }
        for (j, sum) in row[..self.width].iter().enumerate() {
            // SAFETY: `width` columns lie inside C.
            let c = unsafe { &mut *to.add(j) };
            *c = if self.add { *c + sum } else { *sum };
        }
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
    // Of 32 registers V·R hold sums, V the step's values of B, and one the element of A.
    match (S::REGISTERS >= 32, V) {
        (true, 1) => blocks_of!(24 12 6 3 1),
        (true, 2) => blocks_of!(14 8 4 2 1),
        (true, _) => blocks_of!(6 4 2 1),
        (false, 1) => blocks_of!(12 6 3 1),
        (false, 2) => blocks_of!(6 4 2 1),
        (false, _) => blocks_of!(2 1),
    }
}

/// Rows `i` to `i + R` of [`multiply`].
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
