//! The keys of SPADE and of CC-FPSE, which grow an image from a small map by doublings.

use crate::Result;
use crate::config::kind::{Kind, WIDTH_FACTORS, scaled};
use crate::config::published::Options;
use crate::config::schema::{WIDTHS, section};

section! {
    /// SPADE's generator with spectral norm and batch norm, without a style encoder.
    pub struct SpadeConfig in "generator" {
        /// Factor on channels and hidden, for slimmer variants.
        width_factor: f64 = 1.0, in WIDTH_FACTORS;
        /// Channels of the last block; the first has 16 times as many.
        channels: usize = 64, in WIDTHS;
        /// Hidden channels between the input and the scales and shifts of a norm.
        hidden: usize = 128, in WIDTHS;
        /// Number of upsamplings by 2.
        doublings: usize = 6, in 5..=7;
    }
}

section! {
    /// CC-FPSE's generator with spectral norm and batch norm, without a style encoder.
    pub struct CcFpseConfig in "generator" {
        /// Factor on channels and hidden, for slimmer variants.
        width_factor: f64 = 1.0, in WIDTH_FACTORS;
        /// Channels of the last block; the first has 16 times as many.
        channels: usize = 64, in WIDTHS;
        /// Hidden channels between the input's features and the kernels, gates, scales and shifts that they predict.
        hidden: usize = 128, in WIDTHS;
        /// Number of upsamplings by 2.
        doublings: usize = 6, in 5..=6;
    }
}

impl SpadeConfig {
    /// `channels` and `hidden`, times `width_factor`.
    pub fn scaled_widths(&self) -> [usize; 2] {
        [self.channels, self.hidden].map(|width| scaled(width, self.width_factor))
    }

    pub(in crate::config) fn from_published(options: &Options) -> Result<Self> {
        options.only("norm_G", "spectralspadesyncbatch3x3")?;
        options.without_style_encoder()?;
        let doublings = match options.text("num_upsampling_layers", "normal")? {
            "normal" => 5,
            "more" => 6,
            "most" => 7,
            _ => return Err(options.refused("num_upsampling_layers", "it must be normal, more or most")),
        };
        Ok(SpadeConfig { channels: options.count("ngf", 64)?, doublings, ..Self::default() })
    }
}

impl CcFpseConfig {
    /// `channels` and `hidden`, times `width_factor`.
    pub fn scaled_widths(&self) -> [usize; 2] {
        [self.channels, self.hidden].map(|width| scaled(width, self.width_factor))
    }

    pub(in crate::config) fn from_published(options: &Options) -> Result<Self> {
        options.only("norm_G", "spectralsync_batch")?;
        options.without_style_encoder()?;
        let doublings = if options.text("dataset_mode", "coco")? == "cityscapes" { 6 } else { 5 };
        Ok(CcFpseConfig { channels: options.count("ngf", 64)?, doublings, ..Self::default() })
    }
}

impl Kind for SpadeConfig {
    fn multiple(&self) -> usize {
        1 << self.doublings
    }

    fn multiple_name(&self) -> &'static str {
        "2^doublings"
    }

    /// By counting convolutions, SPADE has 93.05 and 281.3.
    fn paper_figures(&self) -> Option<[f64; 2]> {
        Some([93.0, 281.0])
    }
}

impl Kind for CcFpseConfig {
    fn multiple(&self) -> usize {
        1 << self.doublings
    }

    fn multiple_name(&self) -> &'static str {
        "2^doublings"
    }
}
