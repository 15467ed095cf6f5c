//! The limits of a device: the ceilings of a roofline (Williams, Waterman & Patterson 2009).
//!
//! An op that moves b bytes and does f operations takes at least max(b/bandwidth, f/peak). Each multiply-accumulate of
//! convolutions and matrix products counts as two operations; other arithmetic is not counted. Each element read or
//! written counts once. An op can be faster than its ceiling: arrays may stay in a cache, and some algorithms for
//! convolutions need fewer products.

use std::time::Instant;

use crate::backend::Backend;
use crate::error::Result;
use crate::ops::{Transpose, Unary, matmul, sum, unary};
use crate::profile::Cost;
use crate::tensor::Tensor;

/// Runs per measurement; the fastest counts.
const REPETITIONS: usize = 5;
/// Sizes double until one run takes this long, in seconds.
const LONG_ENOUGH: f64 = 0.03;
/// Elements of the arrays that bandwidth is measured with, first and last: more than caches have room for.
const ARRAYS: [usize; 2] = [1 << 25, 1 << 28];
/// Rows and columns of the matrices that the peak is measured with, first and last.
const MATRICES: [usize; 2] = [256, 8192];

/// The limits of a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ceilings {
    /// Bytes per second between memory and processor.
    pub bandwidth: f64,
    /// Operations per second in a product of matrices.
    pub peak: f64,
}

/// The ceiling that limits an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Moving its bytes takes longer.
    Bandwidth,
    /// Computing takes longer.
    Peak,
}

impl Bound {
    /// `bandwidth` or `peak`.
    pub fn name(self) -> &'static str {
        match self {
            Bound::Bandwidth => "bandwidth",
            Bound::Peak => "peak",
        }
    }
}

impl Ceilings {
    /// Measures both on the device, in a second or two.
    pub fn measure<B: Backend>(backend: &B) -> Result<Self> {
        Ok(Ceilings { bandwidth: bandwidth(backend)?, peak: peak(backend)? })
    }

    /// The minimum time of this cost in seconds, with elements of `size` bytes, and the ceiling that limits it.
    pub fn minimum(&self, cost: Cost, size: usize) -> (f64, Bound) {
        let moving = cost.elements as f64 * size as f64 / self.bandwidth;
        let computing = 2.0 * cost.macs as f64 / self.peak;
        if moving >= computing { (moving, Bound::Bandwidth) } else { (computing, Bound::Peak) }
    }
}

/// The seconds of the fastest of a few runs, after one warm-up.
fn fastest<B: Backend>(backend: &B, mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    run()?;
    backend.synchronize()?;
    let mut fastest = f64::INFINITY;
    for _ in 0..REPETITIONS {
        let start = Instant::now();
        run()?;
        backend.synchronize()?;
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    Ok(fastest)
}

/// Work per second at the first size whose run takes long enough, or at the last. `measure` returns work and seconds.
fn rate([first, last]: [usize; 2], mut measure: impl FnMut(usize) -> Result<(f64, f64)>) -> Result<f64> {
    let mut size = first;
    loop {
        let (work, seconds) = measure(size)?;
        if seconds >= LONG_ENOUGH || size >= last {
            return Ok(work / seconds);
        }
        size *= 2;
    }
}

/// Bytes per second of large arrays: the faster of scaling each element into a new array and of summing them. On the CPU
/// the system slows the first down, since it clears new memory.
fn bandwidth<B: Backend>(backend: &B) -> Result<f64> {
    let size = size_of::<B::Elem>();
    let copying = rate(ARRAYS, |count| {
        let x = Tensor::full(backend, [count], 0.5)?;
        let seconds = fastest(backend, || unary(Unary::Affine { scale: 0.5, shift: 0.25 }, &x).map(drop))?;
        Ok(((2 * count * size) as f64, seconds))
    })?;
    let reading = rate(ARRAYS, |count| {
        let x = Tensor::full(backend, [count], 0.5)?;
        Ok(((count * size) as f64, fastest(backend, || sum(&x).map(drop))?))
    })?;
    Ok(copying.max(reading))
}

/// Operations per second of a product of large square matrices. Their elements vary: equal ones take less power, which
/// lets a processor run faster than it does at work.
fn peak<B: Backend>(backend: &B) -> Result<f64> {
    rate(MATRICES, |side| {
        let values: Vec<f32> =
            (0..side * side).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as u16 as i16 as f32 / 32768.0).collect();
        let a = Tensor::from_f32(backend, [side, side], &values)?;
        let seconds = fastest(backend, || matmul(&a, &a, Transpose::default()).map(drop))?;
        Ok((2.0 * (side as f64).powi(3), seconds))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_of_both_times_limits_an_op() {
        let ceilings = Ceilings { bandwidth: 1e6, peak: 1e4 };
        // 400 bytes are moved in 0.4 ms; 2 operations take 0.2 ms, 200 take 20 ms.
        assert_eq!(ceilings.minimum(Cost { macs: 1, elements: 100 }, 4), (4e-4, Bound::Bandwidth));
        assert_eq!(ceilings.minimum(Cost { macs: 100, elements: 100 }, 4), (0.02, Bound::Peak));
    }
}
