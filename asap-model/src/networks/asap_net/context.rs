//! What the pixelwise networks see around a pixel.

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::pixel_mlp::SLOPE;

use crate::Result;
use crate::config::{AsapNetConfig, DataConfig};
use crate::nn::{Builder, Conv2d, ConvOptions, ForwardContext, Input};

/// Side of the kernels: three pixels in each direction.
const KERNEL: usize = 7;

/// Convolutions of the whole input at full resolution, each followed by the pixelwise networks' activation.
///
/// A pixelwise network knows a pixel's label and position. For the frame of a window, the low-resolution stream must predict
/// parameters that depend on where in the tile the window ends, and learn this for each offset separately. A convolution is
/// equivariant: what it learns at one offset holds at all.
#[derive(Clone, Debug)]
pub(super) struct Context {
    name: String,
    convs: Vec<Conv2d>,
}

impl Context {
    /// Convolutions of `context` channels.
    pub fn new<B: Backend>(mut b: Builder<'_, B>, config: &AsapNetConfig, data: &DataConfig) -> Result<Self> {
        let mut inputs = data.lowres_channels();
        let mut convs = Vec::with_capacity(config.context_depth);
        for layer in 0..config.context_depth {
            let options = ConvOptions::new(inputs, config.context, KERNEL).pad_mode(config.padding.mode());
            convs.push(Conv2d::new(b.at(layer), options)?);
            inputs = config.context;
        }
        Ok(Context { name: b.path().to_owned(), convs })
    }

    /// (N, C, H, W) → (N, `context`, H, W).
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        ctx.layer(&self.name, || {
            let mut x = x.clone();
            for conv in &self.convs {
                x = conv.forward(ctx, &x)?.leaky_relu(SLOPE)?.into();
            }
            x.one_hot()
        })
    }
}
