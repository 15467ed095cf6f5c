//! Vector registers: one trait, for AVX-512, for AVX2 with FMA (`x86`) and in plain code for every other processor.
//!
//! A kernel is written once, against [`Simd`], and compiled for each; `Level::run` takes the best one that this
//! processor has. Everything between `Level::run` and an instruction must be `#[inline(always)]`, or it would be compiled
//! without these instructions.

/// Registers of `LANES` single-precision values. A value of an implementing type exists only where the processor has
/// the instructions, which makes calling them sound.
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// One register.
    type V: Copy;
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
    /// x in every lane.
    fn splat(self, x: f32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// a − b.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a·b + c, rounded once where the processor can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// In each lane `yes` where `test` > 0, else `no`.
    fn where_positive(self, test: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// Transposes a square of `LANES` rows and columns: rows start `row` values apart in `from`, `to_row` in `to`.
    ///
    /// # Safety
    /// `from` must be readable, `to` writable.
    unsafe fn transpose(self, from: *const f32, row: usize, to: *mut f32, to_row: usize);
    /// Runs a kernel compiled for these registers.
    fn vectorize<K: Routine>(self, kernel: K) -> K::Output;

    /// Zeros.
    #[inline(always)]
    fn zero(self) -> Self::V {
        self.splat(0.0)
    }
}

/// Code that is compiled for each kind of registers; `run` must be `#[inline(always)]`.
pub(crate) trait Routine {
    type Output;
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Four values at a time in plain code, which every compiler turns into vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Portable;

#[inline(always)]
fn lanes(f: impl Fn(usize) -> f32) -> [f32; 4] {
    [f(0), f(1), f(2), f(3)]
}

macro_rules! elementwise {
    ($($method:ident($($v:ident),*) |$i:ident| $value:expr;)*) => {
        $(#[inline(always)]
        fn $method(self, $($v: [f32; 4]),*) -> [f32; 4] {
            lanes(|$i| $value)
        })*
    };
}

impl Simd for Portable {
    type V = [f32; 4];
    const LANES: usize = 4;
    const REGISTERS: usize = 16;

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> [f32; 4] {
        // SAFETY: the caller's; an array needs no more alignment than its elements.
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
    elementwise! {
        add(a, b) |i| a[i] + b[i];
        sub(a, b) |i| a[i] - b[i];
        mul(a, b) |i| a[i] * b[i];
        // Fused only where that is one instruction, not a call.
        mul_add(a, b, c) |i| if cfg!(target_arch = "aarch64") { a[i].mul_add(b[i], c[i]) } else { a[i] * b[i] + c[i] };
        where_positive(test, yes, no) |i| if test[i] > 0.0 { yes[i] } else { no[i] };
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
    fn vectorize<K: Routine>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}

/// Written out, since the compiler would move the values one by one.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn transposed(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    use std::arch::x86_64::{_MM_TRANSPOSE4_PS, _mm_loadu_ps, _mm_storeu_ps};

    let mut result = square;
    // SAFETY: every x86-64 processor has SSE, and a row is a register's values.
    unsafe {
        let [mut a, mut b, mut c, mut d] = square.each_ref().map(|row| _mm_loadu_ps(row.as_ptr()));
        _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d);
        for (row, register) in result.iter_mut().zip([a, b, c, d]) {
            _mm_storeu_ps(row.as_mut_ptr(), register);
        }
    }
    result
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn transposed(square: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    std::array::from_fn(|k| square.map(|row| row[k]))
}
