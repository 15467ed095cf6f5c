//! Measures that compare generated images with real ones.
//!
//! | file | measure | compares |
//! |---|---|---|
//! | `difference` | [`l1`], [`psnr`] | two images, level by level |
//! | `ssim` | [`ssim`], structural similarity (Wang et al. 2004) | two images, window by window |
//! | `seams` | [`Seams`], gradients across the borders of tiles over those inside | an image with itself, tile by tile |
//! | `depth` | [`DepthErrors`]: RMSE, absolute relative error, δ < 1.25 (Eigen et al. 2014) | two depth maps, where there is a depth |
//! | `swd` | [`Patches`], sliced Wasserstein distance (Karras et al. 2018) | two sets of images, by their patches |
//! | `frechet` | [`frechet_distance`] (Heusel et al. 2017) | two sets of features, by their means and covariances |
//! | `kid` | [`kernel_distance`] (Bińkowski et al. 2018) | two sets of features, by a polynomial kernel |
//! | `segmentation` | [`Confusion`]: IoU, pixel accuracy, Dice | label maps with predicted ones |
//! | `features` | [`Features`]: the input of the last two | |
//! | `pyramid` | the Laplacian pyramid of the patches | |
//!
//! Images are compared in [`Levels`] from 0 to 255: those of 8-bit files.

mod depth;
mod difference;
mod features;
mod frechet;
mod kid;
mod pyramid;
mod seams;
mod segmentation;
mod ssim;
mod swd;

pub use depth::{DepthErrors, DepthSummary};
pub use difference::{l1, psnr};
pub use features::Features;
pub use frechet::frechet_distance;
pub use kid::{KernelDistance, kernel_distance};
pub use seams::Seams;
pub use segmentation::Confusion;
pub use ssim::{SSIM_WINDOW, ssim};
pub use swd::{LevelDistance, PATCH_SIDE, PATCHES_PER_IMAGE, Patches};

use crate::config::ValueScale;
use crate::data::{Image, RgbImage};
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

/// An image in the unit of comparisons: levels from 0 to 255, whatever the bits of its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Levels {
    size: [usize; 2],
    /// Of each channel, row-major.
    channels: Vec<Vec<f32>>,
}

impl Levels {
    /// The levels of an image whose values are scaled so: 0 and 255 are the ends of each channel's range.
    pub fn new(image: &Image, scale: &ValueScale) -> Levels {
        let channel = |channel: usize| {
            let level: Box<dyn Fn(f64) -> f64> = match scale.range(channel, image.max()) {
                // The levels of 8-bit files, exactly.
                [0.0, RANGE] => Box::new(|value| value),
                [low, high] => Box::new(move |value| (value.clamp(low, high) - low) / (high - low) * RANGE),
            };
            image.channel(channel).map(|value| level(value) as f32).collect()
        };
        Levels { size: image.size(), channels: (0..image.channels()).map(channel).collect() }
    }

    /// The levels of a channel, row-major.
    fn channel(&self, channel: usize) -> Vec<f64> {
        self.channels[channel].iter().map(|&level| level.into()).collect()
    }
}

impl From<&RgbImage> for Levels {
    fn from(image: &RgbImage) -> Levels {
        let channel = |channel: usize| image.data.iter().map(|pixel| pixel[channel].into()).collect();
        Levels { size: image.size(), channels: [0, 1, 2].map(channel).into() }
    }
}

/// Refuses two images of different sizes or channels.
fn require_alike(op: &'static str, a: &Levels, b: &Levels) -> Result<()> {
    require_equal_sizes(op, a.size, b.size)?;
    let [own, other] = [a, b].map(|image| image.channels.len());
    if own == other {
        Ok(())
    } else {
        Err(fault(op, format!("images of {own} and {other} channels can't be compared")))
    }
}
