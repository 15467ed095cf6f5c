//! How near drawn pictures come to real ones.
//!
//! | file | measure | compares |
//! |---|---|---|
//! | `difference` | [`l1`], [`psnr`] | two pictures, level by level |
//! | `ssim` | [`ssim`], structural similarity (Wang et al. 2004) | two pictures, window by window |
//! | `depth` | [`DepthErrors`]: RMSE, absolute relative error, δ < 1.25 (Eigen et al. 2014) | two depth maps, where there is a depth |
//! | `swd` | [`Patches`], sliced Wasserstein distance (Karras et al. 2018) | two sets of pictures, by their patches |
//! | `frechet` | [`frechet_distance`] (Heusel et al. 2017) | two sets of features, by their means and covariances |
//! | `kid` | [`kernel_distance`] (Bińkowski et al. 2018) | two sets of features, by a polynomial kernel |
//! | `features` | [`Features`]: what the last two are given | |
//! | `pyramid` | the Laplacian pyramid that the patches come from | |
//!
//! Measures of pictures see what a file holds: levels of 8 bits, whose range is 255.

mod depth;
mod difference;
mod features;
mod frechet;
mod kid;
mod pyramid;
mod ssim;
mod swd;

pub use depth::{DepthErrors, DepthSummary};
pub use difference::{l1, psnr};
pub use features::Features;
pub use frechet::frechet_distance;
pub use kid::{KernelDistance, kernel_distance};
pub use ssim::{SSIM_WINDOW, ssim};
pub use swd::{LevelDistance, PATCH_SIDE, PATCHES_A_PICTURE, Patches};

use crate::data::RgbImage;
use crate::{Error, Result};

/// The range of 8-bit levels.
const RANGE: f64 = 255.0;

/// Refuses two pictures of different sizes, naming both.
fn require_equal_sizes(op: &'static str, a: [usize; 2], b: [usize; 2]) -> Result<()> {
    if a == b {
        return Ok(());
    }
    let why = format!("pictures of {}×{} and {}×{} pixels can't be compared: resize one", a[1], a[0], b[1], b[0]);
    Err(Error::Tensor(asap_tensor::Error::Argument { op, why }))
}

/// One channel of a picture, row-major.
fn channel(image: &RgbImage, c: usize) -> Vec<f64> {
    image.data.iter().map(|rgb| f64::from(rgb[c])).collect()
}
