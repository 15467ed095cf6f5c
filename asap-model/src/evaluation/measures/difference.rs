//! Differences between the levels of two images.

use super::{Levels, RANGE, require_alike};
use crate::Result;

/// The mean of |a − b| over all levels of two images, as values in [−1, 1]: 0 for identical images, 2 for black and
/// white. Validation during training uses the same unit.
pub fn l1(a: &Levels, b: &Levels) -> Result<f64> {
    Ok(2.0 / RANGE * mean("l1", a, b, f64::abs)?)
}

/// The peak signal-to-noise ratio in decibels, 10·log₁₀(255² / mean (a − b)²) over all levels; infinite for identical
/// images. Equals scikit-image's `peak_signal_noise_ratio`.
pub fn psnr(a: &Levels, b: &Levels) -> Result<f64> {
    Ok(10.0 * (RANGE * RANGE / mean("psnr", a, b, |difference| difference * difference)?).log10())
}

fn mean(op: &'static str, a: &Levels, b: &Levels, of: impl Fn(f64) -> f64) -> Result<f64> {
    require_alike(op, a, b)?;
    let levels = a.channels.iter().flatten().zip(b.channels.iter().flatten());
    let sum: f64 = levels.map(|(&a, &b)| of(f64::from(a) - f64::from(b))).sum();
    Ok(sum / a.channels.iter().map(Vec::len).sum::<usize>() as f64)
}
