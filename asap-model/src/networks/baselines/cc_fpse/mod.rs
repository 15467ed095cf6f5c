//! CC-FPSE's generator (Liu et al. 2019, section 3): its image grows as SPADE's does, but the label map predicts a
//! convolution kernel for each pixel.

mod block;
mod pyramid;

use std::sync::Arc;

use asap_autograd::Var;
use asap_tensor::Backend;

use super::super::generator::Build;
use super::growth::Growth;
use crate::Result;
use crate::config::kind::scaled;
use crate::config::{CcFpseConfig, DataConfig};
use crate::nn::{Builder, ForwardContext, Input, Module};
use block::Block;
use pyramid::Pyramid;

#[derive(Clone, Debug)]
struct CcFpse {
    pyramid: Pyramid,
    growth: Growth<Block>,
}

impl Build for CcFpseConfig {
    /// Without a style encoder the published first convolution has 16·`width` channels for each pixel of the smallest
    /// size, which fits the block after it only if that is one pixel. Here it always has 16·`width`, like SPADE's.
    fn build<B: Backend>(&self, mut b: Builder<'_, B>, data: &DataConfig) -> Result<Arc<dyn Module<B>>> {
        let ([width, hidden], inputs) =
            ([self.channels, self.hidden].map(|width| scaled(width, self.width_factor)), data.lowres_channels());
        let pyramid = Pyramid::new(b.here(), inputs, width, self.doublings)?;
        let block = |b: Builder<'_, B>, channels| Block::new(b, [inputs + width, hidden], channels);
        let growth = Growth::new(b, data, width, self.doublings, block)?;
        Ok(Arc::new(CcFpse { pyramid, growth }))
    }
}

impl<B: Backend> Module<B> for CcFpse {
    fn forward(&self, ctx: &ForwardContext<'_, B>, labels: &Input<B>) -> Result<Var<B>> {
        let features = self.pyramid.forward(ctx, labels)?;
        self.growth
            .forward(ctx, labels, |block, y, labels, doubled| block.forward(ctx, y, &labels.with(&features[doubled])?))
    }
}
