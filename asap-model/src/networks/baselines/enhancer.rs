//! pix2pixHD's local enhancers (Wang et al. 2018, section 3.1): the global generator's features at a smaller size are
//! added to features at a larger size, from which the image is synthesized.

use std::sync::Arc;

use asap_autograd::Var;
use asap_tensor::Backend;
use asap_tensor::ops::Taps;

use super::super::generator::Build;
use super::conv_block::{Conv, ConvBlock, Norm};
use super::resnet::{ResNet, ResidualBlock};
use crate::Result;
use crate::config::kind::scaled;
use crate::config::{DataConfig, Pix2PixHdLocalConfig};
use crate::nn::{Builder, ForwardContext, Input, Module};

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
struct Enhanced {
    global: ResNet,
    enhancers: Vec<Enhancer>,
}

impl Build for Pix2PixHdLocalConfig {
    /// The last enhancer has `width` channels, the global generator `width`·2^enhancers.
    fn build<B: Backend>(&self, mut b: Builder<'_, B>, data: &DataConfig) -> Result<Arc<dyn Module<B>>> {
        let (inputs, norm, count, width) =
            (data.lowres_channels(), Norm::Instance, self.enhancers, scaled(self.channels, self.width_factor));
        let global = ResNet::new(b.here(), [inputs, width << count], self.halvings, self.blocks, None, norm, false)?;
        let mut enhancers = Vec::with_capacity(count);
        for number in 1..=count {
            let width = width << (count - number);
            let mut first = b.at(format!("model{number}_1"));
            let down = [
                ConvBlock::new(&mut first, 1, (Conv::Same, [inputs, width], 7), norm, 0.0)?,
                ConvBlock::new(&mut first, 4, (Conv::Halve, [width, 2 * width], 3), norm, 0.0)?,
            ];
            let mut second = b.at(format!("model{number}_2"));
            let block = |module| ResidualBlock::new(second.at(module), 2 * width, norm, false);
            let blocks = (0..self.local_blocks).map(block).collect::<Result<_>>()?;
            let module = self.local_blocks;
            let mut up = vec![ConvBlock::new(&mut second, module, (Conv::Double, [2 * width, width], 3), norm, 0.0)?];
            if number == count {
                let conv = (Conv::Same, [width, data.output_channels()], 7);
                up.push(ConvBlock::new(&mut second, module + 4, conv, Norm::None { bias: true }, 1.0)?);
            }
            enhancers.push(Enhancer { down, blocks, up });
        }
        Ok(Arc::new(Enhanced { global, enhancers }))
    }
}

impl<B: Backend> Module<B> for Enhanced {
    fn forward(&self, ctx: &ForwardContext<'_, B>, x: &Input<B>) -> Result<Var<B>> {
        let mut larger = Vec::with_capacity(self.enhancers.len());
        let mut x = x.clone();
        for _ in &self.enhancers {
            let [_, h, w] = x.sizes();
            let smaller = x.resize(&Taps::average_pool(h), &Taps::average_pool(w))?;
            larger.push(std::mem::replace(&mut x, smaller));
        }
        let mut y = self.global.features(ctx, &x)?;
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
        Ok(y.tanh()?)
    }
}
