//! SPADE's generator (Park et al. 2019, section 3 and appendix A): features of a few pixels, doubled again and again,
//! with norms at every size that are conditioned on the label map.

use std::sync::Arc;

use asap_autograd::Var;
use asap_tensor::Backend;

use super::super::generator::Build;
use super::adaptive_norm::NormConv;
use super::growth::Growth;
use crate::Result;
use crate::config::kind::scaled;
use crate::config::{DataConfig, SpadeConfig};
use crate::nn::{Builder, ForwardContext, Input, Module};

#[derive(Clone, Debug)]
struct Spade(Growth<NormConv>);

impl Build for SpadeConfig {
    fn build<B: Backend>(&self, b: Builder<'_, B>, data: &DataConfig) -> Result<Arc<dyn Module<B>>> {
        let [width, hidden] = [self.channels, self.hidden].map(|width| scaled(width, self.width_factor));
        let conditions = [data.lowres_channels(), hidden];
        let growth = Growth::new(b, data, conditions, width, self.doublings, |b, [inputs, outputs]| {
            let between = inputs.min(outputs);
            Ok([
                NormConv::new(b, "0", conditions, [inputs, between], 3)?,
                NormConv::new(b, "1", conditions, [between, outputs], 3)?,
            ])
        });
        Ok(Arc::new(Spade(growth?)))
    }
}

impl<B: Backend> Module<B> for Spade {
    fn forward(&self, ctx: &ForwardContext<'_, B>, labels: &Input<B>) -> Result<Var<B>> {
        let part = |conv: &NormConv, x: &Var<B>, labels: &Input<B>| conv.forward(ctx, x, labels, true);
        self.0.forward(ctx, labels, |labels, _| Ok(labels.clone()), part)
    }
}
