//! Building blocks of networks: parameters in one store, layers that refer to them, and forward passes.
//!
//! | file | contents |
//! |---|---|
//! | `params` | [`Params`]: every parameter and buffer by its published key; [`Builder`] |
//! | `init` | [`Initializer`]s, and the [`ParamRole`]s of parameters |
//! | `context` | [`ForwardContext`]: trainable or frozen, training or evaluation, updated buffers; [`Module`] |
//! | `input` | [`Input`]: labels or image channels, and edges |
//! | `target` | [`Target`]: real images, and which pixels count |
//! | `conv` | [`Conv2d`], [`ConvTranspose2d`] |
//! | `instance_norm`, `batch_norm`, `spectral_norm` | norms |
//! | `dropout` | [`Dropout`] |
//! | `noise` | [`Noise`] |
//! | `random` | [`Random`]: the random streams of a pass |

mod batch_norm;
mod context;
mod conv;
mod dropout;
mod init;
mod input;
mod instance_norm;
mod noise;
mod params;
mod random;
mod spectral_norm;
mod target;

pub use batch_norm::BatchNorm;
pub(crate) use context::is_finite;
pub use context::{Finished, ForwardContext, Module};
pub use conv::{Conv2d, ConvOptions, ConvTranspose2d};
pub use dropout::Dropout;
pub use init::{Blank, FillByName, Initializer, ParamRole, XavierNormal};
pub use input::Input;
pub use instance_norm::InstanceNorm;
pub use noise::Noise;
pub use params::{BufferUpdates, Builder, Param, ParamId, Params};
pub use random::Random;
pub use spectral_norm::SpectralNorm;
pub use target::Target;
