//! Vector registers: one trait, written out for AVX-512, for AVX2 with FMA and for every other processor.
//!
//! A kernel is written once, against [`Simd`], and compiled for each; [`Level::run`] takes the best one that this
//! processor has. A value of a register type's token exists only where the processor has its instructions, which is
//! what makes calling them sound. Everything between [`Level::run`] and an instruction must be `#[inline(always)]`, or
//! it would be compiled without them.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

#[cfg(target_arch = "x86_64")]
use super::tiles::Tiles;

/// Registers of `LANES` single-precision values.
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// One register.
    type V: Copy;
    /// Values in a register.
    const LANES: usize;
    /// How many registers there are.
    const REGISTERS: usize;

    /// Reads `LANES` values, at any address.
    ///
    /// # Safety
    /// They must be readable.
    unsafe fn load(self, from: *const f32) -> Self::V;
    /// Writes `LANES` values, at any address.
    ///
    /// # Safety
    /// They must be writable.
    unsafe fn store(self, to: *mut f32, v: Self::V);
    /// One number in every lane.
    fn splat(self, x: f32) -> Self::V;
    /// a + b.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// a − b.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// a·b.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a·b + c, rounded once where the processor can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// In each lane `yes` where `test` > 0, else `no`.
    fn where_positive(self, test: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// Writes the transposed of a square of `LANES` rows and columns, whose rows begin `row` values apart, to rows that
    /// begin `to_row` values apart.
    ///
    /// # Safety
    /// The one must be readable, the other writable.
    unsafe fn transpose(self, from: *const f32, row: usize, to: *mut f32, to_row: usize);
    /// Runs a kernel compiled for these registers.
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output;

    /// Zeros.
    #[inline(always)]
    fn zero(self) -> Self::V {
        self.splat(0.0)
    }
}

/// Code that is compiled for each kind of registers; `run` must be `#[inline(always)]`.
pub(crate) trait Kernel {
    /// What it returns.
    type Output;
    /// The code.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Which registers a backend uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// What every processor has.
    Portable,
    /// AVX2 and FMA: 16 registers of 8.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// AVX-512: 32 registers of 16.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// AVX-512, and the tiles of AMX for products of matrices.
    #[cfg(target_arch = "x86_64")]
    Tiles(Avx512, Tiles),
}

impl Level {
    /// The best one that this processor has.
    pub(crate) fn best() -> Level {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return match (is_x86_feature_detected!("avx512f"), Tiles::available()) {
                (true, Some(tiles)) => Level::Tiles(Avx512(()), tiles),
                (true, None) => Level::Avx512(Avx512(())),
                (false, _) => Level::Avx2(Avx2(())),
            };
        }
        Level::Portable
    }

    /// All that this processor has, the best one last.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Level> {
        let best = Level::best();
        let mut levels = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        levels.extend([Level::Avx2(Avx2(())), Level::Avx512(Avx512(()))]);
        #[cfg(target_arch = "x86_64")]
        levels.extend(Tiles::available().map(|tiles| Level::Tiles(Avx512(()), tiles)));
        let until = levels.iter().position(|&level| level == best).expect("the best one is one of them");
        levels[..=until].to_vec()
    }

    /// Values in a register.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Level::Portable => Portable::LANES,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) | Level::Tiles(..) => Avx512::LANES,
        }
    }

    /// Runs a kernel compiled for these registers.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Level::Portable => Portable.vectorize(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(simd) => simd.vectorize(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(simd) | Level::Tiles(simd, _) => simd.vectorize(kernel),
        }
    }
}

/// Four values at a time in plain code, which every compiler turns into vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Portable;

#[inline(always)]
fn lanes(f: impl Fn(usize) -> f32) -> [f32; 4] {
    [f(0), f(1), f(2), f(3)]
}

impl Simd for Portable {
    type V = [f32; 4];
    const LANES: usize = 4;
    const REGISTERS: usize = 16;

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> [f32; 4] {
        // SAFETY: the caller's; arrays of values need no more alignment than values.
        unsafe { *from.cast() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, v: [f32; 4]) {
        // SAFETY: the caller's.
        unsafe { *to.cast() = v }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> [f32; 4] {
        [x; 4]
    }
    #[inline(always)]
    fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        lanes(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        lanes(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        lanes(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn mul_add(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        // Fused only where that is one instruction, and not a call.
        lanes(|i| if cfg!(target_arch = "aarch64") { a[i].mul_add(b[i], c[i]) } else { a[i] * b[i] + c[i] })
    }
    #[inline(always)]
    fn where_positive(self, test: [f32; 4], yes: [f32; 4], no: [f32; 4]) -> [f32; 4] {
        lanes(|i| if test[i] > 0.0 { yes[i] } else { no[i] })
    }
    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, row: usize, to: *mut f32, to_row: usize) {
        // SAFETY: the caller's.
        let square: [[f32; 4]; 4] = std::array::from_fn(|i| unsafe { self.load(from.add(i * row)) });
        for (j, column) in transposed(square).into_iter().enumerate() {
            // SAFETY: the caller's.
            unsafe { self.store(to.add(j * to_row), column) };
        }
    }
    #[inline(always)]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}

/// Left to itself the compiler moves the values one by one.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn transposed(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    let mut result = square;
    // SAFETY: every processor of this kind has SSE, and a line is a register's values.
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
fn transposed(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    std::array::from_fn(|k| square.map(|line| line[k]))
}

/// The token of AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx2(());

/// The token of AVX-512.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx512(());

/// Four rows' squares of four, each transposed in its place: quarter q of result c is column 4·q + c of these rows.
///
/// # Safety
/// The processor must have AVX.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn unpack_8([a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
    // SAFETY: the caller's.
    unsafe {
        let [ab, cd] = [(a, b), (c, d)].map(|(a, b)| (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)));
        [
            _mm256_shuffle_ps::<0b01_00_01_00>(ab.0, cd.0),
            _mm256_shuffle_ps::<0b11_10_11_10>(ab.0, cd.0),
            _mm256_shuffle_ps::<0b01_00_01_00>(ab.1, cd.1),
            _mm256_shuffle_ps::<0b11_10_11_10>(ab.1, cd.1),
        ]
    }
}

/// [`unpack_8`] for registers of 16.
///
/// # Safety
/// The processor must have AVX-512.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn unpack_16([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    // SAFETY: the caller's.
    unsafe {
        let [ab, cd] = [(a, b), (c, d)].map(|(a, b)| (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)));
        [
            _mm512_shuffle_ps::<0b01_00_01_00>(ab.0, cd.0),
            _mm512_shuffle_ps::<0b11_10_11_10>(ab.0, cd.0),
            _mm512_shuffle_ps::<0b01_00_01_00>(ab.1, cd.1),
            _mm512_shuffle_ps::<0b11_10_11_10>(ab.1, cd.1),
        ]
    }
}

/// One kind of x86 registers: its token, type, size and number, the features that its instructions need, and these.
/// The last one puts the quarters of columns together that `unpack_8` and `unpack_16` made.
#[cfg(target_arch = "x86_64")]
macro_rules! x86_registers {
    (
        $token:ident, $register:ty, $lanes:literal, $registers:literal, $features:literal, $compiled:ident,
        $load:ident, $store:ident, $splat:ident, $add:ident, $sub:ident, $mul:ident, $mul_add:ident,
        $unpack:ident, |$test:ident, $yes:ident, $no:ident| $select:expr, |$quarters:ident| $columns:expr
    ) => {
        #[target_feature(enable = $features)]
        fn $compiled<K: Kernel>(simd: $token, kernel: K) -> K::Output {
            kernel.run(simd)
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
            #[inline(always)]
            fn splat(self, x: f32) -> $register {
                // SAFETY: the token proves the instruction.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            fn add(self, a: $register, b: $register) -> $register {
                // SAFETY: the token proves the instruction.
                unsafe { $add(a, b) }
            }
            #[inline(always)]
            fn sub(self, a: $register, b: $register) -> $register {
                // SAFETY: the token proves the instruction.
                unsafe { $sub(a, b) }
            }
            #[inline(always)]
            fn mul(self, a: $register, b: $register) -> $register {
                // SAFETY: the token proves the instruction.
                unsafe { $mul(a, b) }
            }
            #[inline(always)]
            fn mul_add(self, a: $register, b: $register, c: $register) -> $register {
                // SAFETY: the token proves the instruction.
                unsafe { $mul_add(a, b, c) }
            }
            #[inline(always)]
            fn where_positive(self, $test: $register, $yes: $register, $no: $register) -> $register {
                // SAFETY: the token proves the instructions.
                unsafe { $select }
            }
            #[inline(always)]
            unsafe fn transpose(self, from: *const f32, row: usize, to: *mut f32, to_row: usize) {
                // SAFETY: the token proves the instructions; the rest is the caller's.
                unsafe {
                    let mut quarters = [self.zero(); $lanes];
                    for four in (0..$lanes).step_by(4) {
                        let rows = std::array::from_fn(|i| self.load(from.add((four + i) * row)));
                        quarters[four..four + 4].copy_from_slice(&$unpack(rows));
                    }
                    let $quarters = quarters;
                    let columns: [$register; $lanes] = $columns;
                    for (j, column) in columns.into_iter().enumerate() {
                        self.store(to.add(j * to_row), column);
                    }
                }
            }
            #[inline(always)]
            fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
                // SAFETY: the token proves the features.
                unsafe { $compiled(self, kernel) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
x86_registers!(
    Avx2,
    __m256,
    8,
    16,
    "avx2,fma",
    compiled_for_avx2,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_set1_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_fmadd_ps,
    unpack_8,
    |test, yes, no| _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_GT_OQ>(test, _mm256_setzero_ps())),
    |q| std::array::from_fn(|j| {
        let c = j % 4;
        if j < 4 {
            _mm256_permute2f128_ps::<0x20>(q[c], q[4 + c])
        } else {
            _mm256_permute2f128_ps::<0x31>(q[c], q[4 + c])
        }
    })
);

#[cfg(target_arch = "x86_64")]
x86_registers!(
    Avx512,
    __m512,
    16,
    32,
    "avx512f,avx2,fma",
    compiled_for_avx512,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_set1_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps,
    unpack_16,
    |test, yes, no| _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(test, _mm512_setzero_ps()), no, yes),
    |q| {
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
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    struct Everything([f32; 16], [f32; 16], [f32; 16]);

    impl Kernel for Everything {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Vec<f32> {
            let mut out = vec![0.0; 6 * 16];
            for at in (0..16).step_by(S::LANES) {
                // SAFETY: a register's worth of values from `at` on lies inside all arrays.
                unsafe {
                    let [a, b, c] = [&self.0, &self.1, &self.2].map(|x| simd.load(x.as_ptr().add(at)));
                    let results = [
                        simd.add(a, b),
                        simd.sub(a, b),
                        simd.mul(a, b),
                        simd.mul_add(a, b, c),
                        simd.where_positive(a, b, c),
                        simd.splat(7.0),
                    ];
                    for (row, v) in results.into_iter().enumerate() {
                        simd.store(out[row * 16 + at..].as_mut_ptr(), v);
                    }
                }
            }
            out
        }
    }

    #[test]
    fn every_lane_of_every_level_computes_its_own_number() {
        let [a, b, c] = [-7.0, 0.5, 3.0].map(|start| std::array::from_fn(|i| start + i as f32));
        for level in Level::available() {
            let out = level.run(Everything(a, b, c));
            for i in 0..16 {
                let (a, b, c) = (a[i], b[i], c[i]);
                let expected = [a + b, a - b, a * b, a * b + c, if a > 0.0 { b } else { c }, 7.0];
                for (row, expected) in expected.into_iter().enumerate() {
                    assert_eq!(out[row * 16 + i], expected, "{level:?}, result {row}, lane {i}");
                }
            }
        }
    }
}
