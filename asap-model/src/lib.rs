//! The method: layers, networks, losses, optimiser, data, checkpoints and the trainer.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | every width, depth, factor and constant, read from TOML; the presets |
//! | [`condition`] | what the networks are given: labels or an image, and instance edges |
//! | [`generator`] | the low-resolution stream and the pixelwise MLPs |
//! | [`compared`] | the generators that the paper compares with: pix2pix, pix2pixHD, SPADE, CC-FPSE |
//! | [`discriminator`] | PatchGANs at several scales |
//! | [`vgg`] | the layers of VGG19 that the perceptual loss needs |
//! | [`layers`], [`network`] | what networks are made of, and what they share: parameters, how they start |
//! | [`inception`] | the Inception v3 whose features the Fréchet inception distance compares |
//! | [`losses`], [`optimiser`], [`round`](mod@round) | the losses, Adam, one round of training |
//! | [`mask`] | which pixels of depth maps were measured, and count in the losses |
//! | [`data`] | data sets on disk, synthetic facades and scenes, augmentation, batches |
//! | [`checkpoint`] | weights by their published names: safetensors and `.pth` |
//! | [`training`] | the training loop, schedule, run folder, validation, resuming |
//! | [`translate`] | inference: pictures of any size from a trained generator |
//! | [`evaluation`] | how good a generator is: its pictures against real ones, by its [`measures`](evaluation::measures) |
//! | [`memory`] | how much memory a run will take, before it takes it |
//! | [`verify`] | reference cases: the published code's numbers, computed again |
//! | [`atomic`] | files that are never half written |
//! | [`error`] | the one error type |

pub mod atomic;
pub mod checkpoint;
pub mod compared;
pub mod condition;
pub mod config;
pub mod data;
pub mod discriminator;
mod divergence;
pub mod error;
pub mod evaluation;
pub mod generator;
pub mod inception;
pub mod layers;
pub mod losses;
pub mod mask;
pub mod memory;
pub mod network;
pub mod optimiser;
pub mod round;
pub mod training;
pub mod translate;
pub mod verify;
pub mod vgg;

pub use compared::Compared;
pub use condition::Condition;
pub use config::Config;
pub use discriminator::Discriminator;
pub use error::{Error, Result};
pub use generator::Generator;
pub use mask::Mask;
pub use network::{Binding, Network};
pub use round::Game;
pub use training::Trainer;
pub use translate::Translator;
