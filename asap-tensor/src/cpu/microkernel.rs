//! Products with matrices small enough for the first caches, where packing would cost more than it saves. A block of the
//! result, six rows of two registers, is kept in registers while the sum runs: twelve sums at once hide how long one
//! addition takes.
//!
//! Each kernel is one piece of plain code, compiled twice: for every processor, and for those with AVX2 and FMA.

/// The columns of all matrices here come in multiples of this many numbers, one vector register.
pub(crate) const LANES: usize = 8;

/// Whether the code for AVX2 and FMA runs here.
#[inline]
fn has_fma() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

#[inline(always)]
fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// C ← start + A·B: A is (rows, inner) with rows `a_stride` apart, B (inner, columns), C (rows, columns). Each row
/// starts as `start`, or as zeros. `finish(at, numbers)` changes a piece of C, from its element `at` on, before it is
/// written.
pub(crate) fn multiply(
    a: &[f32],
    a_stride: usize,
    inner: usize,
    b: &[f32],
    columns: usize,
    start: Option<&[f32]>,
    c: &mut [f32],
    finish: impl Fn(usize, &mut [f32]),
) {
    assert!(columns.is_multiple_of(LANES) && inner <= a_stride && b.len() >= inner * columns);
    if has_fma() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has AVX2 and FMA.
        unsafe {
            multiply_fma(a, a_stride, inner, b, columns, start, c, finish);
        }
    } else {
        multiply_plain::<false>(a, a_stride, inner, b, columns, start, c, finish);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn multiply_fma(
    a: &[f32],
    a_stride: usize,
    inner: usize,
    b: &[f32],
    columns: usize,
    start: Option<&[f32]>,
    c: &mut [f32],
    finish: impl Fn(usize, &mut [f32]),
) {
    multiply_plain::<true>(a, a_stride, inner, b, columns, start, c, finish);
}

#[inline(always)]
fn multiply_plain<const FMA: bool>(
    a: &[f32],
    a_stride: usize,
    inner: usize,
    b: &[f32],
    columns: usize,
    start: Option<&[f32]>,
    c: &mut [f32],
    finish: impl Fn(usize, &mut [f32]),
) {
    let rows = c.len() / columns.max(1);
    let mut j = 0;
    while j < columns {
        let wide = columns - j >= 2 * LANES;
        let mut i = 0;
        while i < rows {
            let a = &a[i * a_stride..];
            let at = i * columns + j;
            let start = start.map(|start| &start[j..]);
            let b = &b[j..];
            i += match (wide, rows - i) {
                (true, 6..) => block::<FMA, 6, { 2 * LANES }>(a, a_stride, inner, b, columns, start, c, at, &finish),
                (true, 4..) => block::<FMA, 4, { 2 * LANES }>(a, a_stride, inner, b, columns, start, c, at, &finish),
                (true, _) => block::<FMA, 1, { 2 * LANES }>(a, a_stride, inner, b, columns, start, c, at, &finish),
                (false, 8..) => block::<FMA, 8, LANES>(a, a_stride, inner, b, columns, start, c, at, &finish),
                (false, _) => block::<FMA, 1, LANES>(a, a_stride, inner, b, columns, start, c, at, &finish),
            };
        }
        j += if wide { 2 * LANES } else { LANES };
    }
}

/// One block of [`multiply`], R rows of W numbers, from C's element `at` on; says how many rows it did.
#[inline(always)]
fn block<const FMA: bool, const R: usize, const W: usize>(
    a: &[f32],
    a_stride: usize,
    inner: usize,
    b: &[f32],
    columns: usize,
    start: Option<&[f32]>,
    c: &mut [f32],
    at: usize,
    finish: &impl Fn(usize, &mut [f32]),
) -> usize {
    let start = start.map_or([0.0; W], |start| *start.first_chunk().expect("a start for every column"));
    let mut sums = [start; R];
    assert!(inner == 0 || a.len() >= (R - 1) * a_stride + inner && b.len() >= (inner - 1) * columns + W);
    for l in 0..inner {
        // SAFETY: l < inner, and the assertion above. With checks in this loop the sums don't stay in registers.
        let b = unsafe { &*b.as_ptr().add(l * columns).cast::<[f32; W]>() };
        for r in 0..R {
            // SAFETY: r < R and l < inner, and the assertion above.
            let a = unsafe { *a.get_unchecked(r * a_stride + l) };
            for w in 0..W {
                sums[r][w] = multiply_add::<FMA>(a, b[w], sums[r][w]);
            }
        }
    }
    for r in 0..R {
        let mut row = sums[r];
        finish(at + r * columns, &mut row);
        c[at + r * columns..][..W].copy_from_slice(&row);
    }
    R
}

/// C ← C + Aᵀ·B: A is (inner, rows) with rows `a_stride` apart, B (inner, columns), C (rows, columns).
pub(crate) fn add_transposed(a: &[f32], a_stride: usize, b: &[f32], columns: usize, c: &mut [f32]) {
    assert!(columns.is_multiple_of(LANES) && a_stride > 0);
    if has_fma() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has AVX2 and FMA.
        unsafe {
            add_transposed_fma(a, a_stride, b, columns, c);
        }
    } else {
        add_transposed_plain::<false>(a, a_stride, b, columns, c);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn add_transposed_fma(a: &[f32], a_stride: usize, b: &[f32], columns: usize, c: &mut [f32]) {
    add_transposed_plain::<true>(a, a_stride, b, columns, c);
}

#[inline(always)]
fn add_transposed_plain<const FMA: bool>(a: &[f32], a_stride: usize, b: &[f32], columns: usize, c: &mut [f32]) {
    let rows = c.len() / columns.max(1);
    let mut j = 0;
    while j < columns {
        let wide = columns - j >= 2 * LANES;
        let mut i = 0;
        while i < rows {
            let at = i * columns + j;
            let (a, b) = (&a[i..], &b[j..]);
            i += match (wide, rows - i) {
                (true, 6..) => transposed_block::<FMA, 6, { 2 * LANES }>(a, a_stride, b, columns, c, at),
                (true, 4..) => transposed_block::<FMA, 4, { 2 * LANES }>(a, a_stride, b, columns, c, at),
                (true, _) => transposed_block::<FMA, 1, { 2 * LANES }>(a, a_stride, b, columns, c, at),
                (false, 8..) => transposed_block::<FMA, 8, LANES>(a, a_stride, b, columns, c, at),
                (false, _) => transposed_block::<FMA, 1, LANES>(a, a_stride, b, columns, c, at),
            };
        }
        j += if wide { 2 * LANES } else { LANES };
    }
}

/// One block of [`add_transposed`].
#[inline(always)]
fn transposed_block<const FMA: bool, const R: usize, const W: usize>(
    a: &[f32],
    a_stride: usize,
    b: &[f32],
    columns: usize,
    c: &mut [f32],
    at: usize,
) -> usize {
    let mut sums = [[0.0; W]; R];
    for (a, b) in a.chunks(a_stride).zip(b.chunks(columns)) {
        let (a, b): (&[f32; R], &[f32; W]) =
            (a.first_chunk().expect("a row of A"), b.first_chunk().expect("a row of B"));
        for r in 0..R {
            for w in 0..W {
                sums[r][w] = multiply_add::<FMA>(a[r], b[w], sums[r][w]);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        c[at + r * columns..][..W].iter_mut().zip(sums).for_each(|(c, sum)| *c += sum);
    }
    R
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::uniform_by_name;

    #[test]
    fn products_are_sums_in_both_compilations() {
        for (rows, inner, columns) in [(1, 1, 8), (13, 5, 24), (12, 64, 16), (7, 3, 40), (4, 0, 8)] {
            let stride = inner + 2;
            let a = uniform_by_name("a", rows * stride);
            let b = uniform_by_name("b", inner * columns);
            let start = uniform_by_name("start", columns);
            let sum = |i: usize, j: usize| {
                (0..inner).map(|l| f64::from(a[i * stride + l]) * f64::from(b[l * columns + j])).sum::<f64>()
            };
            let mut results = [vec![0.0; rows * columns], vec![0.0; rows * columns]];
            let negate = |_: usize, c: &mut [f32]| c.iter_mut().for_each(|c| *c = -*c);
            multiply(&a, stride, inner, &b, columns, Some(&start), &mut results[0], negate);
            multiply_plain::<false>(&a, stride, inner, &b, columns, Some(&start), &mut results[1], negate);
            for c in results {
                for (at, c) in c.iter().enumerate() {
                    let (i, j) = (at / columns, at % columns);
                    let expected = -(f64::from(start[j]) + sum(i, j));
                    assert!((f64::from(*c) - expected).abs() < 1e-5, "{rows}×{inner}×{columns} ({i}, {j})");
                }
            }
        }
    }

    #[test]
    fn transposed_products_are_added_in_both_compilations() {
        for (rows, inner, columns) in [(1, 1, 8), (13, 5, 24), (12, 64, 16), (7, 3, 40)] {
            let a = uniform_by_name("a", inner * (rows + 1));
            let b = uniform_by_name("b", inner * columns);
            let mut results = [vec![1.0; rows * columns], vec![1.0; rows * columns]];
            add_transposed(&a, rows + 1, &b, columns, &mut results[0]);
            add_transposed_plain::<false>(&a, rows + 1, &b, columns, &mut results[1]);
            for c in results {
                for (at, c) in c.iter().enumerate() {
                    let (i, j) = (at / columns, at % columns);
                    let sum = (0..inner).map(|l| f64::from(a[l * (rows + 1) + i]) * f64::from(b[l * columns + j]));
                    assert!(
                        (f64::from(*c) - 1.0 - sum.sum::<f64>()).abs() < 1e-5,
                        "{rows}×{inner}×{columns} ({i}, {j})"
                    );
                }
            }
        }
    }
}
