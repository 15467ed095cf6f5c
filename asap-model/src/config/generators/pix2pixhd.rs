//! The keys of pix2pixHD's generators.

use crate::Result;
use crate::config::kind::{Kind, WIDTH_FACTORS, scaled};
use crate::config::published::Options;
use crate::config::schema::{WIDTHS, section};

/// Pixels of reflection padding around the 7×7 convolutions.
const REFLECTED: usize = 3;

section! {
    /// pix2pixHD's global generator.
    pub struct Pix2PixHdConfig in "generator" {
        /// Factor on the channels, for slimmer variants.
        width_factor: f64 = 1.0, in WIDTH_FACTORS;
        /// Channels of the first convolution.
        channels: usize = 64, in WIDTHS;
        /// Number of convolutions that halve the size.
        halvings: usize = 4, in 0..=8;
        /// Residual blocks.
        blocks: usize = 9, in 0..=64;
    }
}

section! {
    /// pix2pixHD's local enhancers around its global generator.
    pub struct Pix2PixHdLocalConfig in "generator" {
        /// Factor on the channels, for slimmer variants.
        width_factor: f64 = 1.0, in WIDTH_FACTORS;
        /// Channels of the last enhancer's first convolution.
        channels: usize = 32, in WIDTHS;
        /// Number of convolutions of the global generator that halve the size.
        halvings: usize = 4, in 0..=8;
        /// Residual blocks of the global generator.
        blocks: usize = 9, in 0..=64;
        /// Local enhancers, each for twice the size.
        enhancers: usize = 1, in 0..=4;
        /// Residual blocks of each local enhancer.
        local_blocks: usize = 3, in 0..=64;
    }
}

impl Pix2PixHdConfig {
    /// Channels of the first convolution, times `width_factor`.
    pub fn scaled_width(&self) -> usize {
        scaled(self.channels, self.width_factor)
    }

    pub(in crate::config) fn from_published(options: &Options) -> Result<Self> {
        Ok(Pix2PixHdConfig {
            channels: options.count("ngf", 64)?,
            halvings: options.count("n_downsampling", 4)?,
            blocks: options.count("n_blocks", 9)?,
            ..Self::default()
        })
    }
}

impl Pix2PixHdLocalConfig {
    /// Channels of the last enhancer's first convolution, times `width_factor`.
    pub fn scaled_width(&self) -> usize {
        scaled(self.channels, self.width_factor)
    }

    pub(in crate::config) fn from_published(options: &Options) -> Result<Self> {
        Ok(Pix2PixHdLocalConfig {
            channels: options.count("ngf", 32)?,
            halvings: options.count("n_downsample_global", 4)?,
            blocks: options.count("n_blocks_global", 9)?,
            enhancers: options.count("n_local_enhancers", 1)?,
            local_blocks: options.count("n_blocks_local", 3)?,
            ..Self::default()
        })
    }
}

impl Kind for Pix2PixHdConfig {
    fn multiple(&self) -> usize {
        1 << self.halvings
    }

    fn multiple_name(&self) -> &'static str {
        "2^halvings"
    }

    fn min_side(&self) -> usize {
        (2 * self.multiple()).max(REFLECTED + 1)
    }
}

impl Kind for Pix2PixHdLocalConfig {
    fn multiple(&self) -> usize {
        1 << (self.halvings + self.enhancers)
    }

    fn multiple_name(&self) -> &'static str {
        "2^(halvings + enhancers)"
    }

    /// The first and last convolutions of the global generator pad its input, which is smaller.
    fn min_side(&self) -> usize {
        (2 * self.multiple()).max((REFLECTED + 1) << self.enhancers)
    }
}
