//! The generator that is configured.

use std::sync::Arc;

use asap_autograd::Var;
use asap_tensor::Backend;

use super::asap_net::AsapNet;
use super::baselines;
use crate::Result;
use crate::config::{DataConfig, GeneratorConfig};
use crate::nn::{ForwardContext, Initializer, Input, Module, Params};

/// A generator: labels or an image to an image in (−1, 1).
#[derive(Clone, Debug)]
pub struct Generator<B: Backend> {
    /// Weights and buffers.
    pub params: Params<B>,
    network: Arc<dyn Module<B>>,
}

impl<B: Backend> Generator<B> {
    /// The generator of the configured kind and sizes.
    ///
    /// # Errors
    /// Those of the initializer.
    pub fn new(backend: &B, config: &GeneratorConfig, data: &DataConfig, init: &mut dyn Initializer) -> Result<Self> {
        let GeneratorConfig::Asap(asap) = config else {
            return Self::baseline(backend, config, [data.lowres_channels(), data.output_channels()], init);
        };
        let (params, network) = Params::build(backend, init, |b| AsapNet::new(b, asap, data))?;
        Ok(Generator { params, network: Arc::new(network) })
    }

    /// A baseline of these sizes, from the channels of labels or image and edges to those of the output.
    ///
    /// # Errors
    /// Those of the initializer.
    pub fn baseline(
        backend: &B,
        config: &GeneratorConfig,
        channels: [usize; 2],
        init: &mut dyn Initializer,
    ) -> Result<Self> {
        let (params, network) = Params::build(backend, init, |b| baselines::build(b, config, channels))?;
        Ok(Generator { params, network })
    }

    /// (N, C, H, W) labels or image → the image, (N, C, H, W). H and W are multiples of [`GeneratorConfig::multiple`],
    /// and at least [`GeneratorConfig::min_side`].
    ///
    /// # Errors
    /// If the size or the channels do not fit.
    pub fn forward(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        self.network.forward(ctx, x)
    }
}
