//! Differences between the levels of two images.

use super::{RANGE, require_equal_sizes};
use crate::Result;
use crate::data::RgbImage;

/// The mean of |a − b| over all levels of two images, as values in [−1, 1]: 0 for identical images, 2 for black and
/// white. Validation during training uses the same unit.
pub fn l1(a: &RgbImage, b: &RgbImage) -> Result<f64> {
    Ok(2.0 / RANGE * mean("l1", a, b, f64::abs)?)
}

/// The peak signal-to-noise ratio in decibels, 10·log₁₀(255² / mean (a − b)²) over all levels; infinite for identical
/// images. Equals scikit-image's `peak_signal_noise_ratio`.
pub fn psnr(a: &RgbImage, b: &RgbImage) -> Result<f64> {
    Ok(10.0 * (RANGE * RANGE / mean("psnr", a, b, |difference| difference * difference)?).log10())
}

fn mean(op: &'static str, a: &RgbImage, b: &RgbImage, of: impl Fn(f64) -> f64) -> Result<f64> {
    require_equal_sizes(op, [a.height, a.width], [b.height, b.width])?;
    let levels = a.data.as_flattened().iter().zip(b.data.as_flattened());
    let sum: f64 = levels.map(|(&a, &b)| of(f64::from(a) - f64::from(b))).sum();
    Ok(sum / (3 * a.data.len()) as f64)
}
