//! The method: layers, networks, losses, optimiser, data, checkpoints and the trainer.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | every width, depth, factor and constant, read from TOML; the presets |
//! | [`data`] | data sets on disk, the synthetic facades, augmentation, batches |
//! | [`checkpoint`] | weights by their published names: safetensors and `.pth` |
//! | [`error`] | the one error type |

pub mod checkpoint;
pub mod config;
pub mod data;
pub mod error;

pub use error::{Error, Result};
