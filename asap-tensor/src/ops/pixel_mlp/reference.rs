//! Kernels of `Reference`.

use super::{PixelMlpOps, PixelMlpSize, RawPixels};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> PixelMlpOps for Reference<E> {
    fn pixel_mlp(
        &self,
        params: &Self::Buffer,
        pixels: RawPixels<'_, Self>,
        positions: &Self::Buffer,
        size: &PixelMlpSize,
    ) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn pixel_mlp_grad(
        &self,
        params: &Self::Buffer,
        pixels: RawPixels<'_, Self>,
        positions: &Self::Buffer,
        grad_output: &Self::Buffer,
        wants_pixels: bool,
        size: &PixelMlpSize,
    ) -> Result<(Self::Buffer, Option<Self::Buffer>)> {
        unimplemented!()
    }
}
