//! Kernels of `Reference`.

use std::sync::Arc;

use super::{Unary, UnaryOps};
use crate::backend::Element;
use crate::error::Result;
use crate::reference::Reference;

impl<E: Element> UnaryOps for Reference<E> {
    fn unary(&self, op: Unary, x: &Self::Buffer) -> Result<Self::Buffer> {
        Ok(Arc::new(x.iter().map(|&x| op.apply(x)).collect()))
    }

    fn unary_grad(
        &self,
        op: Unary,
        x: &Self::Buffer,
        y: &Self::Buffer,
        grad_output: &Self::Buffer,
    ) -> Result<Self::Buffer> {
        Ok(Arc::new((0..x.len()).map(|i| grad_output[i] * op.derivative(x[i], y[i])).collect()))
    }
}
