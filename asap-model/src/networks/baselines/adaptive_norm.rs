//! Spatially-adaptive normalization (Park et al. 2019): batch norm whose scale and bias at each pixel are convolutions of
//! the conditions.

use asap_autograd::Var;
use asap_tensor::Backend;

use crate::Result;
use crate::nn::{BatchNorm, Builder, Conv2d, ConvOptions, ForwardContext, Input};

/// The norm.
#[derive(Clone, Debug)]
pub(super) struct AdaptiveNorm {
    norm: BatchNorm,
    shared: Conv2d,
    scale: Conv2d,
    bias: Conv2d,
}

impl AdaptiveNorm {
    /// Of `channels` channels by `conditions` others, by way of `hidden` ones.
    pub fn new<B: Backend>(mut b: Builder<'_, B>, [conditions, hidden, channels]: [usize; 3]) -> Result<Self> {
        Ok(AdaptiveNorm {
            norm: BatchNorm::new(b.at("param_free_norm"), channels, false)?,
            shared: Conv2d::new(b.at("mlp_shared.0"), ConvOptions::new(conditions, hidden, 3))?,
            scale: Conv2d::new(b.at("mlp_gamma"), ConvOptions::new(hidden, channels, 3))?,
            bias: Conv2d::new(b.at("mlp_beta"), ConvOptions::new(hidden, channels, 3))?,
        })
    }

    /// (N, C, H, W) by conditions of the same H and W.
    pub fn forward<B: Backend>(
        &self,
        ctx: &ForwardContext<'_, B>,
        x: &Var<B>,
        conditions: &Input<B>,
    ) -> Result<Var<B>> {
        let hidden = self.shared.forward(ctx, conditions)?.relu()?;
        let scale = self.scale.forward(ctx, &hidden)?.affine(1.0, 1.0)?;
        let bias = self.bias.forward(ctx, &hidden)?;
        Ok(self.norm.forward(ctx, x)?.mul(&scale)?.add(&bias)?)
    }
}
