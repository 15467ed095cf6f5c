//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{PixelConvOps, PixelConvSize, TAPS};
use crate::cuda::{Array, Cuda, Launch, Source};
use crate::error::Result;

pub(crate) const SOURCE: Source = Source::new("pixel_conv.cu", include_str!("pixel_conv.cu"), &[]);

/// A thread for each pixel of each plane.
fn by_pixel(launch: Launch<'_>, inputs: [&Array<f32>; 2], size: &PixelConvSize) -> Result<()> {
    let launch = launch.input(inputs[0]).input(inputs[1]).count(size.planes).size(size.height).size(size.width);
    launch.for_each_plane(size.planes, size.plane())
}

impl PixelConvOps for Cuda {
    fn pixel_conv(&self, x: &Self::Buffer, kernels: &Self::Buffer, size: &PixelConvSize) -> Result<Self::Buffer> {
        let mut y = self.array(x.count())?;
        by_pixel(self.kernel(&SOURCE, "pixel_conv")?.output(&mut y), [x, kernels], size)?;
        Ok(Arc::new(y))
    }

    fn pixel_conv_grad_input(
        &self,
        grad_output: &Self::Buffer,
        kernels: &Self::Buffer,
        size: &PixelConvSize,
    ) -> Result<Self::Buffer> {
        let mut grad = self.array(grad_output.count())?;
        let launch = self.kernel(&SOURCE, "pixel_conv_grad_input")?.output(&mut grad);
        by_pixel(launch, [grad_output, kernels], size)?;
        Ok(Arc::new(grad))
    }

    fn pixel_conv_grad_kernels(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        size: &PixelConvSize,
    ) -> Result<Self::Buffer> {
        let mut grad = self.array(TAPS * x.count())?;
        let launch = self.kernel(&SOURCE, "pixel_conv_grad_kernels")?.output(&mut grad);
        by_pixel(launch, [x, grad_output], size)?;
        Ok(Arc::new(grad))
    }
}
