//! The method: networks, losses, data, training, inference and checkpoints.
//!
//! | module | contents |
//! |---|---|
//! | [`config`] | configurations: every width, depth, factor and constant; the presets |
//! | [`nn`] | parameters by their published keys, layers, forward passes |
//! | [`networks`] | ASAP-Net, the baselines, discriminators, VGG19, Inception v3 |
//! | [`data`] | datasets on disk, synthetic facades and scenes, augmentation, batches |
//! | [`checkpoint`] | weights by their published keys: safetensors and `.pth` |
//! | [`training`] | one training step, its losses and optimizers; the trainer, run folder, validation, resuming |
//! | [`inference`] | images of any size from a trained generator |
//! | [`evaluation`] | generated images against real ones, by several [`measures`](evaluation::measures) |
//! | [`memory`] | how much memory a run needs, planned before it starts |
//! | [`verify`] | reference cases: the published code's values, recomputed |
//! | [`error`] | the one error type |

pub mod checkpoint;
pub mod config;
pub mod data;
pub mod error;
pub mod evaluation;
pub mod inference;
pub mod memory;
pub mod networks;
pub mod nn;
pub mod training;
pub mod verify;

pub use config::Config;
pub use error::{Error, Result};
pub use inference::{Translator, Variant};
pub use networks::{Discriminator, Generator};
pub use nn::{ForwardContext, Input, Target};
pub use training::Trainer;
pub use training::step::Gan;
