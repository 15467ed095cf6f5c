//! SPADE's generator (Park et al. 2019, section 3 and appendix A): features of a few pixels, doubled again and again, with
//! norms at every size that are conditioned on the label map.

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

/// A residual block.
#[derive(Clone, Debug)]
struct Block {
    name: String,
    convs: [NormConv; 2],
    /// On the skip connection.
    shortcut: Option<NormConv>,
}

impl Block {
    /// From `inputs` to `outputs` channels, with `hidden` channels between the labels and scales and biases.
    fn new<B: Backend>(
        mut b: Builder<'_, B>,
        [labels, hidden]: [usize; 2],
        [inputs, outputs]: [usize; 2],
    ) -> Result<Self> {
        let between = inputs.min(outputs);
        Ok(Block {
            name: b.path().to_owned(),
            convs: [
                NormConv::new(&mut b, "0", [labels, hidden], [inputs, between], 3)?,
                NormConv::new(&mut b, "1", [labels, hidden], [between, outputs], 3)?,
            ],
            shortcut: NormConv::shortcut(&mut b, [labels, hidden], [inputs, outputs])?,
        })
    }

    fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Var<B>, labels: &Input<B>) -> Result<Var<B>> {
        ctx.layer(&self.name, || {
            let skip = match &self.shortcut {
                Some(shortcut) => shortcut.forward(ctx, x, labels, false)?,
                None => x.clone(),
            };
            let mut y = x.clone();
            for conv in &self.convs {
                y = conv.forward(ctx, &y, labels, true)?;
            }
            Ok(skip.add(&y)?)
        })
    }
}

#[derive(Clone, Debug)]
struct Spade(Growth<Block>);

impl Build for SpadeConfig {
    fn build<B: Backend>(&self, b: Builder<'_, B>, data: &DataConfig) -> Result<Arc<dyn Module<B>>> {
        let ([width, hidden], labels) =
            ([self.channels, self.hidden].map(|width| scaled(width, self.width_factor)), data.lowres_channels());
        let block = |b: Builder<'_, B>, channels| Block::new(b, [labels, hidden], channels);
        Ok(Arc::new(Spade(Growth::new(b, data, width, self.doublings, block)?)))
    }
}

impl<B: Backend> Module<B> for Spade {
    fn forward(&self, ctx: &ForwardContext<'_, B>, labels: &Input<B>) -> Result<Var<B>> {
        self.0.forward(ctx, labels, |block, y, labels, _| block.forward(ctx, y, labels))
    }
}
