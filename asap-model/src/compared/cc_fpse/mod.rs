//! CC-FPSE's generator (Liu et al. 2019, section 3): it grows its picture as SPADE does, but what the label map says of a
//! place is a kernel of its own, by which the picture is drawn there.
//!
//! | file | holds |
//! |---|---|
//! | `pyramid` | what is known of every place at each size |
//! | `block` | the residual block that predicts kernels and gates from it, and draws by them |

mod block;
mod pyramid;

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use super::growth::{BLOCKS, SLOPE, grown};
use super::layer::{Layer, Norm, Size};
use crate::Result;
use crate::layers::Stack;
use crate::network::{Binding, Initialiser, Parameter};
use block::Block;
use pyramid::Pyramid;

/// The generator.
#[derive(Clone, Debug)]
pub(super) struct CcFpse<B: Backend> {
    pyramid: Pyramid<B>,
    first: Layer<B>,
    blocks: Vec<Block<B>>,
    last: Layer<B>,
    doublings: usize,
}

impl<B: Backend> CcFpse<B> {
    /// A generator whose last block has `width` channels; 5 or 6 doublings. Between a place's conditions and what is
    /// predicted for it are `hidden` channels.
    ///
    /// Without an encoder of styles the published first convolution has 16·`width` channels for each pixel of the
    /// smallest size, which fits the block after it only where that is one pixel. Here it always has 16·`width`, as
    /// SPADE's has.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        [inputs, outputs]: [usize; 2],
        [width, hidden]: [usize; 2],
        doublings: usize,
    ) -> Result<Self> {
        let mut named =
            |name: &str, size| Layer::named(backend, &mut *init, name.to_owned(), size, Norm::None { bias: true }, 1.0);
        let (first, last) =
            (named("fc", Size::same(inputs, 16 * width))?, named("conv_img", Size::same(width, outputs))?);
        let pyramid = Pyramid::new(backend, init, inputs, width, doublings)?;
        let block = |(name, channels): (&'static str, [usize; 2])| {
            Block::new(backend, &mut *init, name, [inputs + width, hidden], channels.map(|times| times * width))
        };
        let blocks = BLOCKS.into_iter().map(block).collect::<Result<_>>()?;
        Ok(CcFpse { pyramid, first, blocks, last, doublings })
    }

    /// (N, C, H, W) → the image before the hyperbolic tangent; H and W are multiples of 2^doublings.
    pub fn forward(&self, binding: &Binding<B>, labels: &Stack<B>) -> Result<Var<B>> {
        let features = self.pyramid.forward(binding, labels)?;
        let first = |seen: &Stack<B>| self.first.forward(binding, seen);
        let block = |number: usize, y: &Var<B>, seen: &Stack<B>, doubled: usize| {
            self.blocks[number].forward(binding, y, &seen.with(&features[doubled])?)
        };
        let y = grown(labels, self.doublings, self.blocks.len(), first, block)?;
        self.last.forward(binding, &Stack::dense(vjp::leaky_relu(&y, SLOPE)?))
    }

    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        let blocks = self.blocks.iter().flat_map(Block::parameters);
        let ends = [&self.first, &self.last].into_iter().flat_map(Layer::parameters);
        self.pyramid.parameters().into_iter().chain(ends).chain(blocks).collect()
    }

    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let blocks = self.blocks.iter_mut().flat_map(Block::parameters_mut);
        let ends = [&mut self.first, &mut self.last].into_iter().flat_map(Layer::parameters_mut);
        self.pyramid.parameters_mut().into_iter().chain(ends).chain(blocks).collect()
    }
}
