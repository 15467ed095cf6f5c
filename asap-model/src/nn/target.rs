//! What a generator is trained to output, on the device.

use asap_autograd::Var;
use asap_tensor::{Backend, Tensor};

use crate::Result;

/// Real images, and for depth maps which pixels were measured.
///
/// Losses see real and generated maps [`masked`](Self::masked): 0, half of the maximum depth, wherever nothing was measured.
/// So no value there reaches a discriminator, VGG19 or a difference, and no gradient comes back from there.
#[derive(Clone)]
pub struct Target<B: Backend> {
    /// (N, C, H, W), in [−1, 1].
    pub image: Var<B>,
    mask: Option<Mask<B>>,
}

#[derive(Clone)]
struct Mask<B: Backend> {
    /// (N, 1, H, W): 1 where a depth was measured, else 0.
    pixels: Var<B>,
    measured: usize,
}

impl<B: Backend> Target<B> {
    /// Images (N, C, H, W) of which every pixel counts.
    pub fn new(image: Tensor<B>) -> Self {
        Target { image: Var::constant(image), mask: None }
    }

    /// Only measured pixels count: those where `pixels`, (N, 1, H, W), is 1 and not 0; `measured` is the number of ones.
    pub fn with_mask(self, pixels: Tensor<B>, measured: usize) -> Self {
        Target { mask: Some(Mask { pixels: Var::constant(pixels), measured }), ..self }
    }

    /// Images as losses see them: 0 wherever nothing was measured.
    ///
    /// # Errors
    /// If the shape is not the mask's.
    pub fn masked(&self, images: &Var<B>) -> Result<Var<B>> {
        match &self.mask {
            Some(mask) => Ok(images.mul(&mask.pixels)?),
            None => Ok(images.clone()),
        }
    }

    /// All pixels / measured pixels: turns a mean over masked images into one over measured pixels. 0 if there are none, so
    /// that such a batch adds nothing.
    pub fn scale(&self) -> f64 {
        match &self.mask {
            Some(Mask { measured: 0, .. }) => 0.0,
            Some(Mask { pixels, measured }) => pixels.value().count() as f64 / *measured as f64,
            None => 1.0,
        }
    }
}
