//! The residual network of Johnson et al. (2016), which pix2pix offers beside its U-Net and which is pix2pixHD's global
//! generator: halved a few times, residual blocks, doubled again.

use std::sync::Arc;

use asap_autograd::Var;
use asap_tensor::Backend;

use super::super::generator::Build;
use super::conv_block::{Conv, ConvBlock, DROPOUT, Norm};
use crate::Result;
use crate::config::kind::scaled;
use crate::config::{DataConfig, Pix2PixHdConfig, ResNetConfig};
use crate::nn::{Builder, Dropout, ForwardContext, Input, Module};

/// Modules of a block in the published sequences: convolution, norm, activation.
const MODULES: usize = 3;

/// Two 3×3 convolutions with a skip connection around them.
#[derive(Clone, Debug)]
pub(super) struct ResidualBlock {
    convs: [ConvBlock; 2],
    /// Between them.
    dropout: Option<Dropout>,
}

impl ResidualBlock {
    /// A block of `width` channels; dropout is a module between its convolutions.
    pub fn new<B: Backend>(mut b: Builder<'_, B>, width: usize, norm: Norm, dropout: bool) -> Result<Self> {
        let mut b = b.at("conv_block");
        // Each convolution follows a module of padding.
        let second = 1 + MODULES + usize::from(dropout) + 1;
        let conv = (Conv::Same, [width, width], 3);
        let convs = [ConvBlock::new(&mut b, 1, conv, norm, 0.0)?, ConvBlock::new(&mut b, second, conv, norm, 1.0)?];
        let dropout = dropout.then(|| Dropout::new(&*convs[0].name, DROPOUT));
        Ok(ResidualBlock { convs, dropout })
    }

    /// (N, width, H, W) → the same shape.
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Var<B>) -> Result<Var<B>> {
        let [first, second] = &self.convs;
        let mut y = first.forward(ctx, x)?;
        if let Some(dropout) = &self.dropout {
            y = dropout.forward(ctx, y)?;
        }
        Ok(x.add(&second.forward(ctx, y)?)?)
    }
}

#[derive(Clone, Debug)]
pub(super) struct ResNet {
    down: Vec<ConvBlock>,
    blocks: Vec<ResidualBlock>,
    up: Vec<ConvBlock>,
}

impl ResNet {
    /// The modules of the sequence `model`: a convolution to `width` channels, which double with each halving, residual
    /// blocks, and doublings back to `width` channels. The last convolution, to the channels of the image, is optional.
    pub fn new<B: Backend>(
        mut b: Builder<'_, B>,
        [inputs, width]: [usize; 2],
        halvings: usize,
        blocks: usize,
        image: Option<usize>,
        norm: Norm,
        dropout: bool,
    ) -> Result<Self> {
        let mut b = b.at("model");
        let mut module = 1;
        let mut down = vec![ConvBlock::new(&mut b, module, (Conv::Same, [inputs, width], 7), norm, 0.0)?];
        for level in 0..halvings {
            module += MODULES;
            let conv = (Conv::Halve, [width << level, width << (level + 1)], 3);
            down.push(ConvBlock::new(&mut b, module, conv, norm, 0.0)?);
        }
        module += MODULES;
        let block = |module| ResidualBlock::new(b.at(module), width << halvings, norm, dropout);
        let residual = (module..module + blocks).map(block).collect::<Result<_>>()?;
        module += blocks;
        let mut up = Vec::with_capacity(halvings + 1);
        for level in (0..halvings).rev() {
            let conv = (Conv::Double, [width << (level + 1), width << level], 3);
            up.push(ConvBlock::new(&mut b, module, conv, norm, 0.0)?);
            module += MODULES;
        }
        if let Some(channels) = image {
            let conv = (Conv::Same, [width, channels], 7);
            up.push(ConvBlock::new(&mut b, module + 1, conv, Norm::None { bias: true }, 1.0)?);
        }
        Ok(ResNet { down, blocks: residual, up })
    }

    /// (N, C, H, W) → the image before tanh, or features, of the same size if H and W are multiples of 2^halvings.
    pub fn features<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        let mut x = x.clone();
        for conv in &self.down {
            x = conv.forward(ctx, x)?.into();
        }
        let mut y = x.one_hot()?;
        drop(x);
        for block in &self.blocks {
            y = block.forward(ctx, &y)?;
        }
        for conv in &self.up {
            y = conv.forward(ctx, y)?;
        }
        Ok(y)
    }
}

impl<B: Backend> Module<B> for ResNet {
    fn forward(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        Ok(self.features(ctx, x)?.tanh()?)
    }
}

impl Build for ResNetConfig {
    fn build<B: Backend>(&self, b: Builder<'_, B>, data: &DataConfig) -> Result<Arc<dyn Module<B>>> {
        let channels = [data.lowres_channels(), scaled(self.channels, self.width_factor)];
        let image = Some(data.output_channels());
        Ok(Arc::new(ResNet::new(b, channels, 2, self.blocks, image, Norm::Batch, self.dropout)?))
    }
}

impl Build for Pix2PixHdConfig {
    fn build<B: Backend>(&self, b: Builder<'_, B>, data: &DataConfig) -> Result<Arc<dyn Module<B>>> {
        let channels = [data.lowres_channels(), scaled(self.channels, self.width_factor)];
        let image = Some(data.output_channels());
        Ok(Arc::new(ResNet::new(b, channels, self.halvings, self.blocks, image, Norm::Instance, false)?))
    }
}
