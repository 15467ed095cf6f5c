//! Quality of a generator: its images compared with the real ones of a dataset.
//!
//! | file | holds |
//! |---|---|
//! | `measure` | [`Measure`]: the list of measures |
//! | [`measures`] | the functions that compute them |
//! | `images` | [`Images`]: a generator and a dataset ([`GeneratorImages`]), or two folders ([`ImageFiles`]) |
//! | `features` | [`InceptionExtractor`]: the features that FID and KID compare; [`FeatureCache`] stores those of real images |
//! | [`segmenter`] | a segmentation network that recognizes the labels of generated images |
//! | `evaluate` | [`evaluate()`]: every measure over all images, as an [`Evaluation`] |

mod evaluate;
mod features;
mod images;
mod measure;
pub mod measures;
pub mod segmenter;

pub use evaluate::{DEFAULT_TILE, Evaluation, Options, Sizes, evaluate};
pub use features::{CachedExtractor, FeatureCache, FeatureExtractor, InceptionExtractor};
pub(crate) use images::HeldPairs;
pub use images::{EvalImage, GeneratorImages, ImageFiles, Images};
pub use measure::Measure;
