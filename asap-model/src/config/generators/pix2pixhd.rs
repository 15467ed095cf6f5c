//! The keys of pix2pixHD's generators.

use crate::config::kind::{GeneratorKind, WIDTH_FACTORS};
use crate::config::schema::{WIDTHS, section};

/// Pixels of reflection padding around the 7×7 convolutions.
const REFLECTED: usize = 3;

section! {
    /// pix2pixHD's global generator.
    pub struct Pix2PixHdConfig in "generator" {
        /// Factor on the channels, for slimmer variants.
        width_factor: f64 = 1.0, in WIDTH_FACTORS;
        /// Channels of the first convolution.
        channels: usize = 64, in WIDTHS, published "ngf";
        /// Number of convolutions that halve the size.
        halvings: usize = 4, in 0..=8, published "n_downsampling";
        /// Residual blocks.
        blocks: usize = 9, in 0..=64, published "n_blocks";
    }
}

section! {
    /// pix2pixHD's local enhancers around its global generator.
    pub struct Pix2PixHdLocalConfig in "generator" {
        /// Factor on the channels, for slimmer variants.
        width_factor: f64 = 1.0, in WIDTH_FACTORS;
        /// Channels of the last enhancer's first convolution.
        channels: usize = 32, in WIDTHS, published "ngf";
        /// Number of convolutions of the global generator that halve the size.
        halvings: usize = 4, in 0..=8, published "n_downsample_global";
        /// Residual blocks of the global generator.
        blocks: usize = 9, in 0..=64, published "n_blocks_global";
        /// Local enhancers, each for twice the size.
        enhancers: usize = 1, in 0..=4, published "n_local_enhancers";
        /// Residual blocks of each local enhancer.
        local_blocks: usize = 3, in 0..=64, published "n_blocks_local";
    }
}

impl GeneratorKind for Pix2PixHdConfig {
    fn multiple(&self) -> (usize, &'static str) {
        (1 << self.halvings, "2^halvings")
    }

    fn min_side(&self) -> usize {
        (2 * self.multiple().0).max(REFLECTED + 1)
    }
}

impl GeneratorKind for Pix2PixHdLocalConfig {
    fn multiple(&self) -> (usize, &'static str) {
        (1 << (self.halvings + self.enhancers), "2^(halvings + enhancers)")
    }

    /// The first and last convolutions of the global generator pad its input, which is smaller.
    fn min_side(&self) -> usize {
        (2 * self.multiple().0).max((REFLECTED + 1) << self.enhancers)
    }
}
