//! The residual network of Johnson et al. (2016) that pix2pix offers beside its U-Net and pix2pixHD's global generator
//! is: halved a few times, residual blocks, doubled again.

use asap_autograd::{Var, vjp};
use asap_tensor::Backend;

use super::layer::{Layer, Norm, Size, Step};
use crate::Result;
use crate::layers::Stack;
use crate::network::{Binding, Initialiser, Parameter};

/// Modules of a layer in the published sequences: convolution, norm, activation.
const MODULES: usize = 3;

/// Two 3×3 convolutions whose result is added to what they were given.
#[derive(Clone, Debug)]
pub(super) struct Block<B: Backend> {
    layers: [Layer<B>; 2],
    /// Whether there is dropout between them, in training.
    dropout: bool,
}

impl<B: Backend> Block<B> {
    /// The block that is module `name` of its sequence; with `dropout` a module stands between the convolutions.
    pub fn new(
        backend: &B,
        init: &mut dyn Initialiser,
        name: &str,
        width: usize,
        norm: Norm,
        dropout: bool,
    ) -> Result<Self> {
        let sequence = format!("{name}.conv_block");
        let size = Size { inputs: width, outputs: width, kernel: 3, step: Step::Mirrored { padding: 1 } };
        // Before each convolution a module mirrors the image.
        let second = 1 + MODULES + usize::from(dropout) + 1;
        let layers = [
            Layer::new(backend, init, (&sequence, 1), size, norm, 0.0)?,
            Layer::new(backend, init, (&sequence, second), size, norm, 1.0)?,
        ];
        Ok(Block { layers, dropout })
    }

    /// (N, width, H, W) → the same shape.
    pub fn forward(&self, binding: &Binding<B>, x: &Var<B>) -> Result<Var<B>> {
        let [first, second] = &self.layers;
        let mut y = first.forward(binding, &Stack::dense(x.clone()))?;
        if self.dropout {
            y = binding.dropout(first.name(), y)?;
        }
        Ok(vjp::add(x, &second.forward(binding, &Stack::dense(y))?)?)
    }

    pub fn layers(&self) -> &[Layer<B>] {
        &self.layers
    }

    pub fn layers_mut(&mut self) -> &mut [Layer<B>] {
        &mut self.layers
    }
}

/// The 7×7 convolution of mirrored images that networks begin and end with.
pub(super) fn wide(inputs: usize, outputs: usize) -> Size {
    Size { inputs, outputs, kernel: 7, step: Step::Mirrored { padding: 3 } }
}

/// 3×3 at stride 2: half as high and wide, twice as many channels.
pub(super) fn halving(inputs: usize) -> Size {
    Size { inputs, outputs: 2 * inputs, kernel: 3, step: Step::Zeros { stride: 2, padding: 1 } }
}

/// Its opposite.
pub(super) fn doubling(inputs: usize) -> Size {
    Size { inputs, outputs: inputs / 2, kernel: 3, step: Step::Doubling { output_padding: 1 } }
}

/// The sizes of a network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the first convolution and of the last but one.
    pub width: usize,
    /// How often sides are halved.
    pub halvings: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// Channels of the image; without it the network ends with `width` features.
    pub image: Option<usize>,
    pub norm: Norm,
    pub dropout: bool,
}

/// The network.
#[derive(Clone, Debug)]
pub(super) struct ResNet<B: Backend> {
    down: Vec<Layer<B>>,
    blocks: Vec<Block<B>>,
    up: Vec<Layer<B>>,
}

impl<B: Backend> ResNet<B> {
    /// The network whose modules are those of the sequence `model`.
    pub fn new(backend: &B, init: &mut dyn Initialiser, sizes: &Sizes) -> Result<Self> {
        let &Sizes { inputs, width, halvings, blocks, image, norm, dropout } = sizes;
        let mut layer =
            |module, size, norm, slope| Layer::new(backend, &mut *init, ("model", module), size, norm, slope);
        let mut module = 1;
        let mut down = vec![layer(module, wide(inputs, width), norm, 0.0)?];
        for level in 0..halvings {
            module += MODULES;
            down.push(layer(module, halving(width << level), norm, 0.0)?);
        }
        let first_block = module + MODULES;
        module = first_block + blocks;
        let mut up = Vec::with_capacity(halvings + 1);
        for level in (0..halvings).rev() {
            up.push(layer(module, doubling(width << (level + 1)), norm, 0.0)?);
            module += MODULES;
        }
        if let Some(channels) = image {
            up.push(layer(module + 1, wide(width, channels), Norm::None { bias: true }, 1.0)?);
        }
        let block = |number| {
            Block::new(backend, init, &format!("model.{}", first_block + number), width << halvings, norm, dropout)
        };
        let blocks = (0..blocks).map(block).collect::<Result<_>>()?;
        Ok(ResNet { down, blocks, up })
    }

    /// (N, C, H, W) → the image before the hyperbolic tangent, or features, of the same size where H and W are multiples
    /// of 2^halvings.
    pub fn forward(&self, binding: &Binding<B>, x: &Stack<B>) -> Result<Var<B>> {
        let mut stack = x.clone();
        for layer in &self.down {
            stack = Stack::dense(layer.forward(binding, &stack)?);
        }
        let mut y = stack.to_dense()?;
        for block in &self.blocks {
            y = block.forward(binding, &y)?;
        }
        for layer in &self.up {
            y = layer.forward(binding, &Stack::dense(y))?;
        }
        Ok(y)
    }

    pub fn parameters(&self) -> Vec<&Parameter<B>> {
        let layers = self.down.iter().chain(self.blocks.iter().flat_map(Block::layers)).chain(&self.up);
        layers.flat_map(Layer::parameters).collect()
    }

    pub fn parameters_mut(&mut self) -> Vec<&mut Parameter<B>> {
        let layers = self.down.iter_mut().chain(self.blocks.iter_mut().flat_map(Block::layers_mut)).chain(&mut self.up);
        layers.flat_map(Layer::parameters_mut).collect()
    }
}
