//! Kernels of `Reference`.

use super::PoolOps;
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> PoolOps for Reference<E> {
    fn max_pool2(&self, x: &Self::Buffer, planes: usize, height: usize, width: usize) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn max_pool2_grad(
        &self,
        x: &Self::Buffer,
        grad_output: &Self::Buffer,
        planes: usize,
        height: usize,
        width: usize,
    ) -> Result<Self::Buffer> {
        unimplemented!()
    }
}
