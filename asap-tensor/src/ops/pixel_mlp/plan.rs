//! The memory of `Cpu`'s kernels.

use super::cpu::{backward_scratch, forward_scratch};
use super::{PixelMlpOps, PixelMlpSize, RawPixels};
use crate::error::Result;
use crate::plan::Plan;

impl PixelMlpOps for Plan {
    fn pixel_mlp(
        &self,
        _params: &Self::Buffer,
        _pixels: RawPixels<'_, Self>,
        _positions: &Self::Buffer,
        size: &PixelMlpSize,
    ) -> Result<Self::Buffer> {
        self.nested_scratch(forward_scratch(size));
        Ok(self.block(size.output().count()))
    }

    fn pixel_mlp_grad(
        &self,
        params: &Self::Buffer,
        _pixels: RawPixels<'_, Self>,
        _positions: &Self::Buffer,
        _grad_output: &Self::Buffer,
        wants_pixels: bool,
        size: &PixelMlpSize,
    ) -> Result<(Self::Buffer, Option<Self::Buffer>)> {
        self.nested_scratch(backward_scratch(size));
        let grad = self.block(params.count());
        let pixel_count = size.batch * size.inputs * size.height() * size.width();
        Ok((grad, wants_pixels.then(|| self.block(pixel_count))))
    }
}
