//! Spatially-adaptive normalization (Park et al. 2019): batch norm whose scale and bias at each pixel are convolutions of
//! the conditions.

use asap_autograd::Var;
use asap_tensor::Backend;

use crate::Result;
use crate::nn::{BatchNorm, Builder, Conv2d, ConvOptions, ForwardContext, Input};

/// Slope of the leaky ReLUs of SPADE and CC-FPSE.
pub(super) const SLOPE: f64 = 0.2;

#[derive(Clone, Debug)]
struct AdaptiveNorm {
    norm: BatchNorm,
    shared: Conv2d,
    scale: Conv2d,
    bias: Conv2d,
}

impl AdaptiveNorm {
    /// A norm of `channels` channels, with `hidden` channels between the conditions and scale and bias.
    fn new<B: Backend>(mut b: Builder<'_, B>, [conditions, hidden, channels]: [usize; 3]) -> Result<Self> {
        Ok(AdaptiveNorm {
            norm: BatchNorm::new(b.at("param_free_norm"), channels, false)?,
            shared: Conv2d::new(b.at("mlp_shared.0"), ConvOptions::new(conditions, hidden, 3))?,
            scale: Conv2d::new(b.at("mlp_gamma"), ConvOptions::new(hidden, channels, 3))?,
            bias: Conv2d::new(b.at("mlp_beta"), ConvOptions::new(hidden, channels, 3))?,
        })
    }

    fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Var<B>, conditions: &Input<B>) -> Result<Var<B>> {
        let hidden = self.shared.forward(ctx, conditions)?.relu()?;
        let scale = self.scale.forward(ctx, &hidden)?.affine(1.0, 1.0)?;
        let bias = self.bias.forward(ctx, &hidden)?;
        Ok(self.norm.forward(ctx, x)?.mul(&scale)?.add(&bias)?)
    }
}

/// An adaptive norm and the convolution after it, whose weight is spectrally normalized.
#[derive(Clone, Debug)]
pub(super) struct NormConv {
    norm: AdaptiveNorm,
    conv: Conv2d,
}

impl NormConv {
    /// A norm and convolution of the keys `norm_KEY` and `conv_KEY`. 1×1 convolutions have no bias.
    pub fn new<B: Backend>(
        b: &mut Builder<'_, B>,
        key: &str,
        [conditions, hidden]: [usize; 2],
        [inputs, outputs]: [usize; 2],
        kernel: usize,
    ) -> Result<Self> {
        let options = ConvOptions::new(inputs, outputs, kernel).bias(kernel > 1).spectral_norm(true);
        Ok(NormConv {
            norm: AdaptiveNorm::new(b.at(format!("norm_{key}")), [conditions, hidden, inputs])?,
            conv: Conv2d::new(b.at(format!("conv_{key}")), options)?,
        })
    }

    /// That of a skip connection, where channels change.
    pub fn shortcut<B: Backend>(
        b: &mut Builder<'_, B>,
        [conditions, hidden]: [usize; 2],
        [inputs, outputs]: [usize; 2],
    ) -> Result<Option<Self>> {
        (inputs != outputs).then(|| Self::new(b, "s", [conditions, hidden], [inputs, outputs], 1)).transpose()
    }

    /// (N, inputs, H, W) → (N, outputs, H, W) by conditions of the same H and W, with or without a leaky ReLU before the
    /// convolution.
    pub fn forward<B: Backend>(
        &self,
        ctx: &ForwardContext<'_, B>,
        x: &Var<B>,
        conditions: &Input<B>,
        activated: bool,
    ) -> Result<Var<B>> {
        let y = self.norm.forward(ctx, x, conditions)?;
        self.conv.forward(ctx, if activated { y.leaky_relu(SLOPE)? } else { y })
    }
}
