//! The matrices of F(4×4, 3×3), applied from both sides to small squares, a register of them at a time.

use crate::cpu::simd::Simd;

/// Numbers of a transformed square.
pub(super) const POINTS: usize = 36;

/// A matrix of TO rows and FROM columns, as the sums that it stands for.
pub(super) trait Lines<const FROM: usize, const TO: usize> {
    /// The matrix times a column.
    fn times<S: Simd>(s: S, x: [S::V; FROM]) -> [S::V; TO];
}

/// Bᵀ, of six numbers of x.
pub(super) struct Input;

impl Lines<6, 6> for Input {
    #[inline(always)]
    fn times<S: Simd>(s: S, x: [S::V; 6]) -> [S::V; 6] {
        let (two, four, less_four, less_five) = (s.splat(2.0), s.splat(4.0), s.splat(-4.0), s.splat(-5.0));
        let even = s.mul_add(less_four, x[2], x[4]);
        let odd = s.mul_add(less_four, x[1], x[3]);
        let even_two = s.sub(x[4], x[2]);
        let odd_two = s.mul(two, s.sub(x[3], x[1]));
        [
            s.mul_add(four, x[0], s.mul_add(less_five, x[2], x[4])),
            s.add(even, odd),
            s.sub(even, odd),
            s.add(even_two, odd_two),
            s.sub(even_two, odd_two),
            s.mul_add(four, x[1], s.mul_add(less_five, x[3], x[5])),
        ]
    }
}

/// G, of three weights.
pub(super) struct Weight;

impl Lines<3, 6> for Weight {
    #[inline(always)]
    fn times<S: Simd>(s: S, w: [S::V; 3]) -> [S::V; 6] {
        let (sixth, less_sixth) = (s.splat(1.0 / 6.0), s.splat(-1.0 / 6.0));
        let outer = s.mul(less_sixth, s.add(w[0], w[2]));
        let outer_two = s.mul_add(s.splat(1.0 / 24.0), w[0], s.mul(sixth, w[2]));
        let twelfth = s.splat(1.0 / 12.0);
        [
            s.mul(s.splat(0.25), w[0]),
            s.mul_add(less_sixth, w[1], outer),
            s.mul_add(sixth, w[1], outer),
            s.mul_add(twelfth, w[1], outer_two),
            s.mul_add(s.splat(-1.0 / 12.0), w[1], outer_two),
            w[2],
        ]
    }
}

/// Aᵀ, of six products.
pub(super) struct Output;

impl Lines<6, 4> for Output {
    #[inline(always)]
    fn times<S: Simd>(s: S, m: [S::V; 6]) -> [S::V; 4] {
        let (sum, difference) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let (sum_two, difference_two) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
        [
            s.add(s.add(m[0], sum), sum_two),
            s.mul_add(s.splat(2.0), difference_two, difference),
            s.mul_add(s.splat(4.0), sum_two, sum),
            s.add(s.mul_add(s.splat(8.0), difference_two, difference), m[5]),
        ]
    }
}

/// L·X·Lᵀ of a register of squares X: number (i, j) stands at `(i · FROM + j) · from_step` from `from`, that of the
/// result at `(i · TO + j) · to_step` from `to`.
///
/// # Safety
/// A register must be readable, and writable, at all of these.
#[inline(always)]
pub(super) unsafe fn both_sides<S: Simd, L: Lines<FROM, TO>, const FROM: usize, const TO: usize>(
    s: S,
    from: *const f32,
    from_step: isize,
    to: *mut f32,
    to_step: usize,
) {
    let mut half = [[s.zero(); TO]; FROM];
    for j in 0..FROM {
        let mut column = [s.zero(); FROM];
        for i in 0..FROM {
            // SAFETY: the caller's.
            column[i] = unsafe { s.load(from.offset((i * FROM + j) as isize * from_step)) };
        }
        half[j] = L::times(s, column);
    }
    for i in 0..TO {
        let mut row = [s.zero(); FROM];
        for j in 0..FROM {
            row[j] = half[j][i];
        }
        let row = L::times(s, row);
        for j in 0..TO {
            // SAFETY: the caller's.
            unsafe { s.store(to.add((i * TO + j) * to_step), row[j]) };
        }
    }
}
