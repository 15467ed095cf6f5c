//! The segmentation network: a compact U-Net (Ronneberger et al. 2015) with instance norm and nearest-neighbor upsampling.

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::Taps;

use crate::Result;
use crate::nn::{Builder, Conv2d, ConvOptions, ForwardContext, InstanceNorm};

/// Channels of each level, as multiples of the width; a level has half the size of the one before.
const LEVELS: [usize; 4] = [1, 2, 4, 8];

/// Height and width must be multiples of this: the image is halved three times.
pub(super) const MULTIPLE: usize = 1 << (LEVELS.len() - 1);

/// 3×3 convolution, instance norm with scale and bias, ReLU.
#[derive(Clone, Debug)]
struct Block {
    conv: Conv2d,
    norm: InstanceNorm,
}

impl Block {
    fn new<B: Backend>(mut b: Builder<'_, B>, channels: [usize; 2], stride: usize) -> Result<Self> {
        let [inputs, outputs] = channels;
        let options = ConvOptions::new(inputs, outputs, 3).stride(stride).bias(false);
        Ok(Block { conv: Conv2d::new(b.at("conv"), options)?, norm: InstanceNorm::affine(b.at("norm"), outputs, 0.0)? })
    }

    fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Var<B>) -> Result<Var<B>> {
        self.norm.forward(ctx, &self.conv.forward(ctx, x)?)
    }
}

/// Image channels to logits of classes.
#[derive(Clone, Debug)]
pub(super) struct Unet {
    /// The first keeps the size, the others halve it.
    down: Vec<Block>,
    /// From the smallest level up: of the doubled level below and the skip connection.
    up: Vec<Block>,
    head: Conv2d,
}

impl Unet {
    pub fn new<B: Backend>(mut b: Builder<'_, B>, channels: usize, classes: usize, width: usize) -> Result<Self> {
        let widths = LEVELS.map(|factor| factor * width);
        let mut down = vec![Block::new(b.at("down.0"), [channels, widths[0]], 1)?];
        for level in 1..LEVELS.len() {
            down.push(Block::new(b.at(format!("down.{level}")), [widths[level - 1], widths[level]], 2)?);
        }
        let mut up = Vec::with_capacity(LEVELS.len() - 1);
        for level in (0..LEVELS.len() - 1).rev() {
            let inputs = widths[level + 1] + widths[level];
            up.push(Block::new(b.at(format!("up.{level}")), [inputs, widths[level]], 1)?);
        }
        Ok(Unet { down, up, head: Conv2d::new(b.at("head"), ConvOptions::new(widths[0], classes, 1))? })
    }

    /// (N, C, H, W) in [−1, 1] → logits (N, classes, H, W). H and W are multiples of [`MULTIPLE`], at least twice that.
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Var<B>) -> Result<Var<B>> {
        let mut levels: Vec<Var<B>> = Vec::with_capacity(LEVELS.len());
        for block in &self.down {
            let y = block.forward(ctx, levels.last().unwrap_or(x))?;
            levels.push(y);
        }
        let mut y = levels.pop().unwrap_or_else(|| x.clone());
        for (block, skip) in self.up.iter().zip(levels.iter().rev()) {
            let [_, _, h, w] = y.value().nchw("segmenter")?;
            let doubled = y.resize(&Taps::nearest(h, 2 * h)?, &Taps::nearest(w, 2 * w)?)?;
            y = block.forward(ctx, &Var::cat(&[&doubled, skip], 1)?)?;
        }
        self.head.forward(ctx, &y)
    }
}
