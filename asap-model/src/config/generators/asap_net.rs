//! ASAP-Net's keys.

use std::ops::Bound::{Excluded, Included};

use asap_tensor::ops::PadMode;
use serde_json::Value;

use crate::Result;
use crate::config::data::DataConfig;
use crate::config::kind::GeneratorKind;
use crate::config::published::Options;
use crate::config::schema::{KeyError, POSITIVE, PowerOfTwo, Section, WIDTHS, choices, section};

/// Maximum number of weights of the convolution that predicts the MLPs' parameters: 4 GiB.
const MAX_PREDICTING_WEIGHTS: usize = 1 << 30;

choices! {
    /// Padding of the low-resolution stream's 3×3 convolutions.
    pub enum Padding {
        /// Reflection (the paper).
        Reflect = "reflect",
        /// Zeros (the published script for Cityscapes).
        Zero = "zero",
    }
}

impl Padding {
    /// The mode of the convolutions.
    pub fn mode(self) -> PadMode {
        match self {
            Padding::Reflect => PadMode::Reflect,
            Padding::Zero => PadMode::Zero,
        }
    }
}

choices! {
    /// What is done against visible borders of tiles.
    pub enum Seams {
        /// Nothing (the paper).
        None = "none",
        /// Training steps shift the grid of tiles at random.
        Phase = "phase",
        /// Pixels near a border are the weighted mean of the networks on both sides.
        Blend = "blend",
    }
}

section! {
    /// ASAP-Net: the low-resolution stream that predicts parameters, and the pixelwise networks that use them.
    pub struct AsapNetConfig in "generator" {
        /// S: side in pixels of the tile that shares one set of parameters.
        tile: usize = 16, in PowerOfTwo(2..=1024);
        /// S2: the factor of S learned by log2 S2 strided convolutions; the rest, S1 = S/S2, is a fixed tent filter.
        learned_factor: usize = 16, in PowerOfTwo(2..=1024), published "learned_ds_factor";
        /// Channels of the first convolution and of every strided one but the last.
        width: usize = 64, in WIDTHS, published "lr_width";
        /// Channels of the last strided convolution and of those after it.
        max_width: usize = 1024, in WIDTHS, published "lr_max_width";
        /// Number of 3×3 convolutions of stride 1 after the strided ones.
        depth: usize = 7, in 0..=64, published "lr_depth";
        /// Adds to the output of each convolution of stride 1 after the strided ones its input, and divides by √2. false: the
        /// paper.
        residual: bool = false;
        /// Channels of 7×7 convolutions of the input that the pixelwise networks are given beside each pixel's own input: they
        /// then know what is around a pixel, such as how far the edge of a window is. 0: the paper.
        context: usize = 0, in 0..=64;
        /// How many such convolutions follow one another: 3 pixels in each direction for each. Only with context.
        context_depth: usize = 1, in 1..=8;
        /// Channels of the pixelwise networks' hidden layers.
        mlp_width: usize = 64, in 1..=512, published "hr_width";
        /// Layers of the pixelwise networks, including the last.
        mlp_depth: usize = 5, in 1..=16, published "hr_depth";
        /// Padding of the low-resolution stream's 3×3 convolutions.
        padding: Padding = Padding::Reflect;
        /// Feed each pixel's position in its tile to the pixelwise networks. false: an ablation of the paper.
        positions: bool = true;
        /// Predict parameters for each tile. false: one set for the whole image, an ablation of the paper.
        spatially_varying: bool = true;
        /// Factor on train.lr_generator for the 1×1 convolution that predicts the parameters of the pixelwise networks.
        ///
        /// No norm follows it, and all parameters of a tile change together: it can need smaller steps than the layers
        /// before. 1: the paper.
        head_rate: f64 = 1.0, in POSITIVE;
        /// Probability that a training step zeroes a value after a 3×3 convolution of the low-resolution stream, against
        /// learning a small training set by heart. 0: the paper.
        dropout: f64 = 0.0, in (Included(0.0), Excluded(1.0));
        /// Channels of random noise beside the input of the low-resolution stream: as many constant over the image, and as
        /// many with a value per tile. One input then has many images. 0: none (the paper).
        noise: usize = 0, in 0..=64;
        /// Against visible borders of tiles: phase shifts the grid of tiles at random in each training step; blend
        /// makes pixels near a border the weighted mean of both tiles' networks. none: the paper.
        ///
        /// phase costs nothing in inference, and training computes one more row and column of tiles. blend computes
        /// (1 + seam_band/tile)² times as many pixels in training and inference.
        seams: Seams = Seams::None;
        /// Width in pixels of the band around a border in which blend takes the mean: even, at most tile, which
        /// interpolates between the centers of tiles. Only for blend. Unset: tile.
        seam_band: Option<usize> = None, in 2..=1024;
    }
}

impl AsapNetConfig {
    /// S1 = S/S2: the factor of the fixed downsampling.
    pub fn fixed_factor(&self) -> usize {
        self.tile / self.learned_factor.max(1)
    }

    /// log2 S2: the number of convolutions of stride 2.
    pub fn strided_layers(&self) -> usize {
        self.learned_factor.max(1).ilog2() as usize
    }

    /// Position channels: cosine and sine of x and y at the periods S, S/2, …, 2; none without positions.
    pub fn position_channels(&self) -> usize {
        if self.positions { 4 * self.tile.max(1).ilog2() as usize } else { 0 }
    }

    /// Width in pixels of the bands around borders in which networks are blended; 0 without.
    pub fn band(&self) -> usize {
        match self.seams {
            Seams::Blend => self.seam_band.unwrap_or(self.tile),
            Seams::None | Seams::Phase => 0,
        }
    }

    /// Channels between the layers of the pixelwise networks: `mlp_depth` + 1 values, from the pixel's input, context and
    /// position to the output.
    pub fn mlp_channels(&self, data: &DataConfig) -> Vec<usize> {
        let mut channels = vec![self.mlp_width; self.mlp_depth + 1];
        channels[0] = data.input_channels() + self.context + self.position_channels();
        channels[self.mlp_depth] = data.output_channels();
        channels
    }

    /// Channels of the low-resolution stream's input: those of the data, and two kinds of noise.
    pub fn lowres_channels(&self, data: &DataConfig) -> usize {
        data.lowres_channels() + 2 * self.noise
    }

    /// C_total: the parameters of one MLP, the sum of C_n·C_{n−1} + C_n over its layers.
    pub fn mlp_parameters(&self, data: &DataConfig) -> usize {
        self.mlp_channels(data).windows(2).map(|c| c[0] * c[1] + c[1]).sum()
    }

    /// The generator from the published code's options (a JSON object); options left out have their defaults.
    pub fn from_published(options: &Value) -> Result<Self> {
        let options = Options(options);
        if !options.get("no_instance_edge", true)? && !options.get("lr_instance", true)? {
            return Err(options.refused("lr_instance", "only the low-resolution stream can have instance edges"));
        }
        options.only("norm_G", "instanceaffine".to_owned())?;
        let mut config = Self::default();
        if options.has("crop_size") {
            let tile = options.get("crop_size", 0usize)? as f64 / (16.0 * options.aspect_ratio()?);
            if tile.fract() != 0.0 {
                return Err(options.refused("crop_size", "crop_size / (16 · aspect_ratio) must be a whole number"));
            }
            config.tile = tile as usize;
        }
        if !options.get("reflection_pad", true)? {
            config.padding = Padding::Zero;
        }
        options.read(config)
    }
}

impl GeneratorKind for AsapNetConfig {
    fn multiple(&self) -> (usize, &'static str) {
        (self.tile, "generator.tile")
    }

    fn check_values(&self, data: &DataConfig) -> Result<(), KeyError> {
        if self.tile < self.learned_factor {
            let factor = self.learned_factor;
            let problem = format!("must be at least generator.learned_factor = {factor}, a factor of it");
            return Err(self.conflict("tile", &problem));
        }
        if let Some(band) = self.seam_band.filter(|_| self.seams == Seams::Blend) {
            let problem = format!("must be even and at most generator.tile = {}", self.tile);
            if !band.is_multiple_of(2) || band > self.tile {
                return Err(self.conflict("seam_band", &problem));
            }
        }
        if self.seams != Seams::None && !self.spatially_varying {
            let problem = "has no effect on one set of parameters for the whole image (generator.spatially_varying = false), \
                           which has no seams: use none";
            return Err(self.conflict("seams", problem));
        }
        let predicted = self.mlp_parameters(data);
        if predicted * self.max_width > MAX_PREDICTING_WEIGHTS {
            let problem = format!(
                "with {} layers each tile has {predicted} parameters, and the convolution that predicts them from \
                 generator.max_width = {} channels has more than 2^30 weights; lower one of them",
                self.mlp_depth, self.max_width
            );
            return Err(self.conflict("mlp_width", &problem));
        }
        Ok(())
    }
}
