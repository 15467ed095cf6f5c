//! VGG19 (Simonyan & Zisserman 2015) up to its fifth block, for the perceptual loss (supplementary 1.4).

use std::path::Path;

use asap_autograd::Var;
use asap_tensor::Backend;

use crate::checkpoint::Checkpoint;
use crate::checkpoint::load::{DAMAGED, load_keys};
use crate::nn::{Conv2d, ConvOptions, ForwardContext, Initializer, Params};
use crate::{Error, Result};

/// The convolutions of each block, by their indices in torchvision's `features`; pooling separates blocks. Features are
/// taken after the ReLU of each block's first convolution, so the rest of the fifth block is not needed.
const BLOCKS: [&[usize]; 5] = [&[0, 2], &[5, 7], &[10, 12, 14, 16], &[19, 21, 23, 25], &[28]];

/// Channels of each block.
const WIDTHS: [usize; 5] = [64, 128, 256, 512, 512];

/// Weight of each block's features in the loss.
pub const BLOCK_WEIGHTS: [f64; 5] = [1.0 / 32.0, 1.0 / 16.0, 1.0 / 8.0, 1.0 / 4.0, 1.0];

/// The layers of VGG19 that the loss needs, frozen.
#[derive(Clone, Debug)]
pub struct Vgg19<B: Backend> {
    params: Params<B>,
    /// The convolutions of each block.
    blocks: Vec<Vec<Conv2d>>,
    warnings: Vec<String>,
    /// The channels of images that it takes as red, green and blue.
    shown: [usize; 3],
}

impl<B: Backend> Vgg19<B> {
    /// The network with the weights of torchvision's file, of which only the keys `features.…` are read,
    /// below any prefix.
    pub fn read(backend: &B, file: &Path) -> Result<Self> {
        Self::load(backend, load_keys(file, &|key| key.split('.').any(|part| part == "features"))?)
    }

    /// The network with torchvision's weights (`features.N.weight`, `features.N.bias`), whose shapes determine the
    /// channels; other keys are ignored.
    ///
    /// # Errors
    /// If a tensor is missing, has the wrong shape, or has a value that is not finite.
    pub fn load(backend: &B, checkpoint: Checkpoint) -> Result<Self> {
        let keys = BLOCKS.into_iter().flatten().map(|module| (format!("features.{module}.weight"), Vec::new()));
        let adapted = checkpoint.below_prefix(&keys.collect::<Vec<_>>());
        let warnings = adapted.warnings();
        let mut checkpoint = adapted.checkpoint.into_owned();
        checkpoint.check_finite(DAMAGED)?;
        let mut widths = Vec::new();
        for module in BLOCKS.into_iter().flatten() {
            let key = format!("features.{module}.weight");
            match checkpoint.weights.get(&key).and_then(|tensor| tensor.shape.first()) {
                Some(&width) if width > 0 => widths.push(width),
                _ => {
                    let problem = format!("there is no tensor {key}; torchvision's vgg19 weights are needed");
                    return Err(Error::Checkpoint { file: checkpoint.file, problem });
                }
            }
        }
        Ok(Vgg19 { warnings, ..Self::build(backend, widths, &mut checkpoint)? })
    }

    /// The network with its published widths and an initializer's values, for timing and memory planning.
    pub fn new(backend: &B, init: &mut dyn Initializer) -> Result<Self> {
        let widths = BLOCKS.iter().zip(WIDTHS).flat_map(|(block, width)| vec![width; block.len()]).collect();
        Self::build(backend, widths, init)
    }

    /// The network with these output channels of each convolution.
    fn build(backend: &B, widths: Vec<usize>, init: &mut dyn Initializer) -> Result<Self> {
        let (params, blocks) = Params::build(backend, init, |mut b| {
            let mut b = b.at("features");
            let (mut inputs, mut widths) = (3, widths.into_iter());
            let mut conv = |module: &usize| {
                let outputs = widths.next().unwrap_or_default();
                let conv = Conv2d::new(b.at(module), ConvOptions::new(inputs, outputs, 3));
                inputs = outputs;
                conv
            };
            BLOCKS.into_iter().map(|block| block.iter().map(&mut conv).collect()).collect::<Result<_>>()
        })?;
        Ok(Vgg19 { params, blocks, warnings: Vec::new(), shown: [0, 1, 2] })
    }

    /// What was done to the file's tensors so that they fit.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The key and shape of every tensor.
    pub(super) fn expected(&self) -> Vec<(String, Vec<usize>)> {
        self.params.expected()
    }

    /// Takes these channels of images as red, green and blue.
    pub fn of_channels(self, shown: [usize; 3]) -> Self {
        Vgg19 { shown, ..self }
    }

    /// The five features of an image (N, C, H, W) in [−1, 1], not normalized (published code): (N, 64, H, W),
    /// (N, 128, H/2, W/2) and so on. Sides must be at least [`VGG_MIN_SIDE`](crate::config::root::VGG_MIN_SIDE).
    pub fn features(&self, image: &Var<B>) -> Result<Vec<Var<B>>> {
        let ctx = ForwardContext::evaluation(&self.params);
        let is_rgb = self.shown == [0, 1, 2] && image.shape().dims().get(1) == Some(&3);
        let mut x = if is_rgb { image.clone() } else { select(image, self.shown)? };
        let mut features = Vec::with_capacity(BLOCKS.len());
        for (number, block) in self.blocks.iter().enumerate() {
            let input = x;
            x = ctx.layer(&format!("vgg.block{}", number + 1), || {
                let mut x = if number > 0 { input.max_pool2()? } else { input.clone() };
                drop(input);
                for (layer, conv) in block.iter().enumerate() {
                    x = conv.forward(&ctx, &x)?.relu()?;
                    if layer == 0 {
                        features.push(x.clone());
                    }
                }
                Ok(x)
            })?;
        }
        Ok(features)
    }
}

/// Three channels of images; a single one is repeated.
fn select<B: Backend>(image: &Var<B>, [red, green, blue]: [usize; 3]) -> Result<Var<B>> {
    if image.shape().dims().get(1) == Some(&1) {
        return Ok(Var::cat(&[image; 3], 1)?);
    }
    let [red, green, blue] = [red, green, blue].map(|channel| image.narrow(1, channel, 1));
    Ok(Var::cat(&[&red?, &green?, &blue?], 1)?)
}
