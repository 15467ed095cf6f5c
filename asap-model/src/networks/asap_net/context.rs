//! What the pixelwise networks see around a pixel.

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::pixel_mlp::SLOPE;

use crate::Result;
use crate::config::{AsapNetConfig, DataConfig};
use crate::nn::{Builder, Conv2d, ConvOptions, ForwardContext, Input};

/// Side of the convolution's kernel: three pixels in each direction.
const KERNEL: usize = 7;

/// A convolution of the whole input at full resolution, and the pixelwise networks' activation.
///
/// A pixelwise network knows a pixel's label and position. It draws the frame of a window only if the low-resolution stream
/// tells it exactly where in the tile the window ends, for each offset anew; a convolution sees edges at all offsets alike.
#[derive(Clone, Debug)]
pub(super) struct Context {
    name: String,
    conv: Conv2d,
}

impl Context {
    /// A convolution to `context` channels.
    pub fn new<B: Backend>(b: Builder<'_, B>, config: &AsapNetConfig, data: &DataConfig) -> Result<Self> {
        let name = b.path().to_owned();
        let options = ConvOptions::new(data.lowres_channels(), config.context, KERNEL);
        Ok(Context { name, conv: Conv2d::new(b, options.pad_mode(config.padding.mode()))? })
    }

    /// (N, C, H, W) → (N, `context`, H, W).
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        ctx.layer(&self.name, || Ok(self.conv.forward(ctx, x)?.leaky_relu(SLOPE)?))
    }
}
