//! Work split by shape alone, so that no result depends on how many threads there are.

use std::sync::Arc;

use rayon::prelude::*;

use super::array::Array;
use super::backend::Cpu;
use super::simd::{Kernel, Simd};

/// Operations below which a kernel stays on the calling thread, and that a thread takes at least: waking another one
/// costs about as much.
const GRAIN: usize = 1 << 14;

/// Equal values that one thread writes at a time.
const EQUAL: usize = 1 << 16;

/// How many pieces of `cost` operations a thread takes at least.
fn grain(cost: usize) -> usize {
    (GRAIN / cost.max(1)).max(1)
}

/// Plain code, which the compiler turns into vector code for the registers that there are.
struct Plain<F>(F);

impl<F: FnOnce()> Kernel for Plain<F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        (self.0)();
    }
}

impl Cpu {
    /// Writes `out` in pieces of `size` values, each by `work(which, piece)`. `cost` is about how many operations one
    /// number takes.
    pub(crate) fn pieces<T: Send>(
        &self,
        out: &mut [T],
        size: usize,
        cost: usize,
        work: impl Fn(usize, &mut [T]) + Sync + Send,
    ) {
        self.pieces_with(out, size, cost, || (), |(), which, piece| work(which, piece));
    }

    /// As [`Cpu::pieces`], with scratch memory that each thread makes once.
    pub(crate) fn pieces_with<T: Send, S>(
        &self,
        out: &mut [T],
        size: usize,
        cost: usize,
        scratch: impl Fn() -> S + Sync + Send,
        work: impl Fn(&mut S, usize, &mut [T]) + Sync + Send,
    ) {
        let size = size.max(1);
        let work = |own: &mut S, which: usize, piece: &mut [T]| self.vectorize(Plain(|| work(own, which, piece)));
        if self.threads() == 1 || out.len() <= size || out.len() * cost < 2 * GRAIN {
            let mut own = scratch();
            out.chunks_mut(size).enumerate().for_each(|(which, piece)| work(&mut own, which, piece));
        } else {
            self.run(|| {
                out.par_chunks_mut(size)
                    .enumerate()
                    .with_min_len(grain(size * cost))
                    .for_each_init(scratch, |own, (which, piece)| work(own, which, piece));
            });
        }
    }

    /// Writes two outputs together: pieces of `size` values of `out` and, for each, one entry of `entries`.
    pub(crate) fn pieces_and<T: Send, S: Send>(
        &self,
        out: &mut [T],
        size: usize,
        cost: usize,
        entries: &mut [S],
        work: impl Fn(usize, &mut [T], &mut S) + Sync + Send,
    ) {
        let size = size.max(1);
        let work = |which: usize, piece: &mut [T], entry: &mut S| self.vectorize(Plain(|| work(which, piece, entry)));
        if self.threads() == 1 || out.len() <= size || out.len() * cost < 2 * GRAIN {
            let pieces = out.chunks_mut(size).zip(entries).enumerate();
            pieces.for_each(|(which, (piece, entry))| work(which, piece, entry));
        } else {
            self.run(|| {
                out.par_chunks_mut(size)
                    .zip(entries)
                    .enumerate()
                    .with_min_len(grain(size * cost))
                    .for_each(|(which, (piece, entry))| work(which, piece, entry));
            });
        }
    }

    /// `count` zeros.
    pub(crate) fn zeros(&self, count: usize) -> Array {
        self.full(0.0, count)
    }

    /// `count` equal values.
    pub(super) fn full(&self, value: f32, count: usize) -> Array {
        let mut numbers = self.array(count);
        self.pieces(&mut numbers, EQUAL, 1, |_, numbers| numbers.fill(value));
        numbers
    }

    /// A new buffer of `count` values, written as by [`Cpu::pieces`], each of them by `work`.
    pub(crate) fn build(
        &self,
        count: usize,
        size: usize,
        cost: usize,
        work: impl Fn(usize, &mut [f32]) + Sync + Send,
    ) -> Arc<Array> {
        let mut out = self.array(count);
        self.pieces(&mut out, size, cost, work);
        Arc::new(out)
    }

    /// f of each element.
    pub(crate) fn map(&self, x: &[f32], f: impl Fn(f32) -> f32 + Sync + Send) -> Arc<Array> {
        self.build(x.len(), GRAIN, 1, |which, out: &mut [f32]| {
            for (out, &x) in out.iter_mut().zip(&x[which * GRAIN..]) {
                *out = f(x);
            }
        })
    }

    /// f of each pair of values.
    pub(crate) fn map2(&self, a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32 + Sync + Send) -> Arc<Array> {
        self.build(a.len(), GRAIN, 1, |which, out: &mut [f32]| {
            let start = which * GRAIN;
            for ((out, &a), &b) in out.iter_mut().zip(&a[start..]).zip(&b[start..]) {
                *out = f(a, b);
            }
        })
    }
}

/// Σ f(xᵢ, yᵢ) in double precision: 32 running sums, as many registers as hide how long an addition takes, then their sum.
#[inline(always)]
pub(crate) fn sum2(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> f64) -> f64 {
    const LANES: usize = 32;
    let mut sums = [0.0; LANES];
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let tail: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(&x, &y)| f(x, y)).sum();
    for (x, y) in xs.zip(ys) {
        for lane in 0..LANES {
            sums[lane] += f(x[lane], y[lane]);
        }
    }
    sums.iter().sum::<f64>() + tail
}

/// Σ f(xᵢ); see [`sum2`].
#[inline(always)]
pub(crate) fn sum1(x: &[f32], f: impl Fn(f32) -> f64) -> f64 {
    sum2(x, x, |x, _| f(x))
}
