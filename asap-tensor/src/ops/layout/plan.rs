//! The memory of `Cpu`'s kernels.

use super::{LayoutOps, PadSize};
use crate::error::Result;
use crate::plan::Plan;
use crate::shape::Shape;

impl LayoutOps for Plan {
    fn permute(&self, x: &Self::Buffer, _shape: Shape, _axes: &[usize]) -> Result<Self::Buffer> {
        Ok(self.block(x.count()))
    }

    fn narrow(
        &self,
        _x: &Self::Buffer,
        outer: usize,
        _size: usize,
        inner: usize,
        _start: usize,
        length: usize,
    ) -> Result<Self::Buffer> {
        Ok(self.block(outer * length * inner))
    }

    fn place(
        &self,
        _x: &Self::Buffer,
        outer: usize,
        size: usize,
        inner: usize,
        _start: usize,
        _length: usize,
    ) -> Result<Self::Buffer> {
        Ok(self.block(outer * size * inner))
    }

    fn cat(&self, pieces: &[(&Self::Buffer, usize)], outer: usize, inner: usize) -> Result<Self::Buffer> {
        let size: usize = pieces.iter().map(|(_, size)| size).sum();
        Ok(self.block(outer * size * inner))
    }

    fn pad2d(&self, _x: &Self::Buffer, size: &PadSize) -> Result<Self::Buffer> {
        Ok(self.block(size.planes * size.out_height() * size.out_width()))
    }

    fn pad2d_grad(&self, _grad_output: &Self::Buffer, size: &PadSize) -> Result<Self::Buffer> {
        Ok(self.block(size.planes * size.height * size.width))
    }

    fn pad_ids(&self, _ids: &Self::IdBuffer, size: &PadSize) -> Result<Self::IdBuffer> {
        Ok(self.id_block(size.planes * size.out_height() * size.out_width()))
    }

    fn one_hot(&self, _ids: &Self::IdBuffer, batch: usize, classes: usize, plane: usize) -> Result<Self::Buffer> {
        Ok(self.block(batch * classes * plane))
    }
}
