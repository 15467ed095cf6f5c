//! A segmentation network, trained on pairs of a dataset, that predicts the labels of images: how well it recognizes the
//! labels that images were generated from is a measure of them (Park et al. 2019, section 4, with networks of others).
//!
//! | file | holds |
//! |---|---|
//! | `network` | the U-Net |
//! | `file` | [`Segmenter`]: the network with what it was trained on, its file, its predictions |
//! | `train` | [`train()`]: how it is trained |
//! | `generated` | [`GeneratedPairs`]: label maps with generated images |

mod file;
mod generated;
mod network;
mod train;

pub use file::{LabelPredictor, Segmenter};
pub use generated::GeneratedPairs;
pub use train::{Progress, TrainOptions, train, validate};
