//! Spatially-adaptive normalization (Park et al. 2019) and the convolution after it.

use asap_autograd::Var;
use asap_tensor::Backend;

use crate::Result;
use crate::nn::{BatchNorm, Builder, Conv2d, ConvOptions, ForwardContext, Input};

/// Slope of the leaky ReLUs of SPADE and CC-FPSE.
pub(super) const SLOPE: f64 = 0.2;

/// Batch norm whose scale and bias at each pixel are convolutions of the conditions, and a spectrally normalized
/// convolution.
#[derive(Clone, Debug)]
pub(super) struct NormConv {
    norm: BatchNorm,
    shared: Conv2d,
    scale: Conv2d,
    bias: Conv2d,
    conv: Conv2d,
}

impl NormConv {
    /// The keys are `norm_KEY` and `conv_KEY`. Between the conditions and scale and bias are `hidden` channels. 1×1
    /// convolutions have no bias.
    pub fn new<B: Backend>(
        b: &mut Builder<'_, B>,
        key: &str,
        [conditions, hidden]: [usize; 2],
        [inputs, outputs]: [usize; 2],
        kernel: usize,
    ) -> Result<Self> {
        let mut norm = b.at(format!("norm_{key}"));
        Ok(NormConv {
            norm: BatchNorm::new(norm.at("param_free_norm"), inputs, false)?,
            shared: Conv2d::new(norm.at("mlp_shared.0"), ConvOptions::new(conditions, hidden, 3))?,
            scale: Conv2d::new(norm.at("mlp_gamma"), ConvOptions::new(hidden, inputs, 3))?,
            bias: Conv2d::new(norm.at("mlp_beta"), ConvOptions::new(hidden, inputs, 3))?,
            conv: Conv2d::new(
                b.at(format!("conv_{key}")),
                ConvOptions::new(inputs, outputs, kernel).bias(kernel > 1).spectral_norm(true),
            )?,
        })
    }

    /// (N, inputs, H, W) → (N, outputs, H, W) by conditions of the same H and W, with or without a leaky ReLU before
    /// the convolution.
    pub fn forward<B: Backend>(
        &self,
        ctx: &ForwardContext<'_, B>,
        x: &Var<B>,
        conditions: &Input<B>,
        activated: bool,
    ) -> Result<Var<B>> {
        let hidden = self.shared.forward(ctx, conditions)?.relu()?;
        let scale = self.scale.forward(ctx, &hidden)?.affine(1.0, 1.0)?;
        let bias = self.bias.forward(ctx, &hidden)?;
        let y = self.norm.forward(ctx, x)?.mul(&scale)?.add(&bias)?;
        drop((hidden, scale, bias));
        self.conv.forward(ctx, if activated { y.leaky_relu(SLOPE)? } else { y })
    }
}
