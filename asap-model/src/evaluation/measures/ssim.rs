//! Structural similarity.

use super::{Levels, RANGE, fault, require_alike};
use crate::Result;

/// Standard deviation of the window's weights, in pixels.
const SIGMA: f64 = 1.5;

/// Pixels from the window's center to its edge: 3.5 standard deviations, rounded.
const RADIUS: usize = 5;

/// The window's side, and the minimum side of an image.
pub const SSIM_WINDOW: usize = 2 * RADIUS + 1;

/// The structural similarity of two images (Wang, Bovik, Sheikh, Simoncelli 2004): at most 1, for identical images.
/// For each window, with means μ, variances σ² and covariance under Gaussian weights,
///
/// (2 μₐ μᵦ + C₁)(2 σₐᵦ + C₂) / ((μₐ² + μᵦ² + C₁)(σₐ² + σᵦ² + C₂)), C₁ = (0.01·255)², C₂ = (0.03·255)²,
///
/// averaged over all windows inside the image and over its channels. Equals scikit-image's
/// `structural_similarity` with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255`.
pub fn ssim(a: &Levels, b: &Levels) -> Result<f64> {
    require_alike("ssim", a, b)?;
    let [height, width] = a.size;
    if height.min(width) < SSIM_WINDOW {
        let why =
            format!("an image of {width}×{height} pixels is smaller than the window, {SSIM_WINDOW}×{SSIM_WINDOW}");
        return Err(fault("ssim", why));
    }
    let weights = gaussian();
    let smooth = |plane: &[f64]| blur(plane, height, width, &weights);
    let (c1, c2) = ((0.01 * RANGE).powi(2), (0.03 * RANGE).powi(2));
    let mut sum = 0.0;
    for c in 0..a.channels.len() {
        let (a, b) = (a.channel(c), b.channel(c));
        let product = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
        let (mean_a, mean_b) = (smooth(&a), smooth(&b));
        let (aa, bb, ab) = (smooth(&product(&a, &a)), smooth(&product(&b, &b)), smooth(&product(&a, &b)));
        let windows = mean_a.len();
        let similarity = |i: usize| {
            let (ma, mb) = (mean_a[i], mean_b[i]);
            let (variance_a, variance_b, covariance) = (aa[i] - ma * ma, bb[i] - mb * mb, ab[i] - ma * mb);
            (2.0 * ma * mb + c1) * (2.0 * covariance + c2) / ((ma * ma + mb * mb + c1) * (variance_a + variance_b + c2))
        };
        sum += (0..windows).map(similarity).sum::<f64>() / windows as f64;
    }
    Ok(sum / a.channels.len() as f64)
}

/// The window's weights along one axis; their sum is 1.
fn gaussian() -> [f64; SSIM_WINDOW] {
    let weight = |i| (-0.5 * ((i as f64 - RADIUS as f64) / SIGMA).powi(2)).exp();
    let weights: [f64; SSIM_WINDOW] = std::array::from_fn(weight);
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| weight / sum)
}

/// Weighted means over every window inside (`height`, `width`): (`height` − 10, `width` − 10).
fn blur(plane: &[f64], height: usize, width: usize, weights: &[f64; SSIM_WINDOW]) -> Vec<f64> {
    let columns = width + 1 - SSIM_WINDOW;
    let rows = height + 1 - SSIM_WINDOW;
    let mut across = Vec::with_capacity(height * columns);
    for row in plane.chunks_exact(width) {
        across.extend(row.windows(SSIM_WINDOW).map(|x| x.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>()));
    }
    let mut means = vec![0.0; rows * columns];
    for (y, mean) in means.chunks_exact_mut(columns).enumerate() {
        for (r, weight) in weights.iter().enumerate() {
            let row = &across[(y + r) * columns..][..columns];
            mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += weight * x);
        }
    }
    means
}
