//! Measures of the differences between the levels of two pictures.

use super::{RANGE, require_equal_sizes};
use crate::Result;
use crate::data::RgbImage;

/// The mean of |a − b| over all levels of two pictures, as values in [−1, 1]: 0 is equal, 2 black for white. Training
/// reports its validation in the same unit.
///
/// # Errors
/// If the sizes differ.
pub fn l1(a: &RgbImage, b: &RgbImage) -> Result<f64> {
    require_equal_sizes("l1", [a.height, a.width], [b.height, b.width])?;
    Ok(2.0 / RANGE * mean(a, b, |difference| difference.abs()))
}

/// The peak signal-to-noise ratio in decibels, 10·log₁₀(255² / mean (a − b)²) over all levels; infinite for equal
/// pictures. It is scikit-image's `peak_signal_noise_ratio`.
///
/// # Errors
/// If the sizes differ.
pub fn psnr(a: &RgbImage, b: &RgbImage) -> Result<f64> {
    require_equal_sizes("psnr", [a.height, a.width], [b.height, b.width])?;
    Ok(10.0 * (RANGE * RANGE / mean(a, b, |difference| difference * difference)).log10())
}

fn mean(a: &RgbImage, b: &RgbImage, of: impl Fn(f64) -> f64) -> f64 {
    let levels = a.data.as_flattened().iter().zip(b.data.as_flattened());
    let sum: f64 = levels.map(|(&a, &b)| of(f64::from(a) - f64::from(b))).sum();
    sum / (3 * a.data.len()) as f64
}
