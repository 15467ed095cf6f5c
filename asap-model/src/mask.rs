//! Which pixels of a batch were measured, so that the others count in no loss.

use asap_autograd::{Var, vjp};
use asap_tensor::{Backend, Tensor};

use crate::Result;
use crate::data::Batch;

/// The measured pixels of a batch of depth maps.
///
/// Losses see drawn and real maps [`shown`](Self::shown): 0, half of the farthest depth, wherever nothing was measured. So
/// neither what stands there nor what is drawn there reaches a discriminator, a perceptual network or a difference, and no
/// gradient comes back from there.
#[derive(Clone)]
pub struct Mask<B: Backend> {
    /// (N, 1, H, W): 1 where a depth was measured, else 0.
    pixels: Var<B>,
    all: usize,
    measured: usize,
}

impl<B: Backend> Mask<B> {
    /// The mask of pixels (N, 1, H, W), 1 where a depth was measured, else 0; `measured` is the number of ones.
    pub fn new(pixels: Tensor<B>, measured: usize) -> Self {
        Mask { all: pixels.count(), pixels: Var::constant(pixels), measured }
    }

    /// The mask of a batch; `None` where every pixel counts.
    ///
    /// # Errors
    /// If the device fails.
    pub fn from_batch(backend: &B, batch: &Batch) -> Result<Option<Self>> {
        let Some(pixels) = &batch.mask else { return Ok(None) };
        let measured = pixels.iter().filter(|&&pixel| pixel != 0.0).count();
        let pixels = Tensor::from_f32(backend, [batch.len(), 1, batch.height, batch.width], pixels)?;
        Ok(Some(Mask::new(pixels, measured)))
    }

    /// Depth maps (N, 1, H, W) as losses see them.
    ///
    /// # Errors
    /// If the shape is not the mask's.
    pub fn shown(&self, maps: &Var<B>) -> Result<Var<B>> {
        Ok(vjp::mul(maps, &self.pixels)?)
    }

    /// What a mean over all pixels of shown maps is multiplied by to be one over those that were measured: 1 / the share
    /// of these. 0 where there are none, so that such a batch has no difference.
    pub fn scale(&self) -> f64 {
        if self.measured == 0 { 0.0 } else { self.all as f64 / self.measured as f64 }
    }
}

/// An image as losses see it: the same without a mask, [`Mask::shown`] with one.
///
/// # Errors
/// As [`Mask::shown`].
pub fn shown<B: Backend>(image: &Var<B>, mask: Option<&Mask<B>>) -> Result<Var<B>> {
    mask.map_or_else(|| Ok(image.clone()), |mask| mask.shown(image))
}
