//! The target of a generator, on the device.

use asap_autograd::Var;
use asap_tensor::{Backend, Tensor};

use crate::Result;

/// Real images and, for depth maps, which pixels were measured.
///
/// Losses see real and generated maps [`masked`](Self::masked): 0, half of the maximum depth, where nothing was
/// measured. No value there reaches a discriminator, VGG19 or a difference, and no gradient flows back.
#[derive(Clone)]
pub struct Target<B: Backend> {
    /// (N, C, H, W), in [−1, 1].
    pub image: Var<B>,
    /// (N, 1, H, W): 1 where a depth was measured, else 0; and the number of ones.
    mask: Option<(Var<B>, usize)>,
}

impl<B: Backend> Target<B> {
    /// Images (N, C, H, W), all of whose pixels count.
    pub fn new(image: Tensor<B>) -> Self {
        Target { image: Var::constant(image), mask: None }
    }

    /// Only measured pixels count: where `pixels`, (N, 1, H, W), is 1 and not 0. `measured` is the number of ones.
    pub fn with_mask(self, pixels: Tensor<B>, measured: usize) -> Self {
        Target { mask: Some((Var::constant(pixels), measured)), ..self }
    }

    /// Images as losses see them: 0 where nothing was measured.
    pub fn masked(&self, images: &Var<B>) -> Result<Var<B>> {
        match &self.mask {
            Some((pixels, _)) => Ok(images.mul(pixels)?),
            None => Ok(images.clone()),
        }
    }

    /// All pixels / measured pixels: turns a mean over masked images into one over measured pixels. 0 if there are
    /// none: such a batch adds nothing.
    pub fn scale(&self) -> f64 {
        match &self.mask {
            Some((_, 0)) => 0.0,
            Some((pixels, measured)) => pixels.value().count() as f64 / *measured as f64,
            None => 1.0,
        }
    }
}
