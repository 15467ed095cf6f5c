//! Convolution of the one-hot form of ids, followed by channels of values: each tap of a pixel adds the column of the
//! weight for its id, and the columns for the values times these.
//!
//! The weight is first laid out as a table with a row of O values for each (r, s, channel), padded with zeros to whole
//! registers, so that each tap adds contiguous values. Label maps are mostly constant: where all taps of a row r read the
//! same class, their sum is looked up instead.

use rayon::prelude::*;

use super::columns::row_parts;
use super::dense::blocks_of;
use crate::cpu::level::Level;
use crate::cpu::matrix::MatrixMut;
use crate::cpu::scratch::with_scratch;
use crate::cpu::simd::{Routine, Simd};
use crate::cpu::transpose::transpose;
use crate::cpu::{Array, Cpu};
use crate::ops::conv2d::Conv2dSize;

/// Output pixels that are computed at a time, a row of O values each, before they are transposed into planes.
const PIXELS: usize = 128;
/// Minimum number of output pixels of a partial gradient.
const RUN: usize = 64 * PIXELS;
/// Maximum number of partial gradients.
const SUMS: usize = 16;
/// Registers of outputs of a pixel that are computed at a time.
const REGISTERS: usize = 4;

/// The input: label maps, whose one-hot form has `classes` channels, followed by channels of values.
#[derive(Clone, Copy)]
pub(super) struct Stack<'a> {
    pub(super) ids: &'a [u8],
    pub(super) classes: usize,
    pub(super) x: &'a [f32],
}

impl<'a> Stack<'a> {
    /// Label maps alone.
    pub(super) fn of_ids(ids: &'a [u8], size: &Conv2dSize) -> Self {
        Stack { ids, classes: size.in_channels, x: &[] }
    }

    fn item(self, n: usize, size: &Conv2dSize) -> Self {
        let plane = size.in_height * size.in_width;
        let image = (size.in_channels - self.classes) * plane;
        Stack { ids: &self.ids[n * plane..][..plane], x: &self.x[n * image..][..image], ..self }
    }
}

/// Values of a row of the table: O, padded to whole registers.
fn row_length(level: Level, size: &Conv2dSize) -> usize {
    size.out_channels.next_multiple_of(level.lanes())
}

/// Values of the table, a row for each (r, s, channel).
pub(super) fn table(level: Level, size: &Conv2dSize) -> usize {
    size.patch() * row_length(level, size)
}

/// Values of the table of [`forward`], which is followed by a row for each (r, channel): the sum over s.
pub(super) fn forward_table(level: Level, size: &Conv2dSize) -> usize {
    table(level, size) + size.kernel_height * size.in_channels * row_length(level, size)
}

/// Whether `count` ids from `start` on, at least one, are equal.
#[inline(always)]
pub(super) fn are_equal(ids: &[u8], start: usize, count: usize) -> bool {
    const BYTES: usize = size_of::<u64>();
    match ids[start..].first_chunk::<BYTES>() {
        Some(bytes) if count <= BYTES => {
            let repeated = u64::from(bytes[0]) * (u64::MAX / u64::from(u8::MAX));
            let other_bits = u64::from_le_bytes(*bytes) ^ repeated;
            other_bits << (8 * (BYTES - count)) == 0
        }
        _ => ids[start..start + count].iter().all(|&id| id == ids[start]),
    }
}

/// Calls `visit` with the table row of each tap of output pixel `pixel` that reads a class.
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

/// Scratch of a thread, in values.
pub(super) fn scratch(level: Level, size: &Conv2dSize) -> usize {
    PIXELS * row_length(level, size)
}

/// How many partial gradients [`grad_weight`] adds, each over a run of pixels.
pub(super) fn partial_gradients(size: &Conv2dSize) -> usize {
    let total = size.batch * size.out_height * size.out_width;
    total.div_ceil(run(total)).max(1)
}

/// Pixels of a run; the last one may be shorter.
fn run(total: usize) -> usize {
    total.div_ceil(SUMS).max(RUN)
}

/// y, (N, O, P, Q).
pub(super) fn forward(cpu: &Cpu, stack: Stack<'_>, weight: &[f32], bias: Option<&[f32]>, size: &Conv2dSize) -> Array {
    let outputs = size.out_channels;
    let pixels = size.out_height * size.out_width;
    let length = row_length(cpu.level(), size);
    let mut table = cpu.zeros(forward_table(cpu.level(), size));
    let kernel = size.kernel_height * size.kernel_width;
    for (o, weight) in weight.chunks_exact(size.patch().max(1)).enumerate() {
        for (channel, taps) in weight.chunks_exact(kernel).enumerate() {
            for (tap, w) in taps.iter().enumerate() {
                table[(tap * size.in_channels + channel) * length + o] = *w;
            }
        }
    }
    let (taps, rows) = table.split_at_mut(size.patch() * length);
    let row = (size.in_channels * length).max(1);
    for (sum, taps) in rows.chunks_exact_mut(row).zip(taps.chunks_exact(size.kernel_width * row)) {
        for tap in taps.chunks_exact(row) {
            sum.iter_mut().zip(tap).for_each(|(sum, w)| *sum += w);
        }
    }
    let mut start = vec![0.0; length];
    if let Some(bias) = bias {
        start[..outputs].copy_from_slice(bias);
    }

    let mut y = cpu.array(size.output().count());
    let blocks = blocks_of(&mut y, outputs, pixels, outputs.max(1), PIXELS);
    blocks.into_par_iter().for_each(|(n, _, first, mut y)| {
        let stack = stack.item(n, size);
        with_scratch(y.width() * length, |rows| {
            cpu.vectorize(Outputs { stack, first, table: &table, start: &start, size, rows });
            transpose(rows, length, &mut y);
        });
    });
    y
}

/// Writes the outputs of some pixels of an image, from pixel `first` on, a row each: `start` plus the rows of the table
/// that the taps read.
struct Outputs<'a> {
    stack: Stack<'a>,
    first: usize,
    table: &'a [f32],
    start: &'a [f32],
    size: &'a Conv2dSize,
    rows: &'a mut [f32],
}

impl Routine for Outputs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let length = self.start.len();
        let mut at = 0;
        while at < length {
            at += if at + REGISTERS * S::LANES <= length {
                self.outputs::<S, REGISTERS>(simd, at)
            } else {
                self.outputs::<S, 1>(simd, at)
            };
        }
    }
}

impl Outputs<'_> {
    /// V registers of every pixel's outputs, from output `at` on. Returns the number of outputs.
    #[inline(always)]
    fn outputs<S: Simd, const V: usize>(&mut self, simd: S, at: usize) -> usize {
        let Outputs { stack, first, table, start, size, rows } = self;
        let (length, channels, classes) = (start.len(), size.in_channels, stack.classes);
        let plane = size.in_height * size.in_width;
        let pixels = *first..*first + rows.len() / length.max(1);
        let row_sums = size.patch();
        assert!(at + V * S::LANES <= length);
        assert!(table.len() == (row_sums + size.kernel_height * channels) * length);
        let row = |which: usize| -> [S::V; V] {
            let row = table.as_ptr().wrapping_add(which * length + at);
            // SAFETY: `which` is below the number of rows, each of `length` values.
            std::array::from_fn(|v| unsafe { simd.load(row.add(v * S::LANES)) })
        };
        for (p, q, from) in row_parts(size, pixels) {
            for (q, to) in q.zip(rows[from * length..].chunks_exact_mut(length)) {
                // SAFETY: `start` has `length` values.
                let mut sums: [S::V; V] =
                    std::array::from_fn(|v| unsafe { simd.load(start.as_ptr().add(at + v * S::LANES)) });
                for r in 0..size.kernel_height {
                    let Some(y) = size.source_row(p, r) else { continue };
                    let last = size.source_column(q, size.kernel_width - 1);
                    let constant = size.source_column(q, 0).filter(|_| last.is_some()).map(|x| y * size.in_width + x);
                    let constant = constant.filter(|&place| are_equal(stack.ids, place, size.kernel_width));
                    let constant = constant.map(|place| usize::from(stack.ids[place]));
                    if let Some(class) = constant {
                        if class < classes {
                            let weights = row(row_sums + r * channels + class);
                            for v in 0..V {
                                sums[v] = simd.add(sums[v], weights[v]);
                            }
                        }
                        if classes == channels {
                            continue;
                        }
                    }
                    for s in 0..size.kernel_width {
                        let Some(x) = size.source_column(q, s) else { continue };
                        let place = y * size.in_width + x;
                        let tap = (r * size.kernel_width + s) * channels;
                        let class = usize::from(stack.ids[place]);
                        if constant.is_none() && class < classes {
                            let weights = row(tap + class);
                            for v in 0..V {
                                sums[v] = simd.add(sums[v], weights[v]);
                            }
                        }
                        for channel in classes..channels {
                            let x = simd.splat(stack.x[(channel - classes) * plane + place]);
                            let weights = row(tap + channel);
                            for v in 0..V {
                                sums[v] = simd.mul_add(x, weights[v], sums[v]);
                            }
                        }
                    }
                }
                for (v, sum) in sums.into_iter().enumerate() {
                    // SAFETY: a row has `length` values.
                    unsafe { simd.store(to.as_mut_ptr().add(at + v * S::LANES), sum) };
                }
            }
        }
        V * S::LANES
    }
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
                cpu.vectorize(Gradients { ids, first, rows, length, size, table });
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

/// Adds the gradients of some pixels, from pixel `first` on, a row each, to the table row of each tap.
struct Gradients<'a> {
    ids: &'a [u8],
    first: usize,
    rows: &'a [f32],
    length: usize,
    size: &'a Conv2dSize,
    table: &'a mut [f32],
}

impl Routine for Gradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Gradients { ids, first, rows, length, size, table } = self;
        for (pixel, row) in rows.chunks_exact(length).enumerate() {
            taps(ids, first + pixel, size, |at| {
                let sums = &mut table[at * length..][..length];
                for at in (0..length).step_by(S::LANES) {
                    // SAFETY: both have `length` values, whole registers.
                    unsafe {
                        let sum = simd.add(simd.load(sums.as_ptr().add(at)), simd.load(row.as_ptr().add(at)));
                        simd.store(sums.as_mut_ptr().add(at), sum);
                    }
                }
            });
        }
    }
}
