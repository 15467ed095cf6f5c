//! Measures that compare generated images with real ones.
//!
//! | file | measure | compares |
//! |---|---|---|
//! | `difference` | [`l1`], [`psnr`] | two images, level by level |
//! | `ssim` | [`ssim`], structural similarity (Wang et al. 2004) | two images, window by window |
//! | `depth` | [`DepthErrors`]: RMSE, absolute relative error, δ < 1.25 (Eigen et al. 2014) | two depth maps, where there is a depth |
//! | `swd` | [`Patches`], sliced Wasserstein distance (Karras et al. 2018) | two sets of images, by their patches |
//! | `frechet` | [`frechet_distance`] (Heusel et al. 2017) | two sets of features, by their means and covariances |
//! | `kid` | [`kernel_distance`] (Bińkowski et al. 2018) | two sets of features, by a polynomial kernel |
//! | `features` | [`Features`]: the input of the last two | |
//! | `pyramid` | the Laplacian pyramid of the patches | |
//!
//! Images are compared in the 8-bit levels of their files, 0 to 255.

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
pub use swd::{LevelDistance, PATCH_SIDE, PATCHES_PER_IMAGE, Patches};

use crate::data::RgbImage;
use crate::{Error, Result};

/// The distances between Inception's features of two sets of images.
#[derive(Clone, Copy, Debug)]
pub struct InceptionDistances {
    /// [`frechet_distance`].
    pub fid: f64,
    /// [`kernel_distance`].
    pub kid: KernelDistance,
}

/// The range of 8-bit levels.
const RANGE: f64 = 255.0;

/// The error of arguments that `op` can't compare.
fn fault(op: &'static str, why: String) -> Error {
    Error::Tensor(asap_tensor::Error::Argument { op, why })
}

/// Refuses two images of different sizes, with both in the message.
fn require_equal_sizes(op: &'static str, a: [usize; 2], b: [usize; 2]) -> Result<()> {
    if a == b {
        return Ok(());
    }
    let why = format!("images of {}×{} and {}×{} pixels can't be compared: resize one", a[1], a[0], b[1], b[0]);
    Err(fault(op, why))
}

/// One channel of an image, row-major.
fn channel(image: &RgbImage, c: usize) -> Vec<f64> {
    image.data.iter().map(|rgb| f64::from(rgb[c])).collect()
}
