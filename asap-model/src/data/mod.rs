//! Data sets on disk, synthetic pictures, augmentation, batches: all in host memory.
//!
//! What is read and how it is prepared is [`DataConfig`](crate::config::DataConfig), the `[data]` section of the configuration.
//!
//! | file | holds |
//! |---|---|
//! | `layout` | which files of a folder make pairs: [`detect_layout`], [`discover_inputs`] |
//! | `decode` | [`read_photo`], [`read_labels`], [`read_instances`], [`read_depth`]; the same from bytes |
//! | `encode` | a network's output as a picture or depth map; PNG files, whole or not there |
//! | `depth_colours` | [`depth_colours()`]: a depth map as people see it best |
//! | `plane` | [`Plane`], [`Picture`]: pixels; padding; [`instance_edges`] |
//! | `resize` | [`resize_image`] and [`resize_labels`], as Pillow's bicubic and nearest |
//! | `dataset` | [`Source`], and [`DataSet`], which reads a folder |
//! | `augment` | order, crops and flips from (seed, epoch, index) |
//! | `sample` | [`prepare`]: from a [`Raw`] picture to a [`Sample`]; [`Batch`] |
//! | `device` | batches moved to the device |
//! | `loader` | [`Loader`]: batches from other threads, in a fixed order |
//! | `check` | [`check()`]: names every fault of a data set |
//! | [`synthetic`] | facades of houses that never stood anywhere, and scenes with their depths, from a seed |
//! | `generated` | [`SyntheticFacades`] and [`SyntheticScenes`]: the [`Source`]s of those |
//! | `fault` | [`Fault`]: what is wrong with a file |
//!
//! # Ids
//!
//! A label map holds ids from 0 to `classes - 1`; anything else is an error, 255 too. (The published code turns 255 into one class more.
//! Cityscapes' own `labelIds` never hold it: classes with a negative id are not drawn in them.)

mod augment;
mod check;
mod dataset;
mod decode;
mod depth_colours;
mod device;
mod encode;
mod fault;
mod generated;
mod layout;
mod loader;
mod plane;
mod resize;
mod sample;
pub mod synthetic;

pub use augment::{Draw, epoch_order};
pub use check::{ClassCount, DepthCount, Report, check};
pub use dataset::{DataSet, Raw, RawInput, Source, read_input, read_target};
pub use decode::{
    MAX_SIDE, instances_of, labels_of, photo_of, read_depth, read_instances, read_labels, read_photo, read_picture,
};
pub use depth_colours::depth_colours;
pub use encode::{to_depth_map, to_rgb8, write_gray8, write_gray16, write_instances, write_labels, write_rgb};
pub use fault::Fault;
pub use generated::{SyntheticFacades, SyntheticScenes};
pub use layout::{InputFiles, Pair, Split, detect_layout, discover_inputs, is_split};
pub(crate) use loader::HELD_BY_EACH_WORKER;
pub use loader::{Loader, LoaderOptions, Purpose, batches_per_epoch};
pub use plane::{InstanceMap, LabelMap, Picture, Plane, RgbImage, instance_edges};
pub use resize::{resize_image, resize_labels, resize_nearest, resize_picture};
pub use sample::{Batch, InputData, Sample, prepare};
