//! The target of a generator, on the device.

use asap_autograd::Var;
use asap_tensor::{Backend, Tensor};

use crate::Result;

/// Real images and, where not all do, which pixels count: in depth maps the measured ones, with label maps those whose label
/// is not ignored.
///
/// Losses see real and generated images [`masked`](Self::masked): 0, gray or half of the maximum depth, where pixels do not
/// count. No value there reaches a discriminator, VGG19 or a difference, and no gradient flows back.
#[derive(Clone)]
pub struct Target<B: Backend> {
    /// (N, C, H, W), in [−1, 1].
    pub image: Var<B>,
    /// As the images: 1 where a value counts, else 0; and the number of ones.
    mask: Option<(Var<B>, usize)>,
}

impl<B: Backend> Target<B> {
    /// Images (N, C, H, W), all of whose pixels count.
    pub fn new(image: Tensor<B>) -> Self {
        Target { image: Var::constant(image), mask: None }
    }

    /// Only values count where `values`, of the images' shape, is 1 and not 0. `counted` is the number of ones.
    pub fn with_mask(self, values: Tensor<B>, counted: usize) -> Self {
        Target { mask: Some((Var::constant(values), counted)), ..self }
    }

    /// Images as losses see them: 0 where pixels do not count.
    pub fn masked(&self, images: &Var<B>) -> Result<Var<B>> {
        match &self.mask {
            Some((mask, _)) => Ok(images.mul(mask)?),
            None => Ok(images.clone()),
        }
    }

    /// All values / counted values: turns a mean over masked images into one over counted values. 0 if there are
    /// none: such a batch adds nothing.
    pub fn scale(&self) -> f64 {
        match &self.mask {
            Some((_, 0)) => 0.0,
            Some((mask, counted)) => mask.value().count() as f64 / *counted as f64,
            None => 1.0,
        }
    }
}
