//! The keys of pix2pix's generators.

use crate::Result;
use crate::config::kind::{GeneratorKind, WIDTH_FACTORS};
use crate::config::published::Options;
use crate::config::schema::{WIDTHS, section};

section! {
    /// pix2pix's U-Net with batch norm.
    pub struct UnetConfig in "generator" {
        /// Factor on the channels, for slimmer variants.
        width_factor: f64 = 1.0, in WIDTH_FACTORS;
        /// Channels of the first level.
        channels: usize = 64, in WIDTHS, published "ngf";
        /// Number of levels, each of half the size of the one before.
        halvings: usize = 8, in 2..=12, published "num_downs";
        /// Train with dropout.
        dropout: bool = true;
    }
}

section! {
    /// pix2pix's residual network with batch norm, at a quarter of the size.
    pub struct ResNetConfig in "generator" {
        /// Factor on the channels, for slimmer variants.
        width_factor: f64 = 1.0, in WIDTH_FACTORS;
        /// Channels of the first convolution.
        channels: usize = 64, in WIDTHS, published "ngf";
        /// Residual blocks.
        blocks: usize = 9, in 0..=64, published "n_blocks";
        /// Train with dropout, which changes the numbering of the checkpoint's keys.
        dropout: bool = true;
    }
}

impl UnetConfig {
    pub(in crate::config) fn from_published(options: &Options) -> Result<Self> {
        options.only("norm", "batch".to_owned())?;
        options.read(UnetConfig { dropout: options.get("use_dropout", false)?, ..Self::default() })
    }
}

impl ResNetConfig {
    pub(in crate::config) fn from_published(options: &Options) -> Result<Self> {
        options.only("norm", "batch".to_owned())?;
        options.read(ResNetConfig { dropout: options.get("use_dropout", false)?, ..Self::default() })
    }
}

impl GeneratorKind for UnetConfig {
    fn multiple(&self) -> (usize, &'static str) {
        (1 << self.halvings, "2^halvings")
    }

    fn min_side(&self) -> usize {
        self.multiple().0
    }
}

impl GeneratorKind for ResNetConfig {
    fn multiple(&self) -> (usize, &'static str) {
        (4, "2^2")
    }
}
