//! CC-FPSE's generator (Liu et al. 2019, section 3): its image grows as SPADE's does, but the label map predicts a
//! convolution kernel for each pixel.

mod block;
mod pyramid;

use asap_autograd::Var;
use asap_tensor::Backend;

use super::growth::{BLOCKS, SLOPE, grow};
use crate::Result;
use crate::nn::{Builder, Conv2d, ConvOptions, ForwardContext, Input};
use block::Block;
use pyramid::Pyramid;

/// The generator.
#[derive(Clone, Debug)]
pub(super) struct CcFpse {
    pyramid: Pyramid,
    first: Conv2d,
    blocks: Vec<Block>,
    last: Conv2d,
    doublings: usize,
}

impl CcFpse {
    /// A generator whose last block has `width` channels; 5 or 6 doublings. Between a pixel's conditions and what is
    /// predicted from them are `hidden` channels.
    ///
    /// Without a style encoder the published first convolution has 16·`width` channels for each pixel of the smallest
    /// size, which fits the block after it only if that is one pixel. Here it always has 16·`width`, like SPADE's.
    pub fn new<B: Backend>(
        mut b: Builder<'_, B>,
        [inputs, outputs]: [usize; 2],
        [width, hidden]: [usize; 2],
        doublings: usize,
    ) -> Result<Self> {
        let pyramid = Pyramid::new(b.here(), inputs, width, doublings)?;
        let first = Conv2d::new(b.at("fc"), ConvOptions::new(inputs, 16 * width, 3))?;
        let block = |(name, channels): (&'static str, [usize; 2])| {
            Block::new(b.here(), name, [inputs + width, hidden], channels.map(|times| times * width))
        };
        let blocks = BLOCKS.into_iter().map(block).collect::<Result<_>>()?;
        let last = Conv2d::new(b.at("conv_img"), ConvOptions::new(width, outputs, 3))?;
        Ok(CcFpse { pyramid, first, blocks, last, doublings })
    }

    /// (N, C, H, W) → the image before tanh; H and W are multiples of 2^doublings.
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, labels: &Input<B>) -> Result<Var<B>> {
        let features = self.pyramid.forward(ctx, labels)?;
        let first = |labels: &Input<B>| ctx.layer("fc", || self.first.forward(ctx, labels));
        let block = |number: usize, y: &Var<B>, labels: &Input<B>, doubled: usize| {
            self.blocks[number].forward(ctx, y, &labels.with(&features[doubled])?)
        };
        let y = grow(labels, self.doublings, self.blocks.len(), first, block)?;
        let y = y.leaky_relu(SLOPE)?;
        ctx.layer("conv_img", || self.last.forward(ctx, y))
    }
}
