//! Convolution of the one-hot form of ids: each tap of a pixel adds one column of the weight.
//!
//! The weight is first laid out as a table with a row of O numbers for each (r, s, class), so that what a tap adds
//! stands in one piece: whole registers, the row being filled up with zeros.

use rayon::prelude::*;

use crate::cpu::gemm::MatrixMut;
use crate::cpu::scratch::with_scratch;
use crate::cpu::simd::{Kernel, Level, Simd};
use crate::cpu::transpose::transpose;
use crate::cpu::{Array, Cpu};
use crate::ops::conv2d::Conv2dSize;

/// Output pixels that are computed at a time, a row of O numbers each, before they go to their planes.
const PIXELS: usize = 128;
/// Output pixels, at least, of each of the partial gradients.
const RUN: usize = 64 * PIXELS;
/// Partial gradients, at most.
const SUMS: usize = 16;
/// Registers that a pixel's outputs are added up in at a time.
const REGISTERS: usize = 4;

/// The numbers of a table's row: O, filled up to whole registers.
fn row_length(level: Level, size: &Conv2dSize) -> usize {
    size.out_channels.next_multiple_of(level.lanes())
}

/// How many numbers a table has, one row for each (r, s, class).
pub(in crate::ops::conv2d) fn table(level: Level, size: &Conv2dSize) -> usize {
    size.patch() * row_length(level, size)
}

/// Calls `visit` with the table row of every tap of output pixel `pixel` that meets a class.
#[inline(always)]
fn taps(ids: &[u8], pixel: usize, size: &Conv2dSize, mut visit: impl FnMut(usize)) {
    let (p, q) = (pixel / size.out_width, pixel % size.out_width);
    for r in 0..size.kernel_height {
        let Some(y) = size.source_row(p, r) else { continue };
        for s in 0..size.kernel_width {
            let Some(x) = size.source_column(q, s) else { continue };
            let class = usize::from(ids[y * size.in_width + x]);
            if class < size.in_channels {
                visit((r * size.kernel_width + s) * size.in_channels + class);
            }
        }
    }
}

/// How many numbers of working memory a thread takes.
pub(in crate::ops::conv2d) fn scratch(level: Level, size: &Conv2dSize) -> usize {
    PIXELS * row_length(level, size)
}

/// How many gradients [`grad_weight`] adds up, each over a run of pixels.
pub(in crate::ops::conv2d) fn partial_gradients(size: &Conv2dSize) -> usize {
    let total = size.batch * size.out_height * size.out_width;
    total.div_ceil(run(total)).max(1)
}

/// Pixels of a run, the last one being shorter.
fn run(total: usize) -> usize {
    total.div_ceil(SUMS).max(RUN)
}

/// y, (N, O, P, Q).
pub(super) fn forward(cpu: &Cpu, ids: &[u8], weight: &[f32], bias: Option<&[f32]>, size: &Conv2dSize) -> Array {
    let outputs = size.out_channels;
    let pixels = size.out_height * size.out_width;
    let map = size.in_height * size.in_width;
    let length = row_length(cpu.level(), size);
    let mut table = cpu.zeros(table(cpu.level(), size));
    let kernel = size.kernel_height * size.kernel_width;
    for (o, weight) in weight.chunks_exact(size.patch().max(1)).enumerate() {
        for (class, taps) in weight.chunks_exact(kernel).enumerate() {
            for (tap, w) in taps.iter().enumerate() {
                table[(tap * size.in_channels + class) * length + o] = *w;
            }
        }
    }
    let mut start = vec![0.0; length];
    if let Some(bias) = bias {
        start[..outputs].copy_from_slice(bias);
    }

    let mut y = cpu.array(size.output().count());
    let items = y.chunks_exact_mut((outputs * pixels).max(1)).enumerate();
    let blocks: Vec<(usize, usize, MatrixMut<'_>)> = items
        .flat_map(|(n, y)| {
            let blocks = MatrixMut::new(y, outputs, pixels, pixels).blocks(outputs.max(1), PIXELS);
            blocks.into_iter().map(move |(_, q, block)| (n, q, block))
        })
        .collect();
    blocks.into_par_iter().for_each(|(n, first, mut y)| {
        let ids = &ids[n * map..][..map];
        with_scratch(y.width() * length, |rows| {
            cpu.vectorize(AddUp { ids, first, table: &table, start: &start, size, rows });
            transpose(rows, length, &mut y);
        });
    });
    y
}

/// The outputs of some pixels, from pixel `first` on, a row each: `start` and a row of the table for each tap.
struct AddUp<'a> {
    ids: &'a [u8],
    first: usize,
    table: &'a [f32],
    start: &'a [f32],
    size: &'a Conv2dSize,
    rows: &'a mut [f32],
}

impl Kernel for AddUp<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let AddUp { ids, first, table, start, size, rows } = self;
        let length = start.len();
        let mut tapped = Vec::with_capacity(size.kernel_height * size.kernel_width);
        for (pixel, row) in rows.chunks_exact_mut(length).enumerate() {
            tapped.clear();
            taps(ids, first + pixel, size, |at| tapped.push(&table[at * length..][..length]));
            let mut at = 0;
            while at < length {
                // SAFETY: `start`, the row and every row of the table have `length` numbers, whole registers, of which
                // those from `at` on are taken.
                unsafe {
                    at += if at + REGISTERS * S::LANES <= length {
                        add_up::<S, REGISTERS>(simd, &tapped, start, at, row)
                    } else {
                        add_up::<S, 1>(simd, &tapped, start, at, row)
                    };
                }
            }
        }
    }
}

/// V registers of a pixel's outputs from number `at` on; says how many numbers they are.
///
/// # Safety
/// All slices must have that many numbers from `at` on.
#[inline(always)]
unsafe fn add_up<S: Simd, const V: usize>(
    simd: S,
    tapped: &[&[f32]],
    start: &[f32],
    at: usize,
    row: &mut [f32],
) -> usize {
    // SAFETY: the caller's.
    unsafe {
        let mut sums: [S::V; V] = std::array::from_fn(|v| simd.load(start.as_ptr().add(at + v * S::LANES)));
        for weights in tapped {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = simd.add(*sum, simd.load(weights.as_ptr().add(at + v * S::LANES)));
            }
        }
        for (v, sum) in sums.into_iter().enumerate() {
            simd.store(row.as_mut_ptr().add(at + v * S::LANES), sum);
        }
    }
    V * S::LANES
}

/// The gradient in the weight, (O, classes, R, S).
pub(super) fn grad_weight(cpu: &Cpu, ids: &[u8], grad_output: &[f32], size: &Conv2dSize) -> Array {
    let outputs = size.out_channels;
    let pixels = size.out_height * size.out_width;
    let map = size.in_height * size.in_width;
    let mut grad = cpu.array(size.weight().count());
    let (length, count) = (row_length(cpu.level(), size), table(cpu.level(), size));
    if count == 0 {
        return grad;
    }
    // Runs of pixels of all images, in order, one for each partial gradient.
    let total = size.batch * pixels;
    let (run, sums) = (run(total), partial_gradients(size));
    let mut partial = cpu.array(sums * count);
    partial.par_chunks_exact_mut(count).enumerate().for_each(|(sum, table)| {
        table.fill(0.0);
        let mut start = (sum * run).min(total);
        let end = (start + run).min(total);
        while start < end {
            let (n, first) = (start / pixels, start % pixels);
            let width = PIXELS.min(pixels - first).min(end - start);
            let grad_output = &grad_output[n * outputs * pixels..][..outputs * pixels];
            with_scratch(width * length, |rows| {
                rows.fill(0.0);
                transpose(&grad_output[first..], pixels, &mut MatrixMut::new(rows, width, outputs, length));
                let ids = &ids[n * map..][..map];
                cpu.vectorize(Deal { ids, first, rows, length, size, table });
            });
            start += width;
        }
    });

    let (table, rest) = partial.split_at_mut(count);
    for sum in rest.chunks_exact(count) {
        table.iter_mut().zip(sum).for_each(|(table, sum)| *table += sum);
    }
    let kernel = size.kernel_height * size.kernel_width;
    for (o, grad) in grad.chunks_exact_mut(size.patch()).enumerate() {
        for (class, taps) in grad.chunks_exact_mut(kernel).enumerate() {
            for (tap, g) in taps.iter_mut().enumerate() {
                *g = table[(tap * size.in_channels + class) * length + o];
            }
        }
    }
    grad
}

/// Adds the gradients of some pixels, from pixel `first` on, a row each, to the table's row of every tap.
struct Deal<'a> {
    ids: &'a [u8],
    first: usize,
    rows: &'a [f32],
    length: usize,
    size: &'a Conv2dSize,
    table: &'a mut [f32],
}

impl Kernel for Deal<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Deal { ids, first, rows, length, size, table } = self;
        for (pixel, row) in rows.chunks_exact(length).enumerate() {
            taps(ids, first + pixel, size, |at| {
                let sums = &mut table[at * length..][..length];
                for at in (0..length).step_by(S::LANES) {
                    // SAFETY: both have `length` numbers, whole registers.
                    unsafe {
                        let sum = simd.add(simd.load(sums.as_ptr().add(at)), simd.load(row.as_ptr().add(at)));
                        simd.store(sums.as_mut_ptr().add(at), sum);
                    }
                }
            });
        }
    }
}
