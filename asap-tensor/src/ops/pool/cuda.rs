//! Kernels of `Cuda`.

use std::sync::Arc;

use super::PoolOps;
use crate::cuda::{Cuda, MOST_INSIDE, Source};
use crate::error::{Result, require_argument};

pub(crate) const SOURCE: Source = Source::new("pool.cu", include_str!("pool.cu"), &[]);

impl PoolOps for Cuda {
    fn max_pool2(&self, x: &Self::Buffer, planes: usize, height: usize, width: usize) -> Result<Self::Buffer> {
        require_argument(height * width <= MOST_INSIDE, "max_pool2", || {
            format!("a plane may have at most {MOST_INSIDE} numbers on a GPU, not {height}×{width}")
        })?;
        let plane = (height / 2) * (width / 2);
        let mut y = self.array(planes * plane)?;
        let launch = self.kernel(&SOURCE, "max_pool2")?.output(&mut y).input(x).count(planes);
        launch.size(height).size(width).for_each_plane(planes, plane)?;
        Ok(Arc::new(y))
    }

    fn max_pool2_grad(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        planes: usize,
        height: usize,
        width: usize,
    ) -> Result<Self::Buffer> {
        let mut grad = self.array(x.count())?;
        let launch = self.kernel(&SOURCE, "max_pool2_grad")?.output(&mut grad).input(x).input(grad_output);
        launch.count(planes).size(height).size(width).for_each_plane(planes, height * width)?;
        Ok(Arc::new(grad))
    }
}
