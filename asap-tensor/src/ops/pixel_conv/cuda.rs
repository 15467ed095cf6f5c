//! Kernels of `Cuda`.

use std::sync::Arc;

use super::{PixelConv, PixelConvGradInput, PixelConvGradKernels, PixelConvSize};
use crate::cuda::{Array, Cuda, Source};
use crate::error::Result;
use crate::op::{Kernel, Op};

pub(crate) const SOURCE: Source = Source::new("pixel_conv.cu", include_str!("pixel_conv.cu"), &[]);

impl Cuda {
    /// A thread for each pixel of each plane.
    fn by_pixel(
        &self,
        kernel: &'static str,
        inputs: [&Array<f32>; 2],
        size: &PixelConvSize,
        count: usize,
    ) -> Result<Arc<Array<f32>>> {
        let mut y = self.array(count)?;
        let launch = self.kernel(&SOURCE, kernel)?.output(&mut y).input(inputs[0]).input(inputs[1]);
        let launch = launch.count(size.planes).size(size.height).size(size.width);
        launch.for_each_plane(size.planes, size.plane())?;
        Ok(Arc::new(y))
    }
}

macro_rules! kernels {
    ($($op:ident),*) => {
        $(impl Kernel<$op> for Cuda {
            fn compute(&self, op: &$op, [a, b]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
                self.by_pixel($op::NAME, [a, b], &op.size, op.output().count())
            }
        })*
    };
}
kernels!(PixelConv, PixelConvGradInput, PixelConvGradKernels);
