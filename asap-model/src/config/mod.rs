//! Configurations: every width, depth, factor and constant, read from TOML; the presets.
//!
//! A key is one field of a section: type, default, range and doc comment. Help texts, checks, reading and writing derive
//! from it.
//!
//! | file | contents |
//! |---|---|
//! | [`root`] | [`Config`]: all sections; reading and setting keys, checks across sections |
//! | [`schema`] | what a key is; the macros that define sections |
//! | [`data`] | `[data]`: dataset, sizes, augmentation |
//! | [`labels`], `label_keys` | [`LabelIds`]: from the ids of label maps to classes |
//! | [`classes`], `class_names`, [`palettes`] | names and colors of classes; those of public datasets |
//! | [`depth`] | [`DepthScale`]: what the levels of depth maps mean |
//! | [`values`] | [`ValueScale`]: what the values of image files mean; formats |
//! | [`generator`], [`kind`], [`generators`] | `[generator]`: the kinds of generators and their keys |
//! | [`discriminator`], [`augment`] | `[discriminator]`: the kinds of discriminators and their keys |
//! | [`training`] | `[loss]` and `[train]`; the learning-rate decay |
//! | `home` | [`expand_home`]: `~` in paths |
//! | `text` | TOML: reading, with the line of every error, and writing |
//! | `foreign` | settings by the names that other projects give them |
//! | `suggest` | the nearest known key to a misspelled one |
//! | `presets` | the shipped configurations of `configs/` |
//! | `published` | the published code's option names |

pub mod augment;
mod class_names;
pub mod classes;
pub mod data;
pub mod depth;
pub mod discriminator;
mod foreign;
pub mod generator;
pub mod generators;
mod home;
pub mod kind;
mod kinds;
mod label_keys;
pub mod labels;
pub mod palettes;
mod presets;
mod published;
pub mod root;
pub mod schema;
mod suggest;
mod text;
pub mod training;
pub mod values;

pub use augment::DiscriminatorAugmentation;
pub use classes::{ClassColors, ClassNames, hex};
pub use data::{DataConfig, Direction, InputKind, Layout, OutputKind, Resize};
pub use depth::DepthScale;
pub use discriminator::{DiscriminatorConfig, OasisConfig, PatchConfig};
pub use generator::GeneratorConfig;
pub use generators::asap_net::{AsapNetConfig, Padding, Seams};
pub use generators::pix2pix::{ResNetConfig, UnetConfig};
pub use generators::pix2pixhd::{Pix2PixHdConfig, Pix2PixHdLocalConfig};
pub use generators::spade::{CcFpseConfig, SpadeConfig};
pub use home::expand_home;
pub use labels::{IdList, IgnoreAs, LabelIds, Remap};
pub use palettes::Palette;
pub use root::Config;
pub use schema::Key;
pub use suggest::nearest_name;
pub use training::{LossConfig, TrainConfig, ValidationMeasure};
pub use values::{Alpha, FileFormat, Orientation, Ranges, ValueScale};
