//! The Fréchet distance between features.

use nalgebra::DMatrix;

use super::features::{Features, require_comparable};
use crate::Result;

/// The squared Fréchet distance between two normal distributions with the means and covariances of two sets of features
/// (Heusel et al. 2017): ‖μₐ − μᵦ‖² + tr(Σₐ + Σᵦ − 2 (Σₐ Σᵦ)^½), with covariances divided by N − 1. For features of
/// Inception v3 it is the FID.
///
/// The trace of the square root needs no square root: with Σ = F·Fᵀ, the eigenvalues of Σₐ Σᵦ are the squared singular
/// values of Fₐᵀ·Fᵦ, and the trace is the sum of these singular values. F is the matrix of centered features if there
/// are fewer images than values per image, otherwise R of its QR decomposition. This stays accurate for any number of
/// images.
pub fn frechet_distance(a: &Features, b: &Features) -> Result<f64> {
    require_comparable("frechet_distance", a, b)?;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let means: f64 = mean_a.iter().zip(&mean_b).map(|(a, b)| (a - b).powi(2)).sum();
    let (a, b) = (factor(a, &mean_a), factor(b, &mean_b));
    let root_trace: f64 = (a.transpose() * &b).singular_values().sum();
    // tr(F·Fᵀ) is the sum of F's squares. Of equal sets, rounding leaves a difference just above or below 0.
    let distance = means + a.norm_squared() + b.norm_squared() - 2.0 * root_trace;
    Ok(if distance > 0.0 { distance } else { 0.0 })
}

fn mean(features: &Features) -> Vec<f64> {
    let mut mean = vec![0.0; features.width()];
    for row in features.rows().chunks_exact(features.width()) {
        mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x);
    }
    mean.iter().map(|sum| sum / features.len() as f64).collect()
}

/// F of the covariance F·Fᵀ: (width, N), or (width, width) if N is larger.
fn factor(features: &Features, mean: &[f64]) -> DMatrix<f64> {
    let count = features.len();
    let mut centered = features.columns(&Vec::from_iter(0..count));
    for mut column in centered.column_iter_mut() {
        column.iter_mut().zip(mean).for_each(|(x, mean)| *x -= mean);
    }
    centered /= ((count - 1) as f64).sqrt();
    if count <= features.width() { centered } else { centered.transpose().qr().unpack_r().transpose() }
}
