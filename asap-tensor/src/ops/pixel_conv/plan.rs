//! The memory of `Cpu`'s kernels.

use super::{PixelConvOps, PixelConvSize, TAPS};
use crate::error::Result;
use crate::plan::Plan;

impl PixelConvOps for Plan {
    fn pixel_conv(&self, x: &Self::Buffer, _kernels: &Self::Buffer, _size: &PixelConvSize) -> Result<Self::Buffer> {
        Ok(self.block(x.count()))
    }

    fn pixel_conv_grad_input(
        &self,
        grad_output: &Self::Buffer,
        _kernels: &Self::Buffer,
        _size: &PixelConvSize,
    ) -> Result<Self::Buffer> {
        Ok(self.block(grad_output.count()))
    }

    fn pixel_conv_grad_kernels(
        &self,
        x: &Self::Buffer,
        _grad_output: &Self::Buffer,
        _size: &PixelConvSize,
    ) -> Result<Self::Buffer> {
        Ok(self.block(TAPS * x.count()))
    }
}
