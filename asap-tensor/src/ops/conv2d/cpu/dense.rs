//! Convolution and its gradients as products with a patch matrix.

use std::ops::Range;

use rayon::prelude::*;

use super::columns::{Gather, ScatterAdd};
use crate::cpu::gemm::{self, product};
use crate::cpu::matrix::{Matrix, MatrixMut};
use crate::cpu::scratch::with_scratch;
use crate::cpu::{Array, Cpu};
use crate::ops::conv2d::Conv2dSize;

/// Patches are laid out in blocks of about this many values, which fit the L2 cache.
const BLOCK: usize = 1 << 17;
/// Maximum number of rows of the patch matrix in a block of a gradient.
const PATCH_ROWS: usize = 288;
/// Minimum number of parts that work is split into if the shape permits it, for many threads.
const PARTS: usize = 16;
/// Maximum number of rows of a result that one thread computes at a time.
const CHANNELS: usize = 252;
/// A multiple of the rows that a product computes at a time at every level, 14 and 6.
const STRIP: usize = 42;
/// Values of a gradient that one thread adds up at a time.
const STRETCH: usize = 4096;

/// Whether x itself is the patch matrix.
fn is_pointwise(size: &Conv2dSize) -> bool {
    (size.kernel_height, size.kernel_width, size.stride, size.padding) == (1, 1, 1, 0)
}

/// The matrices (rows × columns) of a batch, cut into blocks: (item, first row, first column, block).
pub(super) fn blocks_of(
    batch: &mut [f32],
    rows: usize,
    columns: usize,
    height: usize,
    width: usize,
) -> Vec<(usize, usize, usize, MatrixMut<'_>)> {
    let items = batch.chunks_exact_mut((rows * columns).max(1)).enumerate();
    items
        .flat_map(|(n, item)| {
            let blocks = MatrixMut::new(item, rows, columns, columns).blocks(height, width);
            blocks.into_iter().map(move |(i, j, block)| (n, i, j, block))
        })
        .collect()
}

/// Matrix `n` (rows × columns) of a batch.
fn item(batch: &[f32], n: usize, rows: usize, columns: usize) -> Matrix<'_> {
    Matrix::new(&batch[n * rows * columns..][..rows * columns], rows, columns, columns)
}

/// The size of a part when `total` is cut into equal parts of at most `max`.
fn part(total: usize, max: usize) -> usize {
    total.div_ceil(total.div_ceil(max.max(1)).max(1)).max(1)
}

/// Rows of a result that one thread computes at a time: whole strips, about equally many for each.
fn rows_at_once(rows: usize) -> usize {
    part(rows, CHANNELS).next_multiple_of(STRIP)
}

/// Scratch of a thread in [`forward`], in values: for patches, and for a product of them.
pub(super) fn forward_scratch(size: &Conv2dSize) -> [usize; 2] {
    let pixels = size.out_height * size.out_width;
    let (columns, rows) = if is_pointwise(size) {
        (0, rows_at_once(size.out_channels))
    } else if shares_pixels(size) {
        (size.patch() * block_width(size).min(pixels), size.out_channels)
    } else {
        (size.patch() * pixels, rows_at_once(size.out_channels))
    };
    [columns, gemm::scratch(rows.min(size.out_channels))]
}

/// Output pixels that [`forward`] computes at a time.
fn block_width(size: &Conv2dSize) -> usize {
    // A pointwise convolution packs x in the product: the more columns, the less often the weight.
    let min = if is_pointwise(size) { 512 } else { 256 };
    (BLOCK / size.patch().max(1) / 32 * 32).clamp(min, 3072)
}

/// Whether there are enough pixels for each thread to lay out its own patches.
fn shares_pixels(size: &Conv2dSize) -> bool {
    size.batch * (size.out_height * size.out_width).div_ceil(block_width(size)) >= PARTS
}

/// y, (N, O, P, Q).
pub(super) fn forward(cpu: &Cpu, x: &[f32], weight: &[f32], bias: Option<&[f32]>, size: &Conv2dSize) -> Array {
    let (outputs, patch) = (size.out_channels, size.patch());
    let pixels = size.out_height * size.out_width;
    let image = size.in_channels * size.in_height * size.in_width;
    let mut y = cpu.array(size.output().count());
    let weight = Matrix::new(weight, outputs, patch, patch);
    let compute = |o: usize, y: &mut MatrixMut<'_>, columns: Matrix<'_>| {
        if let Some(bias) = bias {
            for i in 0..y.height() {
                y.row(i).fill(bias[o + i]);
            }
        }
        product(y, weight.rows(o, y.height()), columns, bias.is_some());
    };

    let width = block_width(size);
    if is_pointwise(size) {
        let blocks = blocks_of(&mut y, outputs, pixels, rows_at_once(outputs), width);
        blocks.into_par_iter().for_each(|(n, o, q, mut y)| {
            let width = y.width();
            compute(o, &mut y, item(x, n, patch, pixels).columns(q, width));
        });
    } else if shares_pixels(size) {
        let blocks = blocks_of(&mut y, outputs, pixels, outputs.max(1), width);
        blocks.into_par_iter().for_each(|(n, o, q, mut y)| {
            let width = y.width();
            with_scratch(patch * width, |columns| {
                let (x, channels) = (&x[n * image..][..image], 0..size.in_channels);
                cpu.vectorize(Gather { x, channels, pixels: q..q + width, size, columns });
                compute(o, &mut y, Matrix::new(columns, patch, width, width));
            });
        });
    } else {
        for (n, y) in y.chunks_exact_mut((outputs * pixels).max(1)).enumerate() {
            let x = &x[n * image..][..image];
            with_scratch(patch * pixels, |columns| {
                let channels = part(size.in_channels, PATCH_ROWS);
                let rows = channels * size.kernel_height * size.kernel_width;
                columns.par_chunks_mut(rows * pixels).enumerate().for_each(|(part, columns)| {
                    let channels = part * channels..((part + 1) * channels).min(size.in_channels);
                    cpu.vectorize(Gather { x, channels, pixels: 0..pixels, size, columns });
                });
                let columns = Matrix::new(columns, patch, pixels, pixels);
                let blocks = MatrixMut::new(y, outputs, pixels, pixels).blocks(rows_at_once(outputs), width);
                blocks.into_par_iter().for_each(|(o, q, mut y)| {
                    let width = y.width();
                    compute(o, &mut y, columns.columns(q, width));
                });
            });
        }
    }
    y
}

/// Scratch of a thread in [`grad_input`], likewise.
pub(super) fn grad_input_scratch(size: &Conv2dSize) -> [usize; 2] {
    if is_pointwise(size) {
        return [0, gemm::scratch(rows_at_once(size.in_channels).min(size.in_channels))];
    }
    let (channels, rows) = grad_input_part(size);
    let patches = channels * size.kernel_height * size.kernel_width;
    [patches * rows * size.out_width, gemm::scratch(patches)]
}

/// Input channels and output rows of a block in [`grad_input`].
fn grad_input_part(size: &Conv2dSize) -> (usize, usize) {
    let kernel = size.kernel_height * size.kernel_width;
    let channels = part(size.in_channels, PATCH_ROWS / kernel);
    (channels, (BLOCK / (channels * kernel * size.out_width).max(1)).clamp(1, size.out_height.max(1)))
}

/// The gradient in x, (N, I, H, W).
pub(super) fn grad_input(cpu: &Cpu, grad_output: &[f32], weight: &[f32], size: &Conv2dSize) -> Array {
    let (outputs, patch) = (size.out_channels, size.patch());
    let pixels = size.out_height * size.out_width;
    let kernel = size.kernel_height * size.kernel_width;
    let mut grad = cpu.array(size.input().count());
    let weight = Matrix::new(weight, outputs, patch, patch);
    let grad_output = |n: usize| item(grad_output, n, outputs, pixels);

    if is_pointwise(size) {
        let width = (BLOCK / outputs.max(1) / 32 * 32).clamp(256, 3072);
        let blocks = blocks_of(&mut grad, patch, pixels, rows_at_once(patch), width);
        blocks.into_par_iter().for_each(|(n, i, q, mut grad)| {
            let (height, width) = (grad.height(), grad.width());
            product(&mut grad, weight.columns(i, height).transposed(), grad_output(n).columns(q, width), false);
        });
        return grad;
    }

    let (channels, rows_at_once) = grad_input_part(size);
    // Neighboring bands of x share output rows, which are computed twice: no more bands than threads need.
    let bands = PARTS.div_ceil((size.batch * size.in_channels.div_ceil(channels)).max(1));
    let band = size.in_height.div_ceil(bands).max(4 * size.kernel_height).min(size.in_height.max(1));
    let blocks =
        blocks_of(&mut grad, size.in_channels, size.in_height * size.in_width, channels, band * size.in_width.max(1));
    blocks.into_par_iter().for_each(|(n, i, start, mut grad)| {
        let weight = weight.columns(i * kernel, grad.height() * kernel).transposed();
        (0..grad.height()).for_each(|i| grad.row(i).fill(0.0));
        let first = start / size.in_width;
        let band = first..first + grad.width() / size.in_width;
        let mut rows = rows_reading(&band, size);
        while !rows.is_empty() {
            let now = rows.start..(rows.start + rows_at_once).min(rows.end);
            let width = now.len() * size.out_width;
            with_scratch(grad.height() * kernel * width, |columns| {
                let height = grad.height() * kernel;
                let grad_output = grad_output(n).columns(now.start * size.out_width, width);
                product(&mut MatrixMut::new(columns, height, width, width), weight, grad_output, false);
                let (rows, band) = (now.clone(), band.clone());
                cpu.vectorize(ScatterAdd { columns, rows, band, size, grad: &mut grad });
            });
            rows.start = now.end;
        }
    });
    grad
}

/// The output rows that read any of the input rows `band`.
fn rows_reading(band: &Range<usize>, size: &Conv2dSize) -> Range<usize> {
    let first = (band.start + size.padding).saturating_sub(size.kernel_height - 1).div_ceil(size.stride);
    let end = (band.end + size.padding).div_ceil(size.stride);
    first.min(size.out_height)..end.min(size.out_height)
}

/// Scratch of a thread in [`grad_weight`], likewise.
pub(super) fn grad_weight_scratch(size: &Conv2dSize) -> [usize; 2] {
    let GradWeightPart { rows, height, width, .. } = GradWeightPart::of(size);
    let columns = if is_pointwise(size) { 0 } else { rows * width.min(size.out_height * size.out_width) };
    [columns, gemm::scratch(height.min(size.out_channels))]
}

/// How many partial gradients [`grad_weight`] adds, each over a part of the pixels.
pub(super) fn partial_gradients(size: &Conv2dSize) -> usize {
    GradWeightPart::of(size).sums
}

/// How [`grad_weight`] is split.
struct GradWeightPart {
    /// Rows of the patch matrix at a time.
    rows: usize,
    /// Output channels at a time.
    height: usize,
    /// Output pixels at a time.
    width: usize,
    /// Partial gradients, each a sum over a run of pixel blocks.
    sums: usize,
}

impl GradWeightPart {
    fn of(size: &Conv2dSize) -> Self {
        let kernel = size.kernel_height * size.kernel_width;
        let rows = part(size.in_channels, PATCH_ROWS / kernel) * kernel;
        let height = part(size.out_channels, 1024);
        let width = (BLOCK / rows / 8 * 8).max(8);
        let parts = size.patch().div_ceil(rows) * size.out_channels.div_ceil(height);
        let blocks = size.batch * (size.out_height * size.out_width).div_ceil(width);
        GradWeightPart { rows, height, width, sums: PARTS.div_ceil(parts.max(1)).min(blocks).max(1) }
    }
}

/// The gradient in the weight, (O, I, R, S).
pub(super) fn grad_weight(cpu: &Cpu, x: &[f32], grad_output: &[f32], size: &Conv2dSize) -> Array {
    let (outputs, patch) = (size.out_channels, size.patch());
    let pixels = size.out_height * size.out_width;
    let kernel = size.kernel_height * size.kernel_width;
    let image = size.in_channels * size.in_height * size.in_width;
    let count = outputs * patch;
    if count == 0 {
        return cpu.array(0);
    }
    let grad_output = |n: usize| item(grad_output, n, outputs, pixels);

    let GradWeightPart { rows, height, width, sums } = GradWeightPart::of(size);
    // Pixel blocks of all images, in order; each of `sums` partial gradients is a sum over a run of them.
    let pixel_blocks: Vec<(usize, Range<usize>)> = (0..size.batch)
        .flat_map(|n| (0..pixels).step_by(width).map(move |q| (n, q..(q + width).min(pixels))))
        .collect();
    let run = part(pixel_blocks.len(), pixel_blocks.len().div_ceil(sums));

    let mut partial = cpu.array(sums * count);
    let blocks = blocks_of(&mut partial, outputs, patch, height, rows);
    blocks.into_par_iter().for_each(|(sum, o, row, mut grad)| {
        let (height, rows) = (grad.height(), grad.width());
        let first = (sum * run).min(pixel_blocks.len());
        let last = (first + run).min(pixel_blocks.len());
        if first == last {
            (0..height).for_each(|o| grad.row(o).fill(0.0));
        }
        for (at, (n, pixels_now)) in pixel_blocks[first..last].iter().enumerate() {
            let add = at > 0;
            let (x, width) = (&x[n * image..][..image], pixels_now.len());
            let grad_output = grad_output(*n).rows(o, height).columns(pixels_now.start, width);
            if is_pointwise(size) {
                let columns = Matrix::new(x, patch, pixels, pixels).rows(row, rows).columns(pixels_now.start, width);
                product(&mut grad, grad_output, columns.transposed(), add);
                continue;
            }
            with_scratch(rows * width, |columns| {
                let (channels, pixels) = (row / kernel..(row + rows) / kernel, pixels_now.clone());
                cpu.vectorize(Gather { x, channels, pixels, size, columns });
                product(&mut grad, grad_output, Matrix::new(columns, rows, width, width).transposed(), add);
            });
        }
    });
    if sums == 1 {
        return partial;
    }
    let mut grad = cpu.array(count);
    grad.par_chunks_mut(STRETCH).enumerate().for_each(|(part, grad)| {
        let length = grad.len();
        let mut sums = partial.chunks_exact(count).map(|sum| &sum[part * STRETCH..][..length]);
        grad.copy_from_slice(sums.next().expect("at least one sum"));
        sums.for_each(|sum| grad.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum));
    });
    grad
}
