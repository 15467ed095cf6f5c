//! Convolutions.

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::{self, Conv2dTransposed, PadMode};

use super::context::ForwardContext;
use super::init::ParamRole;
use super::input::Input;
use super::params::{Builder, ParamId};
use super::spectral_norm::SpectralNorm;
use crate::Result;

/// The sizes and options of a [`Conv2d`].
#[derive(Clone, Copy, Debug)]
pub struct ConvOptions {
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: usize,
    mode: PadMode,
    bias: bool,
    spectral_norm: bool,
}

impl ConvOptions {
    /// A square kernel from `inputs` to `outputs` channels, with a bias, stride 1 and half a kernel of zero padding,
    /// which keeps the size.
    pub fn new(inputs: usize, outputs: usize, kernel: usize) -> Self {
        ConvOptions {
            channels: [inputs, outputs],
            kernel,
            stride: 1,
            padding: kernel / 2,
            mode: PadMode::Zero,
            bias: true,
            spectral_norm: false,
        }
    }

    /// Another stride.
    pub fn stride(self, stride: usize) -> Self {
        ConvOptions { stride, ..self }
    }

    /// Another number of padding pixels.
    pub fn padding(self, padding: usize) -> Self {
        ConvOptions { padding, ..self }
    }

    /// Another padding mode.
    pub fn pad_mode(self, mode: PadMode) -> Self {
        ConvOptions { mode, ..self }
    }

    /// With or without a bias.
    pub fn bias(self, bias: bool) -> Self {
        ConvOptions { bias, ..self }
    }

    /// With or without a spectrally normalized weight.
    pub fn spectral_norm(self, spectral_norm: bool) -> Self {
        ConvOptions { spectral_norm, ..self }
    }
}

#[derive(Clone, Copy, Debug)]
enum Weight {
    Plain(ParamId),
    Spectral(SpectralNorm),
}

/// A convolution.
#[derive(Clone, Copy, Debug)]
pub struct Conv2d {
    weight: Weight,
    bias: Option<ParamId>,
    stride: usize,
    padding: usize,
    mode: PadMode,
}

impl Conv2d {
    /// A convolution with the keys `weight` (or those of [`SpectralNorm`]) and `bias`.
    pub fn new<B: Backend>(mut b: Builder<'_, B>, options: ConvOptions) -> Result<Self> {
        let ConvOptions { channels: [inputs, outputs], kernel, stride, padding, mode, .. } = options;
        let shape = [outputs, inputs, kernel, kernel];
        let weight = match options.spectral_norm {
            true => Weight::Spectral(SpectralNorm::new(b.here(), shape)?),
            false => Weight::Plain(b.param("weight", &shape, ParamRole::Weight)?),
        };
        let bias = options.bias.then(|| b.param("bias", &[outputs], ParamRole::Bias)).transpose()?;
        Ok(Conv2d { weight, bias, stride, padding, mode })
    }

    /// (N, inputs, H, W) → (N, outputs, H′, W′).
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: impl Into<Input<B>>) -> Result<Var<B>> {
        let weight = match &self.weight {
            Weight::Plain(id) => ctx.var(*id),
            Weight::Spectral(weight) => weight.forward(ctx)?,
        };
        let bias = self.bias.map(|id| ctx.var(id));
        let (x, padding) = match self.mode {
            PadMode::Zero => (x.into(), self.padding),
            PadMode::Reflect => (x.into().reflect(ops::Pad::all(self.padding))?, 0),
        };
        x.conv2d(&weight, bias.as_ref(), ops::Conv2d { stride: self.stride, padding })
    }
}

/// A transposed convolution with stride 2 and padding 1, which doubles height and width.
#[derive(Clone, Copy, Debug)]
pub struct ConvTranspose2d {
    weight: ParamId,
    bias: Option<ParamId>,
    output_padding: usize,
}

impl ConvTranspose2d {
    /// A transposed convolution with the keys `weight` and `bias`, and a kernel of 3×3 or 4×4.
    pub fn new<B: Backend>(
        mut b: Builder<'_, B>,
        [inputs, outputs]: [usize; 2],
        kernel: usize,
        bias: bool,
    ) -> Result<Self> {
        Ok(ConvTranspose2d {
            weight: b.param("weight", &[inputs, outputs, kernel, kernel], ParamRole::Weight)?,
            bias: bias.then(|| b.param("bias", &[outputs], ParamRole::Bias)).transpose()?,
            // An odd kernel leaves the last row and column uncovered.
            output_padding: kernel % 2,
        })
    }

    /// (N, inputs, H, W) → (N, outputs, 2H, 2W).
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Var<B>) -> Result<Var<B>> {
        let bias = self.bias.map(|id| ctx.var(id));
        let args = Conv2dTransposed { stride: 2, padding: 1, output_padding: self.output_padding };
        Ok(x.conv2d_transposed(&ctx.var(self.weight), bias.as_ref(), args)?)
    }
}
