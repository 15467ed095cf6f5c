//! The generator that is configured: ASAP-Net's, or one that the paper compares with.
//!
//! | file | holds |
//! |---|---|
//! | `asap_net` | [`AsapNet`]: the paper's generator |
//! | `downsample` | the fixed filter that shrinks a label map |
//! | `lowres_stream` | the convolutions that predict each tile's parameters |
//! | `plain` | the pixelwise MLPs as plain ops, which the fused one must equal |
//!
//! The compared ones are in [`compared`](crate::compared).

mod asap_net;
mod downsample;
mod lowres_stream;
mod plain;

pub use asap_net::AsapNet;
pub use downsample::downsample;
pub use lowres_stream::LowresStream;
pub use plain::plain_pixel_mlp;

use asap_autograd::Var;
use asap_tensor::Backend;

use crate::Result;
use crate::compared::Compared;
use crate::condition::Condition;
use crate::config::{DataConfig, GeneratorConfig};
use crate::network::{Binding, Initialiser, Network, Parameter};

/// Labels or an image in, an image in (−1, 1) out.
#[derive(Clone, Debug)]
pub enum Generator<B: Backend> {
    /// ASAP-Net's.
    Asap(AsapNet<B>),
    /// One that the paper compares with.
    Compared(Compared<B>),
}

impl<B: Backend> Generator<B> {
    /// The generator of the configured kind and sizes.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(backend: &B, config: &GeneratorConfig, data: &DataConfig, init: &mut dyn Initialiser) -> Result<Self> {
        Ok(match config {
            GeneratorConfig::Asap(asap) => Generator::Asap(AsapNet::new(backend, asap, data, init)?),
            baseline => {
                let channels = [data.lowres_channels(), data.output_channels()];
                Generator::Compared(Compared::new(backend, baseline, channels, init)?)
            }
        })
    }

    /// (N, C, H, W) labels or image → the picture, (N, C, H, W). H and W are multiples of [`GeneratorConfig::multiple`],
    /// and at least [`GeneratorConfig::min_side`].
    ///
    /// # Errors
    /// If the size or the channels do not fit, or a kernel fails.
    pub fn forward(&self, binding: &Binding<B>, condition: &Condition<B>) -> Result<Var<B>> {
        match self {
            Generator::Asap(asap) => asap.forward(binding, condition),
            Generator::Compared(compared) => compared.forward(binding, condition),
        }
    }
}

impl<B: Backend> Network<B> for Generator<B> {
    fn parameters(&self) -> Vec<&Parameter<B>> {
        match self {
            Generator::Asap(asap) => asap.parameters(),
            Generator::Compared(compared) => compared.parameters(),
        }
    }

    fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        match self {
            Generator::Asap(asap) => asap.parameters_mut(),
            Generator::Compared(compared) => compared.parameters_mut(),
        }
    }
}
