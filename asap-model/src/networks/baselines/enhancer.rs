//! pix2pixHD's local enhancers (Wang et al. 2018, section 3.1): the global generator's features at a smaller size are added
//! to features at a larger size, from which the image is synthesized.

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::Taps;

use super::conv_block::{Conv, ConvBlock, Norm};
use super::resnet::{ResNet, ResidualBlock, Sizes};
use crate::Result;
use crate::nn::{Builder, ForwardContext, Input};

/// Layers around the features that are added.
#[derive(Clone, Debug)]
struct Enhancer {
    down: [ConvBlock; 2],
    blocks: Vec<ResidualBlock>,
    /// To the features of the next enhancer; the last one's, and the image.
    up: Vec<ConvBlock>,
}

/// The global generator without its last convolution, and the enhancers, each for twice the size of the one before.
#[derive(Clone, Debug)]
pub(super) struct Enhanced {
    global: ResNet,
    enhancers: Vec<Enhancer>,
}

impl Enhanced {
    /// `count` enhancers, the last of which has `width` channels, with `blocks` residual blocks each. The global generator
    /// has `width`·2^count channels, and the given halvings and blocks.
    pub fn new<B: Backend>(
        mut b: Builder<'_, B>,
        [inputs, outputs]: [usize; 2],
        width: usize,
        [halvings, global_blocks]: [usize; 2],
        [count, blocks]: [usize; 2],
    ) -> Result<Self> {
        let norm = Norm::Instance;
        let (global_width, image) = (width << count, None);
        let sizes = Sizes { inputs, width: global_width, halvings, blocks: global_blocks, image, norm, dropout: false };
        let global = ResNet::new(b.here(), &sizes)?;
        let mut enhancers = Vec::with_capacity(count);
        for number in 1..=count {
            let width = width << (count - number);
            let mut first = b.at(format!("model{number}_1"));
            let down = [
                ConvBlock::new(&mut first, 1, Conv::outer(inputs, width), norm, 0.0)?,
                ConvBlock::new(&mut first, 4, Conv::halve(width, 2 * width, 3), norm, 0.0)?,
            ];
            let mut second = b.at(format!("model{number}_2"));
            let block = |module| ResidualBlock::new(second.at(module), 2 * width, norm, false);
            let residual = (0..blocks).map(block).collect::<Result<_>>()?;
            let mut up = vec![ConvBlock::new(&mut second, blocks, Conv::double(2 * width, width, 3), norm, 0.0)?];
            if number == count {
                let (conv, norm) = (Conv::outer(width, outputs), Norm::None { bias: true });
                up.push(ConvBlock::new(&mut second, blocks + 4, conv, norm, 1.0)?);
            }
            enhancers.push(Enhancer { down, blocks: residual, up });
        }
        Ok(Enhanced { global, enhancers })
    }

    /// (N, C, H, W) → the image before tanh; H and W are multiples of 2^(halvings + count).
    pub fn forward<B: Backend>(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        let mut larger = Vec::with_capacity(self.enhancers.len());
        let mut x = x.clone();
        for _ in &self.enhancers {
            let [_, h, w] = x.sizes();
            let smaller = x.resize(&Taps::average_pool(h), &Taps::average_pool(w))?;
            larger.push(std::mem::replace(&mut x, smaller));
        }
        let mut y = self.global.forward(ctx, &x)?;
        drop(x);
        for (enhancer, x) in self.enhancers.iter().zip(larger.into_iter().rev()) {
            let [first, second] = &enhancer.down;
            y = second.forward(ctx, first.forward(ctx, x)?)?.add(&y)?;
            for block in &enhancer.blocks {
                y = block.forward(ctx, &y)?;
            }
            for conv in &enhancer.up {
                y = conv.forward(ctx, y)?;
            }
        }
        Ok(y)
    }
}
