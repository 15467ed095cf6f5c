//! The memory of `Cpu`'s kernels.

use super::{Unary, UnaryOps};
use crate::error::Result;
use crate::plan::Plan;

impl UnaryOps for Plan {
    fn unary(&self, _op: Unary, x: &Self::Buffer) -> Result<Self::Buffer> {
        Ok(self.block(x.count()))
    }

    fn unary_grad(
        &self,
        _op: Unary,
        x: &Self::Buffer,
        _y: &Self::Buffer,
        _grad_output: &Self::Buffer,
    ) -> Result<Self::Buffer> {
        Ok(self.block(x.count()))
    }
}
