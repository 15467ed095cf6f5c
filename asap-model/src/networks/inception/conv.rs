//! Convolution, batch norm and ReLU, with the batch norm folded into the convolution.

use asap_tensor::ops::{Conv2d, Pad, PadMode, Unary, conv2d, pad2d, unary};
use asap_tensor::{Backend, Tensor};

use crate::Result;
use crate::nn::{Builder, ForwardContext, ParamId, ParamRole};

/// ε of the batch norms (published code).
const EPS: f64 = 1e-3;

/// A convolution whose weight and bias include the batch norm after it.
#[derive(Clone, Debug)]
pub(super) struct ConvRelu {
    weight: ParamId,
    bias: ParamId,
    args: Conv2d,
    /// Padding that is not the same on all sides.
    pad: Option<Pad>,
}

impl ConvRelu {
    /// The convolution of the key `conv` from `inputs` to `outputs` channels, padded by `rows` and `columns` of zeros,
    /// followed by the batch norm `bn` in evaluation: with s = γ / √(σ² + ε), the weight is multiplied by s and the
    /// bias is β − μ·s, computed in double precision.
    pub fn new<B: Backend>(
        mut b: Builder<'_, B>,
        [inputs, outputs]: [usize; 2],
        [height, width]: [usize; 2],
        stride: usize,
        [rows, columns]: [usize; 2],
    ) -> Result<Self> {
        let shape = [outputs, inputs, height, width];
        let weight = b.values("conv.weight", &shape, ParamRole::Weight)?;
        let mut norm = |key: &str, kind| b.values(&format!("bn.{key}"), &[outputs], kind);
        let (scale, bias) = (norm("weight", ParamRole::Scale)?, norm("bias", ParamRole::Bias)?);
        let (mean, variance) =
            (norm("running_mean", ParamRole::RunningMean)?, norm("running_var", ParamRole::RunningVariance)?);
        let factor = |o: usize| f64::from(scale[o]) / (f64::from(variance[o]) + EPS).sqrt();
        let patch = inputs * height * width;
        let weight: Vec<f64> = weight.iter().enumerate().map(|(i, &w)| f64::from(w) * factor(i / patch)).collect();
        let bias: Vec<f64> = (0..outputs).map(|o| f64::from(bias[o]) - f64::from(mean[o]) * factor(o)).collect();
        let weight = Tensor::from_f64(b.backend(), shape, &weight)?;
        let bias = Tensor::from_f64(b.backend(), [outputs], &bias)?;
        let same = rows == columns;
        Ok(ConvRelu {
            weight: b.add("conv.weight", ParamRole::Weight, weight),
            bias: b.add("conv.bias", ParamRole::Bias, bias),
            args: Conv2d { stride, padding: if same { rows } else { 0 } },
            pad: (!same).then_some(Pad { top: rows, bottom: rows, left: columns, right: columns }),
        })
    }

    /// (N, inputs, H, W) → (N, outputs, H′, W′).
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Tensor<B>) -> Result<Tensor<B>> {
        let x = match self.pad {
            Some(pad) => pad2d(x, pad, PadMode::Zero)?,
            None => x.clone(),
        };
        let y = conv2d(&x, &ctx.buffer(self.weight), Some(&ctx.buffer(self.bias)), self.args)?;
        Ok(unary(Unary::RELU, &y)?)
    }
}
