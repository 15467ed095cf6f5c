//! Work split by shape alone, so that no result depends on how many threads there are.

use std::sync::Arc;

use rayon::prelude::*;

use super::array::Array;
use super::backend::Cpu;
use super::simd::{Routine, Simd};

/// Minimum number of operations for a thread, below which a kernel stays on the calling one: waking a thread costs about
/// as much.
const GRAIN: usize = 1 << 14;

/// Equal values that one thread writes at a time.
const EQUAL: usize = 1 << 16;

/// Minimum number of pieces of `cost` operations for a thread.
fn grain(cost: usize) -> usize {
    (GRAIN / cost.max(1)).max(1)
}

/// Plain code, which the compiler vectorizes for the registers.
struct Plain<F>(F);

impl<F: FnOnce()> Routine for Plain<F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        (self.0)();
    }
}

impl Cpu {
    /// Writes `out` in pieces of `size` values, each by `work(which, piece)`. `cost` is about the number of operations per
    /// value.
    pub(crate) fn pieces<T: Send>(
        &self,
        out: &mut [T],
        size: usize,
        cost: usize,
        work: impl Fn(usize, &mut [T]) + Sync + Send,
    ) {
        self.pieces_with(out, size, cost, || (), |(), which, piece| work(which, piece));
    }

    /// As [`Cpu::pieces`], with scratch memory that each thread creates once.
    pub(crate) fn pieces_with<T: Send, S>(
        &self,
        out: &mut [T],
        size: usize,
        cost: usize,
        scratch: impl Fn() -> S + Sync + Send,
        work: impl Fn(&mut S, usize, &mut [T]) + Sync + Send,
    ) {
        let none = &mut vec![(); out.len().div_ceil(size.max(1))];
        self.split(out, size, cost, none, scratch, |own, which, piece, ()| work(own, which, piece));
    }

    /// Writes two outputs together: pieces of `size` values of `out` and, for each, one entry of `entries`.
    pub(crate) fn pieces_and<T: Send, E: Send>(
        &self,
        out: &mut [T],
        size: usize,
        cost: usize,
        entries: &mut [E],
        work: impl Fn(usize, &mut [T], &mut E) + Sync + Send,
    ) {
        self.split(out, size, cost, entries, || (), |(), which, piece, entry| work(which, piece, entry));
    }

    fn split<T: Send, E: Send, S>(
        &self,
        out: &mut [T],
        size: usize,
        cost: usize,
        entries: &mut [E],
        scratch: impl Fn() -> S + Sync + Send,
        work: impl Fn(&mut S, usize, &mut [T], &mut E) + Sync + Send,
    ) {
        let size = size.max(1);
        let work = |own: &mut S, (which, (piece, entry)): (usize, (&mut [T], &mut E))| {
            self.vectorize(Plain(|| work(own, which, piece, entry)));
        };
        if self.threads() == 1 || out.len() <= size || out.len() * cost < 2 * GRAIN {
            let mut own = scratch();
            out.chunks_mut(size).zip(entries).enumerate().for_each(|piece| work(&mut own, piece));
        } else {
            let pieces = out.par_chunks_mut(size).zip(entries).enumerate().with_min_len(grain(size * cost));
            self.run(|| pieces.for_each_init(scratch, work));
        }
    }

    /// `count` zeros.
    pub(crate) fn zeros(&self, count: usize) -> Array {
        self.full(0.0, count)
    }

    /// `count` equal values.
    pub(super) fn full(&self, value: f32, count: usize) -> Array {
        let mut values = self.array(count);
        self.pieces(&mut values, EQUAL, 1, |_, values| values.fill(value));
        values
    }

    /// A new buffer of `count` values, written as by [`Cpu::pieces`].
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

    /// f of each element. `f` owns its constants, and each piece copies it: behind a reference, they might be part of
    /// `out` for all that the compiler knows, which then reloads them for each element and does not vectorize.
    pub(crate) fn map(&self, x: &[f32], f: impl Fn(f32) -> f32 + Copy + Sync + Send + 'static) -> Arc<Array> {
        self.build(x.len(), GRAIN, 1, |which, out: &mut [f32]| {
            #[expect(clippy::redundant_locals, reason = "a copy, as above")]
            let f = f;
            for (out, &x) in out.iter_mut().zip(&x[which * GRAIN..]) {
                *out = f(x);
            }
        })
    }

    /// f of each pair of values; see [`Cpu::map`].
    pub(crate) fn map2(
        &self,
        a: &[f32],
        b: &[f32],
        f: impl Fn(f32, f32) -> f32 + Copy + Sync + Send + 'static,
    ) -> Arc<Array> {
        self.build(a.len(), GRAIN, 1, |which, out: &mut [f32]| {
            #[expect(clippy::redundant_locals, reason = "a copy, as above")]
            let f = f;
            let start = which * GRAIN;
            for ((out, &a), &b) in out.iter_mut().zip(&a[start..]).zip(&b[start..]) {
                *out = f(a, b);
            }
        })
    }
}

/// Σ f(xᵢ, yᵢ) in double precision: 32 running sums, to hide the latency of additions, then their sum.
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
