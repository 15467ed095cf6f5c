//! SPADE's generator (Park et al. 2019, section 3 and appendix A): features of a few pixels, doubled again and again, with
//! norms at every size that are conditioned on the label map.

use asap_autograd::Var;
use asap_tensor::Backend;

use super::adaptive_norm::AdaptiveNorm;
use super::growth::{BLOCKS, SLOPE, grow};
use crate::Result;
use crate::nn::{Builder, Conv2d, ConvOptions, ForwardContext, Input};

/// A norm and the convolution after it.
#[derive(Clone, Debug)]
struct NormConv {
    norm: AdaptiveNorm,
    conv: Conv2d,
}

/// A residual block.
#[derive(Clone, Debug)]
struct Block {
    name: &'static str,
    convs: [NormConv; 2],
    /// On the skip connection, where channels change.
    shortcut: Option<NormConv>,
}

impl Block {
    fn new<B: Backend>(
        mut b: Builder<'_, B>,
        name: &'static str,
        [labels, hidden]: [usize; 2],
        [inputs, outputs]: [usize; 2],
    ) -> Result<Self> {
        let mut b = b.at(name);
        let between = inputs.min(outputs);
        let mut part = |key: &str, [inputs, outputs]: [usize; 2], kernel| -> Result<NormConv> {
            let options = ConvOptions::new(inputs, outputs, kernel).bias(kernel > 1).spectral_norm(true);
            Ok(NormConv {
                norm: AdaptiveNorm::new(b.at(format!("norm_{key}")), [labels, hidden, inputs])?,
                conv: Conv2d::new(b.at(format!("conv_{key}")), options)?,
            })
        };
        let convs = [part("0", [inputs, between], 3)?, part("1", [between, outputs], 3)?];
        let shortcut = (inputs != outputs).then(|| part("s", [inputs, outputs], 1)).transpose()?;
        Ok(Block { name, convs, shortcut })
    }

    fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Var<B>, labels: &Input<B>) -> Result<Var<B>> {
        ctx.layer(self.name, || {
            let skip = match &self.shortcut {
                Some(NormConv { norm, conv }) => conv.forward(ctx, norm.forward(ctx, x, labels)?)?,
                None => x.clone(),
            };
            let mut y = x.clone();
            for NormConv { norm, conv } in &self.convs {
                y = conv.forward(ctx, norm.forward(ctx, &y, labels)?.leaky_relu(SLOPE)?)?;
            }
            Ok(skip.add(&y)?)
        })
    }
}

/// The generator.
#[derive(Clone, Debug)]
pub(super) struct Spade {
    first: Conv2d,
    blocks: Vec<Block>,
    last: Conv2d,
    doublings: usize,
}

impl Spade {
    /// A generator whose sixth doubling has `width` channels; 5, 6 or 7 doublings. Between a label map and its scales and
    /// biases are `hidden` channels.
    pub fn new<B: Backend>(
        mut b: Builder<'_, B>,
        [inputs, outputs]: [usize; 2],
        [width, hidden]: [usize; 2],
        doublings: usize,
    ) -> Result<Self> {
        let seventh = doublings > 6;
        let narrow = if seventh { (width / 2).max(1) } else { width };
        let first = Conv2d::new(b.at("fc"), ConvOptions::new(inputs, 16 * width, 3))?;
        let mut blocks = Vec::with_capacity(BLOCKS.len() + 1);
        for (name, channels) in BLOCKS {
            blocks.push(Block::new(b.here(), name, [inputs, hidden], channels.map(|times| times * width))?);
        }
        if seventh {
            blocks.push(Block::new(b.here(), "up_4", [inputs, hidden], [width, narrow])?);
        }
        let last = Conv2d::new(b.at("conv_img"), ConvOptions::new(narrow, outputs, 3))?;
        Ok(Spade { first, blocks, last, doublings })
    }

    /// (N, C, H, W) → the image before tanh; H and W are multiples of 2^doublings.
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, labels: &Input<B>) -> Result<Var<B>> {
        let first = |labels: &Input<B>| ctx.layer("fc", || self.first.forward(ctx, labels));
        let block = |number: usize, y: &Var<B>, labels: &Input<B>, _| self.blocks[number].forward(ctx, y, labels);
        let y = grow(labels, self.doublings, self.blocks.len(), first, block)?;
        let y = y.leaky_relu(SLOPE)?;
        ctx.layer("conv_img", || self.last.forward(ctx, y))
    }
}
