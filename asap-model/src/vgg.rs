//! VGG19 (Simonyan & Zisserman 2015) up to its fifth block, whose features compare images (supplementary 1.4).

use std::path::Path;

use asap_autograd::{Var, vjp};
use asap_tensor::{Backend, Tensor};

use crate::checkpoint::Checkpoint;
use crate::checkpoint::load::{DAMAGED, load_keys};
use crate::network::{Initialiser, Kind, started};
use crate::{Error, Result};

/// Numbers of torchvision's `features` modules by block; a pooling stands between blocks. Features are taken after
/// the ReLU of each block's first convolution, so the rest of the fifth block is never needed.
const BLOCKS: [&[usize]; 5] = [&[0, 2], &[5, 7], &[10, 12, 14, 16], &[19, 21, 23, 25], &[28]];

/// Channels of each block.
const WIDTHS: [usize; 5] = [64, 128, 256, 512, 512];

/// The least height and width of a picture that has features of every block.
pub const MIN_SIDE: usize = 1 << (BLOCKS.len() - 1);

/// Weight of each block's features in the loss.
pub const BLOCK_WEIGHTS: [f64; 5] = [1.0 / 32.0, 1.0 / 16.0, 1.0 / 8.0, 1.0 / 4.0, 1.0];

/// The layers of VGG19 that the loss needs; not trained. Channel counts are those of the weights it is given.
#[derive(Clone, Debug)]
pub struct Vgg19<B: Backend> {
    /// (weight, bias) of each convolution, by block.
    blocks: Vec<Vec<(Tensor<B>, Tensor<B>)>>,
}

impl<B: Backend> Vgg19<B> {
    /// The network of torchvision's file, of which most, the classifier, is not read.
    ///
    /// # Errors
    /// As [`load_keys`] and [`Vgg19::load`].
    pub fn read(backend: &B, file: &Path) -> Result<Self> {
        Self::load(backend, load_keys(file, &|key| key.starts_with("features."))?)
    }

    /// The network with torchvision's weights (`features.N.weight`, `features.N.bias`); other keys are not read.
    ///
    /// # Errors
    /// If a tensor is missing, does not follow the one before it, or holds a number that is not finite.
    pub fn load(backend: &B, mut checkpoint: Checkpoint) -> Result<Self> {
        checkpoint.check_finite(DAMAGED)?;
        let mut channels = 3;
        let mut blocks = Vec::new();
        for block in BLOCKS {
            let mut convolutions = Vec::new();
            for &module in block {
                let weight = format!("features.{module}.weight");
                let outputs =
                    checkpoint.weights.get(&weight).and_then(|tensor| tensor.shape.first().copied()).unwrap_or(0);
                if outputs == 0 {
                    let problem = format!("there is no tensor {weight}; torchvision's vgg19 weights are needed");
                    return Err(Error::Checkpoint { file: checkpoint.file, problem });
                }
                let weight = checkpoint.take(&weight, &[outputs, channels, 3, 3])?;
                let bias = checkpoint.take(&format!("features.{module}.bias"), &[outputs])?;
                convolutions.push((
                    Tensor::from_f32(backend, &weight.shape[..], &weight.data)?,
                    Tensor::from_f32(backend, &bias.shape[..], &bias.data)?,
                ));
                channels = outputs;
            }
            blocks.push(convolutions);
        }
        Ok(Vgg19 { blocks })
    }

    /// The network at its published widths with the initialiser's numbers: for timing, where what it sees is of no
    /// matter.
    ///
    /// # Errors
    /// If the device fails.
    pub fn made_up(backend: &B, init: &mut dyn Initialiser) -> Result<Self> {
        let mut channels = 3;
        let mut blocks = Vec::new();
        for (block, outputs) in BLOCKS.into_iter().zip(WIDTHS) {
            let mut convolutions = Vec::new();
            for &module in block {
                let mut tensor = |key: &str, shape: &[usize], kind| -> Result<Tensor<B>> {
                    started(backend, init, &format!("features.{module}.{key}"), shape, kind)
                };
                let weight = tensor("weight", &[outputs, channels, 3, 3], Kind::Weight)?;
                convolutions.push((weight, tensor("bias", &[outputs], Kind::Shift)?));
                channels = outputs;
            }
            blocks.push(convolutions);
        }
        Ok(Vgg19 { blocks })
    }

    /// The five features of an image (N, 3, H, W), fed as it is, in [−1, 1] (published code): (N, 64, H, W),
    /// (N, 128, H/2, W/2) and so on. A single channel, of depth, is repeated.
    ///
    /// # Errors
    /// If the image has neither 1 nor 3 channels, or a side under [`MIN_SIDE`].
    pub fn features(&self, image: &Var<B>) -> Result<Vec<Var<B>>> {
        let profiler = image.value().backend().profiler();
        let grey = image.shape().dims().get(1) == Some(&1);
        let mut x = if grey { vjp::cat(&[image, image, image], 1)? } else { image.clone() };
        let mut features = Vec::with_capacity(BLOCKS.len());
        for (number, block) in self.blocks.iter().enumerate() {
            let _scope = profiler.map(|profiler| profiler.enter(&format!("vgg.block{}", number + 1)));
            if number > 0 {
                x = vjp::max_pool2(&x)?;
            }
            for (layer, (weight, bias)) in block.iter().enumerate() {
                let (weight, bias) = (Var::constant(weight.clone()), Var::constant(bias.clone()));
                x = vjp::relu(&vjp::conv2d(&x, &weight, Some(&bias), 1, 1)?)?;
                if layer == 0 {
                    features.push(x.clone());
                }
            }
        }
        Ok(features)
    }
}
