//! Every width, depth, factor and constant, read from TOML; the presets.
//!
//! | file | holds |
//! |---|---|
//! | [`data`] | `[data]`: which pairs, at which size, with which augmentation |
//! | [`depth`] | [`DepthScale`]: what the levels of depth maps mean |
//! | [`networks`] | `[generator]` and `[discriminator]`: widths, depths, factors |
//! | [`compared`] | the generators that the paper compares with |
//! | [`training`] | `[loss]` and `[train]`: weights of the losses, rates, lengths; the learning rate's decay |
//! | [`keys`] | every key with its explanation; the nearest known key to a misspelt one |
//! | `text` | reading from TOML text with the line of every fault, `KEY=VALUE`, writing back |
//! | `validate` | the range of every value, and which values must agree |
//! | `presets` | the shipped configurations of `configs/` |
//! | `starter` | every key, explained, with its default |
//! | `published` | the published code's option names |

pub mod compared;
pub mod data;
pub mod depth;
pub mod keys;
pub mod networks;
mod presets;
mod published;
mod starter;
mod text;
pub mod training;
mod validate;

pub use compared::ComparedConfig;
pub use data::{DataConfig, Input, Layout, Output, Resize};
pub use depth::DepthScale;
pub use networks::{DiscriminatorConfig, GeneratorConfig, GeneratorKind, Padding};
pub use training::{LossConfig, TrainConfig};

use serde::{Deserialize, Serialize};

/// A whole training configuration; the defaults are the paper's for facades at 256×256.
///
/// ```
/// use asap_model::config::Config;
/// let mut config = Config::preset("facades-512")?;
/// config.set("train.batch=4")?;
/// config.validate()?;
/// assert_eq!((config.generator.tile, config.train.batch), (32, 4));
/// # Ok::<(), asap_model::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which pairs, at which size, with which augmentation.
    pub data: DataConfig,
    /// The generator's widths, depths and factors.
    pub generator: GeneratorConfig,
    /// The discriminators' scales, widths and depths.
    pub discriminator: DiscriminatorConfig,
    /// The weight of each loss.
    pub loss: LossConfig,
    /// Learning rates, lengths, seeds, how often to save.
    pub train: TrainConfig,
}
