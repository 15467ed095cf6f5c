//! CC-FPSE's generator (Liu et al. 2019, section 3): its image grows as SPADE's does, but the label map predicts a
//! convolution kernel for each pixel.

mod half;
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
use half::{Half, add_unused};
use pyramid::Pyramid;

#[derive(Clone, Debug)]
struct CcFpse {
    pyramid: Pyramid,
    growth: Growth<Half>,
}

impl Build for CcFpseConfig {
    /// Without a style encoder the published first convolution has 16·`width` channels for each pixel of the smallest
    /// size, which fits the block after it only if that is one pixel. Here it always has 16·`width`, like SPADE's.
    fn build<B: Backend>(&self, mut b: Builder<'_, B>, data: &DataConfig) -> Result<Arc<dyn Module<B>>> {
        let [width, hidden] = [self.channels, self.hidden].map(|width| scaled(width, self.width_factor));
        let pyramid = Pyramid::new(b.here(), data.lowres_channels(), width, self.doublings)?;
        let conditions = [data.lowres_channels() + width, hidden];
        let growth = Growth::new(b, data, conditions, width, self.doublings, |b, [inputs, outputs]| {
            add_unused(b, [inputs, outputs])?;
            Ok([Half::new(b, 1, conditions, [inputs, outputs])?, Half::new(b, 2, conditions, [outputs, outputs])?])
        })?;
        Ok(Arc::new(CcFpse { pyramid, growth }))
    }
}

impl<B: Backend> Module<B> for CcFpse {
    fn forward(&self, ctx: &ForwardContext<'_, B>, labels: &Input<B>) -> Result<Var<B>> {
        let features = self.pyramid.forward(ctx, labels)?;
        let conditions = |labels: &Input<B>, doubled: usize| labels.with(&features[doubled]);
        let half = |half: &Half, x: &Var<B>, conditions: &Input<B>| half.forward(ctx, x, conditions);
        self.growth.forward(ctx, labels, conditions, half)
    }
}
