//! Products of single-precision matrices on the tile registers of AMX, which multiply bf16 values sixteen times as fast
//! as vector registers multiply single-precision ones.
//!
//! The significand of a single-precision value has 24 bits, of a bf16 value 8. So each value is exactly the sum of three
//! bf16 values, x = x₀ + x₁ + x₂, each 2⁸ times smaller than the last. Of the nine products in
//! (a₀ + a₁ + a₂)·(b₀ + b₁ + b₂) six are added, in single precision; the other three are below 2⁻²³ of the first, where
//! single precision itself rounds. This is about twice as fast as vector registers and no less accurate: see the tests.
//! Infinity becomes NaN.
//!
//! A tile has 16 rows of 64 bytes: 16 rows of 32 terms of A, 16 pairs of terms of 16 columns of B, or 16×16 sums of C.

use std::arch::asm;
use std::arch::x86_64::*;
use std::sync::OnceLock;

use super::matrix::{Matrix, MatrixMut};
use super::x86::transposed_16;

/// Rows or columns of a block of C: two tiles.
pub(super) const SIDE: usize = 32;
/// Terms that a tile holds.
const TERMS: usize = 32;
/// 32-bit words of the three parts of a block's two tiles.
const STEP: usize = 3 * 2 * 256;

/// Terms of each sum that are added at a time: a panel of B that long stays in the L1 cache.
const DEPTH: usize = 4 * TERMS;
/// Maximum number of columns of B that are packed at a time: with `DEPTH` rows they stay in the L2 cache.
const WIDTH: usize = 512;

/// The token of AMX's tiles: it exists only where the processor has them and the system permits their use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tiles(());

impl Tiles {
    pub(super) fn available() -> Option<Tiles> {
        static AVAILABLE: OnceLock<bool> = OnceLock::new();
        AVAILABLE
            .get_or_init(|| has_tiles() && is_x86_feature_detected!("avx512bw") && permitted())
            .then_some(Tiles(()))
    }
}

/// Whether the processor has tiles and their products of bf16 values.
fn has_tiles() -> bool {
    const BF16: u32 = 1 << 22;
    const TILE: u32 = 1 << 24;
    // Every x86-64 processor has the instruction; newer compilers know that, and need no `unsafe`.
    #[allow(unused_unsafe, reason = "unsafe in the oldest supported compiler")]
    // SAFETY: as above.
    let (leaves, features) = unsafe { (__cpuid(0).eax, __cpuid_count(7, 0).edx) };
    leaves >= 7 && features & BF16 != 0 && features & TILE != 0
}

/// Requests the registers, whose 8 KiB Linux saves at a context switch only for processes that requested them.
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_ulong = 0x1023;
    const TILE_DATA: libc::c_ulong = 18;
    // SAFETY: the call reads no memory; a system that does not know it returns an error.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0 }
}

/// Not requested on other systems.
#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}

/// Whether tiles are worth their padding to whole blocks, and their more expensive packing.
pub(super) fn pays(rows: usize, terms: usize, columns: usize) -> bool {
    let padded = rows.next_multiple_of(SIDE) * terms.next_multiple_of(TERMS) * columns.next_multiple_of(SIDE);
    rows >= 16 && columns >= 16 && rows * terms * columns * 2 >= padded
}

/// Scratch of a product, in values.
pub(super) fn scratch(rows: usize, terms: usize, columns: usize) -> usize {
    let steps = terms.min(DEPTH).div_ceil(TERMS);
    (rows.div_ceil(SIDE) + columns.min(WIDTH).div_ceil(SIDE)) * steps * STEP + SIDE * SIDE + 2 * LINE
}

/// Values in a cache line.
const LINE: usize = 16;

/// C ← A·B, or C ← C + A·B with `add`. The loops are those of `gemm`, and within a panel over blocks of C.
pub(super) fn product(_: Tiles, c: &mut MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, add: bool, scratch: &mut [f32]) {
    let start = scratch.as_ptr().align_offset(64).min(LINE);
    let (corner, packed) = scratch[start..].split_at_mut(SIDE * SIDE);
    let strips = a.rows.div_ceil(SIDE);
    // SAFETY: the token proves the instructions; the configuration is the one that `block` expects.
    unsafe { configure() };
    for start in (0..a.columns).step_by(DEPTH) {
        let depth = DEPTH.min(a.columns - start);
        let steps = depth.div_ceil(TERMS);
        let (packed_a, packed_b) = packed.split_at_mut(strips * steps * STEP);
        // SAFETY: the token proves the instructions.
        unsafe { pack(a.columns(start, depth).transposed(), Side::A, packed_a) };
        for first in (0..b.columns).step_by(WIDTH) {
            let width = WIDTH.min(b.columns - first);
            // SAFETY: as above.
            unsafe { pack(b.rows(start, depth).columns(first, width), Side::B, packed_b) };
            for (panel, b) in packed_b.chunks_exact(steps * STEP).take(width.div_ceil(SIDE)).enumerate() {
                let j = first + panel * SIDE;
                for (strip, a) in packed_a.chunks_exact(steps * STEP).enumerate() {
                    let i = strip * SIDE;
                    let (height, width) = (SIDE.min(c.height() - i), SIDE.min(c.width() - j));
                    let accumulate = add || start > 0;
                    let whole = height == SIDE && width == SIDE;
                    let (place, stride) = if whole { c.place(i, j) } else { (corner.as_mut_ptr(), SIDE) };
                    // SAFETY: both packed parts hold `steps` steps; the block lies inside C, or is the corner.
                    unsafe { block(steps, a.as_ptr(), b.as_ptr(), place, stride, whole && accumulate) };
                    if !whole {
                        for (r, sums) in corner.chunks_exact(SIDE).take(height).enumerate() {
                            let row = &mut c.row(i + r)[j..j + width];
                            row.iter_mut().zip(sums).for_each(|(c, sum)| *c = if accumulate { *c + sum } else { *sum });
                        }
                    }
                }
            }
        }
    }
    // SAFETY: the token proves the instruction.
    unsafe { asm!("tilerelease", options(nostack, nomem)) };
}

/// Makes all eight registers tiles of 16 rows of 64 bytes.
unsafe fn configure() {
    #[repr(C, align(64))]
    struct Configuration {
        palette: u8,
        start_row: u8,
        reserved: [u8; 14],
        bytes: [u16; 16],
        rows: [u8; 16],
    }
    let mut configuration =
        Configuration { palette: 1, start_row: 0, reserved: [0; 14], bytes: [0; 16], rows: [0; 16] };
    configuration.bytes[..8].fill(64);
    configuration.rows[..8].fill(16);
    // SAFETY: the caller's; the instruction reads the 64 bytes of the configuration.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &configuration, options(nostack, readonly)) };
}

/// A block of C, 2×2 tiles: the sums over `steps` steps, with `add` added to its values.
///
/// In each step the order of the parts of A and B is such that each product loads the tiles of at most one side:
/// a₀·b₂, a₀·b₁, a₀·b₀, a₁·b₀, a₁·b₁, a₂·b₀.
///
/// # Safety
/// The registers must be configured; `steps` steps of both sides and 32 rows of 32 sums must exist.
#[inline(always)]
unsafe fn block(steps: usize, a: *const f32, b: *const f32, c: *mut f32, stride: usize, add: bool) {
    // The four tiles of C from the two of A and of B that are loaded.
    macro_rules! products {
        () => {
            "tdpbf16ps tmm0, tmm4, tmm6
             tdpbf16ps tmm1, tmm4, tmm7
             tdpbf16ps tmm2, tmm5, tmm6
             tdpbf16ps tmm3, tmm5, tmm7"
        };
    }
    macro_rules! with {
        ($($before:literal)*) => {
            // SAFETY: the caller's. The upper half of the tiles lies 1024 bytes after the lower one, the parts 2048
            // bytes after each other.
            unsafe {
                asm!(
                    $($before,)*
                    "2:",
                    "tileloadd tmm4, [{a} + {line}]",
                    "tileloadd tmm5, [{a} + {line} + 1024]",
                    "tileloadd tmm6, [{b} + {line} + 4096]",
                    "tileloadd tmm7, [{b} + {line} + 5120]",
                    products!(),
                    "tileloadd tmm6, [{b} + {line} + 2048]",
                    "tileloadd tmm7, [{b} + {line} + 3072]",
                    products!(),
                    "tileloadd tmm6, [{b} + {line}]",
                    "tileloadd tmm7, [{b} + {line} + 1024]",
                    products!(),
                    "tileloadd tmm4, [{a} + {line} + 2048]",
                    "tileloadd tmm5, [{a} + {line} + 3072]",
                    products!(),
                    "tileloadd tmm6, [{b} + {line} + 2048]",
                    "tileloadd tmm7, [{b} + {line} + 3072]",
                    products!(),
                    "tileloadd tmm4, [{a} + {line} + 4096]",
                    "tileloadd tmm5, [{a} + {line} + 5120]",
                    "tileloadd tmm6, [{b} + {line}]",
                    "tileloadd tmm7, [{b} + {line} + 1024]",
                    products!(),
                    "add {a}, 6144",
                    "add {b}, 6144",
                    "dec {steps}",
                    "jnz 2b",
                    "tilestored [{c} + {stride}], tmm0",
                    "tilestored [{c} + {stride} + 64], tmm1",
                    "tilestored [{lower} + {stride}], tmm2",
                    "tilestored [{lower} + {stride} + 64], tmm3",
                    a = inout(reg) a => _,
                    b = inout(reg) b => _,
                    steps = inout(reg) steps => _,
                    c = in(reg) c,
                    lower = in(reg) c.wrapping_add(16 * stride),
                    line = in(reg) 64usize,
                    stride = in(reg) 4 * stride,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                )
            }
        };
    }
    if add {
        with!(
            "tileloadd tmm0, [{c} + {stride}]"
            "tileloadd tmm1, [{c} + {stride} + 64]"
            "tileloadd tmm2, [{lower} + {stride}]"
            "tileloadd tmm3, [{lower} + {stride} + 64]"
        );
    } else {
        with!("tilezero tmm0" "tilezero tmm1" "tilezero tmm2" "tilezero tmm3");
    }
}

/// Which side of the product is packed: in a tile of A the pairs of terms run along the rows, in one of B across.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    A,
    B,
}

/// Packs `x`, terms × columns, in panels of 32 columns: for each step two tiles of each of the three parts. Tiles are
/// padded with zeros.
///
/// # Safety
/// The processor must have AVX-512 with BW.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn pack(x: Matrix<'_>, side: Side, packed: &mut [f32]) {
    let (terms, columns) = (x.rows, x.columns);
    let (start, row, column) = (x.data.as_ptr(), x.row_stride, x.column_stride);
    assert!(row == 1 || column == 1, "one direction of a matrix must be dense");
    let steps = terms.div_ceil(TERMS);
    let dense = column == 1;
    for (panel, packed) in packed.chunks_exact_mut(steps * STEP).take(columns.div_ceil(SIDE)).enumerate() {
        for (step, packed) in packed.chunks_exact_mut(STEP).enumerate() {
            for half in 0..2 {
                let (k, j) = (step * TERMS, (panel * SIDE + half * 16).min(columns));
                let (terms, columns) = (TERMS.min(terms - k), 16.min(columns - j));
                let lines = if dense { terms.div_ceil(2) } else { columns };
                // SAFETY: `terms` terms of `columns` columns from element (k, j) lie inside x.
                let words = |line: usize| unsafe {
                    let from = start.wrapping_add(k * row + j * column);
                    match dense {
                        true => across(from.wrapping_add(2 * line * row), row, terms - 2 * line, columns),
                        false => along(from.wrapping_add(line * column), terms),
                    }
                };
                let to = packed[half * 256..].as_mut_ptr();
                let store = |line: usize, words: [__m512i; 3]| {
                    // SAFETY: a step has three parts of two tiles of 16 lines, each a cache line.
                    unsafe {
                        _mm512_store_si512(to.add(line * 16).cast(), words[0]);
                        _mm512_store_si512(to.add(line * 16 + 512).cast(), words[1]);
                        _mm512_store_si512(to.add(line * 16 + 1024).cast(), words[2]);
                    }
                };
                let zeros = [_mm512_setzero_si512(); 3];
                if dense == (side == Side::B) {
                    (0..lines).for_each(|line| store(line, words(line)));
                    (lines..16).for_each(|line| store(line, zeros));
                    continue;
                }
                let mut parts = [[_mm512_setzero_ps(); 16]; 3];
                for line in 0..lines {
                    let words = words(line);
                    for part in 0..3 {
                        parts[part][line] = _mm512_castsi512_ps(words[part]);
                    }
                }
                // SAFETY: the processor has AVX-512.
                let parts = unsafe { [transposed_16(parts[0]), transposed_16(parts[1]), transposed_16(parts[2])] };
                for line in 0..16 {
                    let words = |part: usize| _mm512_castps_si512(parts[part][line]);
                    store(line, [words(0), words(1), words(2)]);
                }
            }
        }
    }
}

/// A word for each pair of up to 32 contiguous terms, for each of the three parts.
///
/// # Safety
/// The terms must be readable.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
unsafe fn along(from: *const f32, terms: usize) -> [__m512i; 3] {
    // SAFETY: the caller's; masked values are not read.
    let (x, y) = unsafe {
        let second = mask(terms.saturating_sub(16));
        (_mm512_maskz_loadu_ps(mask(terms), from), _mm512_maskz_loadu_ps(second, from.wrapping_add(16)))
    };
    // The upper halves of 16 words, then those of 16 others.
    let upper = _mm512_set_epi16(
        63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9,
        7, 5, 3, 1,
    );
    let (x, y) = (split(x), split(y));
    let mut words = x;
    for part in 0..3 {
        words[part] = _mm512_permutex2var_epi16(x[part], upper, y[part]);
    }
    words
}

/// A word for each of up to 16 contiguous columns, for each of the three parts: its terms in this row and, if
/// `terms` > 1, in the next one.
///
/// # Safety
/// The columns must be readable in both rows.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
unsafe fn across(from: *const f32, row: usize, terms: usize, columns: usize) -> [__m512i; 3] {
    let present = mask(columns);
    // SAFETY: the caller's; masked values are not read.
    let (x, y) = unsafe {
        let second = if terms > 1 { present } else { 0 };
        (_mm512_maskz_loadu_ps(present, from), _mm512_maskz_loadu_ps(second, from.wrapping_add(row)))
    };
    let (x, y, upper) = (split(x), split(y), _mm512_set1_epi32(UPPER));
    // The upper halves of y and x: x | (upper & y).
    let mut words = x;
    for part in 0..3 {
        words[part] = _mm512_ternarylogic_epi32::<0xF8>(_mm512_srli_epi32::<16>(x[part]), upper, y[part]);
    }
    words
}

/// The upper half of a word: a single-precision value truncated to bf16.
const UPPER: i32 = -1 << 16;

/// x as the sum of three values, each in the upper halves of its words.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn split(x: __m512) -> [__m512i; 3] {
    let upper = _mm512_set1_epi32(UPPER);
    let first = _mm512_and_si512(_mm512_castps_si512(x), upper);
    let rest = _mm512_sub_ps(x, _mm512_castsi512_ps(first));
    let second = _mm512_and_si512(_mm512_castps_si512(rest), upper);
    let third = _mm512_sub_ps(rest, _mm512_castsi512_ps(second));
    [_mm512_castps_si512(x), _mm512_castps_si512(rest), _mm512_castps_si512(third)]
}

/// The first `count` lanes, at most 16.
fn mask(count: usize) -> u16 {
    ((1u32 << count.min(16)) - 1) as u16
}
