//! Kernels of `Reference`.

use super::{LayoutOps, PadSize};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;
use crate::shape::Shape;

impl<E: Element> LayoutOps for Reference<E> {
    fn permute(&self, x: &Self::Buffer, shape: Shape, axes: &[usize]) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn narrow(
        &self,
        x: &Self::Buffer,
        outer: usize,
        size: usize,
        inner: usize,
        start: usize,
        length: usize,
    ) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn place(
        &self,
        x: &Self::Buffer,
        outer: usize,
        size: usize,
        inner: usize,
        start: usize,
        length: usize,
    ) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn cat(&self, pieces: &[(&Self::Buffer, usize)], outer: usize, inner: usize) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn pad2d(&self, x: &Self::Buffer, size: &PadSize) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn pad2d_grad(&self, grad_output: &Self::Buffer, size: &PadSize) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn pad_ids(&self, ids: &Self::IdBuffer, size: &PadSize) -> Result<Self::IdBuffer> {
        unimplemented!()
    }
    fn one_hot(&self, ids: &Self::IdBuffer, batch: usize, classes: usize, plane: usize) -> Result<Self::Buffer> {
        unimplemented!()
    }
}
