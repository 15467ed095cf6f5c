//! Convolution, norm, activation: the block of pix2pix's and pix2pixHD's networks.

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::PadMode;

use crate::Result;
use crate::nn::{BatchNorm, Builder, Conv2d, ConvOptions, ConvTranspose2d, ForwardContext, Input, InstanceNorm};

/// Probability that dropout zeroes a value (published code).
pub(super) const DROPOUT: f64 = 0.5;

/// The convolution of a block.
#[derive(Clone, Copy, Debug)]
pub(super) enum Conv {
    /// Stride 1 with reflection padding: the same height and width.
    Same,
    /// Stride 2 with a pixel of zero padding: half the height and width.
    Halve,
    /// Transposed, stride 2: twice the height and width.
    Double,
}

/// The norm of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Norm {
    /// None, after a convolution with or without a bias.
    None { bias: bool },
    /// Batch norm; the convolution has no bias.
    Batch,
    /// Instance norm without scale and bias; the convolution has a bias (published code).
    Instance,
}

#[derive(Clone, Debug)]
pub(super) struct ConvBlock {
    /// That of its convolution.
    pub name: String,
    conv: Layer,
    norm: Normalization,
    /// Slope of the leaky ReLU; 0: ReLU, 1: no activation.
    slope: f64,
}

#[derive(Clone, Debug)]
enum Layer {
    Plain(Conv2d),
    Transposed(ConvTranspose2d),
}

#[derive(Clone, Debug)]
enum Normalization {
    None,
    /// With its name.
    Batch(BatchNorm, String),
    /// With the activation.
    Instance(InstanceNorm),
}

impl ConvBlock {
    /// The block whose convolution is module `module` of a sequence, and whose norm is the next.
    pub fn new<B: Backend>(
        b: &mut Builder<'_, B>,
        module: usize,
        (conv, [inputs, outputs], kernel): (Conv, [usize; 2], usize),
        norm: Norm,
        slope: f64,
    ) -> Result<Self> {
        let name = b.at(module).path().to_owned();
        let bias = matches!(norm, Norm::Instance | Norm::None { bias: true });
        let options = ConvOptions::new(inputs, outputs, kernel).bias(bias);
        let conv = match conv {
            Conv::Same => Layer::Plain(Conv2d::new(b.at(module), options.pad_mode(PadMode::Reflect))?),
            Conv::Halve => Layer::Plain(Conv2d::new(b.at(module), options.stride(2).padding(1))?),
            Conv::Double => Layer::Transposed(ConvTranspose2d::new(b.at(module), [inputs, outputs], kernel, bias)?),
        };
        let norm = match norm {
            Norm::None { .. } => Normalization::None,
            Norm::Instance => Normalization::Instance(InstanceNorm::new(slope)),
            Norm::Batch => {
                let b = b.at(module + 1);
                let name = b.path().to_owned();
                Normalization::Batch(BatchNorm::new(b, outputs, true)?, name)
            }
        };
        Ok(ConvBlock { name, conv, norm, slope })
    }

    /// (N, inputs, H, W) → (N, outputs, H′, W′). The profiler has batch norm and its activation as a layer.
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: impl Into<Input<B>>) -> Result<Var<B>> {
        let y = ctx.layer(&self.name, || {
            let y = match &self.conv {
                Layer::Plain(conv) => conv.forward(ctx, x)?,
                Layer::Transposed(conv) => conv.forward(ctx, &x.into().one_hot()?)?,
            };
            match &self.norm {
                Normalization::None => self.activate(y),
                Normalization::Instance(norm) => norm.forward(ctx, &y),
                Normalization::Batch(..) => Ok(y),
            }
        })?;
        match &self.norm {
            Normalization::Batch(norm, name) => ctx.layer(name, || self.activate(norm.forward(ctx, &y)?)),
            _ => Ok(y),
        }
    }

    fn activate<B: Backend>(&self, y: Var<B>) -> Result<Var<B>> {
        Ok(if self.slope == 1.0 { y } else { y.leaky_relu(self.slope)? })
    }
}
