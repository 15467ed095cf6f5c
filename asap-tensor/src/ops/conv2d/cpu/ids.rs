//! Convolution of the one-hot form of ids: each tap of a pixel adds one column of the weight.
//!
//! The weight is first laid out as a table with a row of O numbers for each (r, s, class), so that what a tap adds
//! stands in one piece.

use rayon::prelude::*;

use crate::cpu::gemm::MatrixMut;
use crate::cpu::scratch::with_scratch;
use crate::cpu::transpose::transpose;
use crate::ops::conv2d::Conv2dSize;

/// Output pixels that are computed at a time, a row of O numbers each, before they go to their planes.
const PIXELS: usize = 128;
/// Output pixels, at least, of each of the partial gradients.
const RUN: usize = 64 * PIXELS;
/// Partial gradients, at most.
const SUMS: usize = 16;

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
pub(in crate::ops::conv2d) fn scratch(size: &Conv2dSize) -> usize {
    PIXELS * size.out_channels
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
pub(super) fn forward(ids: &[u8], weight: &[f32], bias: Option<&[f32]>, size: &Conv2dSize) -> Vec<f32> {
    let outputs = size.out_channels;
    let pixels = size.out_height * size.out_width;
    let map = size.in_height * size.in_width;
    let mut table = vec![0.0; weight.len()];
    let kernel = size.kernel_height * size.kernel_width;
    for (o, weight) in weight.chunks_exact(size.patch().max(1)).enumerate() {
        for (class, taps) in weight.chunks_exact(kernel).enumerate() {
            for (tap, w) in taps.iter().enumerate() {
                table[(tap * size.in_channels + class) * outputs + o] = *w;
            }
        }
    }

    let mut y = vec![0.0; size.output().count()];
    let items = y.chunks_exact_mut((outputs * pixels).max(1)).enumerate();
    let blocks: Vec<(usize, usize, MatrixMut<'_>)> = items
        .flat_map(|(n, y)| {
            let blocks = MatrixMut::new(y, outputs, pixels, pixels).blocks(outputs.max(1), PIXELS);
            blocks.into_iter().map(move |(_, q, block)| (n, q, block))
        })
        .collect();
    blocks.into_par_iter().for_each(|(n, first, mut y)| {
        let ids = &ids[n * map..][..map];
        let width = y.width();
        with_scratch(width * outputs, |rows| {
            for (pixel, row) in rows.chunks_exact_mut(outputs).enumerate() {
                match bias {
                    Some(bias) => row.copy_from_slice(bias),
                    None => row.fill(0.0),
                }
                taps(ids, first + pixel, size, |at| {
                    row.iter_mut().zip(&table[at * outputs..][..outputs]).for_each(|(y, w)| *y += w);
                });
            }
            transpose(rows, outputs, &mut y);
        });
    });
    y
}

/// The gradient in the weight, (O, classes, R, S).
pub(super) fn grad_weight(ids: &[u8], grad_output: &[f32], size: &Conv2dSize) -> Vec<f32> {
    let outputs = size.out_channels;
    let pixels = size.out_height * size.out_width;
    let map = size.in_height * size.in_width;
    let count = size.weight().count();
    if count == 0 {
        return Vec::new();
    }
    // Runs of pixels of all images, in order, one for each partial gradient.
    let total = size.batch * pixels;
    let (run, sums) = (run(total), partial_gradients(size));
    let mut partial = vec![0.0; sums * count];
    partial.par_chunks_exact_mut(count).enumerate().for_each(|(sum, table)| {
        let mut start = (sum * run).min(total);
        let end = (start + run).min(total);
        while start < end {
            let (n, first) = (start / pixels, start % pixels);
            let width = PIXELS.min(pixels - first).min(end - start);
            let grad_output = &grad_output[n * outputs * pixels..][..outputs * pixels];
            with_scratch(width * outputs, |rows| {
                transpose(&grad_output[first..], pixels, &mut MatrixMut::new(rows, width, outputs, outputs));
                for (pixel, row) in rows.chunks_exact(outputs).enumerate() {
                    taps(&ids[n * map..][..map], first + pixel, size, |at| {
                        table[at * outputs..][..outputs].iter_mut().zip(row).for_each(|(t, g)| *t += g);
                    });
                }
            });
            start += width;
        }
    });

    let (table, rest) = partial.split_at_mut(count);
    for sum in rest.chunks_exact(count) {
        table.iter_mut().zip(sum).for_each(|(table, sum)| *table += sum);
    }
    let kernel = size.kernel_height * size.kernel_width;
    let mut grad = vec![0.0; count];
    for (o, grad) in grad.chunks_exact_mut(size.patch()).enumerate() {
        for (class, taps) in grad.chunks_exact_mut(kernel).enumerate() {
            for (tap, g) in taps.iter_mut().enumerate() {
                *g = table[(tap * size.in_channels + class) * outputs + o];
            }
        }
    }
    grad
}
