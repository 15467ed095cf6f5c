//! The matrices of F(4×4, 3×3) and F(3×3, 4×4), applied from both sides to a register of small squares at a time.

use crate::cpu::simd::Simd;

/// Elements of a transformed square.
pub(super) const POINTS: usize = 36;

/// A matrix of TO rows and FROM columns, as the sums of a product with it.
pub(super) trait Lines<const FROM: usize, const TO: usize> {
    /// The matrix times a column.
    fn times<S: Simd>(s: S, x: [S::V; FROM]) -> [S::V; TO];
}

/// Bᵀ, of six values of x.
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

/// G, of the weights.
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

impl Lines<4, 6> for Weight {
    #[inline(always)]
    fn times<S: Simd>(s: S, w: [S::V; 4]) -> [S::V; 6] {
        let (sixth, less_sixth, third) = (s.splat(1.0 / 6.0), s.splat(-1.0 / 6.0), s.splat(1.0 / 3.0));
        let even = s.mul(less_sixth, s.add(w[0], w[2]));
        let odd = s.mul(sixth, s.add(w[1], w[3]));
        let even_two = s.mul_add(s.splat(1.0 / 24.0), w[0], s.mul(sixth, w[2]));
        let odd_two = s.mul_add(s.splat(1.0 / 12.0), w[1], s.mul(third, w[3]));
        [
            s.mul(s.splat(0.25), w[0]),
            s.sub(even, odd),
            s.add(even, odd),
            s.add(even_two, odd_two),
            s.sub(even_two, odd_two),
            w[3],
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

impl Lines<6, 3> for Output {
    #[inline(always)]
    fn times<S: Simd>(s: S, m: [S::V; 6]) -> [S::V; 3] {
        let (sum, difference) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let (sum_two, difference_two) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
        [
            s.add(s.add(m[0], sum), sum_two),
            s.mul_add(s.splat(2.0), difference_two, difference),
            s.add(s.mul_add(s.splat(4.0), sum_two, sum), m[5]),
        ]
    }
}

/// A, of the gradient of a tile's outputs.
pub(super) struct OutputGrad;

impl Lines<4, 6> for OutputGrad {
    #[inline(always)]
    fn times<S: Simd>(s: S, y: [S::V; 4]) -> [S::V; 6] {
        let (two, four, eight) = (s.splat(2.0), s.splat(4.0), s.splat(8.0));
        let (even, odd) = (s.add(y[0], y[2]), s.add(y[1], y[3]));
        let even_two = s.mul_add(four, y[2], y[0]);
        let odd_two = s.mul_add(eight, y[3], s.mul(two, y[1]));
        [y[0], s.add(even, odd), s.sub(even, odd), s.add(even_two, odd_two), s.sub(even_two, odd_two), y[3]]
    }
}

impl Lines<3, 6> for OutputGrad {
    #[inline(always)]
    fn times<S: Simd>(s: S, y: [S::V; 3]) -> [S::V; 6] {
        let (two, four) = (s.splat(2.0), s.splat(4.0));
        let even = s.add(y[0], y[2]);
        let (even_two, odd_two) = (s.mul_add(four, y[2], y[0]), s.mul(two, y[1]));
        [y[0], s.add(even, y[1]), s.sub(even, y[1]), s.add(even_two, odd_two), s.sub(even_two, odd_two), y[2]]
    }
}

/// Gᵀ, of the gradient of the transformed weights.
pub(super) struct WeightGrad;

impl Lines<6, 3> for WeightGrad {
    #[inline(always)]
    fn times<S: Simd>(s: S, u: [S::V; 6]) -> [S::V; 3] {
        let (sixth, less_sixth) = (s.splat(1.0 / 6.0), s.splat(-1.0 / 6.0));
        let (sum, difference) = (s.add(u[1], u[2]), s.sub(u[2], u[1]));
        let (sum_two, difference_two) = (s.add(u[3], u[4]), s.sub(u[3], u[4]));
        let outer = s.mul_add(s.splat(0.25), u[0], s.mul(less_sixth, sum));
        [
            s.mul_add(s.splat(1.0 / 24.0), sum_two, outer),
            s.mul_add(sixth, difference, s.mul(s.splat(1.0 / 12.0), difference_two)),
            s.add(s.mul_add(less_sixth, sum, s.mul(sixth, sum_two)), u[5]),
        ]
    }
}

impl Lines<6, 4> for WeightGrad {
    #[inline(always)]
    fn times<S: Simd>(s: S, u: [S::V; 6]) -> [S::V; 4] {
        let (sixth, less_sixth, third) = (s.splat(1.0 / 6.0), s.splat(-1.0 / 6.0), s.splat(1.0 / 3.0));
        let (sum, difference) = (s.add(u[1], u[2]), s.sub(u[2], u[1]));
        let (sum_two, difference_two) = (s.add(u[3], u[4]), s.sub(u[3], u[4]));
        let outer = s.mul_add(s.splat(0.25), u[0], s.mul(less_sixth, sum));
        [
            s.mul_add(s.splat(1.0 / 24.0), sum_two, outer),
            s.mul_add(sixth, difference, s.mul(s.splat(1.0 / 12.0), difference_two)),
            s.mul_add(less_sixth, sum, s.mul(sixth, sum_two)),
            s.add(s.mul_add(sixth, difference, s.mul(third, difference_two)), u[5]),
        ]
    }
}

/// Distances between the elements of a square: from one row, and from one column, to the next.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    pub(super) row: isize,
    pub(super) column: isize,
}

impl Steps {
    /// Of a row-major square of `side` columns whose elements are `step` apart.
    pub(super) fn dense(side: usize, step: usize) -> Self {
        Steps { row: (side * step) as isize, column: step as isize }
    }
}

/// L·X·Lᵀ of a register of squares X: element (i, j) is at `i · steps.row + j · steps.column` from `from`, that of the
/// result at `(i · TO + j) · to_step` from `to`.
///
/// # Safety
/// A register must be readable, or writable, at each of these.
#[inline(always)]
pub(super) unsafe fn both_sides<S: Simd, L: Lines<FROM, TO>, const FROM: usize, const TO: usize>(
    s: S,
    from: *const f32,
    steps: Steps,
    to: *mut f32,
    to_step: usize,
) {
    let mut half = [[s.zero(); TO]; FROM];
    for j in 0..FROM {
        let mut column = [s.zero(); FROM];
        for i in 0..FROM {
            // SAFETY: the caller's.
            column[i] = unsafe { s.load(from.offset(i as isize * steps.row + j as isize * steps.column)) };
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
