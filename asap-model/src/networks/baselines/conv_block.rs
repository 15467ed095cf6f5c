//! Convolution, norm, activation: the block of pix2pix's and pix2pixHD's networks.

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::PadMode;

use crate::Result;
use crate::nn::{BatchNorm, Builder, Conv2d, ConvOptions, ConvTranspose2d, ForwardContext, Input, InstanceNorm};

/// The convolution of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conv {
    inputs: usize,
    outputs: usize,
    kernel: usize,
    walk: Walk,
}

#[derive(Clone, Copy, Debug)]
enum Walk {
    /// Stride 1, with reflection.
    Reflect,
    /// Stride 2, with a pixel of zeros around the image: half the height and width.
    Halve,
    /// Transposed: twice the height and width.
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

/// One block.
#[derive(Clone, Debug)]
pub(super) struct ConvBlock {
    name: String,
    conv: Layer,
    norm: Normalization,
    /// Of the leaky ReLU: 0 is ReLU, 1 none.
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

impl Conv {
    /// 7×7, as networks begin and end.
    pub fn outer(inputs: usize, outputs: usize) -> Self {
        Conv { inputs, outputs, kernel: 7, walk: Walk::Reflect }
    }

    /// 3×3 that keeps size and channels.
    pub fn same(channels: usize) -> Self {
        Conv { inputs: channels, outputs: channels, kernel: 3, walk: Walk::Reflect }
    }

    /// To half the height and width.
    pub fn halve(inputs: usize, outputs: usize, kernel: usize) -> Self {
        Conv { inputs, outputs, kernel, walk: Walk::Halve }
    }

    /// To twice the height and width.
    pub fn double(inputs: usize, outputs: usize, kernel: usize) -> Self {
        Conv { inputs, outputs, kernel, walk: Walk::Double }
    }
}

impl ConvBlock {
    /// The block whose convolution is module `module` of a sequence, and whose norm is the next.
    pub fn new<B: Backend>(
        b: &mut Builder<'_, B>,
        module: usize,
        Conv { inputs, outputs, kernel, walk }: Conv,
        norm: Norm,
        slope: f64,
    ) -> Result<Self> {
        let name = b.at(module).path().to_owned();
        let bias = matches!(norm, Norm::Instance | Norm::None { bias: true });
        let options = ConvOptions::new(inputs, outputs, kernel).bias(bias);
        let conv = match walk {
            Walk::Reflect => Layer::Plain(Conv2d::new(b.at(module), options.pad_mode(PadMode::Reflect))?),
            Walk::Halve => Layer::Plain(Conv2d::new(b.at(module), options.stride(2).padding(1))?),
            Walk::Double => Layer::Transposed(ConvTranspose2d::new(b.at(module), [inputs, outputs], kernel, bias)?),
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

    /// (N, inputs, H, W) → (N, outputs, H′, W′). For the profiler, batch norm and its activation are a layer of their own.
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

    /// That of its convolution.
    pub fn name(&self) -> &str {
        &self.name
    }
}
