//! `[generator]` and `[discriminator]`: widths, depths, factors.

use serde::{Deserialize, Serialize};

use super::{ComparedConfig, DataConfig};

/// Which generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GeneratorKind {
    /// ASAP-Net's: spatially adaptive pixelwise networks.
    #[serde(rename = "asap")]
    Asap,
    /// pix2pix's U-Net.
    #[serde(rename = "pix2pix-unet")]
    Pix2PixUnet,
    /// pix2pix's residual network.
    #[serde(rename = "pix2pix-resnet")]
    Pix2PixResNet,
    /// pix2pixHD's global generator.
    #[serde(rename = "pix2pixhd")]
    Pix2PixHd,
    /// pix2pixHD's global generator with a local enhancer.
    #[serde(rename = "pix2pixhd-local")]
    Pix2PixHdLocal,
    /// SPADE's generator.
    #[serde(rename = "spade")]
    Spade,
    /// CC-FPSE's generator.
    #[serde(rename = "cc-fpse")]
    CcFpse,
}

impl GeneratorKind {
    /// Every kind.
    pub const ALL: [GeneratorKind; 7] = [
        GeneratorKind::Asap,
        GeneratorKind::Pix2PixUnet,
        GeneratorKind::Pix2PixResNet,
        GeneratorKind::Pix2PixHd,
        GeneratorKind::Pix2PixHdLocal,
        GeneratorKind::Spade,
        GeneratorKind::CcFpse,
    ];

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name in a configuration: of the compared generators, that of their published sizes.
    pub fn name(self) -> &'static str {
        match self {
            GeneratorKind::Asap => "asap",
            GeneratorKind::Pix2PixUnet => "pix2pix-unet",
            GeneratorKind::Pix2PixResNet => "pix2pix-resnet",
            GeneratorKind::Pix2PixHd => "pix2pixhd",
            GeneratorKind::Pix2PixHdLocal => "pix2pixhd-local",
            GeneratorKind::Spade => "spade",
            GeneratorKind::CcFpse => "cc-fpse",
        }
    }
}

/// What the low-resolution stream's 3×3 convolutions see beyond the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// The picture mirrored at its outermost pixels (the paper).
    Reflect,
    /// Zeros (the published code's script for Cityscapes).
    Zero,
}

/// `[generator]`: the low-resolution stream that predicts parameters, and the pixelwise networks that use them; or one of the
/// generators that the paper compares with, which has the published sizes but for `width_factor` and the keys after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeneratorConfig {
    /// Which generator.
    pub kind: GeneratorKind,
    /// S: the side in pixels of the tile that shares one set of parameters; a power of two.
    pub tile: usize,
    /// S2: the part of S learnt by strided convolutions, log2 S2 of them; a power of two. The rest, S1 = S/S2,
    /// is a fixed bilinear filter.
    pub learned_factor: usize,
    /// Channels of the first convolution and of every strided one but the last.
    pub width: usize,
    /// Channels of the last strided convolution and of those after it.
    pub max_width: usize,
    /// The number of 3×3 convolutions of stride 1 after the strided ones.
    pub depth: usize,
    /// Channels of the pixelwise networks' hidden layers.
    pub mlp_width: usize,
    /// The number of layers of the pixelwise networks, the last one included.
    pub mlp_depth: usize,
    /// What the low-resolution stream's 3×3 convolutions see beyond the border.
    pub padding: Padding,
    /// Whether the pixelwise networks see the pixel's position in its tile (off: an ablation of the paper).
    pub positions: bool,
    /// Whether each tile has parameters of its own (off: an ablation of the paper).
    pub spatially_varying: bool,
    /// What a compared generator's published widths are multiplied by.
    pub width_factor: f64,
    /// How often a compared generator halves sides (SPADE, CC-FPSE: doubles them), where it is not as published.
    pub halvings: Option<usize>,
    /// A compared generator's residual blocks, where they are not as published.
    pub blocks: Option<usize>,
    /// Whether pix2pix's networks are trained with dropout.
    pub dropout: bool,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        GeneratorConfig {
            kind: GeneratorKind::Asap,
            tile: 16,
            learned_factor: 16,
            width: 64,
            max_width: 1024,
            depth: 7,
            mlp_width: 64,
            mlp_depth: 5,
            padding: Padding::Reflect,
            positions: true,
            spatially_varying: true,
            width_factor: 1.0,
            halvings: None,
            blocks: None,
            dropout: true,
        }
    }
}

impl GeneratorConfig {
    /// A compared generator of that kind at its published sizes, or ASAP-Net's with the paper's.
    pub fn of_kind(kind: GeneratorKind) -> Self {
        GeneratorConfig { kind, ..Self::default() }
    }

    /// The sizes of a compared generator; `None` for ASAP-Net's.
    pub fn compared(&self) -> Option<ComparedConfig> {
        ComparedConfig::of(self)
    }

    /// What the paper gives for the generator at these sizes and 256×512 (table 1): millions of parameters and 10⁹
    /// multiply-accumulates. By counting convolutions and products, each weight of an MLP once a pixel, ASAP-Net has 83.20
    /// and 48.9 on 35 labels and edges.
    pub fn paper_figures(&self) -> Option<[f64; 2]> {
        match self.compared() {
            Some(compared) => compared.paper_figures(),
            None => (*self == Self::default()).then_some([83.2, 55.1]),
        }
    }

    /// What height and width of a picture must be multiples of.
    pub fn multiple(&self) -> usize {
        self.compared().map_or(self.tile, |compared| compared.multiple())
    }

    /// The least height and width of a picture: the low-resolution stream mirrors at the outermost tiles, so there are at
    /// least two of them.
    pub fn least_side(&self) -> usize {
        self.compared().map_or(2 * self.tile, |compared| compared.least_side())
    }

    /// The side of a picture that a side of this length is padded to.
    pub fn padded_side(&self, length: usize) -> usize {
        length.next_multiple_of(self.multiple().max(1)).max(self.least_side())
    }

    /// S1 = S/S2: the factor of the fixed bilinear downsampling.
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

    /// Channels between the layers of the pixelwise networks: `mlp_depth` + 1 numbers, from the pixel's own input and
    /// position to the drawn colours.
    ///
    /// The C_total of the paper is the sum of C_n·C_{n−1} + C_n over them.
    pub fn mlp_channels(&self, data: &DataConfig) -> Vec<usize> {
        let mut channels = vec![self.mlp_width; self.mlp_depth + 1];
        channels[0] = data.input_channels() + self.position_channels();
        channels[self.mlp_depth] = data.output_channels();
        channels
    }
}

/// `[discriminator]`: PatchGANs on the picture and on ever smaller versions of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscriminatorConfig {
    /// The number of scales, each half the size of the one before; the paper has 2, and 3 at 1024×1024.
    pub scales: usize,
    /// The number of convolutions before the one that gives the verdicts.
    pub layers: usize,
    /// Channels of the first convolution; each later one has twice as many.
    pub width: usize,
    /// The most channels a convolution has.
    pub max_width: usize,
    /// Whether weights are divided by their largest singular value (published code only).
    pub spectral_norm: bool,
}

impl Default for DiscriminatorConfig {
    fn default() -> Self {
        DiscriminatorConfig { scales: 2, layers: 4, width: 64, max_width: 512, spectral_norm: true }
    }
}
