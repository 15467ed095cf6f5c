//! Kernels of `Cuda`.

use super::{MaxPool2, MaxPool2Grad};
use crate::cuda::{Cuda, MAX_COUNT, Source};
use crate::error::{Result, require_argument};
use crate::op::Kernel;

pub(crate) const SOURCE: Source = Source::new("pool.cu", include_str!("pool.cu"), &[]);

impl Kernel<MaxPool2> for Cuda {
    fn compute(&self, op: &MaxPool2, x: &Self::Buffer) -> Result<Self::Buffer> {
        let [planes, height, width] = op.x.planes();
        require_argument(height * width <= MAX_COUNT, "max_pool2", || {
            format!("a plane may have at most {MAX_COUNT} elements on a GPU, not {height}×{width}")
        })?;
        let plane = (height / 2) * (width / 2);
        self.build(planes * plane, |y| {
            let launch = self.kernel(&SOURCE, "max_pool2")?.output(y).input(x).count(planes);
            launch.size(height).size(width).for_each_plane(planes, plane)
        })
    }
}

impl Kernel<MaxPool2Grad> for Cuda {
    fn compute(&self, op: &MaxPool2Grad, [x, grad_output]: [&Self::Buffer; 2]) -> Result<Self::Buffer> {
        let [planes, height, width] = op.x.planes();
        self.build(x.count(), |grad| {
            let launch = self.kernel(&SOURCE, "max_pool2_grad")?.output(grad).input(x).input(grad_output);
            launch.count(planes).size(height).size(width).for_each_plane(planes, height * width)
        })
    }
}
