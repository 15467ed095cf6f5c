//! The registers of AVX2 with FMA, and of AVX-512.

use std::arch::x86_64::*;

use super::simd::{Routine, Simd};

/// One kind of registers: its token, type, number of lanes and of registers, the features that its instructions need,
/// and these. `$columns` combines the quarters of columns that `$unpack` makes of four rows at a time: quarter q of
/// result c is column 4·q + c of these rows.
macro_rules! x86_registers {
    (
        $(#[$about:meta])* $token:ident($register:ty, $lanes:literal, $registers:literal, $features:literal, $compiled:ident);
        $load:ident $store:ident;
        [$($method:ident($($operand:ident: $type:ty),*) $instruction:ident;)*]
        where_positive($test:ident, $yes:ident, $no:ident) $select:expr;
        $unpack:ident($low:ident, $high:ident, $shuffle:ident);
        $transposed:ident($quarters:ident) $columns:expr;
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $token(pub(super) ());

        #[target_feature(enable = $features)]
        fn $compiled<K: Routine>(simd: $token, kernel: K) -> K::Output {
            kernel.run(simd)
        }

        #[inline(always)]
        unsafe fn $unpack([a, b, c, d]: [$register; 4]) -> [$register; 4] {
            // SAFETY: the caller's token proves the instructions.
            unsafe {
                let [ab, cd] = [(a, b), (c, d)].map(|(a, b)| ($low(a, b), $high(a, b)));
                [
                    $shuffle::<0b01_00_01_00>(ab.0, cd.0),
                    $shuffle::<0b11_10_11_10>(ab.0, cd.0),
                    $shuffle::<0b01_00_01_00>(ab.1, cd.1),
                    $shuffle::<0b11_10_11_10>(ab.1, cd.1),
                ]
            }
        }

        /// The transposed square of as many registers as one has lanes.
        ///
        /// # Safety
        /// The processor must have the instructions.
        #[inline(always)]
        pub(super) unsafe fn $transposed(rows: [$register; $lanes]) -> [$register; $lanes] {
            // SAFETY: the caller's.
            unsafe {
                let mut $quarters = rows;
                for (four, rows) in $quarters.as_chunks_mut::<4>().0.iter_mut().zip(rows.as_chunks::<4>().0) {
                    *four = $unpack(*rows);
                }
                $columns
            }
        }

        impl Simd for $token {
            type V = $register;
            const LANES: usize = $lanes;
            const REGISTERS: usize = $registers;

            #[inline(always)]
            unsafe fn load(self, from: *const f32) -> $register {
                // SAFETY: the token proves the instruction; the rest is the caller's.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32, v: $register) {
                // SAFETY: the token proves the instruction; the rest is the caller's.
                unsafe { $store(to, v) }
            }
            $(
                #[inline(always)]
                fn $method(self, $($operand: $type),*) -> $register {
                    // SAFETY: the token proves the instruction.
                    unsafe { $instruction($($operand),*) }
                }
            )*
            #[inline(always)]
            fn where_positive(self, $test: $register, $yes: $register, $no: $register) -> $register {
                // SAFETY: the token proves the instructions.
                unsafe { $select }
            }
            #[inline(always)]
            unsafe fn transpose(self, from: *const f32, row: usize, to: *mut f32, to_row: usize) {
                // SAFETY: the token proves the instructions; the rest is the caller's.
                unsafe {
                    let mut rows = [self.zero(); $lanes];
                    for (i, row_i) in rows.iter_mut().enumerate() {
                        *row_i = self.load(from.add(i * row));
                    }
                    for (j, column) in $transposed(rows).into_iter().enumerate() {
                        self.store(to.add(j * to_row), column);
                    }
                }
            }
            #[inline(always)]
            fn vectorize<K: Routine>(self, kernel: K) -> K::Output {
                // SAFETY: the token proves the features.
                unsafe { $compiled(self, kernel) }
            }
        }
    };
}

x86_registers! {
    /// The token of AVX2 and FMA.
    Avx2(__m256, 8, 16, "avx2,fma", compiled_for_avx2);
    _mm256_loadu_ps _mm256_storeu_ps;
    [
        splat(x: f32) _mm256_set1_ps;
        add(a: __m256, b: __m256) _mm256_add_ps;
        sub(a: __m256, b: __m256) _mm256_sub_ps;
        mul(a: __m256, b: __m256) _mm256_mul_ps;
        mul_add(a: __m256, b: __m256, c: __m256) _mm256_fmadd_ps;
    ]
    where_positive(test, yes, no)
        _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_GT_OQ>(test, _mm256_setzero_ps()));
    unpack_8(_mm256_unpacklo_ps, _mm256_unpackhi_ps, _mm256_shuffle_ps);
    transposed_8(q) std::array::from_fn(|j| {
        let c = j % 4;
        match j < 4 {
            true => _mm256_permute2f128_ps::<0x20>(q[c], q[4 + c]),
            false => _mm256_permute2f128_ps::<0x31>(q[c], q[4 + c]),
        }
    });
}

x86_registers! {
    /// The token of AVX-512.
    Avx512(__m512, 16, 32, "avx512f,avx2,fma", compiled_for_avx512);
    _mm512_loadu_ps _mm512_storeu_ps;
    [
        splat(x: f32) _mm512_set1_ps;
        add(a: __m512, b: __m512) _mm512_add_ps;
        sub(a: __m512, b: __m512) _mm512_sub_ps;
        mul(a: __m512, b: __m512) _mm512_mul_ps;
        mul_add(a: __m512, b: __m512, c: __m512) _mm512_fmadd_ps;
    ]
    where_positive(test, yes, no)
        _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(test, _mm512_setzero_ps()), no, yes);
    unpack_16(_mm512_unpacklo_ps, _mm512_unpackhi_ps, _mm512_shuffle_ps);
    transposed_16(q) {
        let mut columns = q;
        for c in 0..4 {
            // Quarters 0 and 2, then 1 and 3, of the first and of the last eight rows.
            let even = [c, 8 + c].map(|at| _mm512_shuffle_f32x4::<0b10_00_10_00>(q[at], q[at + 4]));
            let odd = [c, 8 + c].map(|at| _mm512_shuffle_f32x4::<0b11_01_11_01>(q[at], q[at + 4]));
            columns[c] = _mm512_shuffle_f32x4::<0b10_00_10_00>(even[0], even[1]);
            columns[4 + c] = _mm512_shuffle_f32x4::<0b10_00_10_00>(odd[0], odd[1]);
            columns[8 + c] = _mm512_shuffle_f32x4::<0b11_01_11_01>(even[0], even[1]);
            columns[12 + c] = _mm512_shuffle_f32x4::<0b11_01_11_01>(odd[0], odd[1]);
        }
        columns
    };
}
