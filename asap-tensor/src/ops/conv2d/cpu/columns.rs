//! Patches of x as columns of a matrix, and back.
//!
//! The matrix has a row for each (i, r, s), in the order of a weight's values, and a column for each output pixel
//! (p, q): x[i, p·stride + r − padding, q·stride + s − padding], or 0 outside x.

use std::ops::Range;

use crate::cpu::matrix::MatrixMut;
use crate::cpu::simd::{Routine, Simd};
use crate::ops::conv2d::Conv2dSize;

/// The output columns q that read inside x with kernel column `s`.
fn inside(size: &Conv2dSize, s: usize) -> Range<usize> {
    let first = size.padding.saturating_sub(s).div_ceil(size.stride);
    let end = (size.in_width + size.padding).saturating_sub(s).div_ceil(size.stride);
    first.min(size.out_width)..end.min(size.out_width)
}

/// The parts of output rows that make up the output pixels `pixels`: (p, range of q, its offset in `pixels`).
pub(super) fn row_parts(size: &Conv2dSize, pixels: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>, usize)> {
    let width = size.out_width;
    (pixels.start / width..pixels.end.div_ceil(width)).map(move |p| {
        let start = (p * width).max(pixels.start);
        let end = ((p + 1) * width).min(pixels.end);
        (p, start - p * width..end - p * width, start - pixels.start)
    })
}

/// Fills `columns`, row-major, with the patches of input channels `channels` of one image for the output pixels
/// `pixels`.
pub(super) struct Gather<'a> {
    pub(super) x: &'a [f32],
    pub(super) channels: Range<usize>,
    pub(super) pixels: Range<usize>,
    pub(super) size: &'a Conv2dSize,
    pub(super) columns: &'a mut [f32],
}

impl Routine for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Gather { x, channels, pixels, size, columns } = self;
        let plane = size.in_height * size.in_width;
        let kernel = size.kernel_height * size.kernel_width;
        let mut rows = columns.chunks_exact_mut(pixels.len());
        for i in channels {
            let x = &x[i * plane..][..plane];
            for (tap, row) in (0..kernel).zip(&mut rows) {
                let (r, s) = (tap / size.kernel_width, tap % size.kernel_width);
                let inside = inside(size, s);
                for (p, q, at) in row_parts(size, pixels.clone()) {
                    let part = &mut row[at..at + q.len()];
                    let Some(y) = size.source_row(p, r) else {
                        part.fill(0.0);
                        continue;
                    };
                    let (first, end) = (inside.start.clamp(q.start, q.end), inside.end.clamp(q.start, q.end));
                    if first >= end {
                        part.fill(0.0);
                        continue;
                    }
                    part[..first - q.start].fill(0.0);
                    part[end - q.start..].fill(0.0);
                    let part = &mut part[first - q.start..end - q.start];
                    let from = &x[y * size.in_width + first * size.stride + s - size.padding..];
                    match size.stride {
                        1 => part.copy_from_slice(&from[..part.len()]),
                        2 => take_every::<2>(from, part),
                        stride => part.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, from)| *to = *from),
                    }
                }
            }
        }
    }
}

/// Copies every STRIDEth element of `from`, in a form that compiles to shuffles.
#[inline(always)]
fn take_every<const STRIDE: usize>(from: &[f32], to: &mut [f32]) {
    let last = to.len() - 1;
    for (to, from) in to.iter_mut().zip(from[..last * STRIDE].as_chunks::<STRIDE>().0) {
        *to = from[0];
    }
    to[last] = from[last * STRIDE];
}

/// Adds `from` to every STRIDEth element of `to`.
#[inline(always)]
fn add_to_every<const STRIDE: usize>(from: &[f32], to: &mut [f32]) {
    let last = from.len() - 1;
    for (to, from) in to[..last * STRIDE].as_chunks_mut::<STRIDE>().0.iter_mut().zip(from) {
        to[0] += from;
    }
    to[last * STRIDE] += from[last];
}

/// Adds `columns`, the gradients of patches of some input channels for the output rows `rows`, to `grad`: for each of
/// these channels a row with the input rows `band`.
pub(super) struct ScatterAdd<'a, 'g> {
    pub(super) columns: &'a [f32],
    pub(super) rows: Range<usize>,
    pub(super) band: Range<usize>,
    pub(super) size: &'a Conv2dSize,
    pub(super) grad: &'a mut MatrixMut<'g>,
}

impl Routine for ScatterAdd<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let ScatterAdd { columns, rows, band, size, grad } = self;
        let pixels = rows.len() * size.out_width;
        let kernel = size.kernel_height * size.kernel_width;
        for (i, columns) in columns.chunks_exact(kernel * pixels).enumerate() {
            let grad = grad.row(i);
            for (tap, row) in columns.chunks_exact(pixels).enumerate() {
                let (r, s) = (tap / size.kernel_width, tap % size.kernel_width);
                let inside = inside(size, s);
                if inside.is_empty() {
                    continue;
                }
                for (p, row) in rows.clone().zip(row.chunks_exact(size.out_width)) {
                    let Some(y) = size.source_row(p, r).filter(|y| band.contains(y)) else { continue };
                    let row = &row[inside.clone()];
                    let start = (y - band.start) * size.in_width + inside.start * size.stride + s - size.padding;
                    let to = &mut grad[start..][..(row.len() - 1) * size.stride + 1];
                    match size.stride {
                        1 => to.iter_mut().zip(row).for_each(|(to, g)| *to += g),
                        2 => add_to_every::<2>(row, to),
                        stride => to.iter_mut().step_by(stride).zip(row).for_each(|(to, g)| *to += g),
                    }
                }
            }
        }
    }
}
