//! The kernel distance between features.

use asap_tensor::random::uniform_by_name;
use nalgebra::DMatrix;

use super::features::{Features, require_comparable};
use crate::Result;

/// Number of random subsets of each set.
const SUBSETS: usize = 100;

/// The maximum number of images in a subset.
const MAX_SIZE: usize = 1000;

/// A kernel distance, and its spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelDistance {
    /// The mean over subsets. Its expectation does not depend on the number of images, and it can be below 0.
    pub mean: f64,
    /// The standard deviation over subsets.
    pub deviation: f64,
    /// The number of subsets.
    pub subsets: usize,
    /// Images per subset.
    pub size: usize,
}

/// The squared maximum mean discrepancy of features under the kernel k(x, y) = (x·y / width + 1)³, unbiased (Bińkowski,
/// Sutherland, Arbel, Gretton 2018), over 100 subsets without replacement, each of half the smaller set's images, from
/// 2 to 1000. For features of Inception v3 it is the KID.
pub fn kernel_distance(a: &Features, b: &Features, seed: u64) -> Result<KernelDistance> {
    require_comparable("kernel_distance", a, b)?;
    let size = (a.len().min(b.len()) / 2).clamp(2, MAX_SIZE);
    let values: Vec<f64> = (0..SUBSETS)
        .map(|subset| {
            let pick = |features: &Features, side: &str| {
                features.columns(&sample(&format!("kid.{seed}.{side}.{subset}"), features.len(), size))
            };
            discrepancy(&pick(a, "a"), &pick(b, "b"))
        })
        .collect();
    let mean = values.iter().sum::<f64>() / SUBSETS as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / SUBSETS as f64;
    Ok(KernelDistance { mean, deviation: variance.sqrt(), subsets: SUBSETS, size })
}

/// A random sample of `size` out of `count` indices: those with the smallest random keys.
fn sample(name: &str, count: usize, size: usize) -> Vec<usize> {
    let keys = uniform_by_name(name, count);
    let mut indices: Vec<usize> = (0..count).collect();
    indices.sort_by(|&i, &j| keys[i].total_cmp(&keys[j]));
    indices.truncate(size);
    indices
}

/// Σ over i ≠ j of k(xᵢ, xⱼ) / (m (m − 1)), the same for y, less twice the mean of k(xᵢ, yⱼ); columns are images.
fn discrepancy(x: &DMatrix<f64>, y: &DMatrix<f64>) -> f64 {
    let width = x.nrows() as f64;
    let kernel = |a: &DMatrix<f64>, b: &DMatrix<f64>| (a.transpose() * b).map(|dot| (dot / width + 1.0).powi(3));
    let m = x.ncols() as f64;
    let within = |x: &DMatrix<f64>| {
        let k = kernel(x, x);
        (k.sum() - k.trace()) / (m * (m - 1.0))
    };
    within(x) + within(y) - 2.0 * kernel(x, y).sum() / (m * m)
}
