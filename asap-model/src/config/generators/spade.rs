//! The keys of SPADE and of CC-FPSE, which grow an image from a small map by doublings.

use crate::Result;
use crate::config::kind::{GeneratorKind, WIDTH_FACTORS};
use crate::config::published::Options;
use crate::config::schema::{WIDTHS, section};

section! {
    /// SPADE's generator with spectral norm and batch norm, without a style encoder.
    pub struct SpadeConfig in "generator" {
        /// Factor on channels and hidden, for slimmer variants.
        width_factor: f64 = 1.0, in WIDTH_FACTORS;
        /// Channels of the last block; the first has 16 times as many.
        channels: usize = 64, in WIDTHS, published "ngf";
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
        channels: usize = 64, in WIDTHS, published "ngf";
        /// Hidden channels between the input's features and the kernels, gates, scales and shifts that they predict.
        hidden: usize = 128, in WIDTHS;
        /// Number of upsamplings by 2.
        doublings: usize = 6, in 5..=6;
    }
}

impl SpadeConfig {
    pub(in crate::config) fn from_published(options: &Options) -> Result<Self> {
        options.only("norm_G", "spectralspadesyncbatch3x3".to_owned())?;
        options.only("use_vae", false)?;
        let doublings = match options.get("num_upsampling_layers", "normal".to_owned())?.as_str() {
            "normal" => 5,
            "more" => 6,
            "most" => 7,
            _ => return Err(options.refused("num_upsampling_layers", "expected normal, more or most")),
        };
        options.read(SpadeConfig { doublings, ..Self::default() })
    }
}

impl CcFpseConfig {
    pub(in crate::config) fn from_published(options: &Options) -> Result<Self> {
        options.only("norm_G", "spectralsync_batch".to_owned())?;
        options.only("use_vae", false)?;
        let doublings = if options.get("dataset_mode", "coco".to_owned())? == "cityscapes" { 6 } else { 5 };
        options.read(CcFpseConfig { doublings, ..Self::default() })
    }
}

impl GeneratorKind for SpadeConfig {
    fn multiple(&self) -> (usize, &'static str) {
        (1 << self.doublings, "2^doublings")
    }
}

impl GeneratorKind for CcFpseConfig {
    fn multiple(&self) -> (usize, &'static str) {
        (1 << self.doublings, "2^doublings")
    }
}
