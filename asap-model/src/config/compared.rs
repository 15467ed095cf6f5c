//! The sizes of the generators that the paper compares with, and their published widths.

use serde_json::Value;

use super::networks::{GeneratorConfig, GeneratorKind};
use super::published::{ORIGIN, Options};
use crate::{Error, Result};

/// A generator that the paper compares with, and its sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComparedConfig {
    /// pix2pix's U-Net with batch norm.
    Pix2PixUnet {
        /// Channels of the first level.
        width: usize,
        /// How often sides are halved.
        levels: usize,
        /// Whether it is trained with dropout.
        dropout: bool,
    },
    /// pix2pix's residual network with batch norm, halved twice.
    Pix2PixResNet {
        /// Channels of the first convolution.
        width: usize,
        /// Residual blocks.
        blocks: usize,
        /// Whether it is trained with dropout, which moves the numbers in its keys.
        dropout: bool,
    },
    /// pix2pixHD's global generator.
    Pix2PixHd {
        /// Channels of the first convolution.
        width: usize,
        /// How often sides are halved.
        halvings: usize,
        /// Residual blocks.
        blocks: usize,
    },
    /// pix2pixHD's local enhancers around its global generator.
    Pix2PixHdLocal {
        /// Channels of the last enhancer's first convolution.
        width: usize,
        /// How often the global generator halves sides.
        halvings: usize,
        /// The global generator's residual blocks.
        blocks: usize,
        /// Enhancers, each for twice the size.
        enhancers: usize,
        /// Residual blocks of each.
        local_blocks: usize,
    },
    /// SPADE's generator with spectral norm and batch norm, without an encoder of styles.
    Spade {
        /// Channels of its sixth doubling; the first block has 16 times as many.
        width: usize,
        /// Channels between a label map and its scales and shifts.
        hidden: usize,
        /// How often sides are doubled: 5, 6 or 7.
        doublings: usize,
    },
    /// CC-FPSE's generator with spectral norm and batch norm, without an encoder of styles.
    CcFpse {
        /// Channels of its last block; the first has 16 times as many.
        width: usize,
        /// Channels between what is known of a place and the kernels, gates, scales and shifts that follow from it.
        hidden: usize,
        /// How often sides are doubled: 5 or 6.
        doublings: usize,
    },
}

/// Names of the published sizes, with what they are.
const PUBLISHED: [(&str, &str); 6] = [
    ("pix2pix-unet", "pix2pix's U-Net of eight levels"),
    ("pix2pix-resnet", "pix2pix's residual network of nine blocks"),
    ("pix2pixhd", "pix2pixHD's global generator"),
    ("pix2pixhd-local", "pix2pixHD's global generator and one local enhancer"),
    ("spade", "SPADE's generator for Cityscapes, of six doublings"),
    ("cc-fpse", "CC-FPSE's generator for Cityscapes, of six doublings"),
];

/// Channels between a label map and SPADE's scales and shifts, and between a place and CC-FPSE's kernels (published code).
const HIDDEN: usize = 128;

/// Pixels that the 7×7 convolutions of pix2pixHD mirror at each edge.
const MIRRORED: usize = 3;

/// The norms of SPADE that have a counterpart here.
const SPADE_NORM: &str = "spectralspadesyncbatch3x3";

/// The norms of CC-FPSE that have a counterpart here.
const CC_FPSE_NORM: &str = "spectralsync_batch";

impl ComparedConfig {
    /// Name and description of every generator at its published size.
    pub fn all_published() -> &'static [(&'static str, &'static str)] {
        &PUBLISHED
    }

    /// The generator of that name at its published size.
    ///
    /// # Errors
    /// [`Error::Config`] lists the names there are, if this is none of them.
    pub fn published(name: &str) -> Result<Self> {
        Ok(match name {
            "pix2pix-unet" => ComparedConfig::Pix2PixUnet { width: 64, levels: 8, dropout: true },
            "pix2pix-resnet" => ComparedConfig::Pix2PixResNet { width: 64, blocks: 9, dropout: true },
            "pix2pixhd" => ComparedConfig::Pix2PixHd { width: 64, halvings: 4, blocks: 9 },
            "pix2pixhd-local" => {
                ComparedConfig::Pix2PixHdLocal { width: 32, halvings: 4, blocks: 9, enhancers: 1, local_blocks: 3 }
            }
            "spade" => ComparedConfig::Spade { width: 64, hidden: HIDDEN, doublings: 6 },
            "cc-fpse" => ComparedConfig::CcFpse { width: 64, hidden: HIDDEN, doublings: 6 },
            _ => {
                let names: Vec<&str> = PUBLISHED.iter().map(|(name, _)| *name).collect();
                let problem = format!("there is no such compared generator; there are {}", names.join(", "));
                return Err(Error::Config { origin: name.into(), problem });
            }
        })
    }

    /// The generator that `[generator]` describes, where that is one of these: the published sizes, but for those that are
    /// set.
    pub fn of(config: &GeneratorConfig) -> Option<Self> {
        let mut sizes = Self::published(config.kind.name()).ok()?;
        let scaled = |width: &mut usize| *width = ((*width as f64 * config.width_factor).round() as usize).max(1);
        let set = |size: &mut usize, value: Option<usize>| *size = value.unwrap_or(*size);
        match &mut sizes {
            ComparedConfig::Pix2PixUnet { width, levels, dropout } => {
                scaled(width);
                set(levels, config.halvings);
                *dropout = config.dropout;
            }
            ComparedConfig::Pix2PixResNet { width, blocks, dropout } => {
                scaled(width);
                set(blocks, config.blocks);
                *dropout = config.dropout;
            }
            ComparedConfig::Pix2PixHd { width, halvings, blocks }
            | ComparedConfig::Pix2PixHdLocal { width, halvings, blocks, .. } => {
                scaled(width);
                set(halvings, config.halvings);
                set(blocks, config.blocks);
            }
            ComparedConfig::Spade { width, hidden, doublings }
            | ComparedConfig::CcFpse { width, hidden, doublings } => {
                scaled(width);
                scaled(hidden);
                set(doublings, config.halvings);
            }
        }
        Some(sizes)
    }

    /// The generator of a published project, `pix2pix`, `pix2pixhd`, `spade` or `cc-fpse`, by that code's options (a JSON
    /// object); what they leave out has that code's default.
    ///
    /// # Errors
    /// [`Error::Config`] for another project, an option of the wrong type, or one that has no counterpart here.
    pub fn from_published(project: &str, options: &Value) -> Result<Self> {
        let options = Options(options);
        let width = |default| options.positive("ngf", default);
        if options.count("output_nc", 3)? != 3 {
            return Err(options.refused("output_nc", "it must be 3 (rgb)"));
        }
        match project {
            "pix2pix" => {
                options.only("norm", "batch")?;
                match options.text("netG", "unet")? {
                    "unet" => {
                        let levels = options.positive("num_downs", 8)?;
                        if !(2..=16).contains(&levels) {
                            return Err(options.refused("num_downs", "it must be from 2 to 16"));
                        }
                        let dropout = options.flag("use_dropout", false)?;
                        Ok(ComparedConfig::Pix2PixUnet { width: width(64)?, levels, dropout })
                    }
                    "resnet" => Ok(ComparedConfig::Pix2PixResNet {
                        width: width(64)?,
                        blocks: options.count("n_blocks", 9)?,
                        dropout: options.flag("use_dropout", false)?,
                    }),
                    _ => Err(options.refused("netG", "it must be unet or resnet")),
                }
            }
            "pix2pixhd" => match options.text("netG", "global")? {
                "global" => Ok(ComparedConfig::Pix2PixHd {
                    width: width(64)?,
                    halvings: options.halvings("n_downsampling", 4)?,
                    blocks: options.count("n_blocks", 9)?,
                }),
                "local" => Ok(ComparedConfig::Pix2PixHdLocal {
                    width: width(32)?,
                    halvings: options.halvings("n_downsample_global", 4)?,
                    blocks: options.count("n_blocks_global", 9)?,
                    enhancers: options.halvings("n_local_enhancers", 1)?,
                    local_blocks: options.count("n_blocks_local", 3)?,
                }),
                _ => Err(options.refused("netG", "it must be global or local")),
            },
            "spade" => {
                options.only("norm_G", SPADE_NORM)?;
                options.without_styles()?;
                let doublings = match options.text("num_upsampling_layers", "normal")? {
                    "normal" => 5,
                    "more" => 6,
                    "most" => 7,
                    _ => return Err(options.refused("num_upsampling_layers", "it must be normal, more or most")),
                };
                Ok(ComparedConfig::Spade { width: width(64)?, hidden: HIDDEN, doublings })
            }
            "cc-fpse" => {
                options.only("norm_G", CC_FPSE_NORM)?;
                options.without_styles()?;
                let doublings = if options.text("dataset_mode", "coco")? == "cityscapes" { 6 } else { 5 };
                Ok(ComparedConfig::CcFpse { width: width(64)?, hidden: HIDDEN, doublings })
            }
            other => {
                let problem =
                    format!("{other} has no counterpart here: there are pix2pix, pix2pixhd, spade and cc-fpse");
                Err(Error::Config { origin: ORIGIN.into(), problem })
            }
        }
    }

    /// What the paper gives for this generator at its published size and 256×512 (table 1): millions of parameters and
    /// 10⁹ multiply-accumulates. Counting convolutions, SPADE has 93.05 and 281.3; for pix2pix the parameters are those
    /// of the U-Net, but 56.8 is what is reported of the residual network at 256×256, where each output pixel of a
    /// transposed convolution is taken to meet the whole kernel. Of CC-FPSE there is no figure.
    pub(super) fn paper_figures(&self) -> Option<[f64; 2]> {
        let paper = |name: &str| Self::published(name).is_ok_and(|published| published == *self);
        if paper("pix2pix-unet") {
            Some([54.4, 56.8])
        } else if paper("spade") {
            Some([93.0, 281.0])
        } else {
            None
        }
    }

    /// How often sides may be halved, or for SPADE and CC-FPSE doubled; `None` where that is given.
    pub(super) fn halvings_of(kind: GeneratorKind) -> Option<std::ops::RangeInclusive<usize>> {
        match kind {
            GeneratorKind::Pix2PixUnet => Some(2..=12),
            GeneratorKind::Pix2PixHd | GeneratorKind::Pix2PixHdLocal => Some(0..=8),
            GeneratorKind::Spade => Some(5..=7),
            GeneratorKind::CcFpse => Some(5..=6),
            GeneratorKind::Asap | GeneratorKind::Pix2PixResNet => None,
        }
    }

    /// Whether it has residual blocks that can be counted.
    pub(super) fn has_blocks(kind: GeneratorKind) -> bool {
        matches!(kind, GeneratorKind::Pix2PixResNet | GeneratorKind::Pix2PixHd | GeneratorKind::Pix2PixHdLocal)
    }

    /// The least height and width of a picture: where its network mirrors it when it is smallest, there must be two pixels
    /// to mirror; batch norm of one pixel would leave nothing.
    pub fn least_side(&self) -> usize {
        match self {
            ComparedConfig::Pix2PixUnet { .. } => self.multiple(),
            // Its first and last convolution mirror three pixels; the global generator within sees a smaller picture.
            ComparedConfig::Pix2PixHd { .. } => (2 * self.multiple()).max(MIRRORED + 1),
            ComparedConfig::Pix2PixHdLocal { enhancers, .. } => (2 * self.multiple()).max((MIRRORED + 1) << enhancers),
            _ => 2 * self.multiple(),
        }
    }

    /// What height and width of a picture must be multiples of.
    pub fn multiple(&self) -> usize {
        1 << match *self {
            ComparedConfig::Pix2PixUnet { levels, .. } => levels,
            ComparedConfig::Pix2PixResNet { .. } => 2,
            ComparedConfig::Pix2PixHd { halvings, .. } => halvings,
            ComparedConfig::Pix2PixHdLocal { halvings, enhancers, .. } => halvings + enhancers,
            ComparedConfig::Spade { doublings, .. } | ComparedConfig::CcFpse { doublings, .. } => doublings,
        }
    }
}

impl Options<'_> {
    /// Refuses every value of an option but the one that has a counterpart, its default.
    fn only(&self, name: &str, value: &'static str) -> Result<()> {
        match self.text(name, value)? == value {
            true => Ok(()),
            false => Err(self.refused(name, &format!("only {value} has a counterpart here"))),
        }
    }

    /// Refuses an encoder of styles.
    fn without_styles(&self) -> Result<()> {
        match self.flag("use_vae", false)? {
            false => Ok(()),
            true => Err(self.refused("use_vae", "an encoder of styles has no counterpart here")),
        }
    }

    fn positive(&self, name: &str, default: usize) -> Result<usize> {
        match self.count(name, default)? {
            0 => Err(self.refused(name, "it must be at least 1")),
            count => Ok(count),
        }
    }

    /// How often sides are halved.
    fn halvings(&self, name: &str, default: usize) -> Result<usize> {
        match self.count(name, default)? {
            count if count <= 16 => Ok(count),
            _ => Err(self.refused(name, "it must be at most 16")),
        }
    }
}
