//! The keys of pix2pix's generators.

use crate::Result;
use crate::config::kind::{Kind, WIDTH_FACTORS, scaled};
use crate::config::published::Options;
use crate::config::schema::{WIDTHS, section};

section! {
    /// pix2pix's U-Net with batch norm.
    pub struct UnetConfig in "generator" {
        /// Factor on the channels, for slimmer variants.
        width_factor: f64 = 1.0, in WIDTH_FACTORS;
        /// Channels of the first level.
        channels: usize = 64, in WIDTHS;
        /// Number of levels, each of half the size of the one before.
        halvings: usize = 8, in 2..=12;
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
        channels: usize = 64, in WIDTHS;
        /// Residual blocks.
        blocks: usize = 9, in 0..=64;
        /// Train with dropout, which changes the numbering of the checkpoint's keys.
        dropout: bool = true;
    }
}

impl UnetConfig {
    /// Channels of the first level, times `width_factor`.
    pub fn scaled_width(&self) -> usize {
        scaled(self.channels, self.width_factor)
    }

    pub(in crate::config) fn from_published(options: &Options) -> Result<Self> {
        options.only("norm", "batch")?;
        Ok(UnetConfig {
            channels: options.count("ngf", 64)?,
            halvings: options.count("num_downs", 8)?,
            dropout: options.flag("use_dropout", false)?,
            ..Self::default()
        })
    }
}

impl ResNetConfig {
    /// Channels of the first convolution, times `width_factor`.
    pub fn scaled_width(&self) -> usize {
        scaled(self.channels, self.width_factor)
    }

    pub(in crate::config) fn from_published(options: &Options) -> Result<Self> {
        options.only("norm", "batch")?;
        Ok(ResNetConfig {
            channels: options.count("ngf", 64)?,
            blocks: options.count("n_blocks", 9)?,
            dropout: options.flag("use_dropout", false)?,
            ..Self::default()
        })
    }
}

impl Kind for UnetConfig {
    fn multiple(&self) -> usize {
        1 << self.halvings
    }

    fn multiple_name(&self) -> &'static str {
        "2^halvings"
    }

    fn min_side(&self) -> usize {
        self.multiple()
    }

    /// The parameters are those of the U-Net, but 56.8 is what is reported of the residual network at 256×256, with each
    /// output pixel of a transposed convolution counted for the whole kernel.
    fn paper_figures(&self) -> Option<[f64; 2]> {
        Some([54.4, 56.8])
    }
}

impl Kind for ResNetConfig {
    fn multiple(&self) -> usize {
        4
    }

    fn multiple_name(&self) -> &'static str {
        "2^2"
    }
}
