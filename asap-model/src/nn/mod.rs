//! What networks are made of: parameters in one store, layers that hold their places in it, and forward passes.
//!
//! | file | holds |
//! |---|---|
//! | `params` | [`Params`]: every parameter and buffer by its published key; [`Builder`] |
//! | `init` | [`Initializer`]s, and the [`Kind`]s of parameters |
//! | `context` | [`ForwardContext`]: trainable or frozen, training or evaluation, updated buffers |
//! | `input` | [`Input`]: labels or image channels, and edges |
//! | `target` | [`Target`]: real images, and which pixels count |
//! | `module` | [`Module`]: a network of which only the forward pass is known |
//! | `conv` | [`Conv2d`], [`ConvTranspose2d`] |
//! | `instance_norm`, `batch_norm`, `spectral_norm` | norms |
//! | `dropout` | [`Dropout`] |

mod batch_norm;
mod context;
mod conv;
mod dropout;
mod init;
mod input;
mod instance_norm;
mod module;
mod params;
mod spectral_norm;
mod target;

pub use batch_norm::BatchNorm;
pub(crate) use context::is_finite;
pub use context::{Finished, ForwardContext};
pub use conv::{Conv2d, ConvOptions, ConvTranspose2d};
pub use dropout::Dropout;
pub use init::{Blank, FillByName, Initializer, Kind, XavierNormal};
pub use input::{Input, Pixels};
pub use instance_norm::InstanceNorm;
pub use module::Module;
pub use params::{Builder, Param, ParamId, Params, Updates};
pub use spectral_norm::SpectralNorm;
pub use target::Target;
