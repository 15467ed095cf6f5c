//! Kernels of `Cpu`, a plane at a time. Pixels with neighbors on both sides are computed a register at a time; the last
//! register of a row starts where it still fits, and computes some pixels twice.

use std::ops::Range;
use std::sync::Arc;

use super::{PixelConv, PixelConvGradInput, PixelConvGradKernels, PixelConvSize, TAPS};
use crate::cpu::simd::{self, Simd};
use crate::cpu::{Array, Cpu};
use crate::error::Result;
use crate::op::Kernel;

impl Kernel<PixelConv> for Cpu {
    fn compute(&self, op: &PixelConv, [x, kernels]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        Ok(self.gathered::<false>(x, kernels, &op.size))
    }
}

impl Kernel<PixelConvGradInput> for Cpu {
    fn compute(&self, op: &PixelConvGradInput, [grad_output, kernels]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        Ok(self.gathered::<true>(grad_output, kernels, &op.size))
    }
}

impl Kernel<PixelConvGradKernels> for Cpu {
    fn compute(&self, op: &PixelConvGradKernels, [x, grad_output]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let (size, plane) = (&op.size, op.size.plane());
        Ok(self.build(TAPS * x.len(), TAPS * plane, 1, |which, grad: &mut [f32]| {
            let [x, g] = [x, grad_output].map(|values| &values[which * plane..][..plane]);
            self.vectorize(Products { x, g, size, grad });
        }))
    }
}

impl Cpu {
    /// [`Gather`] of every plane.
    fn gathered<const BACK: bool>(&self, image: &[f32], kernels: &[f32], size: &PixelConvSize) -> Arc<Array> {
        let plane = size.plane();
        self.build(image.len(), plane, TAPS, |which, out: &mut [f32]| {
            let image = &image[which * plane..][..plane];
            let kernels = &kernels[which * TAPS * plane..][..TAPS * plane];
            self.vectorize(Gather::<BACK> { image, kernels, size, out });
        })
    }
}

/// One row of a plane.
trait Row {
    /// Computes column `q`.
    fn one(&mut self, q: usize);
    /// Computes a register of columns from `q` on.
    ///
    /// # Safety
    /// There must be a column before and one after them.
    unsafe fn register<S: Simd>(&mut self, simd: S, q: usize);
}

/// All columns of a row.
#[inline(always)]
fn walk<S: Simd>(simd: S, width: usize, row: &mut impl Row) {
    if width < S::LANES + 2 {
        (0..width).for_each(|q| row.one(q));
        return;
    }
    row.one(0);
    let last = width - 1 - S::LANES;
    let mut q = 1;
    loop {
        // SAFETY: q lies between 1 and `last`, after whose register there is one more column.
        unsafe { row.register(simd, q) };
        if q == last {
            break;
        }
        q = (q + S::LANES).min(last);
    }
    row.one(width - 1);
}

/// For each pixel of a plane the sum over its taps of the values in `image` that they read, each times a factor: the
/// pixel's own kernel at tap t or, in the pass `BACK`, the kernel of the pixel that is read at tap 8 − t, which reads this
/// one.
struct Gather<'a, const BACK: bool> {
    image: &'a [f32],
    kernels: &'a [f32],
    size: &'a PixelConvSize,
    out: &'a mut [f32],
}

impl<const BACK: bool> simd::Routine for Gather<'_, BACK> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Gather { image, kernels, size, out } = self;
        let &PixelConvSize { height, width, .. } = size;
        // Registers are read and written without bounds checks.
        assert!(image.len() == size.plane() && kernels.len() == TAPS * size.plane() && out.len() == size.plane());
        for p in 0..height {
            let taps = size.taps(p);
            // In most rows all taps read a row: a constant range, so that the loop over them is unrolled.
            if taps == (0..TAPS) {
                walk(simd, width, &mut Gathered::<BACK> { image, kernels, size, p, taps: 0..TAPS, out });
            } else {
                walk(simd, width, &mut Gathered::<BACK> { image, kernels, size, p, taps, out });
            }
        }
    }
}

/// Row `p` of [`Gather`].
struct Gathered<'a, const BACK: bool> {
    image: &'a [f32],
    kernels: &'a [f32],
    size: &'a PixelConvSize,
    p: usize,
    taps: Range<usize>,
    out: &'a mut [f32],
}

impl<const BACK: bool> Gathered<'_, BACK> {
    /// Index of the pixel that tap `t` of column `q` reads, and of its factor.
    #[inline(always)]
    fn places(&self, t: usize, q: usize) -> (usize, usize) {
        let PixelConvSize { width, .. } = *self.size;
        let source = (self.p + t / 3) * width + q + t % 3 - (width + 1);
        let factor =
            if BACK { (TAPS - 1 - t) * self.size.plane() + source } else { t * self.size.plane() + self.p * width + q };
        (source, factor)
    }
}

impl<const BACK: bool> Row for Gathered<'_, BACK> {
    #[inline(always)]
    fn one(&mut self, q: usize) {
        let mut sum = 0.0;
        for t in self.taps.clone() {
            if (1..=self.size.width).contains(&(q + t % 3)) {
                let (source, factor) = self.places(t, q);
                sum += self.image[source] * self.kernels[factor];
            }
        }
        self.out[self.p * self.size.width + q] = sum;
    }

    #[inline(always)]
    unsafe fn register<S: Simd>(&mut self, simd: S, q: usize) {
        let mut sum = simd.zero();
        for t in self.taps.clone() {
            let (source, factor) = self.places(t, q);
            // SAFETY: these taps read rows of the plane, and the caller's columns have neighbors on both sides.
            unsafe {
                let x = simd.load(self.image.as_ptr().add(source));
                sum = simd.mul_add(x, simd.load(self.kernels.as_ptr().add(factor)), sum);
            }
        }
        // SAFETY: as above.
        unsafe { simd.store(self.out.as_mut_ptr().add(self.p * self.size.width + q), sum) };
    }
}

/// The gradient in the kernels of a plane, (9, H, W): the gradient of each pixel times the pixels that it reads.
struct Products<'a> {
    x: &'a [f32],
    g: &'a [f32],
    size: &'a PixelConvSize,
    grad: &'a mut [f32],
}

impl simd::Routine for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Products { x, g, size, grad } = self;
        let &PixelConvSize { height, width, .. } = size;
        let plane = size.plane();
        // Registers are read and written without bounds checks.
        assert!(x.len() == plane && g.len() == plane && grad.len() == TAPS * plane);
        for t in 0..TAPS {
            for p in 0..height {
                let row = &mut grad[t * plane + p * width..][..width];
                if size.taps(p).contains(&t) {
                    let source = (p + t / 3 - 1) * width;
                    walk(simd, width, &mut Product { x: &x[source..][..width], g: &g[p * width..][..width], t, row });
                } else {
                    row.fill(0.0);
                }
            }
        }
    }
}

/// One row of tap `t` of [`Products`].
struct Product<'a> {
    /// The row that it reads.
    x: &'a [f32],
    g: &'a [f32],
    t: usize,
    row: &'a mut [f32],
}

impl Row for Product<'_> {
    #[inline(always)]
    fn one(&mut self, q: usize) {
        let x = (q + self.t % 3).checked_sub(1).and_then(|column| self.x.get(column));
        self.row[q] = x.map_or(0.0, |x| self.g[q] * x);
    }

    #[inline(always)]
    unsafe fn register<S: Simd>(&mut self, simd: S, q: usize) {
        // SAFETY: the caller's columns have neighbors on both sides.
        unsafe {
            let x = simd.load(self.x.as_ptr().add(q + self.t % 3 - 1));
            let g = simd.load(self.g.as_ptr().add(q));
            simd.store(self.row.as_mut_ptr().add(q), simd.mul(g, x));
        }
    }
}
