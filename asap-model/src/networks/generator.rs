//! The generator that is configured.

use std::sync::Arc;

use asap_autograd::Var;
use asap_tensor::Backend;

use crate::config::generator::generators;
use crate::config::{DataConfig, GeneratorConfig};
use crate::nn::{Builder, ForwardContext, Initializer, Input, Module, Params};
use crate::{Error, Result};

/// The keys of one kind of generator, which build its network.
pub(super) trait Build {
    /// The network: labels or an image, (N, C, H, W), to an image in (−1, 1) of the same H and W.
    fn build<B: Backend>(&self, b: Builder<'_, B>, data: &DataConfig) -> Result<Arc<dyn Module<B>>>;
}

macro_rules! build_by_kind {
    ($($(#[doc = $doc:literal])* $name:literal => $variant:ident($config:ty) $(, paper $figures:expr)?;)*) => {
        impl Build for GeneratorConfig {
            fn build<B: Backend>(&self, b: Builder<'_, B>, data: &DataConfig) -> Result<Arc<dyn Module<B>>> {
                match self { $(GeneratorConfig::$variant(config) => config.build(b, data),)* }
            }
        }
    };
}
generators!(build_by_kind);

/// A generator: labels or an image to an image in (−1, 1).
#[derive(Clone, Debug)]
pub struct Generator<B: Backend> {
    /// Weights and buffers.
    pub params: Params<B>,
    network: Arc<dyn Module<B>>,
    /// Height and width must be multiples of this.
    multiple: usize,
}

impl<B: Backend> Generator<B> {
    /// The generator of the configured kind and sizes.
    pub fn new(backend: &B, config: &GeneratorConfig, data: &DataConfig, init: &mut dyn Initializer) -> Result<Self> {
        let (params, network) = Params::build(backend, init, |b| config.build(b, data))?;
        Ok(Generator { params, network, multiple: config.multiple() })
    }

    /// (N, C, H, W) labels or image → the image, (N, C, H, W). H and W must be multiples of
    /// [`GeneratorConfig::multiple`]; below [`GeneratorConfig::min_side`] reflection padding fails.
    pub fn forward(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        let [_, height, width] = x.sizes();
        if !height.is_multiple_of(self.multiple) || !width.is_multiple_of(self.multiple) {
            let problem = format!("height and width must be multiples of {}, not {height} and {width}", self.multiple);
            return Err(Error::Config { origin: "generator".into(), problem });
        }
        self.network.forward(ctx, x)
    }
}
