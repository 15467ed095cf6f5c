//! The layers that the networks are made of.

mod batch_norm;
mod conv_block;
mod spectral;
mod stack;

pub use batch_norm::BatchNorm;
pub use conv_block::{ConvBlock, INSTANCE_NORM_EPSILON};
pub use spectral::SpectralWeight;
pub use stack::{Labels, Stack};
