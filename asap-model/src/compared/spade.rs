//! SPADE's generator (Park et al. 2019, section 3 and appendix A): features of a few pixels, doubled again and again, and
//! at every step normed by what the label map says.

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use super::adaptive::Adaptive;
use super::growth::{BLOCKS, SLOPE, grown};
use super::layer::{Layer, Norm, Size};
use super::spectral::Spectral;
use crate::Result;
use crate::layers::Stack;
use crate::network::{Binding, Initialiser, Parameter};

/// A residual block.
#[derive(Clone, Debug)]
struct Block<B: Backend> {
    name: &'static str,
    /// Each norm with the convolution after it: two, and where channels change a third on the way around them.
    steps: Vec<(Adaptive<B>, Spectral<B>)>,
}

impl<B: Backend> Block<B> {
    fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: &'static str,
        [labels, hidden]: [usize; 2],
        [inputs, outputs]: [usize; 2],
    ) -> Result<Self> {
        let between = inputs.min(outputs);
        let mut step = |key: &str, channels: [usize; 2], kernel| -> Result<_> {
            let norm =
                Adaptive::new(backend, &mut *init, &format!("{name}.norm_{key}"), [labels, hidden, channels[0]])?;
            let name = format!("{name}.conv_{key}");
            Ok((norm, Spectral::new(backend, &mut *init, &name, channels, kernel, 1, kernel > 1)?))
        };
        let mut steps = vec![step("0", [inputs, between], 3)?, step("1", [between, outputs], 3)?];
        if inputs != outputs {
            steps.push(step("s", [inputs, outputs], 1)?);
        }
        Ok(Block { name, steps })
    }

    fn forward(&self, binding: &Binding<B>, x: &Var<B>, labels: &Stack<B>) -> Result<Var<B>> {
        let _scope = x.value().backend().profiler().map(|profiler| profiler.enter(self.name));
        let around = match self.steps.get(2) {
            Some((norm, convolution)) => {
                convolution.forward(binding, &Stack::dense(norm.forward(binding, x, labels)?))?
            }
            None => x.clone(),
        };
        let mut y = x.clone();
        for (norm, convolution) in &self.steps[..2] {
            y = vjp::leaky_relu(&norm.forward(binding, &y, labels)?, SLOPE)?;
            y = convolution.forward(binding, &Stack::dense(y))?;
        }
        binding.output(self.name, vjp::add(&around, &y)?)
    }
}

/// The generator.
#[derive(Clone, Debug)]
pub(super) struct Spade<B: Backend> {
    first: Layer<B>,
    blocks: Vec<Block<B>>,
    last: Layer<B>,
    doublings: usize,
}

impl<B: Backend> Spade<B> {
    /// A generator whose last block but for a seventh doubling has `width` channels; 5, 6 or 7 doublings. Between a label
    /// map and its scales and shifts are `hidden` channels.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        [inputs, outputs]: [usize; 2],
        [width, hidden]: [usize; 2],
        doublings: usize,
    ) -> Result<Self> {
        let mut named =
            |name: &str, size| Layer::named(backend, &mut *init, name.to_owned(), size, Norm::None { bias: true }, 1.0);
        let most = doublings > 6;
        let drawn = if most { (width / 2).max(1) } else { width };
        let (first, last) =
            (named("fc", Size::same(inputs, 16 * width))?, named("conv_img", Size::same(drawn, outputs))?);
        let mut blocks = Vec::with_capacity(BLOCKS.len() + 1);
        for (name, channels) in BLOCKS {
            blocks.push(Block::new(backend, init, name, [inputs, hidden], channels.map(|times| times * width))?);
        }
        if most {
            blocks.push(Block::new(backend, init, "up_4", [inputs, hidden], [width, drawn])?);
        }
        Ok(Spade { first, blocks, last, doublings })
    }

    /// (N, C, H, W) → the image before the hyperbolic tangent; H and W are multiples of 2^doublings.
    pub fn forward(&self, binding: &Binding<B>, labels: &Stack<B>) -> Result<Var<B>> {
        let first = |seen: &Stack<B>| self.first.forward(binding, seen);
        let block = |number: usize, y: &Var<B>, seen: &Stack<B>, _| self.blocks[number].forward(binding, y, seen);
        let y = grown(labels, self.doublings, self.blocks.len(), first, block)?;
        self.last.forward(binding, &Stack::dense(vjp::leaky_relu(&y, SLOPE)?))
    }

    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        let steps = self.blocks.iter().flat_map(|block| &block.steps);
        let steps = steps.flat_map(|(norm, convolution)| [norm.parameters(), convolution.parameters()].concat());
        self.first.parameters().into_iter().chain(steps).chain(self.last.parameters()).collect()
    }

    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let steps = self.blocks.iter_mut().flat_map(|block| &mut block.steps);
        let steps =
            steps.flat_map(|(norm, convolution)| norm.parameters_mut().into_iter().chain(convolution.parameters_mut()));
        self.first.parameters_mut().into_iter().chain(steps).chain(self.last.parameters_mut()).collect()
    }
}
