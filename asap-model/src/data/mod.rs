//! Datasets on disk, synthetic data, augmentation and batches, in host memory.
//!
//! [`DataConfig`](crate::config::DataConfig), the `[data]` section of the configuration, says what is read and how it is prepared.
//!
//! | file | contents |
//! |---|---|
//! | `files` | [`list_images`]: the image files of a folder, and what else it contains |
//! | `names` | the names by which the files of a pair are matched |
//! | `layout` | how a dataset's layout is recognized, and where its files are: [`detect_layout`] |
//! | `direction`, `sides` | which of the sides A and B is the input: [`direction`](direction()) |
//! | `scan` | which files of a dataset belong together, and what is missing: [`discover_inputs`] |
//! | `decode` | [`read_image`], [`read_photo`], [`read_instances`]; the same from bytes |
//! | `array` | [`ReadOptions`]: a decoded file as an image or as ids |
//! | `tiff`, `npy` | these formats |
//! | `labels`, `label_hint` | [`read_labels`]: from ids to classes; [`LabelHint`]: which keys help if that fails |
//! | `label_colors` | color-coded label maps, read by `data.colors` |
//! | `whole`, `jpeg` | whether an image file is damaged |
//! | `encode` | a network's output as an image; [`write_image`]: files, written atomically |
//! | `write_pair` | [`write_pair()`]: a pair as files of a dataset |
//! | `view` | images of any channels, and depth maps, to look at |
//! | `depth_colors` | [`depth_colors()`]: depth maps in color |
//! | `pixels` | [`Image`]: any number of channels, with the values of its file |
//! | `plane` | [`Plane`]: pixels, padding; [`instance_edges`] |
//! | `resize` | [`resize_image`], [`resize_nearest`]: bicubic and nearest, as Pillow |
//! | `example` | [`Example`]: an input ([`HostInput`]) with its target, in host memory; [`Batch`] |
//! | `dataset` | [`Source`]; [`Dataset`], which reads a folder |
//! | `sizing` | [`Sizing`]: how examples get their size outside training |
//! | `augment` | order, crops and flips, functions of (seed, epoch, index) |
//! | `mask` | which pixels of a pair count |
//! | `device` | inputs and targets copied to the device |
//! | `loader` | [`Loader`]: batches prepared on other threads, in a fixed order |
//! | `detect` | [`detect()`]: what a dataset is; [`count_classes`] |
//! | `check`, `counts` | [`check()`]: reports every problem of a dataset; [`survey`]: what its files contain |
//! | `facts`, `remembered` | what the files of a pair contain, and the memory of earlier checks |
//! | [`synthetic`] | generated facades with labels, and scenes with depth |
//! | `found` | [`find_values`]: ranges and formats that the training images determine |
//! | `generated` | [`Synthetic`]: their [`Source`] |
//! | `problem` | [`Problem`]: what is wrong with a file |
//!
//! # Ids
//!
//! A label map contains ids from 0 to `classes - 1`, after `data.remap`; anything else is an error, 255 too, unless `data.ignore`
//! names it. Ignored ids are an extra class behind the others, as in the published code.
//!
//! The id is the raw value of a gray or palette PNG, whatever colors its palette has. An RGB PNG is read by `data.colors`: each pixel
//! must have the exact color of a class; a color that several classes of a public dataset have is the first one's.

mod array;
mod augment;
mod check;
mod counts;
mod dataset;
mod decode;
mod depth_colors;
mod detect;
mod device;
mod direction;
mod encode;
mod example;
mod facts;
mod files;
mod found;
mod generated;
mod jpeg;
mod label_colors;
mod label_hint;
mod labels;
mod layout;
mod loader;
mod mask;
mod names;
mod npy;
mod pixels;
mod plane;
mod problem;
mod remembered;
mod resize;
mod scan;
mod sides;
mod sizing;
pub mod synthetic;
mod tiff;
mod view;
mod whole;
mod write_pair;

pub use array::ReadOptions;
pub use augment::{Augmentation, epoch_order};
pub use check::{CheckOptions, Report, Survey, check, survey};
pub use counts::{ClassCount, DepthCount};
pub use dataset::{Dataset, Source, read_target};
pub use decode::{MAX_SIDE, image_of, instances_of, photo_of, read_image, read_instances, read_photo};
pub use depth_colors::depth_colors;
pub use detect::{Detected, ImageKind, count_classes, detect, detect_as};
pub use direction::direction;
pub use encode::{write_image, write_instances, write_labels, write_rgb};
pub use example::{Batch, Channels, Example, HostInput};
pub use facts::PairPrint;
pub use files::{Listing, Skipped, extensions, image_files, list_images, possible_names};
pub use found::find_values;
pub use generated::Synthetic;
pub use label_hint::LabelHint;
pub use labels::{IdCount, labels_of, read_labels};
pub use layout::{ExampleFiles, Split, detect_layout, is_split, layout_for};
pub(crate) use loader::HELD_BY_EACH_WORKER;
pub use loader::{Loader, LoaderOptions, Purpose, batches_per_epoch};
pub use names::{Naming, Role, matching_names, name_below, naming};
pub use pixels::{Image, Samples};
pub use plane::{InstanceMap, LabelMap, Plane, RgbImage, instance_edges};
pub use problem::Problem;
pub use resize::{resize_image, resize_nearest};
pub use scan::{Found, discover_inputs};
pub use sizing::Sizing;
pub use write_pair::{has_pair, write_pair, written_data};
