//! Kernels of `Reference`.

use super::{Unary, UnaryOps};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> UnaryOps for Reference<E> {
    fn unary(&self, op: Unary, x: &Self::Buffer) -> Result<Self::Buffer> {
        unimplemented!()
    }
    fn unary_grad(
        &self,
        op: Unary,
        x: &Self::Buffer,
        y: &Self::Buffer,
        grad_output: &Self::Buffer,
    ) -> Result<Self::Buffer> {
        unimplemented!()
    }
}
