//! pix2pixHD's local enhancers (Wang et al. 2018, section 3.1): the global generator's features of a smaller picture,
//! added to those of a larger one, and drawn.

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;
use asap_tensor::ops::Taps;

use super::layer::{Layer, Norm};
use super::resnet::{Block, ResNet, Sizes, doubling, halving, wide};
use crate::Result;
use crate::layers::Stack;
use crate::network::{Binding, Initialiser, Parameter};

/// Layers around the features that are added.
#[derive(Clone, Debug)]
struct Enhancer<B: Backend> {
    down: [Layer<B>; 2],
    blocks: Vec<Block<B>>,
    /// To the features of the next enhancer; the last one's, and the image.
    up: Vec<Layer<B>>,
}

/// The global generator without its last convolution, and the enhancers, each for twice the size of the one before.
#[derive(Clone, Debug)]
pub(super) struct Enhanced<B: Backend> {
    global: ResNet<B>,
    enhancers: Vec<Enhancer<B>>,
}

impl<B: Backend> Enhanced<B> {
    /// `count` enhancers, the last of which has `width` channels, with `blocks` residual blocks each. `global` has the
    /// global generator's halvings and blocks; its width is `width`·2^count.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        [inputs, outputs]: [usize; 2],
        width: usize,
        [halvings, global_blocks]: [usize; 2],
        [count, blocks]: [usize; 2],
    ) -> Result<Self> {
        let sizes = Sizes {
            inputs,
            width: width << count,
            halvings,
            blocks: global_blocks,
            image: None,
            norm: Norm::Instance,
            dropout: false,
        };
        let global = ResNet::new(backend, init, &sizes)?;
        let mut enhancers = Vec::with_capacity(count);
        for number in 1..=count {
            let width = width << (count - number);
            let (first, second) = (format!("model{number}_1"), format!("model{number}_2"));
            let norm = Norm::Instance;
            let mut layer = |place, size, norm, slope| Layer::new(backend, &mut *init, place, size, norm, slope);
            let down =
                [layer((&first, 1), wide(inputs, width), norm, 0.0)?, layer((&first, 4), halving(width), norm, 0.0)?];
            let mut up = vec![layer((&second, blocks), doubling(2 * width), norm, 0.0)?];
            if number == count {
                up.push(layer((&second, blocks + 4), wide(width, outputs), Norm::None { bias: true }, 1.0)?);
            }
            let block = |number| Block::new(backend, init, &format!("{second}.{number}"), 2 * width, norm, false);
            let blocks = (0..blocks).map(block).collect::<Result<_>>()?;
            enhancers.push(Enhancer { down, blocks, up });
        }
        Ok(Enhanced { global, enhancers })
    }

    /// (N, C, H, W) → the image before the hyperbolic tangent; H and W are multiples of 2^(halvings + count).
    pub fn forward(&self, binding: &Binding<B>, x: &Stack<B>) -> Result<Var<B>> {
        let mut pictures = vec![x.clone()];
        for _ in &self.enhancers {
            let larger = pictures.last().unwrap_or(x);
            let [_, h, w] = larger.sizes();
            let smaller = larger.resize(&Taps::average_pool(h), &Taps::average_pool(w))?;
            pictures.push(smaller);
        }
        let mut y = self.global.forward(binding, &pictures.pop().unwrap_or_else(|| x.clone()))?;
        for (enhancer, picture) in self.enhancers.iter().zip(pictures.into_iter().rev()) {
            let [first, second] = &enhancer.down;
            let features = second.forward(binding, &Stack::dense(first.forward(binding, &picture)?))?;
            y = vjp::add(&features, &y)?;
            for block in &enhancer.blocks {
                y = block.forward(binding, &y)?;
            }
            for layer in &enhancer.up {
                y = layer.forward(binding, &Stack::dense(y))?;
            }
        }
        Ok(y)
    }

    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        let own = self.enhancers.iter().flat_map(|enhancer| {
            enhancer.down.iter().chain(enhancer.blocks.iter().flat_map(Block::layers)).chain(&enhancer.up)
        });
        self.global.parameters().into_iter().chain(own.flat_map(Layer::parameters)).collect()
    }

    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let own = self.enhancers.iter_mut().flat_map(|enhancer| {
            let Enhancer { down, blocks, up } = enhancer;
            down.iter_mut().chain(blocks.iter_mut().flat_map(Block::layers_mut)).chain(up)
        });
        self.global.parameters_mut().into_iter().chain(own.flat_map(Layer::parameters_mut)).collect()
    }
}
