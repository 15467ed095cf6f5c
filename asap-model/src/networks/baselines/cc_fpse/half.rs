//! Half of a residual block, with a kernel for each pixel predicted from the conditions (Liu et al. 2019, 3.1).

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::pixel_conv::TAPS;

use super::super::adaptive_norm::SLOPE;
use crate::Result;
use crate::nn::{BatchNorm, Builder, Conv2d, ConvOptions, ForwardContext, Input, ParamRole};

/// Two convolutions that predict values for each pixel from its conditions.
#[derive(Clone, Debug)]
struct Predictor([Conv2d; 2]);

impl Predictor {
    fn new<B: Backend>(mut b: Builder<'_, B>, [conditions, hidden, outputs]: [usize; 3]) -> Result<Self> {
        Ok(Predictor([
            Conv2d::new(b.at(0), ConvOptions::new(conditions, hidden, 3))?,
            Conv2d::new(b.at(2), ConvOptions::new(hidden, outputs, 3))?,
        ]))
    }

    fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, conditions: &Input<B>) -> Result<Var<B>> {
        let [first, second] = &self.0;
        second.forward(ctx, first.forward(ctx, conditions)?.relu()?)
    }
}

/// Batch norm, a convolution with each pixel's own kernels, one that mixes the channels, and gates.
#[derive(Clone, Debug)]
pub(super) struct Half {
    norm: BatchNorm,
    kernels: Predictor,
    mix: Conv2d,
    gates: Predictor,
}

impl Half {
    /// Half `number`, 1 or 2, of a block, with `hidden` channels between the conditions and what they predict.
    pub fn new<B: Backend>(
        b: &mut Builder<'_, B>,
        number: usize,
        [conditions, hidden]: [usize; 2],
        [inputs, outputs]: [usize; 2],
    ) -> Result<Self> {
        Ok(Half {
            norm: BatchNorm::new(b.at(format!("norm_{number}")), inputs, true)?,
            kernels: Predictor::new(b.at(format!("gen_weights{number}")), [conditions, hidden, TAPS * inputs])?,
            // The published numbering includes the convolutions with predicted kernels.
            mix: Conv2d::new(b.at(format!("conv_{}", 2 * number - 1)), ConvOptions::new(inputs, outputs, 1))?,
            gates: Predictor::new(b.at(format!("gen_se_weights{number}")), [conditions, hidden, outputs])?,
        })
    }

    /// (N, inputs, H, W) → (N, outputs, H, W) by conditions of the same H and W.
    pub fn forward<B: Backend>(
        &self,
        ctx: &ForwardContext<'_, B>,
        x: &Var<B>,
        conditions: &Input<B>,
    ) -> Result<Var<B>> {
        let y = self.norm.forward(ctx, x)?;
        let y = y.pixel_conv(&self.kernels.forward(ctx, conditions)?)?;
        let y = self.mix.forward(ctx, y)?;
        let gates = self.gates.forward(ctx, conditions)?.sigmoid()?;
        Ok(y.mul(&gates)?.leaky_relu(SLOPE)?)
    }
}

/// Adds the parameters of norms that the published code creates but never uses; its checkpoints contain them.
pub(super) fn add_unused<B: Backend>(b: &mut Builder<'_, B>, [inputs, outputs]: [usize; 2]) -> Result<()> {
    for (key, channels) in [("conv_0.norm_layer", inputs), ("norm_0", outputs), ("conv_2.norm_layer", outputs)] {
        let mut b = b.at(key);
        for own in ["weight", "bias", "running_mean", "running_var"] {
            b.param(own, &[channels], ParamRole::Unused)?;
        }
        b.param("num_batches_tracked", &[], ParamRole::BatchCount)?;
    }
    Ok(())
}
