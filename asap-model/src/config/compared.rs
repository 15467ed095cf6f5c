//! The sizes of the generators that the paper compares with, and their published widths.

use serde_json::Value;

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
    },
    /// pix2pix's residual network with batch norm, halved twice.
    Pix2PixResNet {
        /// Channels of the first convolution.
        width: usize,
        /// Residual blocks.
        blocks: usize,
        /// Whether it was trained with dropout, which only the numbers in its keys show.
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
}

/// Names of the published sizes, with what they are.
const PUBLISHED: [(&str, &str); 4] = [
    ("pix2pix-unet", "pix2pix's U-Net of eight levels"),
    ("pix2pix-resnet", "pix2pix's residual network of nine blocks"),
    ("pix2pixhd", "pix2pixHD's global generator"),
    ("pix2pixhd-local", "pix2pixHD's global generator and one local enhancer"),
];

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
            "pix2pix-unet" => ComparedConfig::Pix2PixUnet { width: 64, levels: 8 },
            "pix2pix-resnet" => ComparedConfig::Pix2PixResNet { width: 64, blocks: 9, dropout: true },
            "pix2pixhd" => ComparedConfig::Pix2PixHd { width: 64, halvings: 4, blocks: 9 },
            "pix2pixhd-local" => {
                ComparedConfig::Pix2PixHdLocal { width: 32, halvings: 4, blocks: 9, enhancers: 1, local_blocks: 3 }
            }
            _ => {
                let names: Vec<&str> = PUBLISHED.iter().map(|(name, _)| *name).collect();
                let problem = format!("there is no such compared generator; there are {}", names.join(", "));
                return Err(Error::Config { origin: name.into(), problem });
            }
        })
    }

    /// The generator of a published project, `pix2pix` or `pix2pixhd`, by that code's options (a JSON object); what they
    /// leave out has that code's default.
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
                if options.text("norm", "batch")? != "batch" {
                    return Err(options.refused("norm", "only batch has a counterpart here"));
                }
                match options.text("netG", "unet")? {
                    "unet" => {
                        let levels = options.positive("num_downs", 8)?;
                        if !(2..=16).contains(&levels) {
                            return Err(options.refused("num_downs", "it must be from 2 to 16"));
                        }
                        Ok(ComparedConfig::Pix2PixUnet { width: width(64)?, levels })
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
            other => {
                let problem = format!("{other} has no counterpart here: there are pix2pix and pix2pixhd");
                Err(Error::Config { origin: ORIGIN.into(), problem })
            }
        }
    }

    /// What height and width of a picture must be multiples of.
    pub fn multiple(&self) -> usize {
        1 << match *self {
            ComparedConfig::Pix2PixUnet { levels, .. } => levels,
            ComparedConfig::Pix2PixResNet { .. } => 2,
            ComparedConfig::Pix2PixHd { halvings, .. } => halvings,
            ComparedConfig::Pix2PixHdLocal { halvings, enhancers, .. } => halvings + enhancers,
        }
    }
}

impl Options<'_> {
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
