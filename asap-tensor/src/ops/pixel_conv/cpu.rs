//! Kernels of `Cpu`: a plane is one thread's. Pixels that have neighbors on either side are computed a register at a
//! time; the last register of a row begins where it still fits, and computes some of them twice.

use std::ops::Range;
use std::sync::Arc;

use super::{PixelConvOps, PixelConvSize, TAPS};
use crate::cpu::simd::{Kernel, Simd};
use crate::cpu::{Array, Cpu};
use crate::error::Result;

impl PixelConvOps for Cpu {
    fn pixel_conv(&self, x: &Self::Buffer, kernels: &Self::Buffer, size: &PixelConvSize) -> Result<Self::Buffer> {
        Ok(self.gathered::<false>(x, kernels, size))
    }

    fn pixel_conv_grad_input(
        &self,
        grad_output: &Self::Buffer,
        kernels: &Self::Buffer,
        size: &PixelConvSize,
    ) -> Result<Self::Buffer> {
        Ok(self.gathered::<true>(grad_output, kernels, size))
    }

    fn pixel_conv_grad_kernels(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        size: &PixelConvSize,
    ) -> Result<Self::Buffer> {
        let plane = size.plane();
        Ok(self.build(TAPS * x.len(), TAPS * plane, 1, |which, grad: &mut [f32]| {
            let [x, g] = [x, grad_output].map(|numbers| &numbers[which * plane..][..plane]);
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
    /// Computes what belongs to column `q`.
    fn one(&mut self, q: usize);
    /// Computes what belongs to a register of columns from `q` on.
    ///
    /// # Safety
    /// There must be a column before them and one behind.
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
        // SAFETY: q lies between 1 and `last`, behind whose register there is one more column.
        unsafe { row.register(simd, q) };
        if q == last {
            break;
        }
        q = (q + S::LANES).min(last);
    }
    row.one(width - 1);
}

/// What each pixel of a plane gathers from the pixels that it meets: Σ of their values in `image`, each times one of the
/// kernels. That is the pixel's own number of tap t or, on the way `BACK`, the met pixel's number of tap 8 − t, by which
/// it meets this one.
struct Gather<'a, const BACK: bool> {
    image: &'a [f32],
    kernels: &'a [f32],
    size: &'a PixelConvSize,
    out: &'a mut [f32],
}

impl<const BACK: bool> Kernel for Gather<'_, BACK> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Gather { image, kernels, size, out } = self;
        let &PixelConvSize { height, width, .. } = size;
        // Registers are read and written without looking at lengths.
        assert!(image.len() == size.plane() && kernels.len() == TAPS * size.plane() && out.len() == size.plane());
        for p in 0..height {
            let taps = size.taps(p);
            // Of most rows all taps meet one: a number known here, so that the loop over them is unrolled.
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
    /// Where in its plane the pixel stands that tap `t` of column `q` meets, and the place of its factor.
    #[inline(always)]
    fn places(&self, t: usize, q: usize) -> (usize, usize) {
        let PixelConvSize { width, .. } = *self.size;
        let met = (self.p + t / 3) * width + q + t % 3 - (width + 1);
        let factor =
            if BACK { (TAPS - 1 - t) * self.size.plane() + met } else { t * self.size.plane() + self.p * width + q };
        (met, factor)
    }
}

impl<const BACK: bool> Row for Gathered<'_, BACK> {
    #[inline(always)]
    fn one(&mut self, q: usize) {
        let mut sum = 0.0;
        for t in self.taps.clone() {
            if (1..=self.size.width).contains(&(q + t % 3)) {
                let (met, factor) = self.places(t, q);
                sum += self.image[met] * self.kernels[factor];
            }
        }
        self.out[self.p * self.size.width + q] = sum;
    }

    #[inline(always)]
    unsafe fn register<S: Simd>(&mut self, simd: S, q: usize) {
        let mut sum = simd.zero();
        for t in self.taps.clone() {
            let (met, factor) = self.places(t, q);
            // SAFETY: these taps meet rows of the plane, and the caller's columns are next to columns of it.
            unsafe {
                let x = simd.load(self.image.as_ptr().add(met));
                sum = simd.mul_add(x, simd.load(self.kernels.as_ptr().add(factor)), sum);
            }
        }
        // SAFETY: as above.
        unsafe { simd.store(self.out.as_mut_ptr().add(self.p * self.size.width + q), sum) };
    }
}

/// The gradient in the kernels of a plane, (9, H, W): each pixel's gradient times the pixels that it meets.
struct Products<'a> {
    x: &'a [f32],
    g: &'a [f32],
    size: &'a PixelConvSize,
    grad: &'a mut [f32],
}

impl Kernel for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Products { x, g, size, grad } = self;
        let &PixelConvSize { height, width, .. } = size;
        let plane = size.plane();
        // Registers are read and written without looking at lengths.
        assert!(x.len() == plane && g.len() == plane && grad.len() == TAPS * plane);
        for t in 0..TAPS {
            for p in 0..height {
                let row = &mut grad[t * plane + p * width..][..width];
                if size.taps(p).contains(&t) {
                    let met = (p + t / 3 - 1) * width;
                    walk(simd, width, &mut Product { x: &x[met..][..width], g: &g[p * width..][..width], t, row });
                } else {
                    row.fill(0.0);
                }
            }
        }
    }
}

/// One row of tap `t` of [`Products`].
struct Product<'a> {
    /// The row that it meets.
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
        // SAFETY: the caller's columns are next to columns of the row.
        unsafe {
            let x = simd.load(self.x.as_ptr().add(q + self.t % 3 - 1));
            let g = simd.load(self.g.as_ptr().add(q));
            simd.store(self.row.as_mut_ptr().add(q), simd.mul(g, x));
        }
    }
}
