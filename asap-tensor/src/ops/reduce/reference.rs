//! Kernels of `Reference`.

use super::ReduceOps;
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> ReduceOps for Reference<E> {
    fn sum(&self, x: &Self::Buffer) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn sum_channels(&self, x: &Self::Buffer, batch: usize, channels: usize, plane: usize) -> Result<Self::Buffer> {
        unimplemented!()
    }
}
